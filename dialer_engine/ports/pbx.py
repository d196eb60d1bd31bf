"""What the engine asks of a PBX node, and what it hears from it.

Rules: a command either succeeds, raises `PbxRefused` (nothing happened there), `NotConnected`
(nothing was sent) or `PbxUnknown` (it may have happened; nobody may send it again). Events go to
the sink in the order of the link.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from dialer_engine.compliance.gate import Permit
from dialer_engine.domain.events import PbxEvent
from dialer_engine.domain.units import E164, AgentId, AttemptId, LegId, Moment, NodeName, TrunkName

Sink = Callable[[PbxEvent, Moment], None]


@dataclass(frozen=True, slots=True)
class Originate:
    """Dial a debtor. It cannot be built without a permit for just this attempt and number.

    recording: path without extension, as the PBX sees it; empty: no recording. asked_at: when it is
    built (UTC). max_wait_s: after this time without a command the PBX plays the safe-harbour
    message by itself. safe_harbour: its prompts, empty for the PBX's own. message: None for a call to
    an agent; else nobody is waited for, and these prompts are played (empty: the PBX's own).
    """

    permit: Permit
    attempt: AttemptId
    number: E164 = field(repr=False)
    trunk: TrunkName
    ring_timeout_s: float
    recording: str
    amd: bool
    max_wait_s: float
    asked_at: datetime
    safe_harbour: str = ""
    message: str | None = None

    def __post_init__(self) -> None:
        self.permit.check(self.attempt, self.number, self.asked_at)


@dataclass(frozen=True, slots=True)
class CallAgent:
    """Call an agent's phone. nailed: the leg stays for many calls; else it is for one call."""

    agent: AgentId
    leg: LegId
    phone: str
    nailed: bool
    ring_timeout_s: float = 30.0


class Doing(Enum):
    """What an answered channel that is in no talk does. holds: may be bridged. listens: the PBX
    still finds out who answered, and will tell. apologises: it hears the safe-harbour message. tells:
    it hears the message of a call without an agent.
    """

    HOLDS = "holds"
    LISTENS = "listens"
    APOLOGISES = "apologises"
    TELLS = "tells"


@dataclass(frozen=True, slots=True)
class ChannelSeen:
    """A channel of ours that lives on the PBX.

    id: attempt or leg id. up: answered. bridged_with: our other id in the same bridge, None while
    it holds or waits. agent: whose leg it is, for legs. age_s: since it was made. doing: of a
    debtor's leg that is up and in no talk.
    """

    id: str
    up: bool
    bridged_with: str | None = None
    agent: AgentId | None = None
    age_s: float = 0.0
    doing: Doing = Doing.HOLDS


@dataclass(frozen=True, slots=True)
class EndingRemembered:
    """How a call ended while nobody listened, as the PBX wrote it down.

    bridged: it was in a talk. ended_ago_s, answered_ago_s: seconds before the question, None when
    the PBX does not tell.
    """

    attempt: AttemptId
    answered: bool
    bridged: bool
    cause: int = 0
    sip: int | None = None
    ended_ago_s: float | None = None
    answered_ago_s: float | None = None


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """The state of a link. since: when it became so."""

    node: NodeName
    connected: bool
    version: str = ""
    detail: str = ""
    counters: dict[str, int] = field(default_factory=dict)


class PbxNode(Protocol):
    """One PBX."""

    @property
    def name(self) -> NodeName: ...

    async def start(self, sink: Sink) -> None:
        """Open the link and keep it open; events and NodeUp / NodeDown go to `sink`."""
        ...

    async def stop(self) -> None:
        """Close the link; calls on the PBX go on."""
        ...

    async def originate(self, command: Originate) -> None:
        """Returns when the PBX has accepted; what becomes of the call comes as events."""
        ...

    async def call_agent(self, command: CallAgent) -> None:
        """Returns when the PBX has accepted; LegConnected or LegEnded follows."""
        ...

    async def accept_login(self, channel: str, agent: AgentId) -> None:
        """The PIN was right: the channel becomes the agent's nailed leg (its id is the channel's
        unique id).
        """
        ...

    async def deny_login(self, channel: str) -> None:
        """The PIN was wrong: say so and hang up."""
        ...

    async def bridge(self, attempt: AttemptId, leg: LegId) -> None:
        """Connect debtor and agent, with a short tone to the agent; CallBridged follows."""
        ...

    async def safe_harbour(self, attempt: AttemptId) -> None:
        """Play the message for abandoned calls and hang up."""
        ...

    async def listen(self, phone: str, leg: LegId, mode: str) -> None:
        """Call a supervisor's phone and let it hear an agent's leg. mode: listen, whisper,
        barge.
        """
        ...

    async def hang_up(self, channel: AttemptId | LegId) -> None:
        """End a channel. It is no error when it is gone already."""
        ...

    async def channels(self) -> list[ChannelSeen]:
        """Every channel of ours that lives."""
        ...

    async def answered_ago(self, attempts: list[AttemptId]) -> dict[AttemptId, float]:
        """For living calls: seconds since each was answered, those that the PBX cannot tell
        missing.
        """
        ...

    async def endings(self, attempts: list[AttemptId]) -> dict[AttemptId, EndingRemembered]:
        """What the PBX wrote down of calls that ended; those it knows nothing of are missing."""
        ...

    async def forget(self, attempts: list[AttemptId]) -> None:
        """The endings are in our store; the PBX may drop its notes."""
        ...

    def hold(self, held: bool) -> None:
        """True: keep events back, in a bounded queue of the link's own; False: let them flow."""
        ...

    def health(self) -> NodeHealth:
        """The state of the link, without asking the PBX."""
        ...
