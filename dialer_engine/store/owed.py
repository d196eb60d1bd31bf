"""What cases owe, told anew from their contracts, payments and charges.

Rules: `refresh` is the only writer of what is owed and of what became of promises; it reads the whole
book of a case and adds nothing up as it goes, so that no order of events and no repetition changes it; a
case that is paid leaves every campaign in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections import reconcile as rec
from dialer_engine.domain.collections.codes import CaseState
from dialer_engine.domain.collections.contract import (
    Charge,
    Contract,
    Instalment,
    Position,
    Statement,
    position,
)
from dialer_engine.domain.collections.money import ZERO, Balance, Component
from dialer_engine.domain.collections.payments import Payment, last_paid_on
from dialer_engine.domain.collections.product import Product
from dialer_engine.domain.collections.promise import PromisePhase, PromiseState
from dialer_engine.domain.units import Moment, Money
from dialer_engine.store._sql import chunks
from dialer_engine.store._types import ten_thousandths
from dialer_engine.store.cases import members
from dialer_engine.store.closed import memo_place
from dialer_engine.store.products import Products, load_products
from dialer_engine.store.schema import campaign_cases, cases
from dialer_engine.store.schema_books import (
    case_events,
    case_facts,
    charges,
    contracts,
    payments,
    promises,
)
from dialer_engine.store.vault import Vault

PAID = "paid"


async def refresh(
    connection: AsyncConnection,
    ids: Iterable[int],
    now: datetime,
    today: date | None = None,
    by: str = "",
) -> set[int]:
    """Tell anew what these cases owe and what became of their promises; returns those paid in full,
    which leave every campaign. BadValue when one owes more than a column holds. today: None: the day of
    UTC; a case's own zone moves it by one at most, and dates, not days, are what is written. by: who is named
    in the record for what became of promises.
    """
    products, today = await load_products(connection), today or now.date()
    paid: set[int] = set()
    for part in chunks(ids):
        book_ = await books(connection, part, products)
        rows, promised = [], []
        for case_id, one in book_.items():
            row, kept = one.told(case_id, today, Moment(0.0, now))
            if row["principal"] is not None:
                ten_thousandths(_total(row))
            rows.append(row)
            promised += kept
            if row["state"] == CaseState.PAID:
                paid.add(case_id)
        await _write_told(connection, rows, promised)
        await _note_promises(connection, promised, now, by)
    for part in chunks(paid):
        gone = members(part), campaign_cases.c.due_at.is_not(None)
        await connection.execute(
            update(campaign_cases).where(*gone).values(due_at=None, reason=PAID)
        )
    return paid


@dataclass(slots=True)
class CaseBook:
    """What is in the book of one case."""

    facts: Any
    products: Products
    contracts: list[Contract]
    payments: list[Payment]
    charges: dict[str, list[Charge]]
    promises: list[PromiseState]

    def positions(self, today: date) -> list[Position]:
        """What is owed of each contract."""
        return [
            position(
                one,
                self.product_of(one),
                [p for p in self.payments if p.contract == one.reference],
                today,
                self.charges.get(one.reference, ()),
            )
            for one in self.contracts
        ]

    def product_of(self, one: Contract) -> Product:
        """Whose rules hold for this contract."""
        code = one.product or self.facts.product or ""
        return self.products.of(self.facts.creditor or "", code, self.facts.debt_type)

    def told(
        self, case_id: int, today: date, now: Moment
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The columns of `case_facts`, and the promises that changed."""
        owed = self.positions(today)
        kept = rec.recount(self.promises, self.payments, today, now)
        pairs = zip(kept, self.promises, strict=True)
        changed = [(new, new.phase is not old.phase) for new, old in pairs if new != old]
        waiting = [one.due_on for one in kept if one.is_open]
        total = {c.value: sum((p.balance[c] for p in owed), ZERO) for c in Component}
        done = bool(owed) and sum(total.values()) == 0
        row = {
            "of_case": case_id,
            "state": CaseState.PAID if done else self._still(),
            "currency": self.contracts[0].currency if self.contracts else self.facts.currency,
            "oldest_due": min((p.oldest_due for p in owed if p.oldest_due), default=None),
            "payment_on": last_paid_on(self.payments, today),
            "promises_open": len(waiting),
            "promises_broken": sum(one.is_broken for one in kept),
            "next_promise": min(waiting, default=None),
            **total,
        }
        if not self.contracts:
            row |= {name: getattr(self.facts, name) for name in (*total, "oldest_due")}
        return row, [_promise_change(case_id, *one) for one in changed]

    def _still(self) -> str:
        """What was taken back or closed stays so, whatever is paid of it."""
        was = self.facts.state
        return str(was) if was in (CaseState.RECALLED, CaseState.CLOSED) else CaseState.OPEN.value


async def _note_promises(
    connection: AsyncConnection, promised: Iterable[dict[str, Any]], now: datetime, by: str
) -> None:
    """What became of promises, for the record; that money came for one that stays open is not news."""
    rows = [
        {
            "case_id": one["of_case"], "at": now, "kind": f"promise_{one['now_phase']}", "by": by,
            "data": {"key": one["of_key"], "paid": str(one["now_paid"])},
        }
        for one in promised
        if one["turned"]
    ]  # fmt: skip
    if rows:
        await connection.execute(insert(case_events), rows)


async def books(
    connection: AsyncConnection, ids: Sequence[int], products: Products
) -> dict[int, CaseBook]:
    facts = {
        row.case_id: row
        for row in await connection.execute(select(case_facts).where(case_facts.c.case_id.in_(ids)))
    }
    found = {i: CaseBook(row, products, [], [], {}, []) for i, row in facts.items()}
    names: dict[int, str] = {}
    mine = contracts.c.case_id.in_(found)
    for row in await connection.execute(select(contracts).where(mine).order_by(contracts.c.id)):
        names[row.id] = row.reference
        found[row.case_id].contracts.append(contract_of(row))
    booked = payments.c.case_id.in_(found), payments.c.contract_id.is_not(None)
    for row in await connection.execute(select(payments).where(*booked)):
        found[row.case_id].payments.append(payment_of(row, names.get(row.contract_id, "")))
    owners = select(charges, contracts.c.case_id, contracts.c.reference).join_from(
        charges, contracts, contracts.c.id == charges.c.contract_id
    )
    for row in await connection.execute(owners.where(mine)):
        charge = Charge(row.charged_on, Component(row.component), row.amount, row.code)
        found[row.case_id].charges.setdefault(row.reference, []).append(charge)
    for row in await connection.execute(select(promises).where(promises.c.case_id.in_(found))):
        found[row.case_id].promises.append(promise_of(row))
    return found


async def _write_told(
    connection: AsyncConnection, rows: list[dict[str, Any]], promised: list[dict[str, Any]]
) -> None:
    if rows:
        names = [name for name in rows[0] if name != "of_case"]
        told = update(case_facts).where(case_facts.c.case_id == bindparam("of_case"))
        await connection.execute(told.values({name: bindparam(name) for name in names}), rows)
        shown = update(cases).where(cases.c.id == bindparam("of_case"))
        values = [
            {"of_case": r["of_case"], "owed": _total(r), "money": r["currency"]}
            for r in rows
            if r["principal"] is not None
        ]
        if values:
            columns: dict[str, Any] = {"balance": bindparam("owed"), "currency": bindparam("money")}
            await connection.execute(shown.values(columns), values)
    if promised:
        mine = promises.c.case_id == bindparam("of_case"), promises.c.key == bindparam("of_key")
        values_: dict[str, Any] = {"paid": bindparam("now_paid"), "phase": bindparam("now_phase")}
        given = [{k: v for k, v in one.items() if k != "turned"} for one in promised]
        await connection.execute(update(promises).where(*mine).values(values_), given)


def _total(row: Mapping[str, Any]) -> Decimal:
    return sum((row[c.value] for c in Component), ZERO)


def _promise_change(case_id: int, one: PromiseState, turned: bool) -> dict[str, Any]:
    return {
        "of_case": case_id,
        "of_key": one.key,
        "now_paid": one.paid,
        "now_phase": one.phase.value,
        "turned": turned,
    }


def promise_of(row: Any) -> PromiseState:
    """A row of `promises`."""
    return PromiseState(
        row.key, Money(row.amount, row.currency), row.due_on, row.made_on, row.grace_days, row.tolerance,
        row.paid, PromisePhase(row.phase), row.successor,
    )  # fmt: skip


def contract_of(row: Any) -> Contract:
    """A row of `contracts`."""
    stated = None
    if row.as_of is not None:
        parts = {c.value: getattr(row, c.value) or ZERO for c in Component}
        stated = Statement(row.as_of, Balance(row.currency, **parts), row.oldest_due)
    schedule = tuple(
        Instalment(date.fromisoformat(due), Decimal(principal), Decimal(interest))
        for due, principal, interest in row.schedule
    )
    rate = None if row.annual_rate is None else Decimal(row.annual_rate)
    return Contract(
        row.reference, row.currency, row.product, row.amount, row.term_months, rate, row.opened_on, schedule, stated
    )  # fmt: skip


def payment_of(row: Any, contract: str, vault: Vault | None = None) -> Payment:
    """A row of `payments`; without a vault, without the payer's words."""
    memo = ""
    if vault is not None and row.memo is not None:
        memo = vault.open(memo_place(row.reference), row.memo)
    return Payment(
        row.reference, Money(row.amount, row.currency), row.paid_on, contract, row.reverses, row.booked_at, memo
    )  # fmt: skip
