"""The floor against results that are known exactly: Erlang B, C and A, and two Markov chains."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dialer_engine.pacing.snapshot import Snapshot
from dialer_engine.sim.floor import Day, Floor, run_day
from dialer_engine.sim.floor import columns as col
from tests.sim.floor.worlds import chain_day, poisson, queue_day, run_by_events, within

HANDLING_S = 4.0
LENGTH_S = 8000.0
SEEDS = range(8)


def _erlang_b(servers: int, load: float) -> float:
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def _erlang_c(servers: int, load: float) -> float:
    blocked = _erlang_b(servers, load)
    return blocked / (1.0 - load / servers * (1.0 - blocked))


def _erlang_a(servers: int, load: float, patience_s: float) -> float:
    """Share of callers who leave: the birth and death chain, cut where nothing is left."""
    weights = [1.0]
    for present in range(1, 400):
        served = min(present, servers) / HANDLING_S
        leaving = max(0, present - servers) / patience_s
        weights.append(weights[-1] * (load / HANDLING_S) / (served + leaving))
    leaving = sum(max(0, n - servers) / patience_s * weight for n, weight in enumerate(weights))
    return leaving / sum(weights) / (load / HANDLING_S)


@pytest.mark.parametrize(("agents", "load"), [(1, 0.5), (5, 4.0), (12, 12.0)])
def test_calls_that_cannot_wait_are_lost_as_erlang_b_says(agents: int, load: float) -> None:
    day = queue_day(agents, HANDLING_S, LENGTH_S, wait_limit_s=0.0)
    days = [run_day(day, poisson(load / HANDLING_S, seed), seed, 1.0) for seed in SEEDS]

    blocked = _erlang_b(agents, load)
    assert within([day.abandonment for day in days], blocked)
    # The first 20 s or so have fewer calls than the rest: a share of 20 / 8000 of the day.
    assert within([day.utilization for day in days], load * (1 - blocked) / agents, slack=0.003)


@pytest.mark.parametrize(("agents", "load"), [(1, 0.5), (5, 3.5)])
def test_calls_that_wait_for_ever_wait_as_long_as_erlang_c_says(agents: int, load: float) -> None:
    day = queue_day(agents, HANDLING_S, LENGTH_S, wait_limit_s=math.inf)
    days = [run_day(day, poisson(load / HANDLING_S, seed), seed, 1.0) for seed in SEEDS]

    wait_s = _erlang_c(agents, load) * HANDLING_S / (agents - load)
    assert all(day.abandoned == 0 for day in days)
    assert within([day.mean_wait_s for day in days], wait_s, slack=0.003 * wait_s)


@pytest.mark.parametrize(("agents", "load", "patience_s"), [(2, 1.5, 2.0), (5, 5.5, 6.0)])
def test_impatient_callers_leave_as_erlang_a_says(
    agents: int, load: float, patience_s: float
) -> None:
    patience = chain_day(1.0).patience
    assert patience is not None
    law = type(patience)(patience_s, patience.cv, patience.kind)
    day = queue_day(agents, HANDLING_S, LENGTH_S, wait_limit_s=math.inf, patience=law)
    days = [run_day(day, poisson(load / HANDLING_S, seed), seed, 1.0) for seed in SEEDS]

    assert within([day.abandonment for day in days], _erlang_a(agents, load, patience_s), 0.001)


def _chain(agents: int, ratio: int) -> tuple[float, float]:
    """Exact utilization and abandonment of `chain_day` when `ratio` lines are kept for each idle agent:
    states (busy, ringing, waiting), its equations solved.
    """

    def dialled(busy: int, ringing: int, waiting: int) -> tuple[int, int, int]:
        lines = ratio * (agents - busy) - waiting
        return busy, max(ringing, lines), waiting

    def steps(state: tuple[int, int, int]) -> list[tuple[float, tuple[int, int, int]]]:
        busy, ringing, waiting = state
        taken = (
            (busy + 1, ringing - 1, waiting) if busy < agents else (busy, ringing - 1, waiting + 1)
        )
        freed = (busy, ringing, waiting - 1) if waiting else (busy - 1, ringing, waiting)
        return [
            (ringing / 5.0 * 0.5, taken),
            (ringing / 5.0 * 0.5, (busy, ringing - 1, waiting)),
            (busy / 20.0, freed),
            (waiting / 2.0, (busy, ringing, waiting - 1)),
        ]

    states = [dialled(0, 0, 0)]
    for state in states:
        for rate, after in steps(state):
            if rate and dialled(*after) not in states:
                states.append(dialled(*after))
    flow = np.zeros((len(states), len(states)))
    for row, state in enumerate(states):
        for rate, after in steps(state):
            if rate:
                flow[row, states.index(dialled(*after))] += rate
                flow[row, row] -= rate
    flow[:, 0] = 1.0
    share = np.linalg.solve(flow.T, np.eye(len(states))[0])
    busy, ringing, waiting = (share @ np.array(states)).tolist()
    return busy / agents, (waiting / 2.0) / (ringing / 5.0 * 0.5)


@pytest.mark.parametrize(("agents", "ratio"), [(1, 1), (3, 1), (3, 2), (2, 4)])
def test_lines_in_a_fixed_ratio_come_to_the_exact_solution_of_their_chain(
    agents: int, ratio: int
) -> None:
    def wanted(seen: Snapshot) -> int:
        return ratio * seen.idle - len(seen.ringing) - len(seen.waiting)

    busy, lost = [], []
    for seed in SEEDS:
        floor = Floor(chain_day(6000.0, agents), seed)
        run_by_events(floor, wanted)
        busy.append(float(floor.series()[:, col.TALKING].sum()) / (agents * 6000.0))
        lost.append(floor.counts().abandoned / floor.counts().live)

    utilization, abandonment = _chain(agents, ratio)
    # The day begins with nobody in a talk: about one talk of 20 s in 6000 s.
    assert within(busy, utilization, slack=20.0 / 6000.0)
    assert within(lost, abandonment)


def test_progressive_by_ticks_loses_half_a_tick_a_call() -> None:
    """Each idle agent waits for 1/p calls of 5 s, each of which starts half a tick late."""
    day, tick_s = chain_day(10_000.0), 1.0
    pacer = [_progressive(day, seed, tick_s) for seed in SEEDS]
    assert within(pacer, 20.0 / (20.0 + 2.0 * (5.0 + tick_s / 2.0)), slack=0.003)


def _progressive(day: Day, seed: int, tick_s: float) -> float:
    from dialer_engine.pacing.pacer import Progressive

    return run_day(day, Progressive(), seed, tick_s).utilization
