"""A store in memory: `MemoryStore`, behind `ports.store.Store`. For simulations and tests; what it
holds is gone with the process.

Rules: the same promises as the real one: each method happens at once or not at all, a number and a
case have one open attempt, the daily cap holds in the same step, an outcome is written once, what
follows a case never turns its tries back. `down` makes every method fail, as a locked database does.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from dialer_engine.compliance.counting import SHORT_CALL_S
from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd, Candidate, CaseNext, OpenAttempt
from dialer_engine.domain.campaign import Campaign, CampaignState
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.errors import CampaignHeld, NotFound, StoreUnavailable
from dialer_engine.domain.events import Presence
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.reports import Report
from dialer_engine.domain.units import (
    E164,
    AgentId,
    AttemptId,
    CampaignName,
    CaseId,
    TrunkName,
)
from dialer_engine.ports.store import (
    AgentAtWork,
    AgentEventRow,
    AgentRow,
    ChangeRow,
    DecisionRow,
    DispositionRow,
    ExpectedRecording,
    RecordingRow,
    Screen,
    Standing,
)

_PRESENCE = {
    "login": Presence.READY,
    "ready": Presence.READY,
    "break": Presence.BREAK,
    "logout": Presence.LOGGED_OUT,
}
_SHOWN_DIGITS = 2
_LIVE = (Outcome.COMPLETED, Outcome.ABANDONED, Outcome.HUNG_UP_EARLY)


@dataclass(slots=True)
class MemoryCase:
    """One case in one campaign. numbers: each with its zone. due_at None: done."""

    id: CaseId
    reference: str
    numbers: tuple[tuple[E164, str | None], ...] = field(repr=False)
    due_at: datetime | None
    skill: str = ""
    priority: int = 0
    tries: int = 0
    number_rank: int = 0
    reason: str = ""


@dataclass(slots=True)
class MemoryAttempt:
    """One attempt. ends: every outcome that somebody wanted to write; the first one counts."""

    draft: AttemptDraft
    ends: list[AttemptEnd] = field(default_factory=list)

    @property
    def end(self) -> AttemptEnd | None:
        return self.ends[0] if self.ends else None


class MemoryStore:
    """transcript: what was written, a line each. down: why nothing works, empty while it does.
    delays_s: how long a method takes, by its name; what it does, it does at the end of that time.
    """

    def __init__(self, transcript: list[str] | None = None) -> None:
        self.transcript: list[str] = transcript if transcript is not None else []
        self.down = ""
        self.delays_s: dict[str, float] = {}
        self.asked: Counter[str] = Counter()
        self.cases: defaultdict[CampaignName, dict[CaseId, MemoryCase]] = defaultdict(dict)
        self.attempts: dict[AttemptId, MemoryAttempt] = {}
        self.number_days: Counter[tuple[str, str]] = Counter()
        self.leases: dict[CampaignName, tuple[str, datetime, int]] = {}
        self.agent_rows: dict[AgentId, AgentRow] = {}
        self.presences: dict[AgentId, AgentAtWork] = {}
        self.events: list[AgentEventRow] = []
        self.dispositions: list[DispositionRow] = []
        self.recordings: dict[AttemptId, RecordingRow] = {}
        self.alarms: list[tuple[str, str, datetime, AttemptId | None]] = []
        self.decisions: list[DecisionRow] = []
        self.memories: dict[tuple[CampaignName, str], str] = {}
        self.changed: list[ChangeRow] = []
        self.case_events: list[tuple[CaseId, str]] = []
        self.facts: dict[CaseId, CaseFacts] = {}
        self.denials: Counter[str] = Counter()
        self._campaigns: dict[CampaignName, Campaign] = {}

    def add_case(
        self,
        campaign: CampaignName,
        numbers: Sequence[E164],
        due_at: datetime,
        *,
        zone: str | None = "Europe/London",
        skill: str = "",
        priority: int = 0,
    ) -> CaseId:
        """One more case, due then."""
        number = CaseId(1 + sum(len(cases) for cases in self.cases.values()))
        theirs = tuple((one, zone) for one in numbers)
        self.cases[campaign][number] = MemoryCase(
            number, f"CASE-{number}", theirs, due_at, skill, priority
        )
        return number

    def open_ones(self) -> list[AttemptId]:
        """Attempts without an outcome."""
        return [key for key, one in self.attempts.items() if one.end is None]

    async def _turn(self, method: str) -> None:
        self.asked[method] += 1
        # Even the quickest database lets others run.
        await asyncio.sleep(self.delays_s.get(method, 0.0))
        if self.down:
            raise StoreUnavailable(self.down)

    async def open(self) -> None:
        """See the port."""
        await self._turn("open")

    async def close(self) -> None:
        """See the port."""

    # -- campaigns and their lease

    async def campaigns(self) -> list[Campaign]:
        """See the port."""
        await self._turn("campaigns")
        return sorted(self._campaigns.values(), key=lambda campaign: campaign.name)

    async def save_campaign(self, campaign: Campaign) -> None:
        """See the port."""
        await self._turn("save_campaign")
        self._campaigns[campaign.name] = campaign

    async def set_campaign_state(self, name: CampaignName, state: CampaignState) -> None:
        """See the port."""
        await self._turn("set_campaign_state")
        self._campaigns[name] = self._campaign(name).with_state(state)

    async def take_lease(
        self, name: CampaignName, holder: str, until: datetime, now: datetime
    ) -> int:
        """See the port."""
        await self._turn("take_lease")
        self._campaign(name)
        owner, ends, token = self.leases.get(name, (holder, now, 1))
        if owner != holder:
            if ends > now:
                raise CampaignHeld(f"{owner} runs campaign {name!r}")
            token += 1
        self.leases[name] = (holder, until, token)
        return token

    async def release_lease(self, name: CampaignName, holder: str) -> None:
        """See the port."""
        await self._turn("release_lease")
        if self.leases.get(name, ("",))[0] == holder:
            del self.leases[name]

    # -- pacing

    async def live_answers(
        self, name: CampaignName, since: datetime, until: datetime
    ) -> tuple[int, int]:
        """See the port."""
        await self._turn("live_answers")
        outcomes = [
            one.end.outcome
            for one in self.attempts.values()
            if one.end and one.draft.campaign == name and since <= one.draft.planned_at < until
        ]
        live = [one for one in outcomes if one in _LIVE]
        return len(live), live.count(Outcome.ABANDONED)

    async def trunk_calls(
        self, since: datetime, until: datetime
    ) -> Mapping[TrunkName, tuple[int, int]]:
        """See the port."""
        await self._turn("trunk_calls")
        found: dict[TrunkName, tuple[int, int]] = {}
        for one in self.attempts.values():
            if since <= one.draft.planned_at < until:
                calls, short = found.get(one.draft.trunk, (0, 0))
                found[one.draft.trunk] = (calls + 1, short + _is_short(one.end))
        return found

    async def save_decisions(self, rows: Sequence[DecisionRow]) -> None:
        """See the port."""
        await self._turn("save_decisions")
        self.decisions.extend(rows)

    async def decision_at(self, name: CampaignName, at: datetime) -> DecisionRow | None:
        """See the port."""
        await self._turn("decision_at")
        theirs = [row for row in self.decisions if row.campaign == name and row.at <= at]
        return max(theirs, key=lambda row: row.at, default=None)

    async def forget_decisions(self, before: datetime, most: int) -> int:
        """See the port."""
        await self._turn("forget_decisions")
        old = [row for row in self.decisions if row.at < before][:most]
        self.decisions = [row for row in self.decisions if row not in old]
        return len(old)

    async def save_memory(
        self, name: CampaignName, policy: str, memory: dict[str, Any], at: datetime
    ) -> None:
        """See the port."""
        await self._turn("save_memory")
        # As text, as a database keeps it: what is no JSON fails here too.
        self.memories[name, policy] = json.dumps(memory)

    async def memory(self, name: CampaignName, policy: str) -> dict[str, Any] | None:
        """See the port."""
        await self._turn("memory")
        kept = self.memories.get((name, policy))
        return None if kept is None else dict(json.loads(kept))

    async def add_changes(self, rows: Sequence[ChangeRow]) -> None:
        """See the port."""
        await self._turn("add_changes")
        self.changed.extend(rows)

    async def changes(self, name: CampaignName, limit: int) -> list[ChangeRow]:
        """See the port."""
        await self._turn("changes")
        return [row for row in reversed(self.changed) if row.campaign == name][:limit]

    # -- dialling

    async def candidate(self, name: CampaignName, reference: str, day_of: Any) -> Candidate:
        """See the port."""
        await self._turn("candidate")
        for case in self.cases[name].values():
            if case.reference == reference:
                return self._candidate(name, case, day_of)
        raise NotFound(f"no case of campaign {name!r} has this reference and a number")

    async def candidates(
        self,
        name: CampaignName,
        limit: int,
        now: datetime,
        excluding: Sequence[CaseId],
        day_of: Any,
    ) -> list[Candidate]:
        """See the port."""
        await self._turn("candidates")
        busy = {one.draft.case_id for one in self.attempts.values() if one.end is None}
        out = busy | set(excluding)
        due = [
            case
            for case in self.cases[name].values()
            if case.due_at is not None and case.due_at <= now and case.id not in out
        ]
        due.sort(key=lambda case: (-case.priority, case.due_at, case.id))
        return [self._candidate(name, case, day_of) for case in due[:limit]]

    def _candidate(self, name: CampaignName, case: MemoryCase, day_of: Any) -> Candidate:
        rank = case.number_rank % len(case.numbers)
        number, zone = case.numbers[rank]
        day = day_of(zone)
        return Candidate(
            name, case.id, case.reference, number, zone, case.tries, rank, len(case.numbers),
            case.skill or self._campaign(name).skill, case.priority, self.number_days[number, day], day,
        )  # fmt: skip

    async def standings(self, ids: Sequence[CaseId], now: datetime) -> dict[CaseId, Standing]:
        """See the port. Facts are those of `facts`, the unknown ones of who is not there."""
        await self._turn("standings")
        tried: defaultdict[CaseId, list[datetime]] = defaultdict(list)
        for one in self.attempts.values():
            tried[one.draft.case_id].append(one.draft.planned_at)
        known = {case for cases in self.cases.values() for case in cases}
        return {
            case: Standing(self.facts.get(case, CaseFacts()), tuple(tried[case]))
            for case in ids
            if case in known
        }

    async def begin_attempts(self, drafts: Sequence[AttemptDraft]) -> dict[AttemptId, str]:
        """See the port."""
        await self._turn("begin_attempts")
        refused: dict[AttemptId, str] = {}
        for draft in drafts:
            why = self._refusal(draft)
            if why:
                refused[draft.id] = why
                continue
            self.attempts[draft.id] = MemoryAttempt(draft)
            self.number_days[draft.number, draft.local_day] += 1
            self.transcript.append(f"begin {draft.id}")
        return refused

    def _refusal(self, draft: AttemptDraft) -> str:
        flying = [one.draft for one in self.attempts.values() if one.end is None]
        if any(one.number == draft.number or one.case_id == draft.case_id for one in flying):
            return "in_flight"
        spent = self.number_days[draft.number, draft.local_day] >= draft.daily_cap
        return "daily_cap" if spent else ""

    async def end_attempts(self, ends: Sequence[AttemptEnd], nexts: Sequence[CaseNext]) -> None:
        """See the port."""
        await self._turn("end_attempts")
        for end in ends:
            # One that was never begun is not there to be ended, as with the real store.
            if end.id in self.attempts:
                self.attempts[end.id].ends.append(end)
                self.transcript.append(f"end {end.id} {end.outcome.value}")
        self._follow(nexts)

    async def postpone(self, nexts: Sequence[CaseNext]) -> None:
        """See the port."""
        await self._turn("postpone")
        self._follow(nexts)
        self.denials.update(code for one in nexts for code in one.denied)

    def _follow(self, nexts: Sequence[CaseNext]) -> None:
        for one in nexts:
            case = self.cases[one.campaign].get(one.case_id)
            if case is not None and case.tries <= one.tries:
                case.due_at, case.reason = one.due_at, one.reason
                case.tries, case.number_rank = one.tries, one.number_rank

    async def open_attempts(self) -> list[OpenAttempt]:
        """See the port."""
        # What was open when the question came; the answer may be late.
        found = [self._open(one.draft) for one in self.attempts.values() if one.end is None]
        await self._turn("open_attempts")
        return found

    def _open(self, draft: AttemptDraft) -> OpenAttempt:
        case = self.cases[draft.campaign][draft.case_id]
        return OpenAttempt(
            draft.id, draft.campaign, draft.case_id, draft.node, draft.trunk, draft.planned_at, draft.try_no,
            case.number_rank, len(case.numbers), case.reference, case.skill,
        )  # fmt: skip

    async def screens(self, wanted: Mapping[AttemptId, CaseId]) -> dict[AttemptId, Screen]:
        """See the port."""
        await self._turn("screens")
        known = {key: one.reference for cases in self.cases.values() for key, one in cases.items()}
        return {a: Screen(a, known[case]) for a, case in wanted.items() if case in known}

    # -- people

    async def agents(self) -> list[AgentRow]:
        """See the port."""
        await self._turn("agents")
        return sorted(self.agent_rows.values(), key=lambda row: row.id)

    async def save_agent(self, agent: AgentRow) -> None:
        """See the port."""
        await self._turn("save_agent")
        self.agent_rows[agent.id] = agent

    async def agents_at_work(self) -> list[AgentAtWork]:
        """See the port."""
        await self._turn("agents_at_work")
        return [p for p in self.presences.values() if p.presence is not Presence.LOGGED_OUT]

    async def agent_events(self, rows: Sequence[AgentEventRow]) -> None:
        """See the port."""
        await self._turn("agent_events")
        for row in rows:
            self.events.append(row)
            presence = _PRESENCE.get(row.kind)
            if presence is not None:
                reason = row.reason if presence is Presence.BREAK else ""
                self.presences[row.agent] = AgentAtWork(row.agent, presence, reason, row.at)

    async def disposition(self, row: DispositionRow) -> None:
        """See the port."""
        await self._turn("disposition")
        self.dispositions.append(row)

    # -- recordings

    async def case_events_after(
        self, after: int | None, kinds: Sequence[str], limit: int = 1000
    ) -> list[tuple[int, CaseId, str]]:
        """See the port. Rows are places in `case_events`, from 1 on."""
        await self._turn("case_events_after")
        rows = [(row, case, kind) for row, (case, kind) in enumerate(self.case_events, 1)]
        if after is None:
            return [(len(rows), CaseId(0), "")]
        return [one for one in rows if one[0] > after and one[2] in kinds][:limit]

    async def expected_recordings(self, limit: int) -> list[ExpectedRecording]:
        """See the port."""
        await self._turn("expected_recordings")
        due = [
            self._expected(one.draft, one.end)
            for key, one in self.attempts.items()
            if key not in self.recordings and one.end and one.end.answered_at
        ]
        return due[:limit]

    @staticmethod
    def _expected(draft: AttemptDraft, end: AttemptEnd) -> ExpectedRecording:
        answered = end.answered_at or end.ended_at
        return ExpectedRecording(
            end.id, draft.campaign, draft.planned_at, answered, end.bridged_at, end.ended_at,
            (end.ended_at - answered).total_seconds(), end.talk_s,
        )  # fmt: skip

    async def save_recordings(self, rows: Sequence[RecordingRow]) -> None:
        """See the port."""
        await self._turn("save_recordings")
        self.recordings |= {row.attempt: row for row in rows}

    # -- alarms and reports

    async def alarm(
        self, kind: str, text: str, at: datetime, attempt: AttemptId | None = None
    ) -> None:
        """See the port."""
        await self._turn("alarm")
        self.alarms.append((kind, text, at, attempt))

    async def report(
        self, campaign: CampaignName | None, since: datetime | None, until: datetime | None
    ) -> Report:
        """See the port. Counts and rates only; no quantiles, no utilization (None)."""
        await self._turn("report")
        chosen = [
            one
            for one in self.attempts.values()
            if (campaign is None or one.draft.campaign == campaign)
            and (since is None or one.draft.planned_at >= since)
            and (until is None or one.draft.planned_at < until)
        ]
        outcomes = Counter(one.end.outcome for one in chosen if one.end)
        answered = sum(1 for one in chosen if one.end and one.end.answered_at)
        bridged, abandoned = outcomes[Outcome.COMPLETED], outcomes[Outcome.ABANDONED]
        live = bridged + abandoned + outcomes[Outcome.HUNG_UP_EARLY]
        found = Report(
            campaign, since.isoformat() if since else None, until.isoformat() if until else None, len(chosen),
            sum(one.end is None for one in chosen), answered, live, bridged, abandoned,
            outcomes={outcome.value: count for outcome, count in outcomes.items()},
        )  # fmt: skip
        return replace(
            found,
            answer_rate=answered / len(chosen) if chosen else None,
            abandonment_rate=abandoned / live if live else None,
        )

    async def calls(
        self, campaign: CampaignName | None, limit: int, before: AttemptId | None
    ) -> list[dict[str, Any]]:
        """See the port."""
        await self._turn("calls")
        keys = [
            key
            for key, one in self.attempts.items()
            if (campaign is None or one.draft.campaign == campaign)
            and (before is None or key < before)
        ]
        return [self._row(self.attempts[key]) for key in sorted(keys, reverse=True)[:limit]]

    async def call(self, attempt: AttemptId) -> dict[str, Any]:
        """See the port."""
        await self._turn("call")
        if attempt not in self.attempts:
            raise NotFound("no attempt has that id")
        return self._row(self.attempts[attempt])

    @staticmethod
    def _row(one: MemoryAttempt) -> dict[str, Any]:
        number = one.draft.number
        return {
            "attempt": one.draft.id,
            "campaign": one.draft.campaign,
            "number": "*" * (len(number) - _SHOWN_DIGITS) + number[-_SHOWN_DIGITS:],
            "outcome": one.end.outcome.value if one.end else None,
        }

    async def backlog(self, name: CampaignName, now: datetime) -> dict[str, int]:
        """See the port."""
        await self._turn("backlog")
        flying = {
            one.draft.case_id
            for one in self.attempts.values()
            if one.end is None and one.draft.campaign == name
        }
        kinds = Counter(self._kind(case, flying, now) for case in self.cases[name].values())
        return {kind: kinds[kind] for kind in ("due", "waiting", "done", "in_flight")}

    @staticmethod
    def _kind(case: MemoryCase, flying: Collection[CaseId], now: datetime) -> str:
        if case.id in flying:
            return "in_flight"
        if case.due_at is None:
            return "done"
        return "due" if case.due_at <= now else "waiting"

    def _campaign(self, name: CampaignName) -> Campaign:
        if name not in self._campaigns:
            raise NotFound(f"there is no campaign {name!r}")
        return self._campaigns[name]


def _is_short(end: AttemptEnd | None) -> bool:
    if end is None:
        return False
    answered = end.answered_at
    return answered is None or (end.ended_at - answered).total_seconds() <= SHORT_CALL_S
