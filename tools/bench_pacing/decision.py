"""How long one decision takes at 1,000 agents and 5,000 calls in flight (aim: under 2 ms on one core)."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter

import numpy as np

from dialer_engine.pacing.predictive import Predictive
from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import CallEnd, News, Pacer, Snapshot
from tools.bench_pacing.policies import CONTROLLER, POLICIES

AGENTS, IN_FLIGHT = 1000, 5000
_TALKING, _WRAPPING = 860, 120
_TICK_S, _WARM_UP, _TIMED = 0.25, 200, 400
_NEWS = 80  # calls that end in a tick of such a floor
AIM_US = 2000.0


def shot(chance: np.random.Generator, at: float) -> Snapshot:
    """A floor of that size; ages as they would be, none of them a round number."""
    return Snapshot(
        at,
        AGENTS - _TALKING - _WRAPPING,
        chance.exponential(120.0, _TALKING),
        chance.uniform(0.0, 20.0, _WRAPPING),
        chance.uniform(0.0, 25.0, IN_FLIGHT),
        chance.uniform(0.0, 2.0, 3),
        live=20_000,
        abandoned=600,
        period_left_s=4 * 3600.0,
    )


def news(chance: np.random.Generator) -> News:
    """What ends in a tick."""
    ends = chance.choice(
        [CallEnd.LIVE, CallEnd.MACHINE, CallEnd.NO_ANSWER, CallEnd.BUSY],
        _NEWS,
        p=[0.2, 0.4, 0.3, 0.1],
    )
    talks = chance.exponential(120.0, 2)
    return News(ends, chance.uniform(1.0, 25.0, _NEWS), talk_s=talks, wrap_s=talks / 6)


def timed(pacer: Pacer, seed: int = 1) -> list[float]:
    """Microseconds of learn and decide together, each on a floor of its own."""
    chance, spent = np.random.default_rng(seed), []
    for tick in range(_WARM_UP + _TIMED):
        seen, told = shot(chance, tick * _TICK_S), news(chance)
        seen = replace(seen, live=seen.live + tick, abandoned=seen.abandoned + tick // 33)
        start = perf_counter()
        pacer.learn(told)
        pacer.decide(seen)
        if tick >= _WARM_UP:
            spent.append((perf_counter() - start) * 1e6)
    return spent


def lines() -> Iterator[str]:
    """One for each policy that can be made."""
    yield f"one decision at {AGENTS} agents and {IN_FLIGHT} calls in flight, us (aim {AIM_US:.0f})"
    yield f"{'policy':<20} {'median':>8} {'95 %':>8} {'most':>8}"
    # The controller as the daemon has it, without numba.
    for name, make in {**POLICIES, CONTROLLER: Predictive}.items():
        spent = sorted(timed(make(PacingSettings())))
        high = spent[int(0.95 * len(spent))]
        yield f"{name:<20} {statistics.median(spent):>8.0f} {high:>8.0f} {spent[-1]:>8.0f}"
