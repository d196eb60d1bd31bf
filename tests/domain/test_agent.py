"""The agent's table: what the person chose, what the switch sees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer_engine.domain import agent as ag
from dialer_engine.domain import commands as cmd
from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import TABLE, AgentMode, AgentPolicy, AgentState, Line
from dialer_engine.domain.errors import IllegalTransition
from dialer_engine.domain.events import Presence
from dialer_engine.domain.units import AgentId, AttemptId, LegId, Seconds
from tests.domain.model import moment

ANN = AgentId("ann")
CALL, NEXT = AttemptId("a-1"), AttemptId("a-2")
LEG, OTHER = LegId("g-1"), LegId("g-2")
IN = ev.LoggedIn(ANN)
UP, DOWN = ev.LegUp(ANN, LEG), ev.LegDown(ANN, LEG)
BREAK = ev.BreakStarted(ANN, "tea")
RESERVED = (IN, UP, ev.Reserved(ANN, CALL))
TALKING = (*RESERVED, ev.TalkStarted(ANN, CALL))
OVER = ev.TalkEnded(ANN, CALL)
L = Line


def run(
    *events: ev.AgentEvent, mode: AgentMode = AgentMode.NAILED, wrap_up_s: float = 20.0
) -> tuple[AgentState, list[cmd.Command]]:
    """The state after all events, a second apart, and the commands of the last one."""
    state, commands = AgentState(ANN, mode, AgentPolicy(wrap_up_s=wrap_up_s)), list[cmd.Command]()
    for number, event in enumerate(events):
        state, commands = ag.step(state, event, moment(number))
    return state, commands


def ring(*events: ev.AgentEvent, wrap_up_s: float = 20.0) -> tuple[AgentState, list[cmd.Command]]:
    """The same for an agent who is rung for each call."""
    return run(*events, mode=AgentMode.RING, wrap_up_s=wrap_up_s)


def seen(result: tuple[AgentState, list[cmd.Command]]) -> tuple[Line, list[cmd.Command]]:
    """The line and the commands."""
    return result[0].line, result[1]


RING_RESERVED = (IN, ev.Reserved(ANN, CALL))
RING_TALKING = (*RING_RESERVED, UP, ev.TalkStarted(ANN, CALL))


# -- a nailed agent's day


def test_login_calls_the_phone_and_an_answer_makes_the_agent_available() -> None:
    assert seen(run(IN)) == (L.CALLING, [cmd.CallPhone(ANN)])
    assert seen(run(IN, UP)) == (L.IDLE, [cmd.Offer(ANN)])
    assert seen(run(ev.LoggedIn(ANN, LEG))) == (L.IDLE, [cmd.Offer(ANN)])


def test_a_call_from_choice_to_wrap_up_and_back() -> None:
    assert run(*RESERVED)[0].attempt == CALL
    assert run(*TALKING)[0].line is L.IN_CALL
    state, commands = run(*TALKING, OVER)
    assert (state.line, state.attempt) == (L.WRAP_UP, CALL)
    assert commands == [cmd.Arm(ANN, cmd.Timer.WRAP_UP, Seconds(20.0))]
    state, commands = run(*TALKING, OVER, ev.WrapUpDone(ANN))
    assert (state.line, state.attempt) == (L.IDLE, None)
    assert commands == [cmd.Disarm(ANN, cmd.Timer.WRAP_UP), cmd.Offer(ANN)]


def test_no_wrap_up_when_its_limit_is_nought() -> None:
    assert run(*TALKING, OVER, wrap_up_s=0.0)[0].is_available


def test_another_calls_news_change_nothing() -> None:
    for event in (ev.Released(ANN, NEXT), ev.TalkStarted(ANN, NEXT)):
        assert seen(run(*RESERVED, event)) == (L.RESERVED, [])
    assert seen(run(*TALKING, ev.TalkEnded(ANN, NEXT))) == (L.IN_CALL, [])


def test_a_release_keeps_the_place_in_the_queue() -> None:
    state, commands = run(*RESERVED, ev.Released(ANN, CALL))
    assert (state.line, state.idle_since, commands) == (L.IDLE, moment(1), [cmd.Offer(ANN)])


def test_a_release_on_a_break_offers_nothing() -> None:
    state, commands = run(*RESERVED, BREAK, ev.Released(ANN, CALL))
    assert (state.line, state.presence, commands) == (L.IDLE, Presence.BREAK, [])


def test_an_agent_on_a_break_cannot_be_reserved() -> None:
    """Found: the table looked at the line only."""
    state, _ = run(IN, UP, BREAK)
    assert not state.is_available
    with pytest.raises(IllegalTransition, match="on break"):
        ag.step(state, ev.Reserved(ANN, CALL), moment(9))


@pytest.mark.parametrize("before", [(IN,), (IN, UP), RESERVED, TALKING, (*TALKING, OVER)])
def test_a_break_never_touches_the_line(before: tuple[ev.AgentEvent, ...]) -> None:
    line = run(*before)[0].line
    state, commands = run(*before, BREAK)
    assert (state.line, state.presence, state.break_reason, commands) == (
        line, Presence.BREAK, "tea", [],
    )  # fmt: skip
    state, commands = run(*before, BREAK, ev.BreakEnded(ANN))
    assert (state.line, state.presence, state.break_reason) == (line, Presence.READY, "")
    assert commands == ([cmd.Offer(ANN)] if line is L.IDLE else [])


def test_idle_time_counts_from_the_end_of_a_break() -> None:
    assert run(IN, UP, BREAK, ev.BreakEnded(ANN))[0].idle_since == moment(3)
    # Found: a second login ended the break, and the break counted as idle time.
    assert run(IN, UP, BREAK, IN)[0].idle_since == moment(3)


def test_a_break_means_nothing_to_who_is_not_at_work() -> None:
    assert run(BREAK)[0].presence is Presence.LOGGED_OUT
    assert run(ev.BreakEnded(ANN))[0].presence is Presence.LOGGED_OUT


# -- logging out in every phase

GONE = [cmd.Disarm(ANN, cmd.Timer.CALLBACK), cmd.Disarm(ANN, cmd.Timer.WRAP_UP)]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ((), GONE),
        ((IN,), GONE),
        ((IN, UP), [*GONE, cmd.HangUpLeg(LEG)]),
        (RESERVED, [cmd.LoseAgent(CALL), *GONE, cmd.HangUpLeg(LEG)]),
        ((*TALKING, OVER), [*GONE, cmd.HangUpLeg(LEG)]),
    ],
)
def test_logout_outside_a_talk_is_at_once(
    before: tuple[ev.AgentEvent, ...], expected: list[cmd.Command]
) -> None:
    state, commands = run(*before, ev.LoggedOut(ANN))
    assert (state.line, state.presence, state.leg) == (L.OFF, Presence.LOGGED_OUT, None)
    assert commands == expected


def test_logout_in_a_talk_lets_it_end() -> None:
    state, commands = run(*TALKING, ev.LoggedOut(ANN))
    assert (state.line, state.presence, commands) == (L.IN_CALL, Presence.LOGGED_OUT, [])
    state, commands = run(*TALKING, ev.LoggedOut(ANN), OVER)
    assert (state.line, state.attempt) == (L.OFF, None)
    assert cmd.HangUpLeg(LEG) in commands


def test_back_before_the_talk_ended() -> None:
    state, _ = run(*TALKING, ev.LoggedOut(ANN), IN, OVER)
    assert (state.line, state.presence) == (L.WRAP_UP, Presence.READY)


# -- legs that drop, in every phase


@pytest.mark.parametrize(
    ("before", "lost"),
    [((IN, UP), []), (RESERVED, [cmd.LoseAgent(CALL)]), (TALKING, [cmd.LoseAgent(CALL)])],
)
def test_a_dropped_leg_frees_the_call_at_once_and_is_called_back(
    before: tuple[ev.AgentEvent, ...], lost: list[cmd.Command]
) -> None:
    state, commands = run(*before, DOWN)
    assert (state.line, state.leg, state.attempt) == (L.OFF, None, None)
    assert commands == [*lost, cmd.Arm(ANN, cmd.Timer.CALLBACK, Seconds(1.0))]
    assert seen(run(*before, DOWN, ev.CallbackDue(ANN))) == (L.CALLING, [cmd.CallPhone(ANN)])


def test_a_leg_that_drops_in_wrap_up_is_called_after_it() -> None:
    assert seen(run(*TALKING, OVER, DOWN)) == (L.WRAP_UP, [])
    line, commands = seen(run(*TALKING, OVER, DOWN, ev.WrapUpDone(ANN)))
    assert (line, commands[-1]) == (L.CALLING, cmd.CallPhone(ANN))


def test_a_leg_that_drops_after_logout_in_a_talk_is_not_called_back() -> None:
    state, commands = run(*TALKING, ev.LoggedOut(ANN), DOWN)
    assert (state.line, state.attempt, commands) == (L.OFF, None, [cmd.LoseAgent(CALL)])


@pytest.mark.parametrize("before", [(IN, UP), RESERVED, TALKING, (*TALKING, OVER)])
def test_the_end_of_another_leg_is_no_ones(before: tuple[ev.AgentEvent, ...]) -> None:
    line = run(*before)[0].line
    assert seen(run(*before, ev.LegDown(ANN, OTHER))) == (line, [])


@pytest.mark.parametrize("before", [(IN, UP), RESERVED, TALKING, (*TALKING, OVER)])
def test_a_second_leg_is_hung_up(before: tuple[ev.AgentEvent, ...]) -> None:
    """Found: it was forgotten, and held the agent's phone for nothing."""
    state, commands = run(*before, ev.LegUp(ANN, OTHER))
    assert (state.leg, commands) == (LEG, [cmd.HangUpLeg(OTHER)])
    assert run(*before, UP)[1] == []


def test_dialling_in_beside_an_old_leg_takes_the_new_one_unless_there_is_a_call() -> None:
    """Found: the new leg was forgotten in every phase but CALLING."""
    again = ev.LoggedIn(ANN, OTHER)
    state, commands = run(IN, UP, again)
    assert (state.leg, commands[0]) == (OTHER, cmd.HangUpLeg(LEG))
    assert run(*TALKING, OVER, again)[0].leg == OTHER
    for busy in (RESERVED, TALKING):
        state, commands = run(*busy, again)
        assert (state.leg, commands) == (LEG, [cmd.HangUpLeg(OTHER)])
    assert run(IN, again)[0].is_available


def test_who_logged_out_while_the_phone_rang_has_the_leg_hung_up() -> None:
    assert seen(run(IN, ev.LoggedOut(ANN), UP)) == (L.OFF, [cmd.HangUpLeg(LEG)])


def test_the_pause_before_a_call_back_doubles_up_to_its_limit() -> None:
    pauses = []
    state, commands = run(IN)
    for number in range(8):
        state, commands = ag.step(state, DOWN, moment(number))
        pauses += [c.after for c in commands if isinstance(c, cmd.Arm)]
        state, _ = ag.step(state, ev.CallbackDue(ANN), moment(number))
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_a_phone_that_is_off_all_night_does_not_overflow() -> None:
    """Found: 2.0 ** 1024 raises after a thousand failures, eight and a half hours at 30 s."""
    state = replace(run(IN)[0], failures=5000)
    _, commands = ag.step(state, DOWN, moment(9))
    assert commands == [cmd.Arm(ANN, cmd.Timer.CALLBACK, Seconds(30.0))]


# -- the phone is rung for each call


def test_ring_mode_is_available_without_a_leg() -> None:
    assert seen(ring(IN)) == (L.IDLE, [cmd.Offer(ANN)])


def test_ring_mode_does_not_hold_the_phone_that_logged_in() -> None:
    """Found: it was kept as if nailed, and the phone was busy when it was rung for a call."""
    by_phone = ev.LoggedIn(ANN, LEG)
    state, commands = ring(by_phone)
    assert (state.leg, commands) == (None, [cmd.HangUpLeg(LEG), cmd.Offer(ANN)])
    for before in ((IN,), (IN, BREAK), (*RING_TALKING, OVER)):
        state, commands = ring(*before, by_phone)
        assert (state.leg, state.presence) == (None, Presence.READY)
        assert commands[0] == cmd.HangUpLeg(LEG)


def test_ring_mode_takes_the_leg_of_this_call_and_hangs_it_up_after() -> None:
    assert ring(*RING_RESERVED, UP)[0].leg == LEG
    state, commands = ring(*RING_TALKING, OVER)
    assert (state.line, state.leg, commands[0]) == (L.WRAP_UP, None, cmd.HangUpLeg(LEG))
    state, commands = ring(*RING_TALKING, OVER, wrap_up_s=0.0)
    assert (state.line, state.leg, commands[0]) == (L.IDLE, None, cmd.HangUpLeg(LEG))


def test_ring_mode_phone_not_taken() -> None:
    state, commands = ring(*RING_RESERVED, DOWN)
    assert (state.line, commands) == (L.IDLE, [cmd.LoseAgent(CALL)])
    assert (state.presence, state.break_reason) == (ev.Presence.BREAK, "phone_not_taken")


def test_ring_mode_phone_drops_in_the_talk() -> None:
    state, commands = ring(*RING_TALKING, DOWN)
    assert (state.line, state.leg) == (L.IDLE, None)
    assert commands == [cmd.LoseAgent(CALL), cmd.Offer(ANN)]


def test_ring_mode_release_hangs_the_phone_up() -> None:
    state, commands = ring(*RING_RESERVED, UP, ev.Released(ANN, CALL))
    assert (state.line, state.leg, commands[0]) == (L.IDLE, None, cmd.HangUpLeg(LEG))


@pytest.mark.parametrize(
    "before", [(*RING_RESERVED, ev.Released(ANN, CALL)), (*RING_TALKING, OVER)]
)
def test_ring_mode_phone_taken_too_late_is_hung_up(before: tuple[ev.AgentEvent, ...]) -> None:
    """Found: idle, it was forgotten; in wrap-up, it was kept as if it were nailed."""
    state, commands = ring(*before, ev.LegUp(ANN, OTHER))
    assert (state.leg, commands) == (None, [cmd.HangUpLeg(OTHER)])


def test_ring_mode_logout_and_leg_end_outside_a_call() -> None:
    assert ring(IN, ev.LoggedOut(ANN))[0].line is L.OFF
    assert seen(ring(IN, ev.LegDown(ANN, LEG))) == (L.IDLE, [])
    assert cmd.LoseAgent(CALL) in ring(*RING_RESERVED, ev.LoggedOut(ANN))[1]


# -- after a restart


@pytest.mark.parametrize(
    ("mode", "presence", "leg", "attempt", "line"),
    [
        (AgentMode.NAILED, Presence.READY, LEG, CALL, L.IN_CALL),
        (AgentMode.NAILED, Presence.READY, LEG, None, L.IDLE),
        (AgentMode.NAILED, Presence.BREAK, None, None, L.CALLING),
        (AgentMode.RING, Presence.READY, None, None, L.IDLE),
        (AgentMode.NAILED, Presence.LOGGED_OUT, None, None, L.OFF),
    ],
)
def test_recovered(
    mode: AgentMode, presence: Presence, leg: LegId | None, attempt: AttemptId | None, line: Line
) -> None:
    state, _ = ag.recovered(
        AgentState(ANN, mode), moment(3), presence=presence, leg=leg, attempt=attempt
    )
    assert (state.line, state.presence, state.leg, state.attempt) == (line, presence, leg, attempt)


# Every pair that is neither a row nor ignored: a change here is deliberate.
ILLEGAL = {
    L.OFF: "Reserved",
    L.CALLING: "Reserved",
    L.IDLE: "",
    L.RESERVED: "Reserved TalkEnded",
    L.IN_CALL: "Reserved",
    L.WRAP_UP: "Reserved",
}


def test_the_illegal_pairs_are_these_and_no_others() -> None:
    found = {p: {e.__name__ for e in TABLE.events if not TABLE.is_legal(p, e)} for p in L}
    assert found == {p: set(names.split()) for p, names in ILLEGAL.items()}


def test_every_agent_event_is_in_the_table() -> None:
    assert {e.__name__ for e in TABLE.events} == {
        e.__name__ for e in ev.AgentEvent.__subclasses__()
    }
