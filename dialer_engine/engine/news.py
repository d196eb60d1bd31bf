"""What ended since the last decision, collected for the pacers.

Rules: each call, talk and wrap-up is told once; calls that were taken over from an earlier life are
not told, because nobody knows when they began; what nobody collects is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dialer_engine.domain.agent import AgentState, Line
from dialer_engine.domain.call import CallPhase, CallState
from dialer_engine.domain.events import Presence, Verdict
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import Moment
from dialer_engine.engine.registry import Agent, Call
from dialer_engine.pacing.snapshot import CallEnd, News

# While nothing is decided (a campaign is paused, the store fails) the oldest are forgotten.
_MOST = 20_000
# How the ringing ended, for a pacer, by what became of a call that nobody took.
ENDS: dict[Outcome, CallEnd] = {
    Outcome.BUSY: CallEnd.BUSY,
    Outcome.REJECTED: CallEnd.BUSY,
    Outcome.NO_ANSWER: CallEnd.NO_ANSWER,
    Outcome.INVALID_NUMBER: CallEnd.INVALID,
    Outcome.OUT_OF_SERVICE: CallEnd.INVALID,
    Outcome.SWITCHED_OFF: CallEnd.INVALID,
    Outcome.UNREACHABLE: CallEnd.INVALID,
    Outcome.INCOMPATIBLE: CallEnd.INVALID,
    Outcome.BARRED: CallEnd.INVALID,
    Outcome.CONGESTION: CallEnd.CONGESTION,
    Outcome.FAILED: CallEnd.INVALID,
    Outcome.CANCELLED: CallEnd.CANCELLED,
    Outcome.LOST: CallEnd.CANCELLED,
    Outcome.MACHINE: CallEnd.MACHINE,
    Outcome.COMPLETED: CallEnd.LIVE,
    Outcome.ABANDONED: CallEnd.LIVE,
    Outcome.HUNG_UP_EARLY: CallEnd.LIVE,
    Outcome.MESSAGE: CallEnd.LIVE,
}


@dataclass(slots=True)
class Collector:
    """News of one campaign on one node."""

    ends: list[tuple[int, float, int]] = field(default_factory=list)
    amd: list[float] = field(default_factory=list)
    talks: list[tuple[float, int]] = field(default_factory=list)
    wraps: list[tuple[float, int]] = field(default_factory=list)
    patience: list[float] = field(default_factory=list)
    left: int = 0

    def ended(self, kind: CallEnd, ring_s: float, mark: int) -> None:
        """A call stopped ringing."""
        if len(self.ends) < _MOST:
            self.ends.append((int(kind), ring_s, mark))

    def take(self) -> News | None:
        """Everything, once; None when there is nothing."""
        if not (self.ends or self.talks or self.wraps or self.amd or self.patience or self.left):
            return None
        news = News(
            call_end=tuple(one[0] for one in self.ends),
            call_ring_s=tuple(one[1] for one in self.ends),
            call_list=tuple(one[2] for one in self.ends),
            amd_s=tuple(self.amd),
            talk_s=tuple(one[0] for one in self.talks),
            talk_group=tuple(one[1] for one in self.talks),
            wrap_s=tuple(one[0] for one in self.wraps),
            wrap_group=tuple(one[1] for one in self.wraps),
            patience_s=tuple(self.patience),
            left=self.left,
        )
        for each in (self.ends, self.amd, self.talks, self.wraps, self.patience):
            each.clear()
        self.left = 0
        return news


@dataclass(frozen=True, slots=True)
class CallNews:
    """What one step of a call tells. amd_s, patience_s: None when there is nothing to tell."""

    end: CallEnd
    ring_s: float
    amd_s: float | None = None


def of_call(call: Call, fault: bool, now: Moment) -> CallNews | None:
    """How the ringing ended, the first time that it is known; then None for ever. fault: the trunk is to
    blame.
    """
    state = call.state
    if call.told or call.recovered or state.sent_at is None:
        return None
    kind = CallEnd.CONGESTION if fault else _kind(state)
    if kind is None:
        return None
    call.told = True
    stopped = state.answered_at or now
    listened = state.verdict not in (None, Verdict.NOT_ASKED) and state.answered_at is not None
    amd_s = now.since(state.answered_at) if listened and state.answered_at else None
    return CallNews(kind, max(0.0, stopped.since(state.sent_at)), amd_s)


def _kind(state: CallState) -> CallEnd | None:
    if state.is_over and state.outcome is not None:
        return ENDS[state.outcome]
    if state.verdict is not None and state.phase is not CallPhase.HANGING_UP:
        return CallEnd.LIVE
    if state.verdict is not None and state.planned is Outcome.MACHINE:
        return CallEnd.MACHINE
    return CallEnd.LIVE if state.phase is CallPhase.SAFE_HARBOUR else None


def patience(state: CallState) -> float | None:
    """How long a caller waited who hung up before an agent or the limit came."""
    return state.waited() if state.outcome is Outcome.HUNG_UP_EARLY else None


@dataclass(frozen=True, slots=True)
class AgentNews:
    """Durations in seconds, None when nothing of the kind ended."""

    talk_s: float | None = None
    wrap_s: float | None = None
    left: bool = False


def of_agent(agent: Agent, before: AgentState, now: Moment) -> AgentNews | None:
    """What one change of an agent tells."""
    state = agent.state
    lasted = now.since(before.since) if before.since is not None else None
    talk_s = wrap_s = None
    if before.line is not state.line and lasted is not None:
        if before.line is Line.IN_CALL:
            talk_s = lasted
            # Without a limit for wrap-up there is none: that is to be known too.
            wrap_s = 0.0 if state.line is Line.IDLE else None
        elif before.line is Line.WRAP_UP:
            wrap_s = lasted
    left = _left(before, state)
    if talk_s is None and wrap_s is None and not left:
        return None
    return AgentNews(talk_s, wrap_s, left)


def _left(before: AgentState, state: AgentState) -> bool:
    if before.line is Line.IN_CALL:
        return state.line is not Line.IN_CALL and state.presence is not Presence.READY
    return before.presence is Presence.READY and state.presence is not Presence.READY
