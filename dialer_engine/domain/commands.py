"""What a state machine wants done. The engine's effects carry these out.

Rules: a command is a frozen wish; it names ids only. Dialling is not among them: that needs a
permit, so it is in `ports.pbx`, above compliance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import AgentId, AttemptId, LegId, Seconds


class Timer(StrEnum):
    """The kinds of alarm a machine may set; one of each kind for each call or agent."""

    RING = "ring"
    WAIT = "wait"
    WRAP_UP = "wrap_up"
    CALLBACK = "callback"


@dataclass(frozen=True, slots=True)
class Command:
    """A wish."""


@dataclass(frozen=True, slots=True)
class SeekAgent(Command):
    """Choose an agent for this answered call, now or as soon as one is free."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class BridgeLegs(Command):
    """Connect the debtor with the agent; a short tone to the agent."""

    attempt: AttemptId
    leg: LegId


@dataclass(frozen=True, slots=True)
class RingAgent(Command):
    """Call the agent's phone for this one call."""

    attempt: AttemptId
    agent: AgentId


@dataclass(frozen=True, slots=True)
class FreeAgent(Command):
    """Tell the agent's machine that its call is over. talked: they heard each other."""

    attempt: AttemptId
    agent: AgentId
    talked: bool


@dataclass(frozen=True, slots=True)
class StartTalk(Command):
    """Tell the agent's machine that the talk began."""

    attempt: AttemptId
    agent: AgentId


@dataclass(frozen=True, slots=True)
class PlaySafeHarbour(Command):
    """Tell the debtor who called and hang up."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class HangUpCall(Command):
    """End the debtor's channel."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class Settle(Command):
    """The attempt is over: record its one outcome."""

    attempt: AttemptId
    outcome: Outcome
    trunk_fault: bool
    detail: str


@dataclass(frozen=True, slots=True)
class CallPhone(Command):
    """Bring up the agent's nailed leg."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class HangUpLeg(Command):
    """End the agent's channel."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class LoseAgent(Command):
    """Tell the call that its agent vanished."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class Offer(Command):
    """The agent can take a call: look whether one waits."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class Arm(Command):
    """Set an alarm; setting it again moves it."""

    subject: AttemptId | AgentId
    timer: Timer
    after: Seconds


@dataclass(frozen=True, slots=True)
class Disarm(Command):
    """Take an alarm back; no harm when there is none."""

    subject: AttemptId | AgentId
    timer: Timer
