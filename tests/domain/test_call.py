"""The call's table, read as transcripts: what happened, what was to be done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer_engine.domain import call as ca
from dialer_engine.domain import commands as cmd
from dialer_engine.domain import events as ev
from dialer_engine.domain.call import TABLE, CallPhase, CallPolicy, CallState
from dialer_engine.domain.errors import IllegalTransition
from dialer_engine.domain.outcome import Ending, Outcome
from dialer_engine.domain.units import AgentId, AttemptId, LegId, NodeName, Seconds
from tests.domain.model import moment

A = AttemptId("a-1")
NODE = NodeName("pbx-1")
ANN, BOB = AgentId("ann"), AgentId("bob")
LEG, OTHER = LegId("g-1"), LegId("g-2")
HUMAN = ev.CallClassified(A, ev.Verdict.HUMAN)
ANSWER = (ev.OriginateSent(A), ev.CallRinging(A), ev.CallAnswered(A))
TALK = (*ANSWER, HUMAN, ev.AgentReserved(A, ANN, LEG), ev.CallBridged(A, LEG))
P = CallPhase


def run(*events: ev.CallEvent, every_s: float = 0.5) -> tuple[CallState, list[cmd.Command]]:
    """The state after all events, half a second apart, and the commands of the last one."""
    state, commands = CallState(A, NODE), list[cmd.Command]()
    for number, event in enumerate(events):
        state, commands = ca.step(state, event, moment(number * every_s))
    return state, commands


def outcome(*events: ev.CallEvent, every_s: float = 0.5) -> Outcome | None:
    """How the call ended, after checking that it settled once."""
    state, commands = run(*events, every_s=every_s)
    settled = [c for c in commands if isinstance(c, cmd.Settle)]
    assert [c.outcome for c in settled] == [state.outcome]
    return state.outcome


def test_a_talk_from_the_first_command_to_the_last() -> None:
    state, commands = run(*TALK)
    assert state.phase is P.TALKING
    assert commands == [cmd.Disarm(A, cmd.Timer.WAIT), cmd.StartTalk(A, ANN)]
    state, commands = run(*TALK, ev.CallEnded(A, Ending(cause=16, sip=200)))
    assert cmd.FreeAgent(A, ANN, talked=True) in commands
    assert (state.outcome, state.first_agent) == (Outcome.COMPLETED, ANN)
    assert state.answer_to_bridge() == pytest.approx(1.0)  # from the verdict of the detector
    assert state.talk() == pytest.approx(0.5)


def test_dialling_sets_the_ring_alarm_beyond_the_time_out_of_the_pbx() -> None:
    state, commands = run(ev.OriginateSent(A))
    assert commands == [cmd.Arm(A, cmd.Timer.RING, Seconds(30.0))]
    assert state.sent_at == moment(0)


@pytest.mark.parametrize(
    ("verdict", "left"),
    [(ev.Verdict.NOT_ASKED, 1.5), (ev.Verdict.HUMAN, 2.0), (ev.Verdict.UNSURE, 2.0)],
)
def test_the_wait_counts_from_the_answer_or_from_the_verdict(
    verdict: ev.Verdict, left: float
) -> None:
    _, commands = run(*ANSWER, ev.CallClassified(A, verdict))
    assert commands[-2:] == [cmd.Arm(A, cmd.Timer.WAIT, Seconds(left)), cmd.SeekAgent(A)]


def test_a_verdict_proves_an_answer_that_was_not_seen() -> None:
    state, commands = run(ev.OriginateSent(A), HUMAN)
    assert (state.phase, state.answered_at) == (P.WAITING, moment(0.5))
    assert cmd.Disarm(A, cmd.Timer.RING) in commands


def test_a_machine_is_hung_up_on() -> None:
    machine = ev.CallClassified(A, ev.Verdict.MACHINE)
    assert cmd.HangUpCall(A) in run(*ANSWER, machine)[1]
    assert outcome(*ANSWER, machine, ev.CallEnded(A)) is Outcome.MACHINE


def test_nobody_within_the_limit_means_the_message_and_abandonment() -> None:
    waited = (*ANSWER, HUMAN, ev.WaitExpired(A))
    assert cmd.PlaySafeHarbour(A) in run(*waited, every_s=2.0)[1]
    assert outcome(*waited, ev.CallEnded(A), every_s=2.0) is Outcome.ABANDONED


@pytest.mark.parametrize(
    ("before", "limit_s"),
    [(ANSWER, 10.0), ((*ANSWER, HUMAN), 2.0), (TALK[:-1], 3.0), ((*TALK, ev.AgentGone(A)), 2.0)],
)
def test_an_expiry_of_the_last_phases_alarm_abandons_nobody(
    before: tuple[ev.CallEvent, ...], limit_s: float
) -> None:
    """Found: an expiry that lay in the inbox behind the verdict, or behind the agent who became
    free, sent the debtor to the message at once.
    """
    state, _ = run(*before)
    entered = 0.5 * (len(before) - 1)
    same, commands = ca.step(state, ev.WaitExpired(A), moment(entered + 0.5))
    assert same == state
    assert commands == [cmd.Arm(A, cmd.Timer.WAIT, Seconds(limit_s - 0.5))]
    for late in (limit_s, limit_s - 0.0005):
        over, _ = ca.step(state, ev.WaitExpired(A), moment(entered + late))
        assert over.phase is P.SAFE_HARBOUR


def test_a_message_that_the_pbx_began_by_itself_is_an_answer() -> None:
    """Found: it left answered_at empty and the ring alarm set."""
    state, commands = run(ev.OriginateSent(A), ev.SafeHarbourStarted(A))
    assert (state.phase, state.answered_at) == (P.SAFE_HARBOUR, moment(0.5))
    assert cmd.Disarm(A, cmd.Timer.RING) in commands
    assert not any(isinstance(c, cmd.PlaySafeHarbour) for c in commands)


def test_who_hangs_up_before_an_agent_is_no_abandoned_call() -> None:
    for before in (ANSWER, (*ANSWER, HUMAN), TALK[:-1]):
        assert outcome(*before, ev.CallEnded(A)) is Outcome.HUNG_UP_EARLY


def test_an_answer_that_crossed_our_hang_up_is_abandoned() -> None:
    rang = (ev.OriginateSent(A), ev.RingExpired(A))
    assert outcome(*rang, ev.CallEnded(A)) is Outcome.NO_ANSWER
    assert outcome(*rang, ev.CallAnswered(A), ev.CallEnded(A)) is Outcome.ABANDONED
    assert outcome(*rang, HUMAN, ev.CallEnded(A)) is Outcome.ABANDONED


@pytest.mark.parametrize("wish", [Outcome.CANCELLED, Outcome.FAILED, Outcome.NO_ANSWER])
def test_an_answered_call_never_ends_as_unanswered(wish: Outcome) -> None:
    """Found: any outcome but NO_ANSWER and CANCELLED went through."""
    ask = ev.HangupAsked(A, "supervisor", wish)
    assert outcome(*ANSWER, ask, ev.CallEnded(A)) is Outcome.ABANDONED
    assert outcome(*TALK, ask, ev.CallEnded(A)) is Outcome.COMPLETED
    assert outcome(ev.OriginateSent(A), ask, ev.CallEnded(A)) is wish


def test_an_end_that_nobody_saw() -> None:
    gone = ev.CallEnded(A, Ending(seen=False))
    assert outcome(ev.OriginateSent(A), gone) is Outcome.LOST
    assert outcome(*ANSWER, gone) is Outcome.LOST
    assert outcome(*TALK, gone) is Outcome.COMPLETED


def test_the_ring_time_out_of_the_pbx_is_no_answer_unless_sip_says_more() -> None:
    sent = CallState(A, NODE, phase=P.RINGING, sent_at=moment(0))
    for ending, late, expected in [
        (Ending(cause=0), 25.0, Outcome.NO_ANSWER),
        (Ending(cause=0), 24.75, Outcome.NO_ANSWER),
        (Ending(cause=0), 24.7, Outcome.FAILED),
        (Ending(cause=20, sip=480), 25.0, Outcome.NO_ANSWER),
        (Ending(cause=20, sip=480), 5.0, Outcome.SWITCHED_OFF),
        (Ending(cause=17, sip=486), 26.0, Outcome.BUSY),
    ]:
        ended, _ = ca.step(sent, ev.CallEnded(A, ending), moment(late))
        assert ended.outcome is expected


def test_a_refusal_ends_what_never_rang() -> None:
    assert outcome(ev.OriginateRefused(A, "no")) is Outcome.FAILED
    assert outcome(ev.OriginateSent(A), ev.OriginateRefused(A, "no")) is Outcome.FAILED
    asked = (ev.OriginateSent(A), ev.HangupAsked(A, "drain"))
    assert outcome(*asked, ev.OriginateRefused(A, "no")) is Outcome.CANCELLED


@pytest.mark.parametrize("before", [ANSWER[:2], ANSWER, TALK])
def test_a_refusal_of_a_call_that_lives_settles_nothing(before: tuple[ev.CallEvent, ...]) -> None:
    """Found: in HANGING_UP it settled a call whose channel was up, as cancelled after an answer."""
    state, commands = run(*before, ev.HangupAsked(A, "x"), ev.OriginateRefused(A, "no"))
    assert (state.phase, commands) == (P.HANGING_UP, [])


def test_a_vanished_agent_is_followed_by_the_next_within_the_same_limit() -> None:
    state, commands = run(*TALK[:-1], ev.AgentGone(A))
    assert (state.phase, state.agent, state.leg) == (P.WAITING, None, None)
    assert commands == [cmd.Arm(A, cmd.Timer.WAIT, Seconds(1.0)), cmd.SeekAgent(A)]


def test_after_a_refused_bridge_the_next_agent_is_sought_before_this_one_is_free() -> None:
    """Found: freed first, with their place in the queue kept, the same agent was chosen again."""
    _, commands = run(*TALK[:-1], ev.BridgeRefused(A, "no", LEG))
    assert commands[1:] == [cmd.SeekAgent(A), cmd.FreeAgent(A, ANN, talked=False)]


def test_a_late_refusal_of_the_last_agents_bridge_leaves_the_present_agent_alone() -> None:
    """Found: it freed the second agent, whose bridge then came about: the debtor was hung up on."""
    second = (*TALK[:-1], ev.AgentGone(A), ev.AgentReserved(A, BOB, OTHER))
    state, commands = run(*second, ev.BridgeRefused(A, "no such channel", LEG))
    assert (state.phase, state.agent, commands) == (P.CONNECTING, BOB, [])


def test_a_bridge_with_a_given_up_agent_ends_the_call_and_frees_the_present_one_once() -> None:
    """Found: the call went on naming the freed agent, and freed them again at its end."""
    second = (*TALK[:-1], ev.AgentGone(A), ev.AgentReserved(A, BOB, OTHER))
    state, commands = run(*second, ev.CallBridged(A, LEG))
    assert (state.phase, state.agent) == (P.HANGING_UP, None)
    assert cmd.FreeAgent(A, BOB, talked=False) in commands
    _, commands = ca.step(state, ev.CallEnded(A), moment(9))
    assert not any(isinstance(c, cmd.FreeAgent) for c in commands)


def test_a_cut_talk_goes_to_the_next_agent() -> None:
    for cut, freed in [(ev.AgentGone(A), False), (ev.CallUnbridged(A), True)]:
        state, commands = run(*TALK, cut)
        assert state.phase is P.WAITING
        assert (cmd.FreeAgent(A, ANN, talked=True) in commands) is freed
        assert cmd.SeekAgent(A) in commands


def test_the_second_agent_has_not_talked_before_the_second_bridge() -> None:
    """Found: hung up while connecting, they were sent into wrap-up for a talk of the first agent."""
    second = (*TALK, ev.AgentGone(A), ev.AgentReserved(A, BOB, OTHER))
    _, commands = run(*second, ev.HangupAsked(A, "supervisor"), ev.CallEnded(A))
    assert cmd.FreeAgent(A, BOB, talked=False) in commands
    state, commands = run(*second, ev.CallBridged(A, OTHER), ev.CallEnded(A))
    assert cmd.FreeAgent(A, BOB, talked=True) in commands
    assert state.first_agent == ANN


def test_an_agent_who_vanishes_while_the_call_is_being_hung_up_is_named_no_more() -> None:
    """Found: the call named them until its end, and they could be in their next call by then."""
    state, commands = run(*TALK, ev.HangupAsked(A, "supervisor"), ev.AgentGone(A))
    assert (state.phase, state.agent, commands) == (P.HANGING_UP, None, [])
    assert state.talk() is not None


def test_ring_mode_bridges_when_the_phone_is_taken() -> None:
    chosen = (*ANSWER, HUMAN, ev.AgentReserved(A, ANN, None))
    assert run(*chosen)[1] == [cmd.RingAgent(A, ANN)]
    state, commands = run(*chosen, ev.AgentLegReady(A, LEG))
    assert (state.phase, state.leg) == (P.CONNECTING, LEG)
    assert cmd.BridgeLegs(A, LEG) in commands
    assert run(*chosen, ev.AgentLegReady(A, LEG), ev.AgentLegReady(A, OTHER))[0].leg == LEG


def test_cancelled_before_it_was_dialled() -> None:
    state, commands = run(ev.HangupAsked(A, "drain"))
    assert (state.phase, state.outcome) == (P.ENDED, Outcome.CANCELLED)
    assert not any(isinstance(c, cmd.HangUpCall) for c in commands)


def test_recovered_in_the_phase_that_the_channels_show() -> None:
    def found(answered: bool, leg: LegId | None) -> tuple[CallState, list[cmd.Command]]:
        return ca.recovered(A, NODE, CallPolicy(), moment(5), answered=answered, agent=ANN, leg=leg)

    state, commands = found(False, None)
    assert (state.phase, commands[0]) == (P.RINGING, cmd.Arm(A, cmd.Timer.RING, Seconds(30.0)))
    state, commands = found(True, None)
    assert (state.phase, state.agent) == (P.WAITING, None)
    assert cmd.SeekAgent(A) in commands
    state, commands = found(True, LEG)
    assert (state.phase, state.agent, commands) == (P.TALKING, ANN, [])


def robot(*events: ev.CallEvent) -> tuple[CallState, list[cmd.Command]]:
    """As `run`, of a call without an agent."""
    state, commands = CallState(A, NODE, CallPolicy(robot=True)), list[cmd.Command]()
    for number, event in enumerate(events):
        state, commands = ca.step(state, event, moment(number * 0.5))
    return state, commands


def test_without_an_agent_the_message_is_all_there_is() -> None:
    state, commands = robot(*ANSWER, HUMAN)
    assert state.phase is P.MESSAGE
    assert not any(isinstance(one, cmd.SeekAgent) for one in commands)
    heard = (*ANSWER, HUMAN, ev.MessagePlayed(A), ev.CallEnded(A, Ending(cause=16)))
    assert robot(*heard)[0].outcome is Outcome.MESSAGE
    assert robot(*ANSWER, HUMAN, ev.CallEnded(A))[0].outcome is Outcome.HUNG_UP_EARLY
    machine = ev.CallClassified(A, ev.Verdict.MACHINE)
    assert robot(*ANSWER, machine, ev.CallEnded(A))[0].outcome is Outcome.MACHINE


def test_a_message_that_cannot_be_played_left_somebody_in_silence() -> None:
    asked = ev.HangupAsked(A, "the PBX, which cannot play the message")
    state, _ = robot(*ANSWER, HUMAN, asked, ev.CallEnded(A))
    assert state.outcome is Outcome.ABANDONED
    assert "cannot play" in state.detail


def test_a_message_that_ended_unseen_is_what_the_pbx_noted() -> None:
    noted = Ending(cause=16, seen=True, answered=True, bridged=True)
    assert robot(*ANSWER, ev.CallEnded(A, noted))[0].outcome is Outcome.MESSAGE
    assert robot(*ANSWER, ev.CallEnded(A, Ending(seen=False)))[0].outcome is Outcome.LOST
    answered = Ending(cause=16, seen=True, answered=True)
    assert robot(ANSWER[0], ev.CallEnded(A, answered))[0].outcome is Outcome.HUNG_UP_EARLY


def test_a_message_found_playing_after_a_restart_goes_on() -> None:
    policy = CallPolicy(robot=True)
    state, commands = ca.recovered(A, NODE, policy, moment(5), answered=True)
    assert (state.phase, commands) == (P.MESSAGE, [])
    # What it said when nobody listened to the answer itself.
    late, _ = robot(ev.OriginateSent(A), ev.MessagePlayed(A))
    assert (late.phase, late.planned) == (P.MESSAGE, Outcome.MESSAGE)


def test_an_illegal_event_raises_and_changes_nothing() -> None:
    state, _ = run(*ANSWER)
    kept = replace(state)
    with pytest.raises(IllegalTransition, match="AgentReserved in answered"):
        ca.step(state, ev.AgentReserved(A, ANN, LEG), moment(9))
    assert state == kept


# Every pair that is neither a row nor ignored. A change here is a change of what the dialer holds
# for impossible; say why in the commit.
ILLEGAL = {
    P.PLANNED: "CallRinging CallAnswered CallClassified AgentReserved AgentLegReady AgentGone CallBridged"
    " BridgeRefused CallUnbridged WaitExpired SafeHarbourStarted MessagePlayed RingExpired",
    P.DIALING: "AgentReserved AgentLegReady AgentGone CallBridged BridgeRefused CallUnbridged WaitExpired",
    P.RINGING: "AgentReserved AgentLegReady AgentGone CallBridged BridgeRefused CallUnbridged WaitExpired",
    P.ANSWERED: "AgentReserved AgentLegReady AgentGone CallBridged BridgeRefused CallUnbridged",
    P.WAITING: "",
    P.CONNECTING: "AgentReserved",
    P.TALKING: "AgentReserved SafeHarbourStarted",
    P.MESSAGE: "AgentReserved AgentLegReady AgentGone CallBridged BridgeRefused CallUnbridged",
    P.SAFE_HARBOUR: "AgentReserved",
    P.HANGING_UP: "AgentReserved",
    P.ENDED: "AgentReserved",
}


def test_the_illegal_pairs_are_these_and_no_others() -> None:
    found = {p: {e.__name__ for e in TABLE.events if not TABLE.is_legal(p, e)} for p in P}
    assert found == {p: set(names.split()) for p, names in ILLEGAL.items()}


def test_every_call_event_is_in_the_table() -> None:
    # By name: a dataclass with slots leaves its unslotted twin among the subclasses.
    assert {e.__name__ for e in TABLE.events} == {e.__name__ for e in ev.CallEvent.__subclasses__()}
    assert {phase for phase, _ in TABLE.rows} == set(P) - {P.ENDED}
