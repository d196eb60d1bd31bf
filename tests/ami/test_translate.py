"""Asterisk's words to the dialer's: every event and every ending as Asterisk 22 sent them."""

from __future__ import annotations

import pytest

from dialer_engine.ami.translate import (
    Translator,
    channels_seen,
    duration_s,
    ending,
    ending_noted,
    sip_status,
)
from dialer_engine.ami.wire import AmiMessage
from dialer_engine.domain import events as ev
from dialer_engine.domain.outcome import Ending, Outcome, classify
from dialer_engine.domain.units import AttemptId, LegId, NodeName
from dialer_engine.ports.pbx import ChannelSeen, Doing

PBX = NodeName("pbx-1")
A, G = AttemptId("a-01M83XJ8QM0000000000000001"), LegId("g-01M83XJ8QM0000000000000002")
# A leg that dialled in has Asterisk's own id.
DIALLED_IN = LegId("1795297351.22")


def message(event: str, **headers: str) -> AmiMessage:
    rows = [("Event", event), *((name.replace("_", "-"), value) for name, value in headers.items())]
    return AmiMessage(tuple(rows))


def on(channel: str, context: str = "dialer-outbound", state: str = "6") -> dict[str, str]:
    """The headers that every event of a channel has, as they were seen."""
    return {
        "Channel": "PJSIP/carrier-a-00000001", "ChannelState": state, "CallerIDNum": "+442079460000",
        "CallerIDName": "<unknown>", "Context": context, "Exten": "s", "Priority": "1",
        "Uniqueid": channel, "Linkedid": G,
    }  # fmt: skip


def user(kind: str, channel: str, **headers: str) -> AmiMessage:
    return message("UserEvent", **on(channel), UserEvent=kind, **headers)


def enter(channel: str, bridge: str, technology: str = "simple_bridge") -> AmiMessage:
    return message(
        "BridgeEnter", **on(channel), BridgeUniqueid=bridge, BridgeTechnology=technology,
    )  # fmt: skip


def leave(channel: str, bridge: str) -> AmiMessage:
    return message("BridgeLeave", **on(channel), BridgeUniqueid=bridge)


def told(*messages: AmiMessage, translator: Translator | None = None) -> list[ev.PbxEvent]:
    one = translator or Translator(PBX)
    return [event for each in messages for event in one.events(each)]


HOLD = "holding_bridge"


# -- the debtor's leg


@pytest.mark.parametrize(
    ("state", "event"),
    [("5", ev.CallRinging(A)), ("6", ev.CallAnswered(A)), ("0", None), ("4", None), ("", None)],
)
def test_states_of_a_debtor_s_channel(state: str, event: ev.PbxEvent | None) -> None:
    assert told(message("Newstate", **on(A, state=state))) == ([event] if event else [])


def test_states_of_other_channels_mean_nothing() -> None:
    for channel in (G, DIALLED_IN, "1795297351.99"):
        assert told(message("Newstate", **on(channel))) == []


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("HUMAN", ev.Verdict.HUMAN), ("MACHINE", ev.Verdict.MACHINE), ("NOTSURE", ev.Verdict.UNSURE),
        ("HANGUP", ev.Verdict.UNSURE), ("NONE", ev.Verdict.NOT_ASKED), ("", ev.Verdict.UNSURE),
        ("SOMETHING NEW", ev.Verdict.UNSURE),
    ],
)  # fmt: skip
def test_an_answer_is_told_when_the_leg_holds(word: str, verdict: ev.Verdict) -> None:
    """Some microseconds lie between the two; a bridge in that gap would tear the leg away."""
    translator = Translator(PBX)
    assert told(user("DialerAnswered", A, Attempt=A, Amd=word), translator=translator) == []
    assert told(enter(A, "h1", HOLD), translator=translator) == [ev.CallClassified(A, verdict)]
    assert told(enter(A, "h1", HOLD), translator=translator) == []


def test_doubt_can_be_a_machine_by_choice() -> None:
    translator = Translator(PBX, unsure_is_machine=True)
    answered = user("DialerAnswered", A, Attempt=A, Amd="NOTSURE")
    assert told(answered, enter(A, "h1", HOLD), translator=translator) == [
        ev.CallClassified(A, ev.Verdict.MACHINE)
    ]
    human = user("DialerAnswered", A, Attempt=A, Amd="HUMAN")
    assert told(human, enter(A, "h1", HOLD), translator=translator) == [
        ev.CallClassified(A, ev.Verdict.HUMAN)
    ]


def test_who_hangs_up_before_holding_was_never_classified() -> None:
    translator = Translator(PBX)
    events = told(
        user("DialerAnswered", A, Attempt=A, Amd="HANGUP"),
        message("Hangup", **on(A), Cause="16", Cause_txt="Normal Clearing"),
        enter(A, "h1", HOLD),
        translator=translator,
    )
    assert events == [ev.CallEnded(A, Ending(16, None, "Normal Clearing"))]


def test_a_call_without_an_agent_needs_no_bridge_to_be_told() -> None:
    assert told(user("DialerRobot", A, Attempt=A, Amd="NONE")) == [
        ev.CallClassified(A, ev.Verdict.NOT_ASKED)
    ]
    assert told(user("DialerRobot", A, Attempt=A, Amd="MACHINE")) == [
        ev.CallClassified(A, ev.Verdict.MACHINE)
    ]
    assert told(user("DialerMessage", A, Attempt=A, Result="SUCCESS")) == [ev.MessagePlayed(A)]
    (failed,) = told(user("DialerMessage", A, Attempt=A, Result="FAILED"))
    assert isinstance(failed, ev.HangupAsked)
    assert "cannot play" in failed.by


def test_the_message_and_the_way_back_from_a_talk() -> None:
    assert told(user("DialerAbandoned", A, Attempt=A)) == [ev.SafeHarbourStarted(A)]
    assert told(user("DialerUnbridged", A, Attempt=A)) == [ev.CallUnbridged(A)]


# -- the agent's leg


@pytest.mark.parametrize("leg", [G, DIALLED_IN])
def test_an_agent_s_leg_is_up_when_it_holds_and_known_till_its_end(leg: LegId) -> None:
    translator = Translator(PBX)
    up = message("UserEvent", **on(leg, "dialer-agent"), UserEvent="DialerAgentUp", Agent="1001")
    assert told(up, translator=translator) == []
    assert told(enter(leg, "h2", HOLD), translator=translator) == [ev.LegConnected(leg)]
    # Wherever it is by then, a key and an end are this leg's.
    key = message("DTMFEnd", **on(leg, "elsewhere"), Digit="1", Direction="Received")
    assert told(key, translator=translator) == [ev.DtmfPressed(leg, "1")]
    end = message("Hangup", **on(leg, "elsewhere"), Cause="16")
    assert told(end, translator=translator) == [ev.LegEnded(leg, Ending(16))]


def test_a_leg_in_an_agent_s_context_is_one_even_if_its_beginning_was_missed() -> None:
    end = message("Hangup", **on(DIALLED_IN, "dialer-agent"), Cause="16")
    assert told(end) == [ev.LegEnded(DIALLED_IN, Ending(16))]


def test_channels_of_others_end_and_press_keys_unheard() -> None:
    other = on("1795297351.77", "some-other-context")
    assert told(message("Hangup", **other, Cause="16")) == []
    assert told(message("DTMFEnd", **other, Digit="1", Direction="Received")) == []


def test_only_keys_that_the_agent_pressed_count() -> None:
    sent = message("DTMFEnd", **on(G, "dialer-agent"), Digit="1", Direction="Sent")
    assert told(sent) == []
    debtor = message("DTMFEnd", **on(A), Digit="1", Direction="Received")
    assert told(debtor) == []


def test_a_login_is_passed_on_without_showing_its_pin() -> None:
    login = user("DialerAgentLogin", DIALLED_IN, Agent="1001", Pin="4711")
    (event,) = told(login)
    assert event == ev.PinEntered(PBX, DIALLED_IN, "1001", "4711")
    assert "4711" not in repr(event)


# -- bridges


def bridged(translator: Translator) -> list[ev.PbxEvent]:
    """The events of a successful AMI Bridge, in the order in which they were seen."""
    return told(
        leave(A, "h1"), enter(A, "talk"), leave(G, "h2"), enter(G, "talk"), translator=translator
    )


@pytest.mark.parametrize("first", [A, G])
def test_both_in_one_bridge_talk_whoever_came_first(first: str) -> None:
    second = G if first == A else A
    assert told(enter(first, "talk"), enter(second, "talk")) == [ev.CallBridged(A, G)]


def test_a_bridge_is_told_once_and_a_holding_bridge_is_none() -> None:
    translator = Translator(PBX)
    told(enter(A, "h1", HOLD), enter(G, "h2", HOLD), translator=translator)
    assert translator.away == set()
    assert bridged(translator) == [ev.CallBridged(A, G)]
    assert translator.away == {A, G}


def test_two_strangers_in_a_bridge_are_nobody_s_talk() -> None:
    assert told(enter("1795.1", "b"), enter("1795.2", "b")) == []


def test_after_a_talk_a_leg_is_away_until_it_holds_again() -> None:
    translator = Translator(PBX)
    bridged(translator)
    told(leave(A, "talk"), message("Hangup", **on(A), Cause="16"), translator=translator)
    assert translator.away == {G}
    told(leave(G, "talk"), translator=translator)
    assert translator.away == {G}
    told(enter(G, "h3", HOLD), translator=translator)
    assert translator.away == set()


def test_nothing_is_kept_of_what_is_over() -> None:
    translator = Translator(PBX)
    told(user("DialerAnswered", A, Attempt=A, Amd="NONE"), translator=translator)
    told(user("DialerAgentUp", G, Agent="1001"), translator=translator)
    bridged(translator)
    for channel in (A, G):
        told(message("Hangup", **on(channel), Cause="16"), translator=translator)
    kept = (translator._bridges, translator._legs, translator._held, translator.away)
    assert not any(kept)


def test_a_lost_link_forgets_who_is_where() -> None:
    translator = Translator(PBX)
    bridged(translator)
    translator.forget()
    assert translator.away == set()
    assert told(enter(G, "talk"), translator=translator) == []


def test_what_has_no_meaning_gives_no_event() -> None:
    for one in (
        message("Registry", Status="Registered"), message("ContactStatus", ContactStatus="Reachable"),
        user("SomebodyElse", A), message("NeverHeardOf"), message("Newstate"), message("Hangup"),
    ):  # fmt: skip
        assert told(one) == []


# -- the table of endings (docs: every outcome, as seen)

ENDINGS = [
    ("answered, normal end", "6", "16", "Normal Clearing", None, None),
    ("busy", "0", "17", "User busy", "486", Outcome.BUSY),
    ("no answer", "5", "19", "User alerting, no answer", "480", Outcome.NO_ANSWER),
    ("cancelled while ringing", "5", "0", "Unknown", None, Outcome.FAILED),
    ("declined", "5", "21", "Call Rejected", "603", Outcome.REJECTED),
    ("unallocated", "0", "1", "Unallocated (unassigned) number", "404", Outcome.INVALID_NUMBER),
    ("suspended", "0", "21", "Call Rejected", "403", Outcome.BARRED),
    ("switched off", "0", "19", "User alerting, no answer", "480", Outcome.SWITCHED_OFF),
    ("congestion", "0", "34", "Circuit/channel congestion", "503", Outcome.CONGESTION),
    ("wrong codec", "0", "58", "Bearer capability not available", "488", Outcome.INCOMPATIBLE),
    ("cancel crossed the answer", "5", "19", "User alerting, no answer", "480", Outcome.NO_ANSWER),
]


@pytest.mark.parametrize(
    ("what", "state", "cause", "text", "sip", "outcome"), ENDINGS, ids=[row[0] for row in ENDINGS]
)
def test_every_ending_as_seen(
    what: str, state: str, cause: str, text: str, sip: str | None, outcome: Outcome | None
) -> None:
    headers = on(A, state=state) | {"Cause": cause, "Cause-txt": text}
    if sip is not None:
        headers["TechCause"] = sip
    (event,) = told(AmiMessage((("Event", "Hangup"), *headers.items())))
    assert isinstance(event, ev.CallEnded)
    assert (event.ending.cause, event.ending.text) == (int(cause), text)
    if outcome is not None:
        assert classify(event.ending).outcome is outcome


def test_only_congestion_blames_the_trunk() -> None:
    blamed = []
    for what, state, cause, text, sip, _ in ENDINGS[1:]:
        headers = on(A, state=state) | {"Cause": cause, "Cause-txt": text, "TechCause": sip or ""}
        if classify(ending(AmiMessage(tuple(headers.items())))).trunk_fault:
            blamed.append(what)
    assert blamed == ["congestion"]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("486", 486), ("SIP 486 Busy Here", 486), ("SIP 200 OK", None), ("SIP 180 Ringing", None),
        ("", None), ("SIP", None), ("busy", None), ("99999", None), ("٤٨٦", None),
    ],
)  # fmt: skip
def test_a_sip_status_is_a_final_failure(text: str, status: int | None) -> None:
    assert sip_status(text) == status


def test_causes_that_are_no_numbers_are_unknown() -> None:
    assert ending(message("Hangup", Cause="", TechCause="")).cause == 0
    assert ending(message("Hangup", Cause="x")).cause == 0


# -- what the PBX answers


def row(channel: str, **headers: str) -> AmiMessage:
    given = {
        "Uniqueid": channel, "ChannelState": "6", "Context": "dialer-outbound", "Duration": "00:01:05",
        "CallerIDNum": "", "BridgeId": "", "Application": "BridgeWait",
    }  # fmt: skip
    return message("CoreShowChannel", **(given | headers))


def test_channels_of_ours_and_who_talks_with_whom() -> None:
    seen = channels_seen([
        row(A, BridgeId="talk"),
        row(G, Context="dialer-agent", CallerIDNum="1001", BridgeId="talk"),
        row(DIALLED_IN, Context="dialer-agent", CallerIDNum="1002", BridgeId="h3"),
        row("a-2", ChannelState="5", Application="AppDial"),
        row("a-3", BridgeId="h4"),
        row("1795297351.50", Context="some-other-context", BridgeId="h4"),
    ])  # fmt: skip
    by_id = {one.id: one for one in seen}
    assert set(by_id) == {A, G, DIALLED_IN, "a-2", "a-3"}
    assert by_id[A] == ChannelSeen(A, True, G, None, 65.0)
    assert (by_id[G].bridged_with, by_id[G].agent) == (A, "1001")
    assert (by_id[DIALLED_IN].bridged_with, by_id[DIALLED_IN].agent) == (None, "1002")
    assert not by_id["a-2"].up
    assert by_id["a-3"].agent is None


@pytest.mark.parametrize(
    ("context", "application", "doing"),
    [
        ("dialer-outbound", "BridgeWait", Doing.HOLDS), ("dialer-outbound", "AMD", Doing.LISTENS),
        ("dialer-robot", "AMD", Doing.LISTENS), ("dialer-robot", "Playback", Doing.TELLS),
        ("dialer-outbound", "MixMonitor", Doing.LISTENS), ("dialer-abandon", "Playback", Doing.APOLOGISES),
    ],
)  # fmt: skip
def test_what_a_waiting_leg_does(context: str, application: str, doing: Doing) -> None:
    (seen,) = channels_seen([row(A, Context=context, Application=application)])
    assert seen.doing is doing


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("01:02:03", 3723.0), ("00:00:00", 0.0), ("", 0.0), ("1:2", 0.0), ("a:b:c", 0.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


def test_a_note_of_an_end() -> None:
    note = ending_noted(A, "1795297351.5|Up|16|SIP 200 OK|1|1795297300.5", 1795297361.5)
    assert note is not None
    assert (note.answered, note.bridged, note.cause, note.sip) == (True, True, 16, None)
    assert (note.ended_ago_s, note.answered_ago_s) == (10.0, 61.0)
    busy = ending_noted(A, "1795297351.5|Down|17|SIP 486 Busy Here|0|", 1795297361.5)
    assert busy is not None
    assert (busy.answered, busy.bridged, busy.sip, busy.answered_ago_s) == (False, False, 486, None)
    # A PBX whose clock was set back does not report the future.
    future = ending_noted(A, "1795297351.5|Up|16||0|", 1795297300.0)
    assert future is not None
    assert future.ended_ago_s == 0.0


@pytest.mark.parametrize("text", ["", "nonsense", "1|Up|16", "|||"])
def test_a_note_that_cannot_be_read_is_none(text: str) -> None:
    assert ending_noted(A, text, 0.0) is None
