"""One day of one policy: what it came to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dialer_engine.pacing.snapshot import Decision, Pacer, Snapshot
from dialer_engine.sim.floor import columns as col
from dialer_engine.sim.floor.floor import Floor
from dialer_engine.sim.floor.scenario import Day

# The engine asks its pacers four times a second (`engine/dialling.py`).
TICK_S = 0.25
_HAIR = 1e-9
# Columns of `DayResult.trace`.
TRACE = (
    "at",
    "idle",
    "talking",
    "wrapping",
    "ringing",
    "waiting",
    "away",
    "live",
    "abandoned",
    "dialled",
)


@dataclass(frozen=True, slots=True)
class DayResult:
    """utilization: talk and wrap-up over the time logged in and not on a break. abandonment: abandoned over
    live answers. mean_wait_s: of answered callers until an agent has them. mean_idle_s: of an agent before
    each talk. early: of the cancelled, those before the minimum ring time. decisions: how often the policy
    was asked. decision_us: mean of learn and decide together, of those. series: by half-hour, columns as
    in `Floor.series`. trace: rows of TRACE.
    """

    utilization: float
    abandonment: float
    live: int
    abandoned: int
    attempts: int
    cancelled: int
    early: int
    mean_wait_s: float
    mean_idle_s: float
    decision_us: float
    decisions: int
    people_lost: int
    machines_passed: int
    series: NDArray[np.float64]
    trace: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, len(TRACE))))

    def half_hours(self) -> dict[str, NDArray[np.float64]]:
        """utilization, abandonment (not-a-number where there was nothing), live, attempts by half-hour."""
        s = self.series
        with np.errstate(invalid="ignore", divide="ignore"):
            busy = s[:, col.TALKING] + s[:, col.WRAPPING]
            return {
                "utilization": busy / (busy + s[:, col.IDLE]),
                "abandonment": s[:, col.S_ABANDONED] / s[:, col.S_LIVE],
                "live": s[:, col.S_LIVE],
                "attempts": s[:, col.S_ATTEMPTS],
            }


def run_day(
    day: Day, pacer: Pacer, seed: int, tick_s: float = TICK_S, trace_every: int = 0
) -> DayResult:
    """The day under a policy, asked each `tick_s` (its own `tick_s` where it has one) from 0 to the end.
    At each tick: learn, decide, cancel, originate. trace_every: keep each n-th tick, 0 for none.

    A policy that says `rests_until()` (a time before which it would do nothing, if nothing happens) is
    not asked at ticks before it at which nothing did, nor at any when it is `deaf` to what happens; the
    outcome is the same.
    """
    floor = Floor(day, seed)
    step = float(getattr(pacer, "tick_s", tick_s))
    rests, deaf = getattr(pacer, "rests_until", None), bool(getattr(pacer, "deaf", False))
    floor.ages = bool(getattr(pacer, "needs_ages", True))
    rows: list[tuple[float, ...]] = []
    ticks, asked, spent = 0, 0, 0.0
    while (now := ticks * step) < day.length_s:
        floor.advance(now)
        news, seen = floor.news(), floor.snapshot()
        start = perf_counter()
        pacer.learn(news)
        decision = pacer.decide(seen)
        spent += perf_counter() - start
        dialled = _carry_out(floor, decision)
        if trace_every and ticks % trace_every == 0:
            rows.append(_traced(seen, dialled))
        ticks, asked = ticks + 1, asked + 1
        if rests is not None and not decision.cancel and dialled == decision.originate:
            event = math.inf if deaf else floor.next_event()
            until = max(now, min(event, rests(), day.length_s))
            # Rather a tick too early than one too late: it would only be asked in vain.
            ahead = math.ceil(until / step - _HAIR)
            if trace_every:
                ahead = min(ahead, -(-ticks // trace_every) * trace_every)
            ticks = max(ticks, ahead)
    _drain(floor)
    trace = np.array(rows) if rows else np.zeros((0, len(TRACE)))
    return _result(floor, spent / max(1, asked) * 1e6, asked, trace)


def run_ratio(
    day: Day, lines: float, seed: int, cap: float = math.inf, trace_every: int = 0
) -> DayResult:
    """The day under a fixed ratio of lines to idle agents, at most `cap` ringing for each agent: as `run_day`
    with `sim.rivals.ratio.Ratio`, many times sooner. decision_us is 0: nobody was asked.
    """
    floor, ticks = Floor(day, seed), math.ceil(day.length_s / TICK_S)
    rows = math.ceil(ticks / trace_every) if trace_every else 0
    trace = np.zeros((rows, len(TRACE)))
    floor.follow_ratio(lines, cap, TICK_S, trace, trace_every)
    _drain(floor)
    return _result(floor, 0.0, 0, trace)


def _carry_out(floor: Floor, decision: Decision) -> int:
    if decision.cancel:
        floor.cancel(decision.cancel)
    return floor.originate(decision.originate) if decision.originate else 0


def _drain(floor: Floor) -> None:
    """Let the calls in flight come to their end."""
    floor.advance(floor.day.length_s)
    while floor.in_flight() and floor.next_event() < math.inf:
        floor.advance(floor.next_event())


def _traced(seen: Snapshot, dialled: int) -> tuple[float, ...]:
    talks, wraps, rings = len(seen.talking), len(seen.wrapping), len(seen.ringing)
    first = (seen.at, seen.idle, talks, wraps, rings, len(seen.waiting))
    return (*first, seen.away, seen.live, seen.abandoned, dialled)


def _result(
    floor: Floor, decision_us: float, decisions: int, trace: NDArray[np.float64]
) -> DayResult:
    counts, series = floor.counts(), floor.series()
    idle, talk, wrap = (float(series[:, s].sum()) for s in (col.IDLE, col.TALKING, col.WRAPPING))
    shares: dict[str, Any] = {
        "utilization": (talk + wrap) / max(1e-9, idle + talk + wrap),
        "abandonment": counts.abandoned / max(1, counts.live),
        "mean_wait_s": counts.wait_s / max(1, counts.connected),
        "mean_idle_s": counts.idle_s / max(1, counts.connected),
    }
    return DayResult(
        **shares,
        live=counts.live,
        abandoned=counts.abandoned,
        attempts=counts.attempts,
        cancelled=counts.cancelled,
        early=counts.early,
        decision_us=decision_us,
        decisions=decisions,
        people_lost=counts.people_lost,
        machines_passed=counts.machines_passed,
        series=series,
        trace=trace,
    )
