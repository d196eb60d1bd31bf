"""What can happen: to a call, to an agent, to a node.

Rules: an event is a frozen fact in the past tense, in the dialer's words; adapters make the ones
that begin at a PBX, the engine makes the rest (timers, choices, people's commands). No event holds
personal data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dialer_engine.domain.outcome import Ending, Outcome
from dialer_engine.domain.units import AgentId, AttemptId, LegId, NodeName


class Verdict(StrEnum):
    """What took the call, as far as anybody listened."""

    HUMAN = "human"
    MACHINE = "machine"
    UNSURE = "unsure"
    NOT_ASKED = "not_asked"

    @property
    def is_live(self) -> bool:
        """Treat as a person: whoever might be one must not be treated as a machine."""
        return self is not Verdict.MACHINE


# -- calls -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallEvent:
    """Something about one attempt."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class OriginateSent(CallEvent):
    """The command to dial has left for the PBX."""


@dataclass(frozen=True, slots=True)
class OriginateRefused(CallEvent):
    """The PBX refused to dial, or the command never left; there is no channel."""

    reason: str
    trunk_fault: bool = False


@dataclass(frozen=True, slots=True)
class CallRinging(CallEvent):
    """The far end is being alerted."""


@dataclass(frozen=True, slots=True)
class CallAnswered(CallEvent):
    """The far end took the call."""


@dataclass(frozen=True, slots=True)
class CallClassified(CallEvent):
    """The recording runs and it is known (or was not asked) what took the call."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class AgentReserved(CallEvent):
    """The engine chose an agent. leg None: the phone must be rung first."""

    agent: AgentId
    leg: LegId | None


@dataclass(frozen=True, slots=True)
class AgentLegReady(CallEvent):
    """The chosen agent's phone is up (ring mode)."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class AgentGone(CallEvent):
    """The agent of this call vanished: the leg dropped, the phone was not taken, or they logged out
    by force.
    """


@dataclass(frozen=True, slots=True)
class CallBridged(CallEvent):
    """Both legs are in one bridge: they hear each other."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class BridgeRefused(CallEvent):
    """The PBX could not bridge. leg: with whom; None when the adapter cannot tell."""

    reason: str
    leg: LegId | None = None


@dataclass(frozen=True, slots=True)
class CallUnbridged(CallEvent):
    """The debtor's leg is out of the bridge and still up."""


@dataclass(frozen=True, slots=True)
class WaitExpired(CallEvent):
    """The abandonment limit has passed since the answer."""


@dataclass(frozen=True, slots=True)
class SafeHarbourStarted(CallEvent):
    """The PBX began the message by itself, because nobody told it what to do in time."""


@dataclass(frozen=True, slots=True)
class MessagePlayed(CallEvent):
    """A call without an agent has heard its message to the end; the PBX hangs up."""


@dataclass(frozen=True, slots=True)
class RingExpired(CallEvent):
    """The ring time-out has passed and the PBX did not end the call by itself."""


@dataclass(frozen=True, slots=True)
class HangupAsked(CallEvent):
    """A person or the engine wants the call ended."""

    by: str
    outcome: Outcome = Outcome.CANCELLED


@dataclass(frozen=True, slots=True)
class CallEnded(CallEvent):
    """The debtor's channel is gone."""

    ending: Ending = field(default_factory=Ending)


# -- agents ----------------------------------------------------------------------------------------


class Presence(StrEnum):
    """What the person chose."""

    LOGGED_OUT = "logged_out"
    READY = "ready"
    BREAK = "break"


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """Something about one agent."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class LoggedIn(AgentEvent):
    """The person began work. leg: the leg they dialled in with, None when the daemon is to call the
    phone.
    """

    leg: LegId | None = None


@dataclass(frozen=True, slots=True)
class LoggedOut(AgentEvent):
    """The person ended work."""


@dataclass(frozen=True, slots=True)
class BreakStarted(AgentEvent):
    """The person wants no calls; the talk that runs goes on."""

    reason: str


@dataclass(frozen=True, slots=True)
class BreakEnded(AgentEvent):
    """The person wants calls again."""


@dataclass(frozen=True, slots=True)
class LegUp(AgentEvent):
    """The agent's leg is connected."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class LegDown(AgentEvent):
    """The agent's leg is gone, or could not be brought up."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class Reserved(AgentEvent):
    """The engine chose this agent for a call."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class Released(AgentEvent):
    """The call this agent was chosen for went away before they talked."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class TalkStarted(AgentEvent):
    """The agent and the debtor hear each other."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class TalkEnded(AgentEvent):
    """The talk is over."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class WrapUpDone(AgentEvent):
    """The wrap-up ran out, or the agent ended it."""


@dataclass(frozen=True, slots=True)
class CallbackDue(AgentEvent):
    """It is time to call the agent's phone again."""


# -- what is no call's and no agent's own ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NodeUp:
    """The link to a node works. version: what the PBX says it is."""

    node: NodeName
    version: str = ""


@dataclass(frozen=True, slots=True)
class NodeDown:
    """The link to a node is broken; what happens there goes on unseen."""

    node: NodeName
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NodeDesynchronised:
    """Events of this node were lost: ask it what lives."""

    node: NodeName


@dataclass(frozen=True, slots=True)
class PinEntered:
    """Somebody at a phone typed an agent's number and PIN. The PIN never appears in a
    representation.
    """

    node: NodeName
    channel: str
    agent: str
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DtmfPressed:
    """A key on an agent's phone."""

    leg: LegId
    digit: str


@dataclass(frozen=True, slots=True)
class LegEnded:
    """An agent's channel is gone; the engine knows whose it was."""

    leg: LegId
    ending: Ending


@dataclass(frozen=True, slots=True)
class LegConnected:
    """An agent's channel is up and holds."""

    leg: LegId


PbxEvent = (
    CallEvent
    | LegConnected
    | LegEnded
    | NodeUp
    | NodeDown
    | NodeDesynchronised
    | PinEntered
    | DtmfPressed
)
