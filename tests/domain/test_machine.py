"""The table itself, and that the two real tables tell the truth about where each event leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import product

import pytest

from dialer_engine.domain import agent as ag
from dialer_engine.domain import call as ca
from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentMode, AgentPolicy, AgentState, Line
from dialer_engine.domain.call import CallPhase, CallPolicy, CallState
from dialer_engine.domain.commands import Command
from dialer_engine.domain.errors import IllegalTransition
from dialer_engine.domain.events import Presence
from dialer_engine.domain.machine import Row, Table, mermaid
from dialer_engine.domain.units import AgentId, AttemptId, LegId, Moment, NodeName
from tests.domain.model import moment


class Door(Enum):
    """A door is enough to try a table."""

    OPEN = "open"
    SHUT = "shut"


@dataclass(frozen=True)
class Push:
    """It shuts an open door."""


@dataclass(frozen=True)
class Knock:
    """It does nothing to an open door."""


def _shut(state: Door, event: Push, now: Moment) -> tuple[Door, list[Command]]:
    return Door.SHUT, []


ROWS: dict[tuple[Door, type], Row[Door, Door]] = {
    (Door.OPEN, Push): Row(_shut, frozenset({Door.SHUT}))
}
TABLE: Table[Door, Door] = Table(Door, (Push, Knock), ROWS, [(Door.OPEN, Knock)])


def go(table: Table[Door, Door], door: Door, event: object) -> tuple[Door, list[Command]]:
    return table.step(door, door, event, moment(0), lambda state: state)


def test_a_pair_is_a_row_or_ignored_or_illegal() -> None:
    assert go(TABLE, Door.OPEN, Push()) == (Door.SHUT, [])
    assert go(TABLE, Door.OPEN, Knock()) == (Door.OPEN, [])
    with pytest.raises(IllegalTransition, match="Push in shut"):
        go(TABLE, Door.SHUT, Push())
    with pytest.raises(IllegalTransition, match="int in open"):
        go(TABLE, Door.OPEN, 3)
    assert [TABLE.is_legal(Door.OPEN, Push), TABLE.is_legal(Door.SHUT, Push)] == [True, False]


def test_a_pair_cannot_be_both() -> None:
    with pytest.raises(ValueError, match="both a row and ignored"):
        Table(Door, (Push,), ROWS, [(Door.OPEN, Push)])


def test_a_handler_cannot_lead_where_its_row_does_not() -> None:
    rows: dict[tuple[Door, type], Row[Door, Door]] = {
        (Door.OPEN, Push): Row(_shut, frozenset({Door.OPEN}))
    }
    lying: Table[Door, Door] = Table(Door, (Push,), rows, [])
    with pytest.raises(IllegalTransition, match="led to shut: not in its row"):
        go(lying, Door.OPEN, Push())


def test_the_diagram_is_drawn_from_the_rows() -> None:
    assert mermaid(TABLE, Door.OPEN) == (
        "stateDiagram-v2\n    [*] --> open\n    open --> shut: Push\n"
    )


# -- every arrow of the real tables is walked by some state, so that the diagrams cannot lie --------

CALL, AGENT = AttemptId("a-1"), AgentId("ann")
LEG, OTHER = LegId("g-1"), LegId("g-2")


def calls(phase: CallPhase) -> Iterator[CallState]:
    """States that can be in that phase."""
    base = CallState(CALL, NodeName("n"), phase=phase)
    robot = replace(base, policy=CallPolicy(robot=True))
    if phase in (CallPhase.DIALING, CallPhase.RINGING, CallPhase.ANSWERED):
        yield robot
    early = replace(base, answered_at=moment(1), waiting_since=moment(1), reserved_at=moment(1))
    if phase is CallPhase.CONNECTING:
        yield from (replace(early, agent=AGENT, leg=leg) for leg in (None, LEG))
        yield replace(base, agent=AGENT, leg=LEG)
    elif phase in (CallPhase.ANSWERED, CallPhase.WAITING):
        yield from (early, base)
    elif phase is CallPhase.TALKING:
        yield replace(base, agent=AGENT, leg=LEG, bridged_at=moment(0), answered_at=moment(0))
    elif phase is CallPhase.HANGING_UP:
        yield from (base, replace(base, ringing_at=moment(0)))
    else:
        yield base


def call_events(kind: type) -> Iterator[ev.CallEvent]:
    """Each variant of an event that a handler tells apart."""
    if kind is ev.CallClassified:
        yield from (ev.CallClassified(CALL, verdict) for verdict in ev.Verdict)
    elif kind is ev.CallBridged:
        yield from (ev.CallBridged(CALL, leg) for leg in (LEG, OTHER))
    elif kind is ev.BridgeRefused:
        yield from (ev.BridgeRefused(CALL, "no", leg) for leg in (None, LEG, OTHER))
    elif kind is ev.AgentReserved:
        yield ev.AgentReserved(CALL, AGENT, LEG)
    elif kind is ev.AgentLegReady:
        yield ev.AgentLegReady(CALL, LEG)
    elif kind is ev.OriginateRefused:
        yield ev.OriginateRefused(CALL, "no")
    elif kind is ev.HangupAsked:
        yield ev.HangupAsked(CALL, "test")
    else:
        yield kind(CALL)


def agents(line: Line) -> Iterator[AgentState]:
    """States that can be on that line."""
    for mode, presence, wrap_up_s in product(AgentMode, Presence, (0.0, 20.0)):
        base = AgentState(
            AGENT, mode, AgentPolicy(wrap_up_s), presence=presence, line=line, since=moment(0)
        )
        nailed = mode is AgentMode.NAILED
        if presence is Presence.LOGGED_OUT:
            lines = {Line.OFF: [base], Line.IN_CALL: [replace(base, attempt=CALL, leg=LEG)]}
        else:
            with_leg, with_call = replace(base, leg=LEG), replace(base, attempt=CALL)
            lines = {
                Line.OFF: [base] if nailed else [],
                Line.CALLING: [base] if nailed else [],
                Line.IDLE: [with_leg if nailed else base],
                Line.RESERVED: [replace(with_call, leg=LEG), *([] if nailed else [with_call])],
                Line.IN_CALL: [replace(with_call, leg=LEG)],
                Line.WRAP_UP: [with_call, replace(with_call, leg=LEG)],
            }
        yield from lines.get(line, [])


def agent_events(kind: type) -> Iterator[ev.AgentEvent]:
    """Each variant of an event that a handler tells apart."""
    if kind in (ev.LegUp, ev.LegDown):
        yield from (kind(AGENT, leg) for leg in (LEG, OTHER))
    elif kind in (ev.Reserved, ev.Released, ev.TalkStarted, ev.TalkEnded):
        yield from (kind(AGENT, attempt) for attempt in (CALL, AttemptId("a-2")))
    elif kind is ev.LoggedIn:
        yield from (ev.LoggedIn(AGENT, leg) for leg in (None, LEG, OTHER))
    elif kind is ev.BreakStarted:
        yield ev.BreakStarted(AGENT, "tea")
    else:
        yield kind(AGENT)


def test_every_arrow_of_the_call_is_walked() -> None:
    walked = set()
    for phase, kind in ca.TABLE.rows:
        for state, event in product(calls(phase), call_events(kind)):
            walked.add((phase, kind.__name__, ca.step(state, event, moment(1))[0].phase))
    assert walked == set(ca.TABLE.arrows())


def test_every_arrow_of_the_agent_is_walked() -> None:
    """Found: logging out was drawn as leading from every phase to IN_CALL, and the like."""
    walked = set()
    for line, kind in ag.TABLE.rows:
        for state, event in product(agents(line), agent_events(kind)):
            if kind is ev.Reserved and not state.is_available:
                continue
            walked.add((line, kind.__name__, ag.step(state, event, moment(1))[0].line))
    assert walked == set(ag.TABLE.arrows())
