"""What happens: agents become free, calls are answered, classified, abandoned; and time passes.

Compiled like `_world`, on whose arrays and rules it stands.
"""

from __future__ import annotations

import math

from dialer_engine.sim.floor import columns as col
from dialer_engine.sim.floor._world import (
    Floats,
    Ints,
    World,
    count,
    drop_first,
    factor_at,
    move,
    push,
    tell,
)
from dialer_engine.sim.floor.jit import njit

# CallEnd, as plain numbers that numba takes for constants.
_LIVE, _MACHINE, _CONGESTION, _CANCELLED = 0, 1, 5, 6
# One event makes at most so many new ones, and so much news of one kind.
_MARGIN = 8


# ------------------------------------------------------------------------------------------- agents
@njit
def spread(w: World, agent: int, series: Floats) -> None:
    """Add the agent's time in the present state, up to now and to the end of the day."""
    state, start = w.agent_links[agent + col.AGENT_0, 2], w.agents[agent, col.A_SINCE]
    end, width = min(w.sums[col.F_NOW], w.sums[col.F_DAY]), w.sums[col.F_BIN]
    last = series.shape[0] - 1
    while start < end:
        number = min(int(start / width), last)
        if number < last and (number + 1) * width <= start:  # rounding
            number += 1
        upto = end if number == last else min(end, (number + 1) * width)
        series[number, state] += upto - start
        start = upto


@njit
def become(w: World, agent: int, state: int) -> None:
    """The agent changes state now."""
    spread(w, agent, w.series)
    w.agents[agent, col.A_SINCE] = w.sums[col.F_NOW]
    move(w.agent_links, agent + col.AGENT_0, state)


@njit
def leaves(w: World, agent: int) -> bool:
    """Whether the free agent's plan says to go; then the agent went."""
    now = w.sums[col.F_NOW]
    while True:
        step = int(w.agents[agent, col.A_PLAN])
        if step >= w.plan.shape[1] or w.plan[agent, step, col.P_AT] > now:
            return False
        w.agents[agent, col.A_PLAN] += 1
        back = min(w.plan[agent, step, col.P_UNTIL], now + w.plan[agent, step, col.P_FOR])
        if back > now:
            break
    w.counts[col.N_LEFT] += 1
    become(w, agent, col.AWAY if back < math.inf else col.OFF)
    if back < math.inf:
        w.agents[agent, col.A_SEQ] = push(w, back, col.E_AGENT, agent)
    return True


@njit
def free(w: World, agent: int) -> None:
    """The agent can take a call: leaves, takes who waits longest, or is idle."""
    if leaves(w, agent):
        return
    become(w, agent, col.IDLE)
    if w.call_links[col.WAITING, 2] > 0:
        connect(w, w.call_links[col.WAITING, 1], agent)


@njit
def connect(w: World, call: int, agent: int) -> None:
    """The talk begins; the call's row is free again."""
    now = w.sums[col.F_NOW]
    w.sums[col.F_WAIT] += now - w.calls[call, col.C_ANSWER]
    w.sums[col.F_IDLE] += now - w.agents[agent, col.A_SINCE]
    w.counts[col.N_CONNECTED] += 1
    w.calls[call, col.C_SEQ] = 0.0  # its limit is overtaken
    w.agents[agent, col.A_WRAP] = w.calls[call, col.C_WRAP]
    w.agents[agent, col.A_GROUP] = w.calls[call, col.C_GROUP]
    become(w, agent, col.TALKING)
    talk = w.calls[call, col.C_TALK] * factor_at(w.talk_curve, now)
    w.agents[agent, col.A_SEQ] = push(w, now + talk, col.E_AGENT, agent)
    move(w.call_links, call, col.FREE)


@njit
def agent_event(w: World, agent: int) -> None:
    """A talk or wrap-up ended, or an agent arrived or came back."""
    now, state = w.sums[col.F_NOW], w.agent_links[agent + col.AGENT_0, 2]
    spent, group = now - w.agents[agent, col.A_SINCE], w.agents[agent, col.A_GROUP]
    if state == col.TALKING:
        tell(w, col.NEWS_TALK, spent, group, 0.0)
        become(w, agent, col.WRAPPING)
        w.agents[agent, col.A_SEQ] = push(w, now + w.agents[agent, col.A_WRAP], col.E_AGENT, agent)
        return
    if state == col.WRAPPING:
        tell(w, col.NEWS_WRAP, spent, group, 0.0)
    free(w, agent)


# -------------------------------------------------------------------------------------------- calls
@njit
def ended(w: World, call: int, end: int) -> None:
    """The ringing (and AMD) of a call is over: `end` is what the dialler is told."""
    ring = w.calls[call, col.C_RING]
    tell(w, col.NEWS_CALL, ring, w.calls[call, col.C_LIST], float(end))
    w.counts[col.N_ENDS + end] += 1
    if end != _LIVE:
        move(w.call_links, call, col.FREE)
        return
    now = w.sums[col.F_NOW]
    w.calls[call, col.C_ANSWER] = now
    w.counts[col.N_LIVE] += 1
    count(w, col.S_LIVE)
    move(w.call_links, call, col.WAITING)
    if w.agent_links[col.IDLE, 2] > 0:
        connect(w, call, w.agent_links[col.IDLE, 1] - col.AGENT_0)
    else:
        limit = min(w.sums[col.F_LIMIT], w.calls[call, col.C_PATIENCE])
        w.calls[call, col.C_SEQ] = push(w, now + limit, col.E_CALL, call)


@njit
def answered(w: World, call: int) -> None:
    """The ringing ended as `col.C_END` says; AMD listens first where it is used."""
    end = int(w.calls[call, col.C_END])
    if w.calls[call, col.C_AMD] < 0.0 or (end != _LIVE and end != _MACHINE):
        ended(w, call, end)
        return
    w.calls[call, col.C_ANSWER] = w.sums[col.F_NOW]
    move(w.call_links, call, col.CLASSIFYING)
    w.calls[call, col.C_SEQ] = push(
        w, w.sums[col.F_NOW] + w.calls[call, col.C_AMD], col.E_CALL, call
    )


@njit
def classified(w: World, call: int) -> None:
    """AMD decided."""
    end, says = int(w.calls[call, col.C_END]), int(w.calls[call, col.C_SAYS])
    tell(w, col.NEWS_AMD, w.calls[call, col.C_AMD], 0.0, 0.0)
    if end == _LIVE and says == _MACHINE:
        w.counts[col.N_LOST] += 1
    if end == _MACHINE and says == _LIVE:
        w.counts[col.N_PASSED] += 1
    ended(w, call, says)


@njit
def abandoned(w: World, call: int) -> None:
    """Nobody took the call in time; told as patience when the caller hung up."""
    w.counts[col.N_ABANDONED] += 1
    count(w, col.S_ABANDONED)
    if w.calls[call, col.C_PATIENCE] < w.sums[col.F_LIMIT]:
        w.counts[col.N_HUNG_UP] += 1
        tell(w, col.NEWS_PATIENCE, w.calls[call, col.C_PATIENCE], 0.0, 0.0)
    move(w.call_links, call, col.FREE)


@njit
def call_event(w: World, call: int) -> None:
    """What the call waited for came."""
    phase = w.call_links[call, 2]
    if phase == col.RINGING:
        answered(w, call)
    elif phase == col.CLASSIFYING:
        classified(w, call)
    else:
        abandoned(w, call)


@njit
def _fate(w: World, call: int, draw: Floats, rate: float, congested: bool) -> None:
    calls = w.calls
    live = draw[col.D_LIVE] < rate
    end = _LIVE if live else int(draw[col.D_FAILED_END])
    ring = draw[col.D_RING] if live else draw[col.D_FAILED_RING]
    calls[call, col.C_END], calls[call, col.C_RING], calls[call, col.C_SAYS] = end, ring, end
    calls[call, col.C_TALK], calls[call, col.C_WRAP] = draw[col.D_TALK], draw[col.D_WRAP]
    calls[call, col.C_GROUP], calls[call, col.C_PATIENCE] = draw[col.D_GROUP], draw[col.D_PATIENCE]
    calls[call, col.C_AMD] = draw[col.D_AMD]
    if congested:
        calls[call, col.C_END], calls[call, col.C_RING] = _CONGESTION, w.sums[col.F_CONGESTION]
    elif live and draw[col.D_LOST] > 0.0:
        calls[call, col.C_SAYS] = _MACHINE
    elif end == _MACHINE and draw[col.D_PASSED] > 0.0:
        calls[call, col.C_SAYS], calls[call, col.C_TALK] = _LIVE, draw[col.D_MACHINE_TALK]


@njit
def originate(w: World, draws: Floats, rate: float, call_list: int, congested: bool) -> None:
    """One call for each row of draws; there must be room for them."""
    now = w.sums[col.F_NOW]
    for row in range(draws.shape[0]):
        call = w.call_links[col.FREE, 1]
        _fate(w, call, draws[row], rate, congested)
        w.calls[call, col.C_START], w.calls[call, col.C_LIST] = now, call_list
        move(w.call_links, call, col.RINGING)
        w.calls[call, col.C_SEQ] = push(w, now + w.calls[call, col.C_RING], col.E_CALL, call)
        w.counts[col.N_ATTEMPTS] += 1
        count(w, col.S_ATTEMPTS)


@njit
def cancel(w: World, places: Ints) -> None:
    """Stop ringing calls: places in the list of ringing calls, ascending."""
    call, place = w.call_links[col.RINGING, 1], 0
    for wanted in places:
        while place < wanted:
            call, place = w.call_links[call, 1], place + 1
        after = w.call_links[call, 1]
        age = w.sums[col.F_NOW] - w.calls[call, col.C_START]
        w.calls[call, col.C_RING], w.calls[call, col.C_SEQ] = age, 0.0
        w.counts[col.N_CANCELLED] += 1
        w.counts[col.N_EARLY] += age < w.sums[col.F_MIN_RING]
        count(w, col.S_CANCELLED)
        ended(w, call, _CANCELLED)
        call, place = after, place + 1


# --------------------------------------------------------------------------------------------- time
@njit
def roomy(w: World) -> bool:
    """Whether the next event finds room in the heap and in the news."""
    full = w.counts[col.N_HEAP] + _MARGIN > w.heap.shape[0]
    for kind in range(w.news.shape[0]):
        full = full or w.counts[col.N_NEWS + kind] + _MARGIN > w.news.shape[1]
    return not full


@njit
def run(w: World, until: float) -> bool:
    """Let time pass; False when it stopped before because an array must grow."""
    while w.counts[col.N_HEAP] > 0 and w.heap[0, 0] <= until:
        if not roomy(w):
            return False
        w.sums[col.F_NOW] = max(w.sums[col.F_NOW], w.heap[0, 0])
        number, code = w.heap[0, 1], int(w.heap[0, 2])
        kind, row = code & 3, code >> 2
        drop_first(w)
        if kind == col.E_CALL:
            if w.calls[row, col.C_SEQ] == number:
                call_event(w, row)
        elif kind == col.E_AGENT:
            if w.agents[row, col.A_SEQ] == number:
                agent_event(w, row)
        elif kind == col.E_LEAVE and w.agent_links[row + col.AGENT_0, 2] == col.IDLE:
            leaves(w, row)
    w.sums[col.F_NOW] = until
    return True
