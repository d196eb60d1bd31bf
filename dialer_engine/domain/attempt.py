"""The record of one attempt, from the moment before it is dialled to its one outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.reservation import Reservation
from dialer_engine.domain.units import (
    E164,
    AgentId,
    AttemptId,
    CampaignName,
    CaseId,
    NodeName,
    TrunkName,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a strategy wants of a case now, and what it decided from. version: of the strategy's file.
    step: empty when nobody is to be called by plan, but an agent named the case. arms: by experiment.
    script, strength: of the step. until: aware UTC; from then on the strategy is asked again.
    """

    strategy: str
    version: str
    segment: str
    step: str
    script: str
    strength: int
    until: datetime
    arms: Mapping[str, str] = field(default_factory=dict)
    facts: CaseFacts = field(default_factory=CaseFacts, repr=False)


@dataclass(frozen=True, slots=True)
class AttemptDraft:
    """What is committed before the Originate leaves.

    permit: the compliance decision as plain data (rule-set hash, the counters it saw, decided_at).
    local_day: the date at the debtor, ISO, on which the per-number cap counts; daily_cap: the cap
    to enforce once more in the transaction. reservation: the same for every other cap. plan: what the
    campaign's strategy decided, None when it is a retry table only.
    """

    id: AttemptId
    campaign: CampaignName
    case_id: CaseId
    number: E164 = field(repr=False)
    node: NodeName
    trunk: TrunkName
    planned_at: datetime
    local_day: str
    daily_cap: int
    permit: dict[str, Any]
    try_no: int = 1
    reservation: Reservation | None = None
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """What is recorded when an attempt is over. Times are aware UTC, durations seconds, None where
    it did not happen.
    """

    id: AttemptId
    outcome: Outcome
    detail: str
    cause: int
    sip: int | None
    agent: AgentId | None
    verdict: str | None
    originated_at: datetime | None
    ringing_at: datetime | None
    answered_at: datetime | None
    bridged_at: datetime | None
    ended_at: datetime
    answer_to_bridge_s: float | None
    talk_s: float | None
    waited_s: float | None = None
    recovered: bool = False


@dataclass(frozen=True, slots=True)
class CaseNext:
    """What the strategy says of the case after an attempt: when it may be tried again (None: given
    up for this campaign, reason says why) and which number next (rank).
    """

    campaign: CampaignName
    case_id: CaseId
    due_at: datetime | None
    reason: str
    tries: int
    number_rank: int = 0
    denied: tuple[str, ...] = ()
    denied_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case that is due in a campaign, with what the gate and the call need to know.
    attempts_today: by number, as the store counted on `counted_day`. plan: what the strategy wants.
    known: what the store that drew it read beside, for its own law and for nobody else.
    """

    campaign: CampaignName
    case_id: CaseId
    reference: str
    number: E164 = field(repr=False)
    zone: str | None
    tries: int
    number_rank: int
    number_count: int
    skill: str
    priority: int
    attempts_today: int
    counted_day: str
    plan: Plan | None = field(default=None, repr=False)
    known: object = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt in the store that has no outcome."""

    id: AttemptId
    campaign: CampaignName
    case_id: CaseId
    node: NodeName
    trunk: TrunkName
    planned_at: datetime
    tries: int
    number_rank: int
    number_count: int
    reference: str
    skill: str
