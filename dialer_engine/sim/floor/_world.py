"""The moving parts: calls, agents, events in a heap. Compiled when numba is there, and the same without.

Rules: all state is in the arrays of one `World`; a call or an agent is in exactly one doubly linked list,
the one of its state (a sentinel row holds its head, tail and length, so that a list is first in, first
out and any member leaves it at once). An event that was overtaken stays in the heap and is known by
its number. Events of one instant come in the order in which they were made.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dialer_engine.sim.floor import columns as col
from dialer_engine.sim.floor.jit import njit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class World(NamedTuple):
    """All state; columns in `columns`. heap: rows of time, number, kind + 4 * row. news: one table a kind."""

    sums: Floats
    counts: Ints
    calls: Floats
    call_links: Ints
    agents: Floats
    agent_links: Ints
    plan: Floats
    heap: Floats
    series: Floats
    news: Floats
    talk_curve: Floats


@njit
def append(links: Ints, row: int, to: int) -> None:
    """Put a row that is in no list at the end of one."""
    last = links[to, 0]
    links[row, 0], links[row, 1], links[row, 2] = last, to, to
    links[last, 1] = row
    links[to, 0] = row
    links[to, 2] += 1


@njit
def move(links: Ints, row: int, to: int) -> None:
    """Take a row out of its list and put it at the end of another."""
    links[links[row, 0], 1] = links[row, 1]
    links[links[row, 1], 0] = links[row, 0]
    links[links[row, 2], 2] -= 1
    append(links, row, to)


@njit
def push(w: World, at: float, kind: int, row: int) -> int:
    """A new event; its number."""
    heap, place = w.heap, w.counts[col.N_HEAP]
    w.counts[col.N_HEAP] += 1
    w.counts[col.N_SEQ] += 1
    number = w.counts[col.N_SEQ]
    while place > 0:
        above = (place - 1) >> 1
        if heap[above, 0] <= at:
            break
        heap[place] = heap[above]
        place = above
    heap[place, 0], heap[place, 1], heap[place, 2] = at, number, kind + 4 * row
    return int(number)


@njit
def _before(heap: Floats, one: int, other: int) -> bool:
    if heap[one, 0] != heap[other, 0]:
        return bool(heap[one, 0] < heap[other, 0])
    return bool(heap[one, 1] < heap[other, 1])


@njit
def drop_first(w: World) -> None:
    """Take the first event out of the heap."""
    heap = w.heap
    w.counts[col.N_HEAP] -= 1
    size = w.counts[col.N_HEAP]  # the row `size` is the one that is sifted down
    place = 0
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        if below + 1 < size and _before(heap, below + 1, below):
            below += 1
        if _before(heap, size, below):
            break
        heap[place] = heap[below]
        place = below
    heap[place] = heap[size]


@njit
def tell(w: World, kind: int, seconds: float, mark: float, end: float) -> None:
    """One row of news."""
    row = w.counts[col.N_NEWS + kind]
    w.news[kind, row, col.W_SECONDS] = seconds
    w.news[kind, row, col.W_MARK] = mark
    w.news[kind, row, col.W_END] = end
    w.counts[col.N_NEWS + kind] += 1


@njit
def count(w: World, column: int) -> None:
    """One more in the series, at this time of the day."""
    last = w.series.shape[0] - 1
    w.series[min(last, int(w.sums[col.F_NOW] / w.sums[col.F_BIN])), column] += 1.0


@njit
def factor_at(curve: Floats, at: float) -> float:
    """See `scenario.Curve`."""
    rows = curve.shape[0]
    for row in range(rows):
        if curve[row, 0] > at:
            if row == 0:
                return float(curve[0, 1])
            share = (at - curve[row - 1, 0]) / (curve[row, 0] - curve[row - 1, 0])
            return float(curve[row - 1, 1] + share * (curve[row, 1] - curve[row - 1, 1]))
    return float(curve[rows - 1, 1])
