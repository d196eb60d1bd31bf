"""Promises that are taken by command, and what reports say of promises.

Rules: a promise without an amount is of all that is owed; it is counted with the talk in which it was
given, the newest one of the last day when none is named; how late it may be kept is what the products of
the case's contracts allow, the most of them, since payments go to any; what became of it is told by
`owed.refresh` and never written here.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections.promise import PromisePhase, PromiseState
from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.domain.units import CaseId, Money
from dialer_engine.store import people
from dialer_engine.store.products import load_products
from dialer_engine.store.schema import attempts, cases
from dialer_engine.store.schema_books import case_facts, contracts, promises

Json = dict[str, Any]
_TALK = timedelta(days=1)
_KEY_BYTES = 6


async def take(
    connection: AsyncConnection,
    *,
    reference: str,
    attempt: str,
    amount: Decimal | None,
    currency: str,
    due_on: date,
    by: str,
    now: datetime,
) -> Json:
    """Note a promise of the case, or of the case of the attempt: {case, key, amount, due_on, attempt,
    grace_days}. NotFound; BadValue for a day that is over, or when nothing is known to be owed.
    """
    if due_on < now.date():
        raise BadValue("a promise is for today or a later day")
    row = await _case(connection, reference, attempt)
    talk = attempt or await _talk(connection, row.id, now)
    owed, money = amount, currency or row.currency or ""
    if owed is None:
        owed = row.balance
        if not owed or owed <= 0:
            raise BadValue("nothing is known to be owed; say the amount that was promised")
    key = f"p-{secrets.token_hex(_KEY_BYTES)}"
    grace = await grace_days(connection, row.id)
    promise = PromiseState(key, Money(owed, money), due_on, now.date(), grace)
    await people.add_promise(connection, CaseId(row.id), promise, now, by=by, attempt=talk or None)
    return {
        "case": row.reference, "key": key, "amount": str(promise.money), "due_on": due_on.isoformat(),
        "attempt": talk or None, "grace_days": grace,
    }  # fmt: skip


async def grace_days(connection: AsyncConnection, case_id: int) -> int:
    """How many days late a promise of this case may be kept, by its products."""
    f = case_facts.c
    facts = select(f.creditor, f.product).where(f.case_id == case_id)
    row = (await connection.execute(facts)).one_or_none()
    named = select(contracts.c.product).where(contracts.c.case_id == case_id)
    codes = set((await connection.scalars(named)).all()) or {""}
    known = await load_products(connection)
    creditor, own = (row.creditor or "", row.product or "") if row else ("", "")
    return max(known.of(creditor, code or own).promise_grace_days for code in codes)


async def _case(connection: AsyncConnection, reference: str, attempt: str) -> Any:
    query = select(cases.c.id, cases.c.reference, cases.c.balance, cases.c.currency)
    if attempt:
        query = query.join_from(attempts, cases, cases.c.id == attempts.c.case_id)
        query = query.where(attempts.c.id == attempt)
    if reference:
        query = query.where(cases.c.reference == reference)
    row = (await connection.execute(query.limit(1))).one_or_none()
    if row is None:
        what = "no attempt of that case has this id" if attempt else "no case has this reference"
        raise NotFound(what)
    return row


async def _talk(connection: AsyncConnection, case_id: int, now: datetime) -> str:
    query = (
        select(attempts.c.id)
        .where(attempts.c.case_id == case_id, attempts.c.planned_at > now - _TALK)
        .where(attempts.c.bridged_at.is_not(None))
        .order_by(attempts.c.planned_at.desc())
        .limit(1)
    )
    return str((await connection.scalar(query)) or "")


# -- figures ---------------------------------------------------------------------------------------


async def figures(
    connection: AsyncConnection,
    span: ColumnElement[bool],
    everything: bool,
    since: datetime | None,
    until: datetime | None,
) -> Json:
    """{made, open, kept, partial, broken, rescheduled, amount, paid}: promises given in the attempts of
    the span; everything: those that no call brought as well, by the day on which they were made.
    Amounts by currency, as text.
    """
    given = promises.c.attempt_id.in_(select(attempts.c.id).where(span))
    chosen = or_(given, _elsewhere(since, until)) if everything else given
    query = (
        select(
            promises.c.phase, promises.c.currency, func.count(), func.sum(promises.c.amount),
            func.sum(promises.c.paid),
        )
        .where(chosen)
        .group_by(promises.c.phase, promises.c.currency)
    )  # fmt: skip
    phases = dict.fromkeys([phase.value for phase in PromisePhase], 0)
    amounts: dict[str, Decimal] = {}
    paid: dict[str, Decimal] = {}
    for phase, currency, count, amount, came in await connection.execute(query):
        phases[phase] += int(count)
        amounts[currency] = amounts.get(currency, Decimal(0)) + amount
        paid[currency] = paid.get(currency, Decimal(0)) + came
    told: Json = {"made": sum(phases.values()), "open": phases.pop(PromisePhase.PENDING.value)}
    return told | phases | {"amount": _texts(amounts), "paid": _texts(paid)}


def _elsewhere(since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [promises.c.attempt_id.is_(None)]
    if since is not None:
        parts.append(promises.c.made_on >= since.date())
    if until is not None:
        parts.append(promises.c.made_on <= until.date())
    return and_(*parts)


def _texts(amounts: dict[str, Decimal]) -> dict[str, str]:
    return {currency: f"{amount:.2f}" for currency, amount in sorted(amounts.items())}
