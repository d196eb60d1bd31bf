"""Reading the floor: the ages of all who are in one state. Compiled like `_world`."""

from __future__ import annotations

from dialer_engine.sim.floor import columns as col
from dialer_engine.sim.floor._world import Floats, Ints, World
from dialer_engine.sim.floor.jit import njit


@njit
def _ages(links: Ints, of: int, first: int, since: Floats, now: float, to: Floats) -> None:
    row = links[of, 1]
    place = 0
    while row != of:
        to[place] = now - since[row - first]
        place += 1
        row = links[row, 1]


@njit
def _marks(links: Ints, of: int, first: int, mark: Floats, to: Floats) -> None:
    row = links[of, 1]
    place = 0
    while row != of:
        to[place] = mark[row - first]
        place += 1
        row = links[row, 1]


@njit
def look(w: World, ages: Floats, marks: Floats) -> None:
    """Fill the rows talking, wrapping, ringing, waiting, classifying of `ages`, oldest first; the groups
    or lists of the first three in `marks`.
    """
    now = w.sums[col.F_NOW]
    agents, calls = w.agents, w.calls
    for row, state in ((0, col.TALKING), (1, col.WRAPPING)):
        _ages(w.agent_links, state, col.AGENT_0, agents[:, col.A_SINCE], now, ages[row])
        _marks(w.agent_links, state, col.AGENT_0, agents[:, col.A_GROUP], marks[row])
    _ages(w.call_links, col.RINGING, 0, calls[:, col.C_START], now, ages[2])
    _marks(w.call_links, col.RINGING, 0, calls[:, col.C_LIST], marks[2])
    _ages(w.call_links, col.WAITING, 0, calls[:, col.C_ANSWER], now, ages[3])
    _ages(w.call_links, col.CLASSIFYING, 0, calls[:, col.C_ANSWER], now, ages[4])
