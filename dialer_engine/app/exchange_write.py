"""What a bank sent, written: one method for each kind of record.

Rules: one transaction for a batch of cases, contracts, payments, contacts, communications and
suppressions; a promise and a hold are each their own; what is there already is left as it is, and nothing
is written for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from dialer_engine.app.exchange_read import Taken
from dialer_engine.domain.case import Case
from dialer_engine.domain.collections.codes import HoldKind
from dialer_engine.domain.collections.payments import Payment
from dialer_engine.domain.collections.promise import PromiseState
from dialer_engine.domain.errors import BadValue, IllegalTransition, NotFound
from dialer_engine.domain.units import CampaignName, CaseId, Money
from dialer_engine.store import bank, promises, suppression
from dialer_engine.store.accounts import case_ids
from dialer_engine.store.communications import report
from dialer_engine.store.exchange import Communication, ContactRow, ContractRow
from dialer_engine.store.numbers import masked
from dialer_engine.store.phone import BadNumber, read_number
from dialer_engine.store.rows import BadCell, Rules, read_currency
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.suppression import Suppression, case_unit, number_unit

R = TypeVar("R")
_NO_CASE = "there is no such case"


@dataclass(slots=True)
class Told:
    """written: how many changed something. refused, noted: why, by line; what is noted is in."""

    written: int = 0
    refused: dict[int, str] = field(default_factory=dict)
    noted: dict[int, str] = field(default_factory=dict)


class Writer:
    """One request's way into the store."""

    def __init__(
        self,
        store: SqlStore,
        rules: Rules,
        campaign: CampaignName | None,
        by: str,
        paid: Callable[[CaseId], object],
        held: Callable[[CaseId], object],
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._rules, self._campaign, self._by = store, rules, campaign, by
        self._paid, self._held, self._now = paid, held, now

    # -- rows of a file

    async def cases(self, batch: Sequence[Taken]) -> Told:
        """NotFound for the campaign."""
        rows = _rows(batch, Case)
        written = await self._store.import_batch(self._campaign, rows, self._now())
        return Told(max(written.new + written.updated, written.joined))

    async def contracts(self, batch: Sequence[Taken]) -> Told:
        """Refused: without a case, or of another one."""
        rows = _rows(batch, ContractRow)
        new, changed, why = await self._store.write_contracts(rows, self._now())
        lines = zip(batch, rows, strict=True)
        refused = {
            t.line: why[r.contract.reference] for t, r in lines if r.contract.reference in why
        }
        return Told(new + changed, refused)

    async def payments(self, batch: Sequence[Taken]) -> Told:
        """Calls of the cases that were paid end at once. Noted: belongs to no contract yet."""
        rows = _rows(batch, Payment)
        booked = await self._store.book_payments(rows, self._now())
        for case_id in booked.cases:
            self._paid(case_id)
        lines = {row.reference: one.line for one, row in zip(batch, rows, strict=True)}
        told = Told(booked.new)
        for reference, fault, _ in booked.problems:
            reason = f"{fault.value}: {fault.english}"
            where = told.refused if fault.value == "duplicate" else told.noted
            where[lines[reference]] = reason
        return told

    async def contacts(self, batch: Sequence[Taken]) -> Told:
        """Refused: without a case."""
        rows = _rows(batch, ContactRow)
        changed, why = await self._store.write_contacts(rows, self._now().date())
        return Told(changed, {batch[place].line: reason for place, reason in why.items()})

    async def communications(self, batch: Sequence[Taken]) -> Told:
        """Refused: without a case, not made yet, or there with other values."""
        rows = [
            one if one.reporter else replace(one, reporter=self._by)
            for one in _rows(batch, Communication)
        ]
        new, why = await self._store.database.write(report, self._store.vault, rows, self._now())
        return Told(new, {batch[place].line: reason for place, reason in why.items()})

    # -- promises

    async def promises(self, batch: Sequence[Taken]) -> Told:
        """Refused: without a case, in place of one that is over, or of a key that is there otherwise."""
        ids, told = await self._cases(batch), Told()
        for one in batch:
            try:
                told.written += await self._promise(ids.get(one.said["case"]), one)
            except (BadValue, BadCell, NotFound, IllegalTransition) as error:
                told.refused[one.line] = str(error)
        return told

    async def _promise(self, case_id: CaseId | None, one: Taken) -> bool:
        if case_id is None:
            raise NotFound(_NO_CASE)
        now, said = self._now(), one.said
        promise = await self._promised(case_id, said, now)
        old = await self._store.database.read(bank.promise, case_id, promise.key)
        if old is None:
            more = {"by": self._by, "replaces": said.get("replaces", "")}
            await self._store.add_promise(case_id, promise, now, **more)
            return True
        same = (
            "money",
            "due_on",
            "tolerance",
            *(name for name in ("made_on", "grace_days") if name in said),
        )
        if any(getattr(old, name) != getattr(promise, name) for name in same):
            raise BadValue("a promise of this key is there with other values")
        return False

    async def _promised(self, case_id: CaseId, said: dict[str, Any], now: datetime) -> PromiseState:
        """grace_days unsaid: what the case's products allow."""
        grace: int = (
            said["grace_days"]
            if "grace_days" in said
            else await self._store.database.read(promises.grace_days, case_id)
        )
        currency = read_currency(said.get("currency") or self._rules.currency)
        return PromiseState(
            said["key"],
            Money(Decimal(said["amount"]), currency),
            date.fromisoformat(said["due_on"]),
            date.fromisoformat(said["made_on"]) if "made_on" in said else now.date(),
            grace,
            Decimal(said.get("tolerance", 0)),
        )

    # -- holds

    async def holds(self, batch: Sequence[Taken]) -> Told:
        """Refused: without a case, or over already."""
        ids, told = await self._cases(batch), Told()
        for one in batch:
            case_id = ids.get(one.said["case"])
            if case_id is None:
                told.refused[one.line] = _NO_CASE
            elif _is_over(one, self._now()):
                told.refused[one.line] = "until is over already"
            else:
                told.written += await self._hold(case_id, one)
        return told

    async def _hold(self, case_id: CaseId, one: Taken) -> bool:
        store, now, said = self._store, self._now(), one.said
        kind, until = HoldKind(said["kind"]), said.get("until")
        ends = await store.database.read(bank.held_until, case_id, kind.value, now)
        if said.get("end"):
            if ends:
                await store.end_hold(case_id, kind, now, by=self._by)
            return bool(ends)
        if until in ends:
            return False
        reason = said.get("reason", "")
        await store.set_hold(case_id, kind, now, until=until, by=self._by, reason=reason)
        self._held(case_id)
        return True

    # -- suppressions

    async def suppressions(self, batch: Sequence[Taken]) -> Told:
        """Calls that ring for them end within a second: the engine looks at the version of the lists."""
        store, now, told = self._store, self._now(), Told()
        ids = await self._cases(batch)
        entries: dict[int, Suppression] = {}
        for one in batch:
            try:
                entries[one.line] = self._entry(one, ids, now)
            except (BadValue, BadNumber) as error:
                told.refused[one.line] = str(error)
        keys = [entry.unit_key for entry in entries.values()]
        there = await store.database.read(bank.listed, keys, now)
        new: dict[tuple[str, str], Suppression] = {}
        for one in batch:
            entry = entries.get(one.line)
            if entry is None:
                continue
            known = there.get((entry.list, entry.unit_key), [])
            if one.said.get("end"):
                told.written += await self._release([number for number, _ in known], one)
            elif not known:
                new.setdefault((entry.list, entry.unit_key), entry)
            elif all(until != entry.until for _, until in known):
                told.refused[one.line] = "it is on this list until another time; end that first"
        told.written += await store.database.write(
            suppression.add, list(new.values()), self._by, now
        )
        return told

    def _entry(self, one: Taken, ids: dict[str, CaseId], now: datetime) -> Suppression:
        said = one.said
        if ("number" in said) == ("case" in said):
            raise BadValue("say number or case, one of them")
        if _is_over(one, now):
            raise BadValue("until is over already")
        rest = (said.get("reason", ""), f"api:{self._by}", said.get("until"))
        if "case" in said:
            if said["case"] not in ids:
                raise BadValue(_NO_CASE)
            key = case_unit(ids[said["case"]])
            return Suppression(said["list"], "case", key, said["case"], *rest)
        number = read_number(said["number"], self._rules.region)
        key = number_unit(self._store.vault.number(number))
        return Suppression(said["list"], "number", key, masked(number), *rest)

    async def _release(self, entries: Sequence[int], one: Taken) -> bool:
        for number in entries:
            why = one.said.get("reason", "")
            await self._store.database.write(suppression.remove, number, self._by, why, self._now())
        return bool(entries)

    async def _cases(self, batch: Sequence[Taken]) -> dict[str, CaseId]:
        wanted = {one.said["case"] for one in batch if "case" in one.said}
        found = await self._store.database.read(case_ids, wanted)
        return {reference: CaseId(number) for reference, number in found.items()}


def _rows(batch: Sequence[Taken], kind: type[R]) -> list[R]:
    return [one.row for one in batch if isinstance(one.row, kind)]


def _is_over(one: Taken, now: datetime) -> bool:
    until: datetime | None = one.said.get("until")
    return until is not None and until <= now and not one.said.get("end")
