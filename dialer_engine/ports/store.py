"""What the engine asks of the store.

Rules: every method is one transaction; `StoreUnavailable` means that nothing was written and the
caller keeps what it has. Times are aware UTC. Nothing here is on the path from answer to bridge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from dialer_engine.domain.agent import AgentMode
from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd, Candidate, CaseNext, OpenAttempt
from dialer_engine.domain.campaign import Campaign, CampaignState
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.events import Presence
from dialer_engine.domain.reports import Report
from dialer_engine.domain.units import (
    AgentId,
    AttemptId,
    CampaignName,
    CaseId,
    TrunkName,
)


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent as configured. phone: dial string part (`agent-1001`). pin_hash: argon2, never the
    PIN.
    """

    id: AgentId
    name: str = field(repr=False, default="")
    phone: str = ""
    pin_hash: str = field(repr=False, default="")
    skills: frozenset[str] = frozenset()
    mode: AgentMode = AgentMode.NAILED
    node: str = ""


@dataclass(frozen=True, slots=True)
class AgentAtWork:
    """A session that is open in the store: who was at work when the last daemon stopped."""

    agent: AgentId
    presence: Presence
    break_reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class AgentEventRow:
    """One change of an agent's day, for sessions, pauses and utilization. kind: login, logout,
    break, ready, talk, wrap_up, idle, off. attempt: for talk and wrap_up.
    """

    agent: AgentId
    kind: str
    at: datetime
    reason: str = ""
    attempt: AttemptId | None = None


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """What was found of one recording. status: verified, missing, mismatched, silent. checks: each
    check with its value. Durations in seconds.
    """

    attempt: AttemptId
    path: str
    status: str
    duration_s: float | None = None
    talk_s: float | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    problems: tuple[str, ...] = ()
    checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExpectedRecording:
    """An answered attempt that has no recording row yet. Times as in AttemptEnd."""

    attempt: AttemptId
    campaign: CampaignName
    planned_at: datetime
    answered_at: datetime
    bridged_at: datetime | None
    ended_at: datetime
    answered_s: float
    talk_s: float | None


@dataclass(frozen=True, slots=True)
class DispositionRow:
    """What the agent says became of the talk. code: from the configured list. via: dtmf, cli,
    web.
    """

    attempt: AttemptId
    agent: AgentId
    code: str
    at: datetime
    via: str
    note: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class Standing:
    """What a strategy decides from. calls: when the case was tried in the last eight days, oldest first,
    without what the line lost before it reached anybody.
    """

    facts: CaseFacts = field(repr=False)
    calls: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Screen:
    """What an agent sees before the first word. It is personal data: it goes to the agent's own
    feed and nowhere else. script: as `strategy.prompter.prompt` gives it, empty when the campaign's
    strategy has no scripts for the case.
    """

    attempt: AttemptId
    reference: str
    name: str = field(repr=False, default="")
    number: str = field(repr=False, default="")
    balance: str = ""
    days_past_due: int = 0
    language: str = ""
    attributes: dict[str, str] = field(repr=False, default_factory=dict)
    script: list[dict[str, Any]] = field(repr=False, default_factory=list)


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """What pacing decided at one moment. policy: the mode. originate: how many calls it wanted;
    started: how many of them found a case and a permit. numbers: what it was computed from.
    """

    campaign: CampaignName
    at: datetime
    node: str
    policy: str
    originate: int
    started: int
    cancelled: int
    why: str
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Who changed one setting of a campaign. before, after: as text."""

    campaign: CampaignName
    at: datetime
    who: str
    setting: str
    before: str
    after: str


class Store(Protocol):
    """The book of everything."""

    async def open(self) -> None:
        """Connect and check the schema; SchemaOutdated when it is another version's."""
        ...

    async def close(self) -> None: ...

    # -- campaigns and their lease
    async def campaigns(self) -> list[Campaign]: ...

    async def save_campaign(self, campaign: Campaign) -> None: ...

    async def set_campaign_state(self, name: CampaignName, state: CampaignState) -> None: ...

    async def take_lease(
        self, name: CampaignName, holder: str, until: datetime, now: datetime
    ) -> int:
        """Take or extend the lease; returns the fencing token, CampaignHeld when another daemon has
        it.
        """
        ...

    async def release_lease(self, name: CampaignName, holder: str) -> None: ...

    # -- pacing
    async def live_answers(
        self, name: CampaignName, since: datetime, until: datetime
    ) -> tuple[int, int]:
        """Live answers of attempts planned in [since, until) that are over, and how many of them were
        abandoned.
        """
        ...

    async def trunk_calls(
        self, since: datetime, until: datetime
    ) -> Mapping[TrunkName, tuple[int, int]]:
        """By trunk: attempts planned in [since, until), and how many of them are over and were short: not
        answered, or for six seconds at most.
        """
        ...

    async def save_decisions(self, rows: Sequence[DecisionRow]) -> None: ...

    async def decision_at(self, name: CampaignName, at: datetime) -> DecisionRow | None:
        """The last one kept that was made at `at` or before."""
        ...

    async def forget_decisions(self, before: datetime, most: int) -> int:
        """Delete older ones, at most so many; how many were deleted."""
        ...

    async def save_memory(
        self, name: CampaignName, policy: str, memory: dict[str, Any], at: datetime
    ) -> None:
        """What a policy has learned; replaces what it had learned before."""
        ...

    async def memory(self, name: CampaignName, policy: str) -> dict[str, Any] | None: ...

    async def add_changes(self, rows: Sequence[ChangeRow]) -> None: ...

    async def changes(self, name: CampaignName, limit: int) -> list[ChangeRow]:
        """The newest first."""
        ...

    # -- dialling
    async def candidate(self, name: CampaignName, reference: str, day_of: Any) -> Candidate:
        """The case of that reference, due or not; NotFound when it is not in this campaign."""
        ...

    async def candidates(
        self,
        name: CampaignName,
        limit: int,
        now: datetime,
        excluding: Sequence[CaseId],
        day_of: Any,
    ) -> list[Candidate]:
        """Cases that are due, best first (priority, then due time). Cases with an open attempt are
        never among them. day_of(zone | None) -> ISO date at that zone, for attempts_today.
        """
        ...

    async def standings(self, ids: Sequence[CaseId], now: datetime) -> dict[CaseId, Standing]:
        """Facts and calls of these cases, in one read; cases that are not there are left out."""
        ...

    async def begin_attempts(self, drafts: Sequence[AttemptDraft]) -> dict[AttemptId, str]:
        """Commit the attempts, count them against their numbers' daily caps, all in one
        transaction. Returns those that were refused, with the reason (`daily_cap`, `in_flight`);
        the others are committed and may be dialled.
        """
        ...

    async def end_attempts(self, ends: Sequence[AttemptEnd], nexts: Sequence[CaseNext]) -> None:
        """Write outcomes and what follows for the cases. An attempt that has an outcome already
        keeps it.
        """
        ...

    async def postpone(self, nexts: Sequence[CaseNext]) -> None:
        """Cases that the gate or the strategy denied, with the time at which they are due again; each
        code of `denied` is counted.
        """
        ...

    async def open_attempts(self) -> list[OpenAttempt]:
        """Attempts without an outcome: what recovery has to settle."""
        ...

    async def screens(self, wanted: Mapping[AttemptId, CaseId]) -> dict[AttemptId, Screen]:
        """What agents are to see of these attempts' cases, in one read. A case that is not in the
        store has none.
        """
        ...

    # -- people
    async def agents(self) -> list[AgentRow]: ...

    async def save_agent(self, agent: AgentRow) -> None: ...

    async def agents_at_work(self) -> list[AgentAtWork]: ...

    async def agent_events(self, rows: Sequence[AgentEventRow]) -> None: ...

    async def disposition(self, row: DispositionRow) -> None: ...

    # -- what happens to cases elsewhere
    async def case_events_after(
        self, after: int | None, kinds: Sequence[str], limit: int = 1000
    ) -> list[tuple[int, CaseId, str]]:
        """(row, case, kind) of the record of cases since row `after`, oldest first; kind: payment,
        hold. after None: [(newest row, 0, "")], where to begin.
        """
        ...

    # -- recordings
    async def expected_recordings(self, limit: int) -> list[ExpectedRecording]: ...

    async def save_recordings(self, rows: Sequence[RecordingRow]) -> None: ...

    # -- alarms and reports
    async def alarm(
        self, kind: str, text: str, at: datetime, attempt: AttemptId | None = None
    ) -> None: ...

    async def report(
        self, campaign: CampaignName | None, since: datetime | None, until: datetime | None
    ) -> Report: ...

    async def calls(
        self, campaign: CampaignName | None, limit: int, before: AttemptId | None
    ) -> list[dict[str, Any]]:
        """Attempts, newest first, numbers masked."""
        ...

    async def call(self, attempt: AttemptId) -> dict[str, Any]:
        """One attempt with everything known of it, number masked; NotFound."""
        ...

    async def backlog(self, name: CampaignName, now: datetime) -> dict[str, int]:
        """due, waiting, done, in_flight: cases of the campaign."""
        ...
