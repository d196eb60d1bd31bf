"""A PBX that does what it is told to, and says so: `ScriptedPbx`, behind `ports.pbx.PbxNode`.

Rules: it keeps channels as a real one does, whether anybody listens or not: while the link is down
calls ring, talk and end, endings are noted, and `channels` tells afterwards; a command is recorded
before anything else happens; what a command meets is scripted, command by command; far ends do
nothing by themselves, `ring`, `answer` and `end` move them.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from dialer_engine.domain import events as ev
from dialer_engine.domain.errors import NotConnected, PbxRefused, PbxUnknown
from dialer_engine.domain.outcome import Ending
from dialer_engine.domain.units import (
    ATTEMPT_PREFIX,
    AgentId,
    AttemptId,
    LegId,
    Moment,
    NodeName,
)
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.pbx import (
    CallAgent,
    ChannelSeen,
    Doing,
    EndingRemembered,
    NodeHealth,
    Originate,
    Sink,
)

T = TypeVar("T")
# How an event travels to the sink: at once and once, unless somebody puts a worse road in between.
Relay = Callable[[ev.PbxEvent, Moment, Sink], None]
VERSION = "scripted 1"
# How long the shipped safe-harbour message lasts, measured on Asterisk 22.
MESSAGE_S = 4.3
# Q.850: normal clearing.
_NORMAL = 16


class Fate(Enum):
    """What becomes of a command. DONE: done and confirmed. REFUSED: not done, and told so. UNSENT: the
    link is not there. DONE_UNTOLD: done, but the answer never comes. LOST: neither.
    """

    DONE = "done"
    REFUSED = "refused"
    UNSENT = "unsent"
    DONE_UNTOLD = "done_untold"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Meets:
    """One entry of the script. before_s: time until it is done; after_s: from then to the answer."""

    fate: Fate = Fate.DONE
    before_s: float = 0.0
    after_s: float = 0.0


@dataclass(slots=True)
class Channel:
    """A channel that lives. up_at: when it was answered. partner: the other channel of its talk."""

    id: str
    made_at: Moment
    robot: bool = False
    agent: AgentId | None = None
    up_at: Moment | None = None
    partner: str | None = None
    talked: bool = False
    doing: Doing = Doing.HOLDS


@dataclass(frozen=True, slots=True)
class _Note:
    """What the PBX wrote down of a call that ended."""

    channel: Channel
    ending: Ending
    at: Moment


class ScriptedPbx:
    """transcript: every command, as `<command> <subject>`; a list of the caller's own puts it between
    the lines of others. legs_come_up: agents' phones are taken at once. muted: events are lost though
    the link is up. relay: the road that events of channels take; replace it to delay, double or mix them.
    dialled: every Originate that it was given, in order.
    """

    def __init__(self, name: NodeName, clock: Clock, transcript: list[str] | None = None) -> None:
        self._name = name
        self._clock = clock
        self._sink: Sink = lambda event, at: None
        self._script: defaultdict[str, deque[Meets]] = defaultdict(deque)
        self.transcript: list[str] = transcript if transcript is not None else []
        self.dialled: list[Originate] = []
        self.living: dict[str, Channel] = {}
        self.notes: dict[AttemptId, _Note] = {}
        self.connected = False
        self.muted = False
        self.starts_connected = True
        self.legs_come_up = True
        self.on_originate: Callable[[Originate], None] = lambda command: None
        self.relay: Relay = lambda event, at, sink: sink(event, at)

    @property
    def name(self) -> NodeName:
        return self._name

    def script(self, command: str, *meets: Meets | Fate) -> None:
        """What the next commands of this name meet, in order; after that they are done."""
        for one in meets:
            self._script[command].append(one if isinstance(one, Meets) else Meets(one))

    # -- the port

    async def start(self, sink: Sink) -> None:
        """See the port."""
        self._sink = sink
        if self.starts_connected:
            self.restore_link()

    async def stop(self) -> None:
        """See the port."""
        self._sink = lambda event, at: None
        self.connected = False

    def hold(self, held: bool) -> None:
        """Its events are few: nothing is held back, only noted."""
        self.held = held

    def health(self) -> NodeHealth:
        """See the port."""
        return NodeHealth(
            self._name, self.connected, VERSION, "", {"commands": len(self.transcript)}
        )

    async def originate(self, command: Originate) -> None:
        """See the port."""
        self.dialled.append(command)
        await self._meet("originate", command.attempt, lambda: self._originate(command))

    async def call_agent(self, command: CallAgent) -> None:
        """See the port."""
        await self._meet("call_agent", command.agent, lambda: self._call_agent(command))

    async def accept_login(self, channel: str, agent: AgentId) -> None:
        """See the port."""
        await self._meet("accept_login", agent, lambda: self._accept(channel, agent))

    async def deny_login(self, channel: str) -> None:
        """See the port."""
        await self._meet("deny_login", channel, lambda: None)

    async def bridge(self, attempt: AttemptId, leg: LegId) -> None:
        """See the port."""
        await self._meet("bridge", f"{attempt} {leg}", lambda: self._bridge(attempt, leg))

    async def safe_harbour(self, attempt: AttemptId) -> None:
        """See the port."""
        await self._meet("safe_harbour", attempt, lambda: self._play(attempt))

    async def listen(self, phone: str, leg: LegId, mode: str) -> None:
        """See the port."""
        await self._meet("listen", f"{leg} {mode}", lambda: self._known(leg))

    async def hang_up(self, channel: AttemptId | LegId) -> None:
        """See the port."""
        await self._meet("hang_up", channel, lambda: self.end(channel))

    async def channels(self) -> list[ChannelSeen]:
        """See the port."""
        return await self._meet(
            "channels", "", lambda: [self._seen(c) for c in self.living.values()]
        )

    async def answered_ago(self, attempts: list[AttemptId]) -> dict[AttemptId, float]:
        """See the port."""
        return await self._meet("answered_ago", "", lambda: self._ages(attempts))

    async def endings(self, attempts: list[AttemptId]) -> dict[AttemptId, EndingRemembered]:
        """See the port."""
        return await self._meet(
            "endings", "", lambda: {a: self._recalled(a) for a in attempts if a in self.notes}
        )

    async def forget(self, attempts: list[AttemptId]) -> None:
        """See the port."""
        await self._meet("forget", "", lambda: [self.notes.pop(a, None) for a in attempts])

    # -- the link

    def lose_link(self) -> None:
        """The link breaks; calls go on."""
        if self.connected:
            self._tell(ev.NodeDown(self._name, "the link was cut"))
            self.connected = False

    def restore_link(self) -> None:
        """The link is there again."""
        self.connected = True
        self._tell(ev.NodeUp(self._name, VERSION))

    def desynchronise(self) -> None:
        """The link notices that it lost events."""
        self._tell(ev.NodeDesynchronised(self._name))

    def crash(self) -> None:
        """The PBX dies and forgets everything: channels and notes."""
        self.lose_link()
        self.living.clear()
        self.notes.clear()

    # -- the far ends

    def ring(self, attempt: AttemptId) -> None:
        """The debtor's phone rings."""
        self._known(attempt)
        self._tell(ev.CallRinging(attempt))

    def answer(self, attempt: AttemptId, verdict: ev.Verdict | None = ev.Verdict.NOT_ASKED) -> None:
        """The debtor takes the call. verdict None: the detector still listens."""
        channel = self._known(attempt)
        channel.up_at = channel.up_at or self._clock.now()
        holds = Doing.TELLS if channel.robot else Doing.HOLDS
        channel.doing = Doing.LISTENS if verdict is None else holds
        self._tell(ev.CallAnswered(attempt))
        if verdict is not None:
            self._tell(ev.CallClassified(attempt, verdict))

    def played(self, attempt: AttemptId) -> None:
        """A call without an agent has heard its message; the dialplan hangs up."""
        self._known(attempt)
        self._tell(ev.MessagePlayed(attempt))
        self.end(attempt)

    def leg_up(self, leg: LegId) -> None:
        """The agent takes the phone."""
        channel = self._known(leg)
        channel.up_at = channel.up_at or self._clock.now()
        self._tell(ev.LegConnected(leg))

    def dial_in(self, channel: str, agent: str, pin: str) -> None:
        """Somebody calls the login and types a number and a PIN."""
        now = self._clock.now()
        self.living.setdefault(channel, Channel(channel, now, up_at=now))
        self._tell(ev.PinEntered(self._name, channel, agent, pin))

    def key(self, leg: LegId, digit: str) -> None:
        """A key on an agent's phone."""
        self._tell(ev.DtmfPressed(leg, digit))

    def end(self, channel: str, cause: int = _NORMAL, sip: int | None = None) -> None:
        """A channel is gone; the other one of its talk stays and waits. No harm when there is none."""
        gone = self.living.pop(channel, None)
        if gone is None:
            return
        ending = Ending(cause, sip)
        if channel.startswith(ATTEMPT_PREFIX):
            self._note(gone, ending)
            self._tell(ev.CallEnded(AttemptId(channel), ending))
        else:
            self._tell(ev.LegEnded(LegId(channel), ending))
        self._part(gone)

    # -- inside

    async def _meet(self, command: str, subject: str, do: Callable[[], T]) -> T:
        self.transcript.append(f"{command} {subject}".rstrip())
        script = self._script[command]
        meets = script.popleft() if script else Meets()
        if not self.connected or meets.fate is Fate.UNSENT:
            raise NotConnected("the link is down")
        await asyncio.sleep(meets.before_s)
        if meets.fate is Fate.REFUSED:
            raise PbxRefused(f"{command} is refused by the script")
        if meets.fate is Fate.LOST:
            raise PbxUnknown(f"{command} got lost")
        answer = do()
        if meets.after_s:
            await asyncio.sleep(meets.after_s)
        if meets.fate is Fate.DONE_UNTOLD:
            raise PbxUnknown(f"the answer to {command} got lost")
        return answer

    def _tell(self, event: ev.PbxEvent) -> None:
        if not self.connected:
            return
        if isinstance(event, (ev.NodeUp, ev.NodeDown, ev.NodeDesynchronised)):
            self._sink(event, self._clock.now())
        elif not self.muted:
            self.relay(event, self._clock.now(), lambda e, at: self._sink(e, at))

    def _known(self, channel: str) -> Channel:
        try:
            return self.living[channel]
        except KeyError:
            raise PbxRefused(f"no channel {channel}") from None

    def _originate(self, command: Originate) -> None:
        if command.attempt in self.living:
            raise PbxRefused("a channel of that id lives")
        robot = command.message is not None
        self.living[command.attempt] = Channel(command.attempt, self._clock.now(), robot)
        self.on_originate(command)

    def _call_agent(self, command: CallAgent) -> None:
        self.living[command.leg] = Channel(command.leg, self._clock.now(), agent=command.agent)
        if self.legs_come_up:
            self.leg_up(command.leg)

    def _accept(self, channel: str, agent: AgentId) -> None:
        self._known(channel).agent = agent
        self._tell(ev.LegConnected(LegId(channel)))

    def _bridge(self, attempt: AttemptId, leg: LegId) -> None:
        debtor, agent = self._known(attempt), self._known(leg)
        if debtor.doing is not Doing.HOLDS or debtor.up_at is None or agent.up_at is None:
            raise PbxRefused("a leg does not hold")
        self._part(debtor)
        self._part(agent)
        debtor.partner, agent.partner, debtor.talked = leg, attempt, True
        self._tell(ev.CallBridged(attempt, leg))

    def _play(self, attempt: AttemptId) -> None:
        channel = self._known(attempt)
        self._part(channel)
        channel.doing = Doing.APOLOGISES
        self._tell(ev.SafeHarbourStarted(attempt))
        self._clock.later(MESSAGE_S, lambda: self.end(attempt))

    def _part(self, channel: Channel) -> None:
        """Out of its talk; a debtor who is left behind waits and the dialplan says so."""
        other = self.living.get(channel.partner or "")
        channel.partner = None
        if other is None or other.partner != channel.id:
            return
        other.partner = None
        if other.id.startswith(ATTEMPT_PREFIX):
            self._tell(ev.CallUnbridged(AttemptId(other.id)))

    def _note(self, gone: Channel, ending: Ending) -> None:
        self.notes[AttemptId(gone.id)] = _Note(gone, ending, self._clock.now())

    def _recalled(self, attempt: AttemptId) -> EndingRemembered:
        note, now = self.notes[attempt], self._clock.now()
        up_at = note.channel.up_at
        return EndingRemembered(
            attempt, up_at is not None, note.channel.talked, note.ending.cause, note.ending.sip,
            now.since(note.at), now.since(up_at) if up_at else None,
        )  # fmt: skip

    def _ages(self, attempts: list[AttemptId]) -> dict[AttemptId, float]:
        now = self._clock.now()
        living = [self.living[a] for a in attempts if a in self.living]
        return {AttemptId(c.id): now.since(c.up_at) for c in living if c.up_at is not None}

    def _seen(self, channel: Channel) -> ChannelSeen:
        age = self._clock.now().since(channel.made_at)
        return ChannelSeen(
            channel.id,
            channel.up_at is not None,
            channel.partner,
            channel.agent,
            age,
            channel.doing,
        )
