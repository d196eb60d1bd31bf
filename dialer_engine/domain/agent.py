"""The working day of one agent, as a table, on two axes: what the person chose (presence), what the
switch sees (line).

Rules: the table at the end is the whole truth about the line; presence changes at any time and
never interrupts a talk. An agent takes a call only when both agree: presence READY and line IDLE. A
leg that drops frees the agent from calls at once and is called back.

`step(state, event, now) -> (state, commands)`
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum

from dialer_engine.domain import events as ev
from dialer_engine.domain.commands import (
    Arm,
    CallPhone,
    Command,
    Disarm,
    HangUpLeg,
    LoseAgent,
    Offer,
    Timer,
)
from dialer_engine.domain.errors import IllegalTransition
from dialer_engine.domain.events import Presence
from dialer_engine.domain.machine import Row, Table
from dialer_engine.domain.units import AgentId, AttemptId, LegId, Moment, Seconds

# A float overflows after 1,023; 2**16 times any pause is above every callback_max_s.
_MAX_DOUBLINGS = 16


PHONE_NOT_TAKEN = "phone_not_taken"


class AgentMode(StrEnum):
    """How calls reach the agent."""

    NAILED = "nailed"
    RING = "ring"


class Line(Enum):
    """What the switch sees of an agent."""

    OFF = "off"
    CALLING = "calling"
    IDLE = "idle"
    RESERVED = "reserved"
    IN_CALL = "in_call"
    WRAP_UP = "wrap_up"


@dataclass(frozen=True, slots=True)
class AgentPolicy:
    """wrap_up_s: the limit of wrap-up, 0 for none. callback_s: pause before a dropped leg is called
    back (doubled for each failure in a row up to callback_max_s).
    """

    wrap_up_s: float = 20.0
    callback_s: float = 1.0
    callback_max_s: float = 30.0


@dataclass(frozen=True, slots=True)
class AgentState:
    """One agent. leg: the connected leg. attempt: the call reserved, in talk, or being wrapped up.
    since: when the line last changed. idle_since: when the agent last became available. failures:
    phone calls in a row that nobody took.
    """

    agent: AgentId
    mode: AgentMode = AgentMode.NAILED
    policy: AgentPolicy = field(default_factory=AgentPolicy)
    skills: frozenset[str] = frozenset()
    presence: Presence = Presence.LOGGED_OUT
    break_reason: str = ""
    line: Line = Line.OFF
    leg: LegId | None = None
    attempt: AttemptId | None = None
    since: Moment | None = None
    idle_since: Moment | None = None
    failures: int = 0

    @property
    def is_available(self) -> bool:
        """May be chosen for an answered call now."""
        return self.presence is Presence.READY and self.line is Line.IDLE

    @property
    def is_working(self) -> bool:
        """Logged in, on a break or not."""
        return self.presence is not Presence.LOGGED_OUT


AgentStep = tuple[AgentState, list[Command]]


def recovered(
    state: AgentState,
    now: Moment,
    *,
    presence: Presence,
    leg: LegId | None,
    attempt: AttemptId | None,
) -> AgentStep:
    """An agent who was at work when the daemon stopped, with what was found alive on the PBX."""
    base = replace(state, presence=presence, since=now)
    if leg is None:
        return _bring_up(base, now)
    up = replace(base, leg=leg)
    if attempt is not None:
        return replace(up, line=Line.IN_CALL, attempt=attempt), []
    return _idle(up, now)


# -- handlers --------------------------------------------------------------------------------------


def _login(s: AgentState, e: ev.LoggedIn, now: Moment) -> AgentStep:
    state = replace(s, presence=Presence.READY, break_reason="", failures=0, since=now)
    if e.leg is not None and s.mode is AgentMode.RING:
        idle, commands = _idle(state, now)
        return idle, [_not_to_be_held(e.leg), *commands]
    if e.leg is not None:
        return _idle(replace(state, leg=e.leg), now)
    return _bring_up(state, now)


def _not_to_be_held(leg: LegId) -> HangUpLeg:
    """Who is rung for each call logs in by phone and hangs up, or the phone is busy for each call."""
    return HangUpLeg(leg)


def _login_again(s: AgentState, e: ev.LoggedIn, now: Moment) -> AgentStep:
    """Logged out while talking, and back before the talk ended; back from a break; or dialled in
    while the phone was being called, or beside a leg that the PBX still believes in.
    """
    state = replace(s, presence=Presence.READY, break_reason="")
    if e.leg is None or e.leg == s.leg:
        return _idle(state, now) if s.line is Line.IDLE and not s.is_available else (state, [])
    if s.line in (Line.RESERVED, Line.IN_CALL):
        return state, [HangUpLeg(e.leg)]
    if s.mode is AgentMode.RING:
        state, commands = _login_again(s, replace(e, leg=None), now)
        return state, [_not_to_be_held(e.leg), *commands]
    old: list[Command] = [HangUpLeg(s.leg)] if s.leg else []
    state = replace(state, leg=e.leg)
    if s.line is Line.WRAP_UP:
        return state, old
    idle, commands = _idle(state, now)
    return idle, [*old, Disarm(s.agent, Timer.CALLBACK), *commands]


def _bring_up(s: AgentState, now: Moment) -> AgentStep:
    """Nailed agents get their leg; agents who are rung for each call are free without one."""
    if not s.is_working:
        return replace(s, line=Line.OFF, since=now, attempt=None), []
    if s.mode is AgentMode.RING:
        return _idle(s, now)
    return replace(s, line=Line.CALLING, since=now, attempt=None), [CallPhone(s.agent)]


def _idle(s: AgentState, now: Moment) -> AgentStep:
    state = replace(s, line=Line.IDLE, attempt=None, since=now, idle_since=now, failures=0)
    return state, _offer(state)


def _offer(s: AgentState) -> list[Command]:
    return [Offer(s.agent)] if s.is_available else []


def _logout(s: AgentState, e: ev.LoggedOut, now: Moment) -> AgentStep:
    """Without a talk: the leg goes at once. With one: presence says so, and the leg goes when the
    talk is over.
    """
    state = replace(s, presence=Presence.LOGGED_OUT, break_reason="")
    if s.line is Line.IN_CALL:
        return state, []
    lost: list[Command] = [LoseAgent(s.attempt)] if s.line is Line.RESERVED and s.attempt else []
    return _leave(state, now, lost)


def _leave(s: AgentState, now: Moment, commands: list[Command]) -> AgentStep:
    hang: list[Command] = [HangUpLeg(s.leg)] if s.leg else []
    off = replace(s, line=Line.OFF, leg=None, attempt=None, since=now, idle_since=None)
    return off, [*commands, Disarm(s.agent, Timer.CALLBACK), Disarm(s.agent, Timer.WRAP_UP), *hang]


def _break(s: AgentState, e: ev.BreakStarted, now: Moment) -> AgentStep:
    if not s.is_working:
        return s, []
    return replace(s, presence=Presence.BREAK, break_reason=e.reason), []


def _back(s: AgentState, e: ev.BreakEnded, now: Moment) -> AgentStep:
    if s.presence is not Presence.BREAK:
        return s, []
    state = replace(s, presence=Presence.READY, break_reason="")
    if s.line is Line.IDLE:
        return _idle(state, now)
    return state, []


def _leg_up(s: AgentState, e: ev.LegUp, now: Moment) -> AgentStep:
    if not s.is_working:
        return s, [HangUpLeg(e.leg)]
    return _idle(replace(s, leg=e.leg), now)


def _leg_up_again(s: AgentState, e: ev.LegUp, now: Moment) -> AgentStep:
    """Ring mode: the phone was taken for this call. In wrap-up: a nailed leg that had dropped is up
    again. Any other leg (a phone that rang for a call which is over, a second call-back) would hold
    the agent's phone for nothing.
    """
    if e.leg == s.leg:
        return s, []
    wanted = s.line is Line.RESERVED or (s.line is Line.WRAP_UP and s.mode is AgentMode.NAILED)
    if s.leg is None and wanted:
        return replace(s, leg=e.leg), []
    return s, [HangUpLeg(e.leg)]


def _leg_down(s: AgentState, e: ev.LegDown, now: Moment) -> AgentStep:
    if e.leg != s.leg:
        return s, []
    state = replace(s, leg=None)
    if s.mode is AgentMode.RING and s.line is Line.IDLE:
        return state, []
    return _call_back(state, now, [])


def _call_failed(s: AgentState, e: ev.LegDown, now: Moment) -> AgentStep:
    """Nobody took the phone: again after a pause that grows."""
    return _call_back(replace(s, leg=None), now, [])


def _call_back(s: AgentState, now: Moment, commands: list[Command]) -> AgentStep:
    if s.mode is AgentMode.RING or not s.is_working:
        state, more = _bring_up(s, now)
        return state, [*commands, *more]
    doubled = 2.0 ** min(s.failures, _MAX_DOUBLINGS)
    pause = min(s.policy.callback_s * doubled, s.policy.callback_max_s)
    off = replace(
        s, line=Line.OFF, attempt=None, since=now, idle_since=None, failures=s.failures + 1
    )
    return off, [*commands, Arm(s.agent, Timer.CALLBACK, Seconds(pause))]


def _dropped_with_call(s: AgentState, e: ev.LegDown, now: Moment) -> AgentStep:
    if s.leg is not None and e.leg != s.leg:
        return s, []
    lost: list[Command] = [LoseAgent(s.attempt)] if s.attempt else []
    unanswered = s.mode is AgentMode.RING and s.line is Line.RESERVED and s.leg is None
    if unanswered and s.presence is Presence.READY:
        # As every ACD does after a phone that nobody took: else it would draw call after call.
        return _call_back(
            replace(s, presence=Presence.BREAK, break_reason=PHONE_NOT_TAKEN), now, lost
        )
    return _call_back(replace(s, leg=None), now, lost)


def _dropped_in_wrap_up(s: AgentState, e: ev.LegDown, now: Moment) -> AgentStep:
    return (replace(s, leg=None), []) if e.leg == s.leg else (s, [])


def _callback(s: AgentState, e: ev.CallbackDue, now: Moment) -> AgentStep:
    return _bring_up(s, now)


def _reserve(s: AgentState, e: ev.Reserved, now: Moment) -> AgentStep:
    if not s.is_available:
        raise IllegalTransition(f"Reserved in {s.line.value}, on {s.presence.value}")
    return replace(s, line=Line.RESERVED, attempt=e.attempt, since=now), []


def _released(s: AgentState, e: ev.Released, now: Moment) -> AgentStep:
    """Back where they were in the queue: being released does not cost an agent the idle time
    already waited.
    """
    if e.attempt != s.attempt:
        return s, []
    waited = s.idle_since
    hang: list[Command] = [HangUpLeg(s.leg)] if s.mode is AgentMode.RING and s.leg else []
    leg = None if hang else s.leg
    state, commands = _idle(replace(s, leg=leg), now)
    return replace(state, idle_since=waited or now), [*hang, *commands]


def _talk(s: AgentState, e: ev.TalkStarted, now: Moment) -> AgentStep:
    if e.attempt != s.attempt:
        return s, []
    return replace(s, line=Line.IN_CALL, since=now), []


def _talk_over(s: AgentState, e: ev.TalkEnded, now: Moment) -> AgentStep:
    if e.attempt != s.attempt:
        return s, []
    if not s.is_working:
        return _leave(s, now, [])
    hang: list[Command] = [HangUpLeg(s.leg)] if s.mode is AgentMode.RING and s.leg else []
    state = replace(s, line=Line.WRAP_UP, since=now, leg=None if hang else s.leg)
    if s.policy.wrap_up_s <= 0:
        over, commands = _wrapped_up(state, ev.WrapUpDone(s.agent), now)
        return over, [*hang, *commands]
    return state, [*hang, Arm(s.agent, Timer.WRAP_UP, Seconds(s.policy.wrap_up_s))]


def _wrapped_up(s: AgentState, e: ev.WrapUpDone, now: Moment) -> AgentStep:
    done: list[Command] = [Disarm(s.agent, Timer.WRAP_UP)]
    state, commands = _idle(s, now) if s.leg is not None else _bring_up(s, now)
    return state, [*done, *commands]


# -- the table -------------------------------------------------------------------------------------

_L = Line
_AGENT_EVENTS = (
    ev.LoggedIn, ev.LoggedOut, ev.BreakStarted, ev.BreakEnded, ev.LegUp, ev.LegDown, ev.Reserved, ev.Released,
    ev.TalkStarted, ev.TalkEnded, ev.WrapUpDone, ev.CallbackDue,
)  # fmt: skip
_ROWS: dict[tuple[Line, type], Row[AgentState, Line]] = {
    (_L.OFF, ev.LoggedIn): Row(_login, frozenset({_L.IDLE, _L.CALLING})),
    (_L.OFF, ev.LegUp): Row(_leg_up, frozenset({_L.OFF, _L.IDLE})),
    (_L.OFF, ev.CallbackDue): Row(_callback, frozenset({_L.OFF, _L.CALLING})),
    (_L.CALLING, ev.LegUp): Row(_leg_up, frozenset({_L.IDLE})),
    (_L.CALLING, ev.LegDown): Row(_call_failed, frozenset({_L.OFF})),
    (_L.IDLE, ev.LegUp): Row(_leg_up_again, frozenset({_L.IDLE})),
    (_L.IDLE, ev.LegDown): Row(_leg_down, frozenset({_L.IDLE, _L.OFF})),
    (_L.IDLE, ev.Reserved): Row(_reserve, frozenset({_L.RESERVED})),
    (_L.RESERVED, ev.LegUp): Row(_leg_up_again, frozenset({_L.RESERVED})),
    (_L.RESERVED, ev.LegDown): Row(_dropped_with_call, frozenset({_L.OFF, _L.IDLE, _L.RESERVED})),
    (_L.RESERVED, ev.Released): Row(_released, frozenset({_L.IDLE, _L.RESERVED})),
    (_L.RESERVED, ev.TalkStarted): Row(_talk, frozenset({_L.IN_CALL, _L.RESERVED})),
    (_L.IN_CALL, ev.LegUp): Row(_leg_up_again, frozenset({_L.IN_CALL})),
    (_L.IN_CALL, ev.LegDown): Row(_dropped_with_call, frozenset({_L.OFF, _L.IDLE, _L.IN_CALL})),
    (_L.IN_CALL, ev.TalkEnded): Row(
        _talk_over, frozenset({_L.WRAP_UP, _L.IDLE, _L.OFF, _L.IN_CALL})
    ),
    (_L.WRAP_UP, ev.LegUp): Row(_leg_up_again, frozenset({_L.WRAP_UP})),
    (_L.WRAP_UP, ev.LegDown): Row(_dropped_in_wrap_up, frozenset({_L.WRAP_UP})),
    (_L.WRAP_UP, ev.WrapUpDone): Row(_wrapped_up, frozenset({_L.IDLE, _L.CALLING})),
    (_L.CALLING, ev.LoggedIn): Row(_login_again, frozenset({_L.CALLING, _L.IDLE})),
    (_L.IN_CALL, ev.LoggedOut): Row(_logout, frozenset({_L.IN_CALL})),
}
_ROWS |= {
    (p, ev.LoggedIn): Row(_login_again, frozenset({p}))
    for p in (_L.IDLE, _L.RESERVED, _L.IN_CALL, _L.WRAP_UP)
}
_ROWS |= {(p, ev.LoggedOut): Row(_logout, frozenset({_L.OFF})) for p in _L if p is not _L.IN_CALL}
_ROWS |= {(p, ev.BreakStarted): Row(_break, frozenset({p})) for p in _L}
_ROWS |= {(p, ev.BreakEnded): Row(_back, frozenset({p})) for p in _L}

_LATE: dict[type, tuple[Line, ...]] = {
    ev.LegDown: (_L.OFF,),
    ev.Released: (_L.OFF, _L.CALLING, _L.IDLE, _L.IN_CALL, _L.WRAP_UP),
    ev.TalkStarted: (_L.OFF, _L.CALLING, _L.IDLE, _L.IN_CALL, _L.WRAP_UP),
    ev.TalkEnded: (_L.OFF, _L.CALLING, _L.IDLE, _L.WRAP_UP),
    ev.WrapUpDone: (_L.OFF, _L.CALLING, _L.IDLE, _L.RESERVED, _L.IN_CALL),
    ev.CallbackDue: (_L.CALLING, _L.IDLE, _L.RESERVED, _L.IN_CALL, _L.WRAP_UP),
}
_IGNORED = {(p, e) for e, lines in _LATE.items() for p in lines}

TABLE: Table[AgentState, Line] = Table(Line, _AGENT_EVENTS, _ROWS, _IGNORED)


def _line_of(state: AgentState) -> Line:
    return state.line


def step(state: AgentState, event: ev.AgentEvent, now: Moment) -> AgentStep:
    """The next state and what is to be done; IllegalTransition, and nothing changed, when the event
    cannot come here.
    """
    return TABLE.step(state.line, state, event, now, _line_of)
