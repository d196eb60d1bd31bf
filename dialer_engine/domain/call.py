"""The life of one attempt, as a table.

Rules: the table at the end is the whole truth; nothing else assigns a phase. `step` is total in
practice: what can come late, twice or out of order is ignored on purpose, what cannot come raises.
A call ends once and settles once.

`step(state, event, now) -> (state, commands)`
"""

from __future__ import annotations

from dataclasses import replace

from dialer_engine.domain import events as ev
from dialer_engine.domain.callstate import (
    UNANSWERED_PHASES,
    CallPhase,
    CallPolicy,
    CallState,
    CallStep,
)
from dialer_engine.domain.commands import (
    Arm,
    BridgeLegs,
    Command,
    Disarm,
    FreeAgent,
    HangUpCall,
    PlaySafeHarbour,
    RingAgent,
    SeekAgent,
    Settle,
    StartTalk,
    Timer,
)
from dialer_engine.domain.machine import Row, Table
from dialer_engine.domain.outcome import (
    GONE_UNSEEN,
    REFUSED_BY_PBX,
    Ending,
    Outcome,
    Rule,
    classify,
)
from dialer_engine.domain.units import AgentId, AttemptId, LegId, Moment, NodeName, Seconds

__all__ = [
    "TABLE",
    "UNANSWERED_PHASES",
    "CallPhase",
    "CallPolicy",
    "CallState",
    "CallStep",
    "recovered",
    "step",
]
# The PBX's ring timer and ours are not the same clock.
_TIMER_SLACK_S = 0.25
# Clocks that count in milliseconds let an alarm go off so much too early.
_EARLY_S = 0.001


def recovered(
    attempt: AttemptId,
    node: NodeName,
    policy: CallPolicy,
    now: Moment,
    *,
    answered: bool,
    agent: AgentId | None = None,
    leg: LegId | None = None,
    answered_at: Moment | None = None,
    bridged_at: Moment | None = None,
) -> CallStep:
    """A call that was found alive after a restart or a lost link, in the phase that its channels
    show.

    With a leg: it talks. Answered without one: it waits, and the waiting counts from now. Else it
    rings. answered_at, bridged_at: when the PBX knows them.
    """
    state = CallState(attempt, node, policy, CallPhase.RINGING, sent_at=now, ringing_at=now)
    if not answered:
        return state, [
            Arm(attempt, Timer.RING, Seconds(policy.ring_timeout_s + policy.ring_slack_s))
        ]
    state = replace(state, answered_at=answered_at or now, verdict=ev.Verdict.NOT_ASKED)
    if policy.robot:
        return replace(state, phase=CallPhase.MESSAGE), []
    if leg is None:
        return _wait(state, now, now)
    talking = replace(
        state,
        phase=CallPhase.TALKING,
        agent=agent,
        first_agent=agent,
        leg=leg,
        reserved_at=now,
        bridged_at=bridged_at or answered_at or now,
    )
    return talking, []


# -- handlers: one for each thing that can happen --------------------------------------------------


def _sent(s: CallState, e: ev.OriginateSent, now: Moment) -> CallStep:
    limit = Seconds(s.policy.ring_timeout_s + s.policy.ring_slack_s)
    return replace(s, phase=CallPhase.DIALING, sent_at=now), [Arm(s.attempt, Timer.RING, limit)]


def _refused(s: CallState, e: ev.OriginateRefused, now: Moment) -> CallStep:
    """A refusal of a call that was heard ringing or answered contradicts itself: its channel lives,
    and ends by itself.
    """
    if s.ringing_at is not None or s.answered_at is not None:
        return s, []
    rule = Rule(s.planned or Outcome.FAILED, e.trunk_fault, REFUSED_BY_PBX)
    return _settle(s, rule, Ending(text=e.reason), now)


def _ringing(s: CallState, e: ev.CallRinging, now: Moment) -> CallStep:
    return replace(s, phase=CallPhase.RINGING, ringing_at=now), []


def _answered(s: CallState, e: ev.CallAnswered, now: Moment) -> CallStep:
    state = replace(s, phase=CallPhase.ANSWERED, answered_at=now)
    return state, [
        Disarm(s.attempt, Timer.RING),
        Arm(s.attempt, Timer.WAIT, Seconds(s.policy.classify_limit_s)),
    ]


def _classified(s: CallState, e: ev.CallClassified, now: Moment) -> CallStep:
    """Also where the answer itself was not seen: the verdict proves it."""
    state = replace(s, verdict=e.verdict, answered_at=s.answered_at or now)
    if not e.verdict.is_live:
        hung, commands = _hang_up(state, Outcome.MACHINE)
        return hung, [Disarm(s.attempt, Timer.RING), *commands]
    heard = state.answered_at if e.verdict is ev.Verdict.NOT_ASKED else now
    if s.policy.robot:
        return _tell(state)
    waiting, commands = _wait(replace(state, live_at=heard or now), heard or now, now)
    return waiting, [Disarm(s.attempt, Timer.RING), *commands]


def _tell(s: CallState) -> CallStep:
    """The PBX plays the message by itself, and hangs up by itself."""
    state = replace(s, phase=CallPhase.MESSAGE)
    return state, [Disarm(s.attempt, Timer.RING), Disarm(s.attempt, Timer.WAIT)]


def _played(s: CallState, e: ev.MessagePlayed, now: Moment) -> CallStep:
    """Also where the answer was not seen: the message is played to answered calls only."""
    played = s.planned or Outcome.MESSAGE
    return _tell(replace(s, answered_at=s.answered_at or now, planned=played))


def _wait(s: CallState, since: Moment, now: Moment) -> CallStep:
    left = Seconds(max(0.0, s.policy.wait_limit_s - now.since(since)))
    state = replace(s, phase=CallPhase.WAITING, waiting_since=since, agent=None, leg=None)
    return state, [Arm(s.attempt, Timer.WAIT, left), SeekAgent(s.attempt)]


def _reserved(s: CallState, e: ev.AgentReserved, now: Moment) -> CallStep:
    state = replace(s, phase=CallPhase.CONNECTING, agent=e.agent, leg=e.leg, reserved_at=now)
    if e.leg is None:
        return state, [RingAgent(s.attempt, e.agent)]
    return state, _bridge(state, e.leg)


def _leg_ready(s: CallState, e: ev.AgentLegReady, now: Moment) -> CallStep:
    if s.leg is not None:
        return s, []
    return replace(s, leg=e.leg), _bridge(s, e.leg)


def _bridge(s: CallState, leg: LegId) -> list[Command]:
    return [
        BridgeLegs(s.attempt, leg),
        Arm(s.attempt, Timer.WAIT, Seconds(s.policy.bridge_limit_s)),
    ]


def _bridged(s: CallState, e: ev.CallBridged, now: Moment) -> CallStep:
    if s.agent is None or e.leg != s.leg:
        return _misbridged(s, e, now)
    state = replace(
        s,
        phase=CallPhase.TALKING,
        bridged_at=s.bridged_at or now,
        first_agent=s.first_agent or s.agent,
        talk_ended_at=None,
    )
    return state, [Disarm(s.attempt, Timer.WAIT), StartTalk(s.attempt, s.agent)]


def _misbridged(s: CallState, e: ev.CallBridged, now: Moment) -> CallStep:
    """A bridge that was given up came about after all, with an agent who may have another call: end
    this one.
    """
    freed = _free(s)
    state, commands = _hang_up(replace(s, agent=None, leg=None), Outcome.ABANDONED)
    return state, [*freed, *commands]


def _bridge_refused(s: CallState, e: ev.BridgeRefused, now: Moment) -> CallStep:
    """A refusal of an earlier agent's bridge comes late and says nothing of the present one. The
    next agent is sought before this one is freed, or the same one would be chosen again.
    """
    if e.leg is not None and e.leg != s.leg:
        return s, []
    state, commands = _wait(s, s.waiting_since or now, now)
    return state, [*commands, *_free(s)]


def _agent_gone(s: CallState, e: ev.AgentGone, now: Moment) -> CallStep:
    return _wait(s, s.waiting_since or now, now)


def _gone_while_hanging_up(s: CallState, e: ev.AgentGone, now: Moment) -> CallStep:
    """They may take another call before this one's channel is gone."""
    ended = s.talk_ended_at or (now if s.bridged_at else None)
    return replace(s, agent=None, leg=None, talk_ended_at=ended), []


def _agent_dropped(s: CallState, e: ev.AgentGone | ev.CallUnbridged, now: Moment) -> CallStep:
    """In the middle of the talk: the debtor is still there, so the next agent, within the same
    limit, or the message.
    """
    freed = _free(s) if isinstance(e, ev.CallUnbridged) else []
    state, commands = _wait(replace(s, talk_ended_at=now), now, now)
    return state, [*freed, *commands]


def _wait_over(s: CallState, e: ev.WaitExpired, now: Moment) -> CallStep:
    """An alarm that was set back while its expiry already lay in the inbox comes too early: set it
    again.
    """
    left = _wait_left(s, now)
    if left > _EARLY_S:
        return s, [Arm(s.attempt, Timer.WAIT, Seconds(left))]
    state = replace(
        s,
        phase=CallPhase.SAFE_HARBOUR,
        harbour_at=s.harbour_at or now,
        planned=s.planned or Outcome.ABANDONED,
        agent=None,
        leg=None,
    )
    return state, [*_free(s), Disarm(s.attempt, Timer.WAIT), PlaySafeHarbour(s.attempt)]


def _wait_left(s: CallState, now: Moment) -> float:
    """Seconds until the limit of the present phase has really passed."""
    limit, since = s.policy.wait_limit_s, s.waiting_since
    if s.phase is CallPhase.ANSWERED:
        limit, since = s.policy.classify_limit_s, s.answered_at
    elif s.phase is CallPhase.CONNECTING and s.leg is not None:
        limit, since = s.policy.bridge_limit_s, s.reserved_at
    return limit - now.since(since) if since is not None else 0.0


def _harbour_by_pbx(s: CallState, e: ev.SafeHarbourStarted, now: Moment) -> CallStep:
    """Also where the answer was not seen: the message is played to answered calls only."""
    state = replace(
        s,
        phase=CallPhase.SAFE_HARBOUR,
        harbour_at=s.harbour_at or now,
        answered_at=s.answered_at or now,
        planned=s.planned or Outcome.ABANDONED,
        agent=None,
        leg=None,
    )
    return state, [*_free(s), Disarm(s.attempt, Timer.RING), Disarm(s.attempt, Timer.WAIT)]


def _ring_over(s: CallState, e: ev.RingExpired, now: Moment) -> CallStep:
    return _hang_up(s, Outcome.NO_ANSWER)


def _hangup_asked(s: CallState, e: ev.HangupAsked, now: Moment) -> CallStep:
    state, commands = _hang_up(s, e.outcome)
    return replace(state, detail=f"hung up by {e.by}"), commands


def _hang_up(s: CallState, outcome: Outcome) -> CallStep:
    state = replace(s, phase=CallPhase.HANGING_UP, planned=s.planned or outcome)
    return state, [Disarm(s.attempt, Timer.WAIT), HangUpCall(s.attempt)]


def _cancelled_unsent(s: CallState, e: ev.HangupAsked, now: Moment) -> CallStep:
    return _settle(
        s, Rule(e.outcome, False, f"cancelled by {e.by} before it was dialled"), Ending(), now
    )


def _crossed(s: CallState, e: ev.CallAnswered | ev.CallClassified, now: Moment) -> CallStep:
    """The answer crossed our hang-up on the wire: somebody picked up and will hear nobody."""
    return replace(s, answered_at=s.answered_at or now), []


def _ended(s: CallState, e: ev.CallEnded, now: Moment) -> CallStep:
    return _settle(s, _rule(s, e.ending, now), e.ending, now)


def _rule(s: CallState, ending: Ending, now: Moment) -> Rule:
    """What we saw wins over what the network says."""
    if s.policy.robot and s.planned is None and (s.answered_at is not None or ending.answered):
        return _told(ending)
    if s.bridged_at is not None or ending.bridged:
        return Rule(Outcome.COMPLETED, False, "bridged")
    if s.planned is Outcome.NO_ANSWER and not ending.seen and s.ringing_at is None:
        # Our own timer ran out while nobody saw whether it ever rang: that is no 'no answer'.
        return classify(ending)
    if s.planned is not None:
        answered = s.answered_at is not None or ending.answered
        crossed = answered and not s.planned.is_answer
        return Rule(
            Outcome.ABANDONED if crossed else s.planned,
            False,
            "answer crossed hang-up" if crossed else "planned",
        )
    if ending.answered:
        return Rule(Outcome.ABANDONED, False, "answered while no daemon was there to connect it")
    if s.answered_at is not None:
        seen = Rule(
            Outcome.HUNG_UP_EARLY, False, "the far end hung up before an agent was on the line"
        )
        return seen if ending.seen else classify(ending)
    return _unanswered(s, ending, now)


def _told(ending: Ending) -> Rule:
    """Of an answered call without an agent whose message was not seen to end. The PBX notes one that
    was heard to the end as a talk.
    """
    if ending.bridged:
        return Rule(Outcome.MESSAGE, False, "the PBX noted that the message was heard")
    if not ending.seen:
        return GONE_UNSEEN
    return Rule(Outcome.HUNG_UP_EARLY, False, "the far end hung up during the message")


def _unanswered(s: CallState, ending: Ending, now: Moment) -> Rule:
    # The PBX's own timer is a little early or late; 480 is what Asterisk says for it when nothing rang.
    limit = s.policy.ring_timeout_s - _TIMER_SLACK_S
    timed_out = s.sent_at is not None and now.since(s.sent_at) >= limit
    if ending.seen and ending.sip in (None, 480) and timed_out:
        return Rule(Outcome.NO_ANSWER, False, "rang for the whole ring time-out")
    return classify(ending)


def _settle(s: CallState, rule: Rule, ending: Ending, now: Moment) -> CallStep:
    state = replace(
        s,
        phase=CallPhase.ENDED,
        outcome=rule.outcome,
        ending=ending,
        ended_at=now,
        detail=s.detail or rule.source,
        talk_ended_at=s.talk_ended_at or (now if s.bridged_at else None),
        agent=None,
        leg=None,
    )
    alarms: list[Command] = [Disarm(s.attempt, Timer.RING), Disarm(s.attempt, Timer.WAIT)]
    return state, [
        *alarms,
        *_free(s),
        Settle(s.attempt, rule.outcome, rule.trunk_fault, state.detail),
    ]


def _free(s: CallState) -> list[Command]:
    if s.agent is None:
        return []
    # After a talk that was cut, the next agent has not talked before the next bridge.
    talked = s.bridged_at is not None and s.talk_ended_at is None
    return [FreeAgent(s.attempt, s.agent, talked)]


# -- the table -------------------------------------------------------------------------------------

_P = CallPhase
_END = frozenset({_P.ENDED})
_HANG = frozenset({_P.HANGING_UP})
_LIVE = frozenset({_P.WAITING, _P.MESSAGE, _P.HANGING_UP})
_MESSAGE = frozenset({_P.MESSAGE})
_HARBOUR = frozenset({_P.SAFE_HARBOUR})

_CALL_EVENTS = (
    ev.OriginateSent, ev.OriginateRefused, ev.CallRinging, ev.CallAnswered, ev.CallClassified, ev.AgentReserved,
    ev.AgentLegReady, ev.AgentGone, ev.CallBridged, ev.BridgeRefused, ev.CallUnbridged, ev.WaitExpired,
    ev.SafeHarbourStarted, ev.MessagePlayed, ev.RingExpired, ev.HangupAsked, ev.CallEnded,
)  # fmt: skip

_ROWS: dict[tuple[CallPhase, type], Row[CallState, CallPhase]] = {
    (_P.PLANNED, ev.OriginateSent): Row(_sent, frozenset({_P.DIALING})),
    (_P.PLANNED, ev.HangupAsked): Row(_cancelled_unsent, _END),
    (_P.DIALING, ev.CallRinging): Row(_ringing, frozenset({_P.RINGING})),
    (_P.ANSWERED, ev.CallClassified): Row(_classified, _LIVE),
    (_P.ANSWERED, ev.WaitExpired): Row(_wait_over, _HARBOUR | {_P.ANSWERED}),
    (_P.WAITING, ev.AgentReserved): Row(_reserved, frozenset({_P.CONNECTING})),
    (_P.WAITING, ev.WaitExpired): Row(_wait_over, _HARBOUR | {_P.WAITING}),
    (_P.WAITING, ev.CallBridged): Row(_misbridged, _HANG),
    (_P.CONNECTING, ev.AgentLegReady): Row(_leg_ready, frozenset({_P.CONNECTING})),
    (_P.CONNECTING, ev.AgentGone): Row(_agent_gone, frozenset({_P.WAITING})),
    (_P.CONNECTING, ev.BridgeRefused): Row(_bridge_refused, frozenset({_P.WAITING, _P.CONNECTING})),
    (_P.CONNECTING, ev.CallBridged): Row(_bridged, frozenset({_P.TALKING, _P.HANGING_UP})),
    (_P.CONNECTING, ev.WaitExpired): Row(_wait_over, _HARBOUR | {_P.CONNECTING}),
    (_P.TALKING, ev.AgentGone): Row(_agent_dropped, frozenset({_P.WAITING})),
    (_P.TALKING, ev.CallUnbridged): Row(_agent_dropped, frozenset({_P.WAITING})),
    (_P.HANGING_UP, ev.AgentGone): Row(_gone_while_hanging_up, _HANG),
    (_P.HANGING_UP, ev.CallAnswered): Row(_crossed, _HANG),
    (_P.HANGING_UP, ev.CallClassified): Row(_crossed, _HANG),
}
_ROWS |= {(p, ev.OriginateRefused): Row(_refused, _END) for p in (_P.PLANNED, _P.DIALING)}
_ROWS[_P.HANGING_UP, ev.OriginateRefused] = Row(_refused, _END | _HANG)
_ROWS |= {
    (p, ev.CallAnswered): Row(_answered, frozenset({_P.ANSWERED})) for p in (_P.DIALING, _P.RINGING)
}
_ROWS |= {(p, ev.CallClassified): Row(_classified, _LIVE) for p in (_P.DIALING, _P.RINGING)}
_ROWS |= {(p, ev.RingExpired): Row(_ring_over, _HANG) for p in (_P.DIALING, _P.RINGING)}
_ROWS |= {
    (p, ev.SafeHarbourStarted): Row(_harbour_by_pbx, _HARBOUR)
    for p in (_P.DIALING, _P.RINGING, _P.ANSWERED, _P.WAITING, _P.CONNECTING)
}
_ROWS |= {
    (p, ev.MessagePlayed): Row(_played, _MESSAGE)
    for p in (_P.DIALING, _P.RINGING, _P.ANSWERED, _P.MESSAGE)
}
_ROWS |= {
    (p, ev.HangupAsked): Row(_hangup_asked, _HANG)
    for p in _P
    if p not in (_P.PLANNED, _P.HANGING_UP, _P.ENDED)
}
_ROWS |= {(p, ev.CallEnded): Row(_ended, _END) for p in _P if p is not _P.ENDED}

# Late, twice, or overtaken by something that says more. Listed one by one so that the rest stays
# illegal.
_LATE: dict[type, tuple[CallPhase, ...]] = {
    ev.OriginateSent: (
        _P.DIALING,
        _P.RINGING,
        _P.ANSWERED,
        _P.WAITING,
        _P.CONNECTING,
        _P.TALKING,
        _P.MESSAGE,
        _P.SAFE_HARBOUR,
        _P.HANGING_UP,
    ),
    ev.OriginateRefused: (
        _P.RINGING,
        _P.ANSWERED,
        _P.WAITING,
        _P.CONNECTING,
        _P.TALKING,
        _P.MESSAGE,
        _P.SAFE_HARBOUR,
    ),
    ev.CallRinging: tuple(p for p in _P if p not in (_P.PLANNED, _P.DIALING)),
    ev.CallAnswered: (
        _P.ANSWERED,
        _P.WAITING,
        _P.CONNECTING,
        _P.TALKING,
        _P.MESSAGE,
        _P.SAFE_HARBOUR,
    ),
    ev.CallClassified: (_P.WAITING, _P.CONNECTING, _P.TALKING, _P.MESSAGE, _P.SAFE_HARBOUR),
    ev.AgentLegReady: (_P.WAITING, _P.TALKING, _P.SAFE_HARBOUR, _P.HANGING_UP),
    ev.AgentGone: (_P.WAITING, _P.SAFE_HARBOUR),
    ev.CallBridged: (_P.TALKING, _P.SAFE_HARBOUR, _P.HANGING_UP),
    ev.BridgeRefused: (_P.WAITING, _P.TALKING, _P.SAFE_HARBOUR, _P.HANGING_UP),
    ev.CallUnbridged: (_P.WAITING, _P.CONNECTING, _P.SAFE_HARBOUR, _P.HANGING_UP),
    ev.WaitExpired: (_P.TALKING, _P.MESSAGE, _P.SAFE_HARBOUR, _P.HANGING_UP),
    ev.SafeHarbourStarted: (_P.MESSAGE, _P.SAFE_HARBOUR, _P.HANGING_UP),
    ev.RingExpired: (
        _P.ANSWERED,
        _P.WAITING,
        _P.CONNECTING,
        _P.TALKING,
        _P.MESSAGE,
        _P.SAFE_HARBOUR,
        _P.HANGING_UP,
    ),
    # Of a campaign that had no agents when it dialled, and has some since a restart.
    ev.MessagePlayed: (_P.WAITING, _P.CONNECTING, _P.TALKING, _P.SAFE_HARBOUR, _P.HANGING_UP),
    ev.HangupAsked: (_P.HANGING_UP,),
}
_IGNORED = {(p, e) for e, phases in _LATE.items() for p in phases}
# An ended call hears nothing any more, whatever still arrives for it.
_IGNORED |= {(_P.ENDED, e) for e in _CALL_EVENTS if e is not ev.AgentReserved}

TABLE: Table[CallState, CallPhase] = Table(CallPhase, _CALL_EVENTS, _ROWS, _IGNORED)


def _phase_of(state: CallState) -> CallPhase:
    return state.phase


def step(state: CallState, event: ev.CallEvent, now: Moment) -> CallStep:
    """The next state and what is to be done; IllegalTransition, and nothing changed, when the event
    cannot come here.
    """
    return TABLE.step(state.phase, state, event, now, _phase_of)
