"""Asterisk's words to the dialer's: a message in, domain events out. PBX words stop here.

Rules: pure; nothing is awaited and nothing is sent. What has no meaning for the dialer gives no
event. Channels are known by the ids that we gave them (`a-…`, `g-…`), and agents' legs that dialled
in by the event that the dialplan sends for them; Linkedid is never used, because a bridge changes
it.

The contexts and user events are those of docker/asterisk/pbx/extensions.conf.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from dialer_engine.ami.wire import AmiMessage
from dialer_engine.domain import events as ev
from dialer_engine.domain.outcome import Ending
from dialer_engine.domain.units import (
    ATTEMPT_PREFIX,
    LEG_PREFIX,
    AgentId,
    AttemptId,
    LegId,
    NodeName,
)
from dialer_engine.ports.pbx import ChannelSeen, Doing, EndingRemembered

# Ids of test calls begin so.
TEST_PREFIX = "doctor-"
# Asterisk's channel states, include/asterisk/channelstate.h.
_RINGING, _UP = "5", "6"
# Q.850: no answer from the user, who was alerted.
_NO_ANSWER = 19
_NOTE_FIELDS = 6
_AGENT_CONTEXTS = ("dialer-agent", "dialer-agent-ring")
_VERDICTS = {
    "HUMAN": ev.Verdict.HUMAN,
    "MACHINE": ev.Verdict.MACHINE,
    "NOTSURE": ev.Verdict.UNSURE,
    # The debtor hung up while the detector listened; the end of the channel follows.
    "HANGUP": ev.Verdict.UNSURE,
    "NONE": ev.Verdict.NOT_ASKED,
}


class Translator:
    """One node's messages. It remembers which of our channels are in which bridge, and which
    channels are agents' legs. away: channels that are in a talk or between two bridges.
    """

    def __init__(self, node: NodeName, unsure_is_machine: bool = False) -> None:
        self._node = node
        self._unsure_is_machine = unsure_is_machine
        self._bridges: dict[str, set[str]] = {}
        self._legs: set[str] = set()
        self._held: dict[str, ev.PbxEvent] = {}
        self.away: set[str] = set()
        self._by_event: dict[str, Callable[[AmiMessage], Iterable[ev.PbxEvent]]] = {
            "Newstate": self._newstate,
            "UserEvent": self._user_event,
            "BridgeEnter": self._entered,
            "BridgeLeave": self._left,
            "Hangup": self._hangup,
            "DTMFEnd": self._dtmf,
        }

    def forget(self) -> None:
        """The link was lost: what is in which bridge is not known any more."""
        self._bridges.clear()
        self._legs.clear()
        self._held.clear()
        self.away.clear()

    def events(self, message: AmiMessage) -> Iterable[ev.PbxEvent]:
        """What this message means. Test calls of `doctor` mean nothing (ami/examine.py)."""
        if message.get("Uniqueid").startswith(TEST_PREFIX):
            return ()
        handler = self._by_event.get(message.event)
        return handler(message) if handler is not None else ()

    # -- channels

    def _newstate(self, message: AmiMessage) -> Iterable[ev.PbxEvent]:
        channel = message.get("Uniqueid")
        if not channel.startswith(ATTEMPT_PREFIX):
            return ()
        state = message.get("ChannelState")
        if state == _RINGING:
            return (ev.CallRinging(AttemptId(channel)),)
        return (ev.CallAnswered(AttemptId(channel)),) if state == _UP else ()

    def _hangup(self, message: AmiMessage) -> Iterable[ev.PbxEvent]:
        channel = message.get("Uniqueid")
        self._forget_channel(channel)
        self._held.pop(channel, None)
        self.away.discard(channel)
        if channel.startswith(ATTEMPT_PREFIX):
            return (ev.CallEnded(AttemptId(channel), ending(message)),)
        if channel in self._legs or self._is_leg(channel, message):
            self._legs.discard(channel)
            return (ev.LegEnded(LegId(channel), ending(message)),)
        return ()

    @staticmethod
    def _is_leg(channel: str, message: AmiMessage) -> bool:
        return channel.startswith(LEG_PREFIX) or message.get("Context") in _AGENT_CONTEXTS

    def _dtmf(self, message: AmiMessage) -> Iterable[ev.PbxEvent]:
        channel = message.get("Uniqueid")
        received = message.get("Direction") == "Received"
        if not received or not (channel in self._legs or self._is_leg(channel, message)):
            return ()
        return (ev.DtmfPressed(LegId(channel), message.get("Digit")),)

    # -- bridges

    def _entered(self, message: AmiMessage) -> Iterable[ev.PbxEvent]:
        if message.get("BridgeTechnology") == "holding_bridge":
            return self._holds(message.get("Uniqueid"))
        self.away.add(message.get("Uniqueid"))
        members = self._bridges.setdefault(message.get("BridgeUniqueid"), set())
        members.add(message.get("Uniqueid"))
        debtor = next((one for one in members if one.startswith(ATTEMPT_PREFIX)), None)
        other = next((one for one in members if not one.startswith(ATTEMPT_PREFIX)), None)
        if debtor is None or other is None:
            return ()
        return (ev.CallBridged(AttemptId(debtor), LegId(other)),)

    def _holds(self, channel: str) -> Iterable[ev.PbxEvent]:
        """Only a leg in its holding bridge may be bridged: Asterisk would tear any other out of its
        dialplan (a masquerade), and with it the first moments out of the recording. So what the
        dialplan told just before is passed on from here."""
        self.away.discard(channel)
        told = self._held.pop(channel, None)
        return (told,) if told is not None else ()

    def _left(self, message: AmiMessage) -> Iterable[ev.PbxEvent]:
        self.away.add(message.get("Uniqueid"))
        bridge = message.get("BridgeUniqueid")
        members = self._bridges.get(bridge)
        if members is not None:
            members.discard(message.get("Uniqueid"))
            if not members:
                del self._bridges[bridge]
        return ()

    def _forget_channel(self, channel: str) -> None:
        for bridge in [key for key, members in self._bridges.items() if channel in members]:
            self._bridges[bridge].discard(channel)
            if not self._bridges[bridge]:
                del self._bridges[bridge]

    # -- what the dialplan tells

    def _user_event(self, message: AmiMessage) -> Iterable[ev.PbxEvent]:
        kind = message.get("UserEvent")
        attempt = AttemptId(message.get("Attempt"))
        channel = message.get("Uniqueid")
        if kind == "DialerAnswered":
            self._held[channel] = ev.CallClassified(attempt, self._verdict(message.get("Amd")))
            return ()
        if kind == "DialerRobot":
            # Nobody bridges it, so nothing has to wait for its holding bridge.
            return (ev.CallClassified(attempt, self._verdict(message.get("Amd"))),)
        if kind == "DialerMessage":
            return (_message(attempt, message.get("Result")),)
        if kind == "DialerUnbridged":
            return (ev.CallUnbridged(attempt),)
        if kind == "DialerAbandoned":
            return (ev.SafeHarbourStarted(attempt),)
        if kind == "DialerAgentUp":
            self._legs.add(channel)
            self._held[channel] = ev.LegConnected(LegId(channel))
            return ()
        if kind == "DialerAgentLogin":
            return (self._login(message),)
        return ()

    def _verdict(self, word: str) -> ev.Verdict:
        verdict = _VERDICTS.get(word, ev.Verdict.UNSURE)
        return (
            ev.Verdict.MACHINE
            if verdict is ev.Verdict.UNSURE and self._unsure_is_machine
            else verdict
        )

    def _login(self, message: AmiMessage) -> ev.PinEntered:
        return ev.PinEntered(
            self._node, message.get("Uniqueid"), message.get("Agent"), message.get("Pin")
        )


def _message(attempt: AttemptId, result: str) -> ev.CallEvent:
    """A message that cannot be played leaves a person in silence: that call is no success."""
    if result == "SUCCESS":
        return ev.MessagePlayed(attempt)
    return ev.HangupAsked(attempt, "the PBX, which cannot play the message")


def ending(message: AmiMessage) -> Ending:
    """How a channel ended. TechCause holds the SIP status when it was not a normal end."""
    cause, sip = _number(message.get("Cause")) or 0, sip_status(message.get("TechCause"))
    rang_out = message.get("ChannelState") == _RINGING and cause == _NO_ANSWER
    # Asterisk writes 480 when its own ring time-out has passed, as it does when the network says so
    # before any ringing (关机); only the channel's state tells the two apart.
    return Ending(cause, None if rang_out else sip, message.get("Cause-txt"))


def sip_status(text: str) -> int | None:
    """`486`, `SIP 486 Busy here` -> 486; anything without a final SIP status -> None."""
    words = text.replace("SIP", " ").split()
    number = _number(words[0]) if words else None
    return number if number is not None and 300 <= number <= 699 else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


# -- answers to questions --------------------------------------------------------------------------


def channels_seen(items: Iterable[AmiMessage]) -> list[ChannelSeen]:
    """The CoreShowChannel items of a CoreShowChannels that are ours."""
    rows = list(items)
    by_bridge: dict[str, list[str]] = {}
    for row in rows:
        if row.get("BridgeId"):
            by_bridge.setdefault(row.get("BridgeId"), []).append(row.get("Uniqueid"))
    return [_seen(row, by_bridge) for row in rows if _is_ours(row)]


def _is_ours(row: AmiMessage) -> bool:
    channel = row.get("Uniqueid")
    return channel.startswith((ATTEMPT_PREFIX, LEG_PREFIX)) or row.get("Context") in _AGENT_CONTEXTS


def _seen(row: AmiMessage, by_bridge: dict[str, list[str]]) -> ChannelSeen:
    channel = row.get("Uniqueid")
    is_leg = not channel.startswith(ATTEMPT_PREFIX)
    others = [one for one in by_bridge.get(row.get("BridgeId"), []) if one != channel]
    # A debtor and an agent in one bridge talk; agents and debtors who wait are each alone in their
    # holding bridge.
    partner = next((o for o in others if o.startswith(ATTEMPT_PREFIX) == is_leg), None)
    return ChannelSeen(
        id=channel,
        up=row.get("ChannelState") == _UP,
        bridged_with=partner,
        agent=AgentId(row.get("CallerIDNum")) if is_leg else None,
        age_s=duration_s(row.get("Duration")),
        doing=_doing(row),
    )


def _doing(row: AmiMessage) -> Doing:
    """Bridging a leg that is not in its holding bridge would tear it out of what it does."""
    if row.get("Context") == "dialer-abandon":
        return Doing.APOLOGISES
    if row.get("Context") == "dialer-robot":
        return Doing.LISTENS if row.get("Application") == "AMD" else Doing.TELLS
    before_hold = row.get("Context") == "dialer-outbound" and row.get("Application") != "BridgeWait"
    return Doing.LISTENS if before_hold else Doing.HOLDS


def duration_s(text: str) -> float:
    """`01:02:03` -> 3723.0; 0 for anything else."""
    parts = [_number(part) for part in text.split(":")]
    if len(parts) != 3 or None in parts:
        return 0.0
    hours, minutes, seconds = (float(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds


def ending_noted(attempt: AttemptId, value: str, pbx_now: float) -> EndingRemembered | None:
    """One row of the dialplan's `dialer-ended`, None when it cannot be read.

    value: <end>|<channel state>|<Q.850 cause>|<SIP answer>|<talked, 1 or 0>|<answer>; the two times in
    seconds since 1970 by the PBX's clock, the last empty without an answer. pbx_now: the same clock.
    """
    fields = value.split("|")
    if len(fields) < _NOTE_FIELDS:
        return None
    ended, answered = epoch_s(fields[0]), epoch_s(fields[5])
    return EndingRemembered(
        attempt,
        answered=fields[1] == "Up",
        bridged=fields[4] == "1",
        cause=_number(fields[2]) or 0,
        sip=sip_status(fields[3]),
        ended_ago_s=max(0.0, pbx_now - ended) if ended else None,
        answered_ago_s=max(0.0, pbx_now - answered) if answered else None,
    )


def epoch_s(text: str) -> float:
    """`1795297351.225` -> seconds since 1970; 0 for anything else."""
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if math.isfinite(found) else 0.0
