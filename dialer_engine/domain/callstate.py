"""What is known of one attempt: its phase, its limits, its moments. `call` holds what can happen to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from dialer_engine.domain import events as ev
from dialer_engine.domain.commands import Command
from dialer_engine.domain.outcome import Ending, Outcome
from dialer_engine.domain.units import AgentId, AttemptId, LegId, Moment, NodeName, Seconds


class CallPhase(Enum):
    """Where an attempt is."""

    PLANNED = "planned"
    DIALING = "dialing"
    RINGING = "ringing"
    ANSWERED = "answered"
    WAITING = "waiting"
    CONNECTING = "connecting"
    TALKING = "talking"
    MESSAGE = "message"
    SAFE_HARBOUR = "safe_harbour"
    HANGING_UP = "hanging_up"
    ENDED = "ended"


UNANSWERED_PHASES = frozenset({CallPhase.PLANNED, CallPhase.DIALING, CallPhase.RINGING})


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """The limits of one call, all in seconds.

    wait_limit_s: from the answer (from the verdict, when a machine detector listened first) until
    the call counts as abandoned; 2 s is the limit of Ofcom's persistent-misuse statement (2016) and
    of 47 CFR 64.1200(a)(7). ring_timeout_s: how long the far end may ring. ring_slack_s: how much
    later than the PBX's own time-out ours comes. classify_limit_s: how long an answered call may
    stay without a verdict. bridge_limit_s: how long a bridge may take. robot: there is no agent; who
    answers hears a message.
    """

    wait_limit_s: float = 2.0
    ring_timeout_s: float = 25.0
    ring_slack_s: float = 5.0
    classify_limit_s: float = 10.0
    bridge_limit_s: float = 3.0
    robot: bool = False


@dataclass(frozen=True, slots=True)
class CallState:
    """One attempt. Each moment is None until it came.

    agent, leg: the agent chosen or in talk (leg None while their phone rings). planned: the outcome
    that was decided before the channel is gone. first_agent: who talked first, kept for the record.
    live_at: when the answer counted as a person. waiting_since: when the debtor last began to wait
    for an agent.
    """

    attempt: AttemptId
    node: NodeName
    policy: CallPolicy = field(default_factory=CallPolicy)
    phase: CallPhase = CallPhase.PLANNED
    verdict: ev.Verdict | None = None
    agent: AgentId | None = None
    leg: LegId | None = None
    first_agent: AgentId | None = None
    planned: Outcome | None = None
    outcome: Outcome | None = None
    ending: Ending | None = None
    detail: str = ""
    sent_at: Moment | None = None
    ringing_at: Moment | None = None
    answered_at: Moment | None = None
    live_at: Moment | None = None
    waiting_since: Moment | None = None
    reserved_at: Moment | None = None
    bridged_at: Moment | None = None
    talk_ended_at: Moment | None = None
    harbour_at: Moment | None = None
    ended_at: Moment | None = None

    @property
    def is_over(self) -> bool:
        """Nothing can happen to this call any more."""
        return self.phase is CallPhase.ENDED

    @property
    def is_up(self) -> bool:
        """Answered and not ended."""
        return self.answered_at is not None and not self.is_over

    def answer_to_bridge(self) -> Seconds | None:
        """Seconds from the answer until both heard each other; None when they never did.

        Where a machine detector listened first, from its verdict: until then nobody may be called.
        """
        if self.live_at is None or self.bridged_at is None:
            return None
        return self.bridged_at.since(self.live_at)

    def waited(self) -> Seconds | None:
        """Seconds that a live answer waited for an agent: until both heard each other, or the
        safe-harbour message began, or it hung up. None when nobody live answered.
        """
        end = self.bridged_at or self.harbour_at or self.ended_at
        if self.live_at is None or end is None:
            return None
        return end.since(self.live_at)

    def talk(self) -> Seconds | None:
        """Seconds that debtor and agent heard each other, None when they never did or still do."""
        end = self.talk_ended_at or self.ended_at
        if self.bridged_at is None or end is None:
            return None
        return end.since(self.bridged_at)


CallStep = tuple[CallState, list[Command]]
