"""Asterisk as the engine's PBX: the port `PbxNode` over one AMI link.

Rules: contexts, variables and user events are those of docker/asterisk/pbx/extensions.conf; an
answer `Error` is `PbxRefused`; nothing is sent twice. No number is logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from dialer_engine.ami._config import AmiConfig, LinkState, LinkStatus
from dialer_engine.ami.link import AmiLink
from dialer_engine.ami.translate import Translator, channels_seen, ending_noted, epoch_s
from dialer_engine.ami.wire import AmiMessage, FieldValue
from dialer_engine.domain import events as ev
from dialer_engine.domain.errors import BadValue, NotConnected, PbxError, PbxRefused, PbxUnknown
from dialer_engine.domain.outcome import Ending
from dialer_engine.domain.units import (
    E164,
    AgentId,
    AttemptId,
    LegId,
    Moment,
    NodeName,
    TrunkName,
    made_at,
)
from dialer_engine.ports.pbx import (
    CallAgent,
    ChannelSeen,
    EndingRemembered,
    NodeHealth,
    Originate,
    Sink,
)

log = structlog.get_logger(__name__)
# OriginateResponse comes on another queue than Hangup and may overtake it; Hangup says more.
_REFUSAL_GRACE_S = 2.0
# Asterisk ends the ringing itself; this is where we let it.
_MS = 1000
# What `dialer-ended` keeps, and how its buckets are named (ten minutes, UTC).
_NOTES_KEPT = timedelta(hours=3)
_BUCKET = timedelta(minutes=10)
# How long a bridge waits for its legs to hold, which takes milliseconds: the event that tells may have been
# lost.
_HOLD_S = 0.5
# OriginateResponse reasons that blame the trunk: 0 no such endpoint or unreachable, 8 congestion.
_TRUNK_REASONS = frozenset({"0", "8"})


@dataclass(frozen=True, slots=True)
class TrunkDial:
    """How a number is dialled over one trunk. template: a channel with {number}. form: an E.164
    number in the digits that the carrier wants. caller_id: the presented number, empty for the
    trunk's own.
    """

    name: TrunkName
    template: str
    form: Callable[[E164], str]
    caller_id: str = ""

    def channel(self, number: E164) -> str:
        """The channel to originate."""
        return self.template.format(number=self.form(number))


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A bridge that is asked for and not sent yet. sent: its answer, to be awaited, once it has left."""

    attempt: AttemptId
    leg: LegId
    action: Mapping[str, FieldValue]
    sent: asyncio.Future[Awaitable[AmiMessage]]


class AsteriskNode:
    """One Asterisk."""

    def __init__(
        self,
        config: AmiConfig,
        trunks: Mapping[TrunkName, TrunkDial],
        *,
        agent_dial: str,
        command_timeout_s: float = 5.0,
        unsure_is_machine: bool = False,
    ) -> None:
        self._name = NodeName(config.node)
        self._trunks = dict(trunks)
        self._agent_dial = agent_dial
        self._timeout = command_timeout_s
        self._translator = Translator(self._name, unsure_is_machine)
        self._sink: Sink = lambda event, at: None
        self._version = ""
        self._booted = False
        self._bridges: dict[AttemptId, _Waiting] = {}
        self.link = self._new_link(config)

    def _new_link(self, config: AmiConfig) -> AmiLink:
        return AmiLink(
            config, on_event=self._on_event, on_state=self._on_state, on_desync=self._on_desync
        )

    @property
    def name(self) -> NodeName:
        return self._name

    # -- life

    async def start(self, sink: Sink) -> None:
        """See the port."""
        self._sink = sink
        self.link.start()

    async def stop(self) -> None:
        """See the port."""
        self._sink = lambda event, at: None
        await self.link.close()

    async def relink(self, config: AmiConfig) -> bool:
        """Another host, user or secret: a new link in place of the old one, at once, also when that one was refused
        and waits for long. False when nothing differs. What was under way on the old one is unknown.
        """
        if config == self.link.config:
            return False
        old, self.link = self.link, self._new_link(config)
        await old.close()
        if self._booted:
            self._booted = False
            self._forget()
            self._sink(ev.NodeDown(self._name, "its configuration has changed"), _now())
        self.link.start()
        return True

    def hold(self, held: bool) -> None:
        """See the port."""
        if held:
            self.link.hold()
        else:
            self.link.release()

    def health(self) -> NodeHealth:
        """See the port."""
        status = self.link.status
        counters = {k: v for k, v in asdict(self.link.stats).items() if isinstance(v, int)}
        detail = "" if status.reason is None else str(status.reason)
        return NodeHealth(
            self._name, self.link.is_up and self._booted, self._version, detail, counters
        )

    def set_trunks(self, trunks: Mapping[TrunkName, TrunkDial]) -> None:
        """Other trunks, from the next call on."""
        self._trunks = dict(trunks)

    # -- what is heard

    def _on_event(self, message: AmiMessage, received: float) -> None:
        at = _moment(received)
        if message.event == "FullyBooted":
            self._booted = True
            self._sink(ev.NodeUp(self._name, self._version), at)
        elif message.event == "OriginateResponse":
            self._response(message)
        else:
            events = self._translator.events(message)
            if self._bridges:
                # First of all: a debtor waits for it.
                self._send_bridges(message)
            for event in events:
                self._sink(event, at)

    def _on_state(self, status: LinkStatus) -> None:
        if status.state in (LinkState.LOST, LinkState.REFUSED) or (
            self._booted and status.state is LinkState.WAITING
        ):
            self._booted = False
            self._forget()
            self._sink(ev.NodeDown(self._name, str(status.reason or "")), _now())

    def _forget(self) -> None:
        """The link is gone: what is where is not known any more, and what has not left does not leave."""
        self._translator.forget()
        for one in list(self._bridges.values()):
            self._give_up(one, NotConnected("the link to the PBX broke; the bridge was not sent"))

    def _on_desync(self, gap: int) -> None:
        self._sink(ev.NodeDesynchronised(self._name), _now())
        self.link.resynchronised(gap)

    def _response(self, message: AmiMessage) -> None:
        """A failure without a Hangup has had no channel at all: tell it, but let a Hangup that is
        under way come first.
        """
        channel = message.get("Uniqueid")
        if message.get("Response") != "Failure":
            return
        reason = message.get("Reason")
        event: ev.PbxEvent
        if channel.startswith("a-"):
            event = ev.OriginateRefused(
                AttemptId(channel), f"Originate reason {reason}", reason in _TRUNK_REASONS
            )
        else:
            event = ev.LegEnded(LegId(channel), Ending(text=f"Originate reason {reason}"))
        loop = asyncio.get_running_loop()
        loop.call_later(_REFUSAL_GRACE_S, lambda: self._sink(event, _now()))

    # -- what is asked

    async def originate(self, command: Originate) -> None:
        """See the port."""
        trunk = self._trunks.get(command.trunk)
        if trunk is None:
            raise PbxRefused(f"trunk {command.trunk} is not configured for node {self._name}")
        variables = {
            "DE_ATTEMPT": command.attempt,
            "DE_REC": command.recording,
            "DE_AMD": "1" if command.amd else "0",
            "DE_WAIT": str(max(1, round(command.max_wait_s))),
            "CHANNEL(hangup_handler_push)": "dialer-ended,s,1",
        }
        if command.safe_harbour:
            # A variable of the channel hides the PBX's global of the same name.
            variables["DE_SAFE_HARBOUR"] = command.safe_harbour
        if command.message:
            variables["DE_MESSAGE"] = command.message
        context = "dialer-outbound" if command.message is None else "dialer-robot"
        await self._ask({
            "Action": "Originate", "Channel": trunk.channel(command.number), "ChannelId": command.attempt,
            "Context": context, "Exten": "s", "Priority": "1", "Async": "true",
            "Timeout": str(int(command.ring_timeout_s * _MS)), "Variable": variables,
            **({"CallerID": trunk.caller_id} if trunk.caller_id else {}),
        })  # fmt: skip

    async def call_agent(self, command: CallAgent) -> None:
        """See the port."""
        await self._ask({
            "Action": "Originate", "Channel": self._agent_dial.format(phone=command.phone), "ChannelId": command.leg,
            "Context": "dialer-agent" if command.nailed else "dialer-agent-ring", "Exten": "s", "Priority": "1",
            "Async": "true", "Timeout": str(int(command.ring_timeout_s * _MS)),
            "Variable": {"DE_AGENT": command.agent},
        })  # fmt: skip

    async def accept_login(self, channel: str, agent: AgentId) -> None:
        """See the port."""
        await self._ask(
            {"Action": "Setvar", "Channel": channel, "Variable": "DE_AGENT", "Value": agent}
        )
        await self._redirect(channel, "dialer-agent")

    async def deny_login(self, channel: str) -> None:
        """See the port."""
        await self._redirect(channel, "dialer-agent-denied")

    def bridge(self, attempt: AttemptId, leg: LegId) -> Coroutine[Any, Any, None]:
        """See the port. It leaves before this returns, or, where a leg does not hold yet, in the turn in which
        the PBX says that it does. Another bridge of the same call takes the place of one that has not left.
        """
        self._let_go(attempt, "another agent was chosen")
        action: dict[str, FieldValue] = {
            "Action": "Bridge", "Channel1": attempt, "Channel2": leg, "Tone": "Channel2"
        }  # fmt: skip
        if self._translator.away.isdisjoint((attempt, leg)):
            return self._answered(action, self.link.post(action, self._timeout))
        one = _Waiting(attempt, leg, action, asyncio.get_running_loop().create_future())
        self._bridges[attempt] = one
        return self._bridge_held(one)

    async def _bridge_held(self, one: _Waiting) -> None:
        """Not for ever, because the event that tells may have been lost."""
        try:
            # Not a timeout, which could come in the turn in which it has left: it would leave twice.
            await asyncio.wait((one.sent,), timeout=_HOLD_S)
            if one.sent.done():
                answer = one.sent.result()
            else:
                log.warning("a leg did not come to its holding bridge in time", node=self._name)
                answer = self.link.post(one.action, self._timeout)
        except asyncio.CancelledError:
            _close(one.sent)
            raise
        finally:
            if self._bridges.get(one.attempt) is one:
                del self._bridges[one.attempt]
        await self._answered(one.action, answer)

    def _send_bridges(self, message: AmiMessage) -> None:
        """Those whose legs hold now; those of a leg that is gone never leave."""
        gone = message.get("Uniqueid") if message.event == "Hangup" else ""
        for one in list(self._bridges.values()):
            if gone in (one.attempt, one.leg):
                self._give_up(one, PbxRefused("Bridge: a leg is gone"))
            elif self._translator.away.isdisjoint((one.attempt, one.leg)):
                del self._bridges[one.attempt]
                if not one.sent.done():
                    one.sent.set_result(self.link.post(one.action, self._timeout))

    def _let_go(self, attempt: AttemptId | LegId, why: str) -> None:
        """What has not left must not leave any more."""
        one = self._bridges.get(AttemptId(attempt))
        if one is not None:
            self._give_up(one, PbxRefused(f"Bridge: {why}"))

    def _give_up(self, one: _Waiting, error: PbxError) -> None:
        del self._bridges[one.attempt]
        if not one.sent.done():
            one.sent.set_exception(error)

    async def safe_harbour(self, attempt: AttemptId) -> None:
        """See the port."""
        self._let_go(attempt, "the message is played instead")
        await self._redirect(attempt, "dialer-abandon")

    async def listen(self, phone: str, leg: LegId, mode: str) -> None:
        """Call a supervisor's phone and let it hear an agent's leg. mode: listen, whisper,
        barge.
        """
        await self._ask({
            "Action": "Originate", "Channel": self._agent_dial.format(phone=phone), "Context": "dialer-listen",
            "Exten": "s", "Priority": "1", "Async": "true", "Variable": {"DE_SPY": leg, "DE_SPYMODE": mode},
        })  # fmt: skip

    async def hang_up(self, channel: AttemptId | LegId) -> None:
        """See the port."""
        self._let_go(channel, "the call is hung up")
        answer = await self.link.send(
            {"Action": "Hangup", "Channel": channel, "Cause": "16"}, self._timeout
        )
        if not answer.is_success and "No such channel" not in answer.get("Message"):
            raise PbxRefused(answer.get("Message"))

    async def channels(self) -> list[ChannelSeen]:
        """See the port."""
        if not self._version:
            settings = await self.link.send({"Action": "CoreSettings"}, self._timeout)
            self._version = settings.get("AsteriskVersion")
        answer = await self.link.send_list({"Action": "CoreShowChannels"})
        if not answer.response.is_success:
            raise PbxRefused(f"CoreShowChannels: {answer.response.get('Message')}")
        if answer.complete is None:
            # A part of the list is no answer: recovery would take the rest for ended.
            raise PbxUnknown("the PBX did not finish its list of channels")
        return channels_seen(answer.items)

    async def answered_ago(self, attempts: Sequence[AttemptId]) -> dict[AttemptId, float]:
        """See the port. The dialplan notes the moment of the answer on the channel (DE_ANSWERED)."""
        found: dict[AttemptId, float] = {}
        now = await self._pbx_now() if attempts else 0.0
        for attempt in attempts:
            answered = epoch_s(await self._variable(attempt, "DE_ANSWERED"))
            if answered and now:
                found[attempt] = max(0.0, now - answered)
        return found

    async def endings(self, attempts: Sequence[AttemptId]) -> dict[AttemptId, EndingRemembered]:
        """See the port. The notes are kept in buckets by the time of the end, so each attempt is
        looked for from the bucket of its own time (a ULID carries it) to the present one.
        """
        found: dict[AttemptId, EndingRemembered] = {}
        now = await self._pbx_now() if attempts else 0.0
        for attempt in attempts:
            note = await self._note(attempt, now)
            if note is not None:
                found[attempt] = note
        return found

    async def forget(self, attempts: Sequence[AttemptId]) -> None:
        """Nothing to do: the dialplan empties old buckets itself, because deleting them would take
        a right with which the daemon could run commands on the PBX.
        """

    async def _note(self, attempt: AttemptId, pbx_now: float) -> EndingRemembered | None:
        for bucket in _buckets(attempt, datetime.now(UTC)):
            key = f"{bucket}/{attempt}"
            answer = await self.link.send_list(
                {"Action": "DBGet", "Family": "dialer-ended", "Key": key}, self._timeout
            )
            for item in answer.items:
                return ending_noted(attempt, item.get("Val"), pbx_now)
        return None

    async def _pbx_now(self) -> float:
        """The PBX's clock in seconds since 1970, 0 when it does not tell."""
        return epoch_s(await self._variable("", "STRFTIME(,UTC,%s.%3q)"))

    async def _variable(self, channel: str, name: str) -> str:
        """A variable of a channel, or of the PBX; empty when there is none."""
        action = {"Action": "Getvar", "Variable": name} | ({"Channel": channel} if channel else {})
        answer = await self.link.send(action, self._timeout)
        return answer.get("Value") if answer.is_success else ""

    async def _redirect(self, channel: str, context: str) -> None:
        await self._ask(
            {
                "Action": "Redirect",
                "Channel": channel,
                "Context": context,
                "Exten": "s",
                "Priority": "1",
            }
        )

    async def _ask(self, action: Mapping[str, FieldValue]) -> None:
        await self._answered(action, self.link.send(action, self._timeout))

    async def _answered(
        self, action: Mapping[str, FieldValue], response: Awaitable[AmiMessage]
    ) -> None:
        answer = await response
        if not answer.is_success:
            raise PbxRefused(f"{action['Action']}: {answer.get('Message')}")


def _close(sent: asyncio.Future[Awaitable[AmiMessage]]) -> None:
    """Nobody will wait for this answer."""
    if sent.done() and not sent.cancelled() and sent.exception() is None:
        answer = sent.result()
        if isinstance(answer, Coroutine):
            answer.close()


def _buckets(attempt: AttemptId, now: datetime) -> list[str]:
    start = max(_born(attempt, now), now - _NOTES_KEPT)
    names: list[str] = []
    while start < now + _BUCKET:
        name = start.strftime("%H%M")[:3]
        if name not in names:
            names.append(name)
        start += _BUCKET
    return names


def _born(attempt: AttemptId, now: datetime) -> datetime:
    """When the attempt was made; for an id that does not tell, as long ago as notes are kept."""
    try:
        return made_at(attempt)
    except BadValue:
        return now - _NOTES_KEPT


def _now() -> Moment:
    return Moment(asyncio.get_running_loop().time(), datetime.now(UTC))


def _moment(received: float) -> Moment:
    """When it was received: `received` is on the loop's clock, and what has passed since is taken
    off the other.
    """
    now = _now()
    return Moment(received, now.utc - timedelta(seconds=max(0.0, now.mono - received)))
