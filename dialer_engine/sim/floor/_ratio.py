"""A whole day of a fixed ratio of lines to idle agents, the one policy that needs nobody to decide.

It does what `sim.rivals.ratio` does under `run_day`, call by call, many times sooner: the best ratio in
hindsight has to be sought. Compiled like `_world`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from dialer_engine.sim.floor import columns as col
from dialer_engine.sim.floor._events import originate, run
from dialer_engine.sim.floor._world import Floats, World, factor_at
from dialer_engine.sim.floor.jit import njit

# As in `sim.rivals.base`: 0.1 * 30 is three lines in floating point too.
_HAIR = 1e-9


class Course(NamedTuple):
    """The rule, and the day's chances. cap: ringing lines for each agent at work. lists: rows of factor,
    from, until, period; outages: rows of from, until.
    """

    lines: float
    cap: float
    trunks: int
    step: float
    answer_rate: float
    rate_curve: Floats
    lists: Floats
    outages: Floats


@njit
def _list_at(course: Course, at: float) -> int:
    now = 0
    for row in range(course.lists.shape[0]):
        if course.lists[row, 1] <= at % course.lists[row, 3] < course.lists[row, 2]:
            now = row + 1
    return now


@njit
def _congested(course: Course, at: float) -> bool:
    for row in range(course.outages.shape[0]):  # noqa: SIM110  (numba knows no generators here)
        if course.outages[row, 0] <= at < course.outages[row, 1]:
            return True
    return False


@njit
def wanted(w: World, course: Course) -> int:
    """New calls now, within the caps."""
    staff, calls = w.agent_links, w.call_links
    idle, talking = staff[col.IDLE, 2], staff[col.TALKING, 2]
    if idle == 0:
        return 0
    in_flight = calls[col.RINGING, 2] + calls[col.WAITING, 2] + calls[col.CLASSIFYING, 2]
    new = math.floor(course.lines * idle + 0.5 + _HAIR) - in_flight
    cap = course.cap * (idle + talking + staff[col.WRAPPING, 2])
    new = min(new, math.floor(cap + _HAIR) - calls[col.RINGING, 2])
    return int(max(0, min(new, course.trunks - in_flight - talking)))


@njit
def follow(
    w: World, course: Course, fates: Floats, row: int, tick: int, trace: Floats, every: int
) -> tuple[int, int]:
    """From a tick on; the next tick and the next row of fates. It stops at the end of the day, and before
    when fates, calls or events have no room: then the tick is to be begun again.
    """
    while tick * course.step < w.sums[col.F_DAY]:
        now = tick * course.step
        w.counts[col.N_NEWS : col.N_NEWS + w.news.shape[0]] = 0
        if not run(w, now):
            return tick, row
        new = wanted(w, course)
        room = w.heap.shape[0] - w.counts[col.N_HEAP] - 8
        if new > min(w.call_links[col.FREE, 2], room, fates.shape[0] - row):
            return tick, row
        if every > 0 and tick % every == 0:
            _note(w, trace[tick // every], now, new)
        if new > 0:
            call_list = _list_at(course, now)
            rate = course.answer_rate * factor_at(course.rate_curve, now)
            if call_list > 0:
                rate = rate * course.lists[call_list - 1, 0]
            chosen = fates[row : row + new]
            originate(w, chosen, min(1.0, rate), call_list, _congested(course, now))
            row += new
        tick += 1
    return tick, row


@njit
def _note(w: World, to: Floats, now: float, new: int) -> None:
    """One row of `day.TRACE`."""
    staff, calls = w.agent_links, w.call_links
    to[0], to[1], to[2] = now, staff[col.IDLE, 2], staff[col.TALKING, 2]
    to[3], to[4], to[5] = staff[col.WRAPPING, 2], calls[col.RINGING, 2], calls[col.WAITING, 2]
    to[6], to[7], to[8] = staff[col.AWAY, 2], w.counts[col.N_LIVE], w.counts[col.N_ABANDONED]
    to[9] = new
