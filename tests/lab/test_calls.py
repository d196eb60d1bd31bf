"""A real PBX and the world: every outcome, recordings by ear, bridging, and what is learnt after an absence."""

from __future__ import annotations

import itertools
import time

import pytest

from tests.pbx_calls import Calls, amplitude, piece
from tests.pbx_fixture import CROSS_S
from tools.lab.errors import AmiError
from tools.lab.lab import Lab
from tools.lab.mix import number_for

pytestmark = pytest.mark.pbx

LOUD = 3000.0  # tones are sent with amplitude 9000
QUIET = 200.0
DEBTOR_HZ, FIRST_HZ, SECOND_HZ = 350, 1100, 1200  # tone variant 1; phones 2001 and 2002
_serial = itertools.count()


def new_id(kind: str = "a") -> str:
    return f"{kind}-{next(_serial):08d}"


@pytest.mark.parametrize(
    ("kind", "cause", "sip"),
    [
        ("busy", "17", "486"),
        ("declined", "21", "603"),
        ("unallocated", "1", "404"),
        ("unallocated_said", "1", "404"),
        ("suspended_said", "22", "410"),
        ("switched_off", "19", "480"),
        ("congestion", "34", "503"),
        ("codec", "58", "488"),
    ],
)
@pytest.mark.parametrize("trunk", Lab.trunks)
def test_refusals(calls: Calls, kind: str, cause: str, sip: str, trunk: str) -> None:
    attempt = new_id()
    calls.dial(attempt, number_for(kind), trunk=trunk)
    response = calls.ami.wait("OriginateResponse", 30, Uniqueid=attempt)
    hangup = calls.outcome(attempt)
    assert (response["Response"], response["Reason"]) == ("Failure", "0")
    assert (hangup["Cause"], hangup["TechCause"]) == (cause, sip)
    row = calls.ended_row(attempt)
    assert row[2] == cause
    assert row[3].startswith(f"SIP {sip}")


def test_no_answer_is_told_by_its_reason(calls: Calls) -> None:
    attempt = new_id()
    calls.dial(attempt, number_for("no_answer"), timeout_ms=1500)
    assert calls.ami.wait("OriginateResponse", 10, Uniqueid=attempt)["Reason"] == "3"
    assert calls.outcome(attempt)["ChannelState"] == "5"
    assert calls.ended_row(attempt)[1:] == ["Ringing", "19", "SIP 180 Ringing", "0", ""]


def test_cancel_and_answer_cross(calls: Calls) -> None:
    """Whoever wins, the attempt ends once and leaves nothing behind."""
    attempt = new_id()
    calls.dial(attempt, number_for("cancel_cross"), timeout_ms=int(CROSS_S * 1000), wait=1)
    hangup = calls.outcome(attempt, 60)
    assert hangup["Cause"] in ("16", "19")
    calls.ami.drain(0.5)
    ends = [e for e in calls.ami.events if e["Event"] == "Hangup" and e["Uniqueid"] == attempt]
    assert len(ends) == 1


@pytest.mark.parametrize("kind", ["answer_hangup", "silence", "drop_after"])
def test_the_debtor_hangs_up(calls: Calls, kind: str) -> None:
    attempt = new_id()
    calls.dial(attempt, number_for(kind))
    calls.ami.wait("UserEvent", 20, UserEvent="DialerAnswered", Attempt=attempt)
    hangup = calls.outcome(attempt)
    assert (hangup["Cause"], hangup.get("TechCause")) == ("16", None)


def test_reinvite_while_up_changes_nothing(calls: Calls) -> None:
    attempt, leg = new_id(), new_id("g")
    calls.nail_up(leg, 2001)
    calls.answered(attempt, number_for("reinvite"))
    calls.bridge(attempt, leg)
    time.sleep(1.5)
    calls.hang_up(attempt)
    heard = calls.recording(attempt)
    assert amplitude(piece(heard, 1, 0.6, 0.8), FIRST_HZ) > LOUD
    assert piece(heard, 0, 0.0, 1.4).std() > QUIET


@pytest.mark.parametrize(
    ("kind", "result"), [("talk", "HUMAN"), ("machine", "MACHINE"), ("tone", "MACHINE")]
)
def test_answering_machine_detection(calls: Calls, kind: str, result: str) -> None:
    attempt = new_id()
    calls.dial(attempt, number_for(kind, 5), amd=True)
    event = calls.ami.wait("UserEvent", 25, UserEvent="DialerAnswered", Attempt=attempt)
    assert event["Amd"] == result


def test_second_try_is_another_result(calls: Calls) -> None:
    first, second = new_id(), new_id()
    calls.dial(first, number_for("second_try", 3))
    assert calls.outcome(first)["TechCause"] == "486"
    calls.answered(second, number_for("second_try", 3), timeout_ms=20_000)


def test_chance_is_the_same_in_the_dialplan_and_in_the_mix(calls: Calls, lab: Lab) -> None:
    answers = {"busy": "486", "switched_off": "480", "congestion": "503", "unallocated": "404"}
    drawn = {n: lab.mix.draw(n) for n in (f"+447700900{i:03d}" for i in range(120))}
    told = {number: answers[kind] for number, kind in drawn.items() if kind in answers}
    assert len(told) > 5
    for number, sip in told.items():
        attempt = new_id()
        calls.dial(attempt, number)
        assert calls.outcome(attempt)["TechCause"] == sip


def test_a_congested_carrier_and_the_other(calls: Calls, lab: Lab) -> None:
    lab.congest("carrier-a")
    try:
        failed, through = new_id(), new_id()
        calls.dial(failed, number_for("long_talk"))
        assert calls.outcome(failed)["TechCause"] == "503"
        calls.answered(through, number_for("long_talk"), trunk="carrier-b")
    finally:
        lab.congest("carrier-a", on=False)


def test_both_voices_from_the_first_second_each_in_its_channel(calls: Calls) -> None:
    attempt, leg = new_id(), new_id("g")
    calls.nail_up(leg, 2001)
    calls.answered(attempt, number_for("tone", 1))
    calls.bridge(attempt, leg)
    time.sleep(2)
    calls.hang_up(attempt)
    heard = calls.recording(attempt)
    assert amplitude(piece(heard, 0, 0.1, 0.8), DEBTOR_HZ) > LOUD
    assert amplitude(piece(heard, 1, 0.4, 0.6), FIRST_HZ) > LOUD
    assert amplitude(piece(heard, 0, 0.1, 1.5), FIRST_HZ) < QUIET
    assert amplitude(piece(heard, 1, 0.1, 1.5), DEBTOR_HZ) < QUIET


def test_both_far_ends_hear_the_other(calls: Calls) -> None:
    """An echo at the debtor's end brings back what it heard: the agent's tone, in the debtor's channel."""
    attempt, leg = new_id(), new_id("g")
    calls.nail_up(leg, 2002)
    calls.answered(attempt, number_for("echo"))
    calls.bridge(attempt, leg)
    time.sleep(1.5)
    calls.hang_up(attempt)
    assert amplitude(piece(calls.recording(attempt), 0, 0.5, 0.8), SECOND_HZ) > LOUD


def test_the_recording_survives_agents_and_the_safe_harbour(calls: Calls) -> None:
    attempt, first, second = new_id(), new_id("g"), new_id("g")
    calls.nail_up(first, 2001)
    calls.nail_up(second, 2002)
    calls.answered(attempt, number_for("tone", 1))
    begun = time.monotonic()
    time.sleep(0.5)
    calls.bridge(attempt, first)
    time.sleep(1)
    since = len(calls.ami.events)
    calls.hang_up(first)
    calls.ami.wait("UserEvent", 5, since, UserEvent="DialerUnbridged", Attempt=attempt)
    calls.holding(attempt, since=since)
    calls.bridge(attempt, second)
    at_second = time.monotonic() - begun
    time.sleep(1)
    calls.ami.ask("Redirect", Channel=attempt, Context="dialer-abandon", Exten="s", Priority=1)
    calls.ami.wait("UserEvent", 5, UserEvent="DialerAbandoned", Attempt=attempt)
    calls.outcome(attempt)
    lasted = time.monotonic() - begun
    heard = calls.recording(attempt)
    assert abs(len(heard) / 8000 - lasted) < 1
    assert amplitude(piece(heard, 0, 0.2, len(heard) / 8000 - 0.4), DEBTOR_HZ) > LOUD
    assert piece(heard, 1, 0.0, 0.4).std() < QUIET
    assert amplitude(piece(heard, 1, 1.0, 0.4), FIRST_HZ) > LOUD
    assert amplitude(piece(heard, 1, at_second + 0.2, 0.4), SECOND_HZ) > LOUD
    assert piece(heard, 1, at_second + 1.5, 1).std() > QUIET


def test_ids_and_names_stay_through_a_talk(calls: Calls) -> None:
    attempt, leg = new_id(), new_id("g")
    calls.nail_up(leg, 1001)
    calls.answered(attempt, number_for("long_talk"))
    named = {e["Uniqueid"]: e["Channel"] for e in calls.ami.events if e["Event"] == "BridgeEnter"}
    calls.bridge(attempt, leg)
    since = len(calls.ami.events)
    calls.hang_up(attempt)
    back = calls.holding(leg, since=since)
    assert back["Channel"] == named[leg]
    assert calls.outcome(attempt)["Channel"] == named[attempt]


def test_nobody_for_an_answered_call(calls: Calls) -> None:
    """Without the daemon the leg goes to the safe-harbour message by itself at DE_WAIT."""
    attempt = new_id()
    calls.answered(attempt, number_for("long_talk"), wait=1)
    calls.ami.wait("UserEvent", 3, UserEvent="DialerAbandoned", Attempt=attempt)
    assert calls.outcome(attempt)["Cause"] == "16"


def test_a_long_talk_is_not_cut_by_the_wait_limit(calls: Calls) -> None:
    attempt, leg = new_id(), new_id("g")
    calls.nail_up(leg, 1002)
    calls.answered(attempt, number_for("long_talk"), wait=1)
    calls.bridge(attempt, leg)
    since = len(calls.ami.events)
    calls.ami.drain(2)
    assert not [e for e in calls.ami.events[since:] if e.get("Uniqueid") == attempt]


def test_a_living_id_cannot_be_dialled_again(calls: Calls) -> None:
    attempt = new_id()
    calls.answered(attempt, number_for("long_talk"))
    calls.ami.wait("OriginateResponse", 5, Uniqueid=attempt, Response="Success")
    calls.dial(attempt, number_for("long_talk", 1))
    calls.ami.wait("OriginateResponse", 5, Uniqueid=attempt, Response="Failure")
    assert not [e for e in calls.ami.drain(0.5) if e["Event"] == "Hangup"]


def test_an_agent_dials_in(calls: Calls, lab: Lab) -> None:
    lab.agent_dials_in(1003, "4711")
    login = calls.ami.wait("UserEvent", 20, UserEvent="DialerAgentLogin")
    assert (login["Agent"], login["Pin"]) == ("1003", "4711")
    leg = login["Uniqueid"]
    calls.ami.ask("Setvar", Channel=leg, Variable="DE_AGENT", Value="1003")
    calls.ami.ask("Redirect", Channel=leg, Context="dialer-agent", Exten="s", Priority=1)
    assert (
        calls.ami.wait("UserEvent", 5, UserEvent="DialerAgentUp", Agent="1003")["Uniqueid"] == leg
    )


def test_a_supervisor_listens(calls: Calls) -> None:
    leg, spy = new_id("g"), new_id("s")
    calls.nail_up(leg, 1001)
    calls.ami.ask(
        "Originate",
        {"DE_SPY": leg, "DE_SPYMODE": "listen"},
        Channel="PJSIP/agent-1004",
        ChannelId=spy,
        Context="dialer-listen",
        Exten="s",
        Priority=1,
        Async="true",
    )
    calls.ami.wait("OriginateResponse", 5, Uniqueid=spy, Response="Success")
    calls.hang_up(leg)
    calls.ami.wait("Hangup", 5, Uniqueid=spy)


def test_the_dialler_cannot_run_commands(calls: Calls) -> None:
    with pytest.raises(AmiError, match="Permission denied"):
        calls.ami.ask("Command", Command="core show version")
    with pytest.raises(AmiError, match="Permission denied"):
        calls.ami.ask("DBDel", Family="dialer-ended", Key="bucket")


def test_only_the_chosen_events_pass(calls: Calls) -> None:
    attempt, leg = new_id(), new_id("g")
    calls.nail_up(leg, 1001)
    calls.answered(attempt, number_for("drop_after"))
    calls.bridge(attempt, leg)
    calls.outcome(attempt)
    allowed = {
        "FullyBooted",
        "Newstate",
        "Hangup",
        "OriginateResponse",
        "BridgeEnter",
        "BridgeLeave",
    }
    allowed |= {"UserEvent", "DTMFEnd", "Registry", "ContactStatus", "Shutdown"}
    assert {e["Event"] for e in calls.ami.events} <= allowed


def test_the_note_of_an_ended_call_tells_of_answer_and_talk(calls: Calls) -> None:
    """A daemon that was away learns from it whether there was a talk."""
    attempt = new_id()
    calls.dial(attempt, number_for("answer_hangup"))
    calls.outcome(attempt)
    ended, state, _, _, talked, answered = calls.ended_row(attempt)
    assert (state, talked) == ("Up", "0")
    assert 0 <= float(ended) - float(answered) < 10


def test_the_recording_runs_while_the_detector_hears_nothing(calls: Calls) -> None:
    """A far end that sends no media at all must not hold up the clock of the recording."""
    attempt = new_id()
    calls.dial(attempt, number_for("silence"), wait=1, amd=True)
    answered = calls.ami.wait("Newstate", 20, Uniqueid=attempt, ChannelState="6")
    ended = calls.outcome(attempt)
    lasted = float(ended["Timestamp"]) - float(answered["Timestamp"])
    assert len(calls.recording(attempt)) / 8000 == pytest.approx(lasted, abs=0.5)
