"""`pacing simulate`: days of a campaign on the floor simulator, and how many agents or channels it needs.

Rules: every seed is a day of its own, the same for all policies and all numbers of agents or channels, so
that they are compared on the same persons; days run on all cores; what is shown is a mean over seeds with
its 95 % interval; without numba the days run in plain Python, and the answer says so.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dialer_engine.app.pacing_figures import interval
from dialer_engine.app.pacing_world import World
from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.errors import BadValue
from dialer_engine.pacing.pacer import pacer_for
from dialer_engine.sim.floor import TRACE, Day, run_day
from dialer_engine.sim.floor.jit import COMPILED

Json = dict[str, Any]
Told = Callable[[int, int | None], None]
# Lines in use are looked at once a second: each fourth decision.
_TRACE_EVERY = 4
_LINES = tuple(TRACE.index(name) for name in ("talking", "ringing", "waiting"))
# So much utilization may be lost to a lack of channels: half a point, which is the width of most intervals.
_CHANNELS_COST = 0.005
# Numbers of agents and channels that are tried at most.
_MOST_AGENTS, _MOST_TRIES = 1000, 20
# Of each talk that an agent could have, so much of the time is spent waiting in a fair first guess.
_GUESS_UTILIZATION = 0.85
_SLOW = "numba is not installed: the floor runs in plain Python, slower for large teams (pip install numba)"


@dataclass(frozen=True, slots=True)
class OneDay:
    """What one seed came to. conversations: answered and taken by an agent. peak, busy_999: lines in use
    at most, and but for a thousandth of the time.
    """

    utilization: float
    abandonment: float
    wait_s: float
    idle_s: float
    conversations: float
    attempts: float
    peak: float
    busy_999: float


_SHOWN = (
    "utilization", "abandonment", "wait_s", "idle_s", "conversations", "attempts", "peak", "busy_999",
)  # fmt: skip


def one_day(world: World, policy: DialMode, seed: int) -> OneDay:
    """One seed, in whichever process."""
    pacer = pacer_for(world.campaign, world.memory, policy)
    found = run_day(world.day, pacer, seed, trace_every=_TRACE_EVERY)
    lines = found.trace[:, _LINES].sum(axis=1)
    return OneDay(
        found.utilization,
        found.abandonment,
        found.mean_wait_s,
        found.mean_idle_s,
        float(found.live - found.abandoned),
        float(found.attempts),
        float(lines.max()),
        float(np.quantile(lines, 0.999)),
    )


def _silent(done: int, total: int | None) -> None:
    pass


class Runs:
    """Runs days on all cores, and counts them for a progress bar. Use as a context manager."""

    def __init__(self, seeds: Sequence[int], told: Told, cores: int | None = None) -> None:
        self.seeds = tuple(seeds)
        self._told = told
        self._begun = self._done = 0
        self._cores = min(cores or os.cpu_count() or 1, len(self.seeds))
        self._pool: Executor | None = None

    def __enter__(self) -> Runs:
        if self._cores > 1:
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._cores, spawn)
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def days(self, world: World, policy: DialMode) -> list[OneDay]:
        """A day for each seed."""
        self._begun += len(self.seeds)
        if self._pool is None:
            return [self._count(one_day(world, policy, seed)) for seed in self.seeds]
        futures = [self._pool.submit(one_day, world, policy, seed) for seed in self.seeds]
        return [self._count(future.result()) for future in futures]

    def _count(self, day: OneDay) -> OneDay:
        self._done += 1
        self._told(self._done, self._begun)
        return day


def row(world: World, policy: DialMode, days: Sequence[OneDay]) -> Json:
    """One line of the answer."""
    shown = {name: interval([getattr(day, name) for day in days]) for name in _SHOWN}
    over = sum(day.abandonment > world.campaign.target for day in days) / len(days)
    return {
        "policy": policy.value,
        "agents": world.day.agents,
        "channels": world.figures()["channels"],
        "seeds": len(days),
        "days_over_target": over,
        **shown,
    }


def simulate(
    world: World,
    policies: Sequence[DialMode],
    seeds: int,
    first_seed: int = 1,
    told: Told = _silent,
) -> Json:
    """{world, compiled, note, rows}: each policy on the same days."""
    with Runs(range(first_seed, first_seed + seeds), told) as runs:
        rows = [row(world, policy, runs.days(world, policy)) for policy in policies]
    return _answer(world, rows)


def _answer(world: World, rows: list[Json]) -> Json:
    note = "" if COMPILED else _SLOW
    return {"world": world.figures(), "compiled": COMPILED, "note": note, "rows": rows}


def solve_agents(
    world: World, policy: DialMode, conversations: float, seeds: int, told: Told = _silent
) -> Json:
    """The smallest team whose mean day has so many conversations; `rows` holds it and one agent fewer."""
    if not conversations > 0:
        raise BadValue("how many conversations a day? It must be more than 0")
    with Runs(range(1, seeds + 1), told) as runs:

        def tried(agents: int) -> Json:
            team = replace(world, day=replace(world.day, agents=agents))
            return row(team, policy, runs.days(team, policy))

        found = _smallest(tried, conversations, _first_guess(world.day, conversations))
    answer = _answer(world, found)
    solved = found[-1]["agents"]
    return answer | {"solve": "agents", "conversations": conversations, "solution": solved}


def _first_guess(day: Day, conversations: float) -> int:
    handled = sum(kind.share * kind.law.mean for kind in day.talks) + day.wrap.mean
    return max(1, round(conversations * handled / (day.length_s * _GUESS_UTILIZATION)))


def _smallest(tried: Callable[[int], Json], wanted: float, guess: int) -> list[Json]:
    """By proportion from the last try, until n is enough and n - 1 is not."""
    rows: dict[int, Json] = {}
    low, high, now = 0, _MOST_AGENTS + 1, min(guess, _MOST_AGENTS)
    while high - low > 1:
        rows[now] = tried(now)
        got = rows[now]["conversations"]["mean"]
        low, high = (low, now) if got >= wanted else (now, high)
        scaled = round(now * wanted / max(got, 1.0))
        now = min(max(scaled, low + 1), high - 1)
    if high > _MOST_AGENTS:
        raise BadValue(f"more than {_MOST_AGENTS} agents would be needed")
    return [rows[one] for one in (low, high) if one in rows]


def solve_channels(world: World, policy: DialMode, seeds: int, told: Told = _silent) -> Json:
    """The smallest number of channels that costs at most half a point of utilization; `rows` holds it, and
    the day without a limit.
    """
    with Runs(range(1, seeds + 1), told) as runs:

        def tried(channels: int) -> Json:
            limited = replace(world, day=replace(world.day, trunks=channels))
            return row(limited, policy, runs.days(limited, policy))

        free = tried(Day().trunks)
        least = free["utilization"]["mean"] - _CHANNELS_COST
        low, high = world.day.agents - 1, max(world.day.agents, int(free["peak"]["most"]))
        best = free
        for _ in range(_MOST_TRIES):
            if high - low <= 1:
                break
            middle = (low + high) // 2
            one = tried(middle)
            if one["utilization"]["mean"] >= least:
                high, best = middle, one
            else:
                low = middle
    answer = _answer(world, [free, best] if best is not free else [free])
    return answer | {"solve": "channels", "solution": high, "peak": free["peak"]["most"]}
