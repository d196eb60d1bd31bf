"""The store, on SQLite or PostgreSQL: the port `Store` with one repository or query behind each
method.

Rules: every method is one transaction; what the database raises leaves as an error of the one tree;
`StoreUnavailable` means that nothing was written. On PostgreSQL the connection can break while a
commit is on the way: attempts of such a batch may stand in the book without ever having been
dialled, so they are remembered and withdrawn before the next batch; events and alarms of such a
write may come twice when the caller writes them again.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd, Candidate, CaseNext, OpenAttempt
from dialer_engine.domain.campaign import Campaign, CampaignState
from dialer_engine.domain.case import Case
from dialer_engine.domain.collections.allocation import Allocation, Collector, Recall
from dialer_engine.domain.collections.codes import HoldKind
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.collections.payments import Payment
from dialer_engine.domain.collections.product import Creditor, Product
from dialer_engine.domain.collections.promise import PromiseState
from dialer_engine.domain.errors import StoreUnavailable
from dialer_engine.domain.reports import Report
from dialer_engine.domain.units import (
    AttemptId,
    CampaignName,
    CaseId,
    TrunkName,
)
from dialer_engine.ports.daily import Claim, Job, Step
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
from dialer_engine.store import (
    accounts,
    agents,
    attempts,
    calls,
    campaigns,
    case_import,
    casefile,
    cases,
    daily,
    desks,
    facts,
    number_view,
    pacing,
    people,
    plans,
    products,
    promises,
    recordings,
    report,
    report_plans,
    upgrade,
)
from dialer_engine.store import vault as vaults
from dialer_engine.store.accounts import Booked
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.case_import import Written
from dialer_engine.store.engine import CACHE_MIB, POOL_SIZE, CommitUnknown, Database
from dialer_engine.store.exchange import ContactRow, ContractRow
from dialer_engine.store.keys import Master, master_keys
from dialer_engine.store.vault import UnknownKey, Vault

P = ParamSpec("P")
T = TypeVar("T")
Json = dict[str, Any]

# Counting millions of cases takes a while: a count that took this long may cost a twentieth of one
# core at most.
_SLOW_COUNT_S = 0.02
_SLOW_COUNT_SHARE = 0.05


async def _load(connection: AsyncConnection, masters: Sequence[Master]) -> Vault:
    return await connection.run_sync(vaults.load, masters)


class SqlStore:
    """`dialer_engine.ports.store.Store` on SQLAlchemy."""

    def __init__(
        self,
        url: str,
        *,
        busy_timeout_s: float = 5.0,
        synchronous: str = "FULL",
        cache_mib: int = CACHE_MIB,
        pool_size: int = POOL_SIZE,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
        key_file: Path | None = None,
    ) -> None:
        """url: `sqlite:////path/dialer.db` or `postgresql://user@host/name`. key_file: the master key;
        None: see `keys.py`. utcnow: until when
        a report without an end counts the agents who are still at work.
        """
        self.database = Database(
            url,
            busy_timeout_s=busy_timeout_s,
            synchronous=synchronous,
            cache_mib=cache_mib,
            pool_size=pool_size,
        )
        self._utcnow = utcnow
        self._key_file = key_file
        self._vault: Vault | None = None
        self.ids = CampaignIds()
        self._tokens: dict[CampaignName, int] = {}
        self._doubtful: set[AttemptId] = set()
        self._backlogs: dict[CampaignName, tuple[float, dict[str, int]]] = {}

    async def open(self) -> None:
        """Connect and compare the schema; SchemaOutdated."""
        upgrade.insist_on_file(self.database.url)
        await self.database.open()
        try:
            await self._read(upgrade.check_connection)
            await self.load_keys()
        except BaseException:
            await self.database.close()
            raise

    async def load_keys(self) -> None:
        """Open the data keys with the master key; ConfigError when that is missing or another's. Again
        when a row was closed with a key that is not known yet: somebody rotated meanwhile.
        """
        masters = master_keys(str(self.database.url), self._key_file)
        found = await self.database.read(_load, masters)
        if self._vault is None:
            self._vault = found
        else:
            # In place: work under way has this vault in its hands.
            self._vault.keys = found.keys

    @property
    def vault(self) -> Vault:
        """The open keys."""
        if self._vault is None:
            raise RuntimeError("the store is not open")
        return self._vault

    async def close(self) -> None:
        """Finish the write under way and disconnect."""
        await self.database.close()

    async def _read(
        self,
        work: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
        *a: P.args,
        **k: P.kwargs,
    ) -> T:
        try:
            return await self.database.read(work, *a, **k)
        except UnknownKey:
            await self.load_keys()
            return await self.database.read(work, *a, **k)

    async def _write(
        self,
        work: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
        *a: P.args,
        **k: P.kwargs,
    ) -> T:
        try:
            return await self.database.write(work, *a, **k)
        except CommitUnknown:
            raise StoreUnavailable("the connection to the store broke during a commit") from None

    # -- campaigns and their lease
    async def campaigns(self) -> list[Campaign]:
        """All campaigns by name."""
        return await self._read(campaigns.listing)

    async def save_campaign(self, campaign: Campaign) -> None:
        """Write all settings of a campaign, new or known."""
        await self._write(campaigns.save, campaign)

    async def set_campaign_state(self, name: CampaignName, state: CampaignState) -> None:
        """Change the state only; NotFound."""
        await self._write(campaigns.set_state, name, state)

    async def take_lease(
        self, name: CampaignName, holder: str, until: datetime, now: datetime
    ) -> int:
        """Take or extend the lease; from here on `begin_attempts` of this campaign insists on it."""
        token = await self._write(self._take_lease, name, holder, until, now)
        self._tokens[name] = token
        return token

    async def _take_lease(
        self,
        connection: AsyncConnection,
        name: CampaignName,
        holder: str,
        until: datetime,
        now: datetime,
    ) -> int:
        campaign_id = await self.ids.of(connection, name)
        return await campaigns.take_lease(connection, campaign_id, holder, until, now)

    async def release_lease(self, name: CampaignName, holder: str) -> None:
        """Give the lease up, if it is this holder's."""
        await self._write(self._release_lease, name, holder)
        self._tokens.pop(name, None)

    async def _release_lease(
        self, connection: AsyncConnection, name: CampaignName, holder: str
    ) -> None:
        await campaigns.release_lease(connection, await self.ids.of(connection, name), holder)

    # -- pacing
    async def live_answers(
        self, name: CampaignName, since: datetime, until: datetime
    ) -> tuple[int, int]:
        """Live answers in [since, until) that are over, and how many of them were abandoned."""
        return await self._read(pacing.live_answers, self.ids, name, since, until)

    async def trunk_calls(
        self, since: datetime, until: datetime
    ) -> Mapping[TrunkName, tuple[int, int]]:
        """See the port."""
        return await self._read(pacing.trunk_calls, since, until)

    async def save_decisions(self, rows: Sequence[DecisionRow]) -> None:
        """Keep what pacing decided."""
        await self._write(pacing.save_decisions, self.ids, rows)

    async def decision_at(self, name: CampaignName, at: datetime) -> DecisionRow | None:
        """The last kept decision at `at` or before."""
        return await self._read(pacing.decision_at, self.ids, name, at)

    async def forget_decisions(self, before: datetime, most: int) -> int:
        """Delete older decisions, at most so many."""
        return await self._write(pacing.forget_decisions, before, most)

    async def save_memory(
        self, name: CampaignName, policy: str, memory: dict[str, Any], at: datetime
    ) -> None:
        """Keep what a policy has learned."""
        await self._write(pacing.save_memory, self.ids, name, policy, memory, at)

    async def memory(self, name: CampaignName, policy: str) -> dict[str, Any] | None:
        """What a policy had learned."""
        return await self._read(pacing.memory, self.ids, name, policy)

    async def add_changes(self, rows: Sequence[ChangeRow]) -> None:
        """Note who changed what."""
        await self._write(pacing.add_changes, self.ids, rows)

    async def changes(self, name: CampaignName, limit: int) -> list[ChangeRow]:
        """Who changed what, newest first."""
        return await self._read(pacing.changes, self.ids, name, limit)

    # -- dialling
    async def candidate(self, name: CampaignName, reference: str, day_of: Any) -> Candidate:
        """The case of that reference; NotFound."""
        return await self._read(cases.named, self.ids, self.vault, name, reference, day_of)

    async def candidates(
        self,
        name: CampaignName,
        limit: int,
        now: datetime,
        excluding: Sequence[CaseId],
        day_of: Any,
    ) -> list[Candidate]:
        """Cases that are due, best first."""
        return await self._read(
            cases.due, self.ids, self.vault, name, limit, now, excluding, day_of
        )

    async def standings(self, ids: Sequence[CaseId], now: datetime) -> dict[CaseId, Standing]:
        """See the port."""
        return await self._read(facts.standings, self.vault, ids, now)

    async def begin_attempts(self, drafts: Sequence[AttemptDraft]) -> dict[AttemptId, str]:
        """Commit the attempts; returns the refused ones. CampaignHeld when the lease was lost."""
        if not drafts:
            return {}
        try:
            refused = await self.database.write(self._begin, drafts)
        except CommitUnknown:
            self._doubtful |= {draft.id for draft in drafts}
            raise StoreUnavailable(
                "the connection to the store broke during a commit; nothing of it will be dialled"
            ) from None
        self._doubtful.clear()
        return refused

    async def _begin(
        self, connection: AsyncConnection, drafts: Sequence[AttemptDraft]
    ) -> dict[AttemptId, str]:
        await attempts.withdraw(connection, sorted(self._doubtful))
        # A copy, because the loop may change it meanwhile.
        tokens = dict(self._tokens)
        return await attempts.begin(connection, self.ids, self.vault, tokens, drafts)

    async def end_attempts(self, ends: Sequence[AttemptEnd], nexts: Sequence[CaseNext]) -> None:
        """Write outcomes where there are none, and what follows for the cases."""
        await self._write(attempts.end, self.ids, self.vault, ends, nexts)

    async def postpone(self, nexts: Sequence[CaseNext]) -> None:
        """Cases that the gate or the strategy denied."""
        await self._write(plans.postpone, self.ids, nexts)

    async def open_attempts(self) -> list[OpenAttempt]:
        """Attempts without an outcome, oldest first."""
        return await self._read(attempts.still_open)

    async def screens(self, wanted: Mapping[AttemptId, CaseId]) -> dict[AttemptId, Screen]:
        """See the port."""
        return await self._read(cases.screens, self.vault, wanted)

    # -- people
    async def agents(self) -> list[AgentRow]:
        """All agents by id."""
        return await self._read(agents.listing)

    async def save_agent(self, agent: AgentRow) -> None:
        """Write all settings of an agent, new or known."""
        await self._write(agents.save, agent)

    async def agents_at_work(self) -> list[AgentAtWork]:
        """Who has logged in and not out."""
        return await self._read(agents.at_work)

    async def agent_events(self, rows: Sequence[AgentEventRow]) -> None:
        """Add to the agents' day, in this order."""
        await self._write(agents.add_events, rows)

    async def disposition(self, row: DispositionRow) -> None:
        """Add what the agent says; the newest of an attempt counts."""
        await self._write(agents.add_disposition, self.vault, row)

    # -- import
    async def import_batch(
        self, campaign: CampaignName | None, batch: Sequence[Case], due_at: datetime
    ) -> Written:
        """Write cases with different references, and put them into the campaign."""
        return await self._write(
            case_import.write_batch, self.ids, self.vault, campaign, batch, due_at
        )

    # -- collections
    async def case_facts(self, ids: Sequence[CaseId], now: datetime) -> dict[CaseId, CaseFacts]:
        """What strategies and compliance ask for; cases that are not there are left out."""
        return await self._read(facts.facts, self.vault, ids, now)

    async def case_file(self, reference: str, now: datetime, *, reveal: bool = False) -> Json:
        """Everything known of a case, masked unless `reveal`; NotFound."""
        return await self._read(casefile.whole, self.vault, reference, now, reveal=reveal)

    async def find_cases(
        self, *, number: str = "", id_number: str = ""
    ) -> list[tuple[CaseId, str]]:
        """(id, reference) of cases with this number (E.164) or ID number."""
        return await self._read(casefile.find, self.vault, number=number, id_number=id_number)

    async def save_creditor(self, creditor: Creditor) -> None:
        """Write all of a creditor, new or known."""
        await self._write(products.save_creditor, creditor)

    async def save_product(self, product: Product) -> None:
        """Write all rules of a product, new or known."""
        await self._write(products.save_product, product)

    async def save_products(self, creditor: Creditor | None, rules: Sequence[Product]) -> None:
        """Write a creditor and the rules of products, all or nothing."""
        await self._write(products.save_all, creditor, rules)

    async def write_contracts(
        self, batch: Sequence[ContractRow], now: datetime
    ) -> tuple[int, int, dict[str, str]]:
        """(new, updated, {contract: why it was not taken})."""
        return await self._write(accounts.write_contracts, self.vault, batch, now)

    async def write_contacts(
        self, batch: Sequence[ContactRow], today: date
    ) -> tuple[int, dict[int, str]]:
        """(new or changed, {place in the batch: why it was not taken})."""
        return await self._write(people.write_contacts, self.vault, batch, today)

    async def book_payments(self, postings: Sequence[Payment], now: datetime) -> Booked:
        """Match payments, write them, and tell anew what their cases owe."""
        return await self._write(accounts.book, self.vault, postings, now)

    async def add_promise(
        self, case_id: CaseId, promise: PromiseState, now: datetime, **more: Any
    ) -> None:
        """Note a promise; see `people.add_promise` for by, attempt, replaces."""
        await self._write(people.add_promise, case_id, promise, now, **more)

    async def take_promise(self, **given: Any) -> Json:
        """Note a promise, by the case or by the talk; see `promises.take`."""
        return await self._write(promises.take, **given)

    async def tallies(
        self, name: CampaignName, experiment: str, result: str
    ) -> dict[str, tuple[int, int]]:
        """By arm of an experiment: cases tried, and those with the result; see `report_plans`."""
        return await self._read(report_plans.by_arm, self.ids, name, experiment, result)

    async def set_hold(self, case_id: CaseId, kind: HoldKind, now: datetime, **more: Any) -> None:
        """Leave a case alone; see `people.set_hold` for until, by, reason."""
        await self._write(people.set_hold, self.vault, case_id, kind, now, **more)

    async def end_hold(
        self, case_id: CaseId, kind: HoldKind, now: datetime, *, by: str = ""
    ) -> int:
        """End the holds of a kind; returns how many."""
        return await self._write(people.end_hold, case_id, kind, now, by=by)

    async def assign(
        self,
        decisions: Sequence[Allocation],
        collectors: Mapping[str, Collector],
        now: datetime,
        **more: Any,
    ) -> int:
        """Write who has which case, with the reason; see `desks.assign` for recall_on, by."""
        return await self._write(desks.assign, decisions, collectors, now, **more)

    async def recall(self, decisions: Sequence[Recall], now: datetime, *, by: str = "") -> int:
        """Take back what is due, with the reason; returns how many."""
        return await self._write(desks.recall, decisions, now, by=by)

    # -- numbers
    async def case_id(self, reference: str) -> CaseId:
        """The case of that reference; NotFound."""
        return CaseId(await self._read(number_view.id_of, reference))

    async def case_numbers(self, reference: str, *, reveal: bool = False) -> list[Json]:
        """The numbers of a case, those that are off its list too; see `number_view.of_case`."""
        return await self._read(number_view.of_case, self.vault, reference, reveal=reveal)

    async def reset_number(self, reference: str, name: str, now: datetime, *, by: str = "") -> int:
        """Call a number again that was taken off; see `number_view.reset`."""
        return await self._write(number_view.reset, self.vault, reference, name, by, now)

    async def case_campaigns(self, case_id: CaseId) -> list[Json]:
        """Where a case stands in its campaigns."""
        return await self._read(number_view.in_campaigns, case_id)

    # -- the work of a day
    async def claim_day(
        self, day: date, job: Job, holder: str, now: datetime, until: datetime
    ) -> Claim:
        """See `ports.daily`."""
        return await self._write(daily.claim, day, job, holder, now, until)

    async def day_step(
        self, day: date, job: Job, holder: str, now: datetime, until: datetime
    ) -> Step:
        """See `ports.daily`."""
        return await self._write(daily.step, day, job, holder, now, until)

    async def forget_day(self, day: date) -> None:
        """Let the work of that day be done again."""
        await self._write(daily.forget, day)

    async def case_events_after(
        self, after: int | None, kinds: Sequence[str], limit: int = 1000
    ) -> list[tuple[int, CaseId, str]]:
        """(row, case, kind) of what happened to cases since row `after`. after None: [(newest row, 0,
        "")], where to begin.
        """
        if after is None:
            return [(await self._read(people.last_event), CaseId(0), "")]
        return await self._read(people.events_after, after, kinds, limit)

    # -- recordings
    async def expected_recordings(self, limit: int) -> list[ExpectedRecording]:
        """Answered attempts without a recording row, oldest first."""
        return await self._read(recordings.expected, limit)

    async def save_recordings(self, rows: Sequence[RecordingRow]) -> None:
        """Write what was found; a later look replaces the row."""
        await self._write(recordings.save, rows)

    # -- alarms and reports
    async def alarm(
        self, kind: str, text: str, at: datetime, attempt: AttemptId | None = None
    ) -> None:
        """Something that a person has to look at."""
        await self._write(recordings.add_alarm, kind, text, at, attempt)

    async def report(
        self, campaign: CampaignName | None, since: datetime | None, until: datetime | None
    ) -> Report:
        """The figures of attempts planned in [since, until)."""
        return await self._read(report.compute, self.ids, campaign, since, until, self._utcnow())

    async def calls(
        self, campaign: CampaignName | None, limit: int, before: AttemptId | None
    ) -> list[dict[str, Any]]:
        """Attempts, newest first, numbers masked."""
        return await self._read(calls.listing, self.ids, campaign, limit, before)

    async def call(self, attempt: AttemptId) -> dict[str, Any]:
        """One attempt with everything known of it, number masked; NotFound."""
        return await self._read(calls.one, attempt)

    async def backlog(self, name: CampaignName, now: datetime) -> dict[str, int]:
        """due, waiting, done, in_flight: exact, but for millions of cases up to twenty times as old
        as one count takes.
        """
        fresh_until, known = self._backlogs.get(name, (0.0, {}))
        started = time.perf_counter()
        if known and started < fresh_until:
            return dict(known)
        counted = await self._read(cases.backlog, self.ids, name, now)
        ended = time.perf_counter()
        took = ended - started
        self._backlogs.pop(name, None)
        if took > _SLOW_COUNT_S:
            self._backlogs[name] = (ended + took / _SLOW_COUNT_SHARE, counted)
        return dict(counted)
