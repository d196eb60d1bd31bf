"""The facts of cases that strategies ask for, from the tables that hold them.

Rules: facts of many cases cost four looks by key, however many there are; days are those at the debtor, of the
zone of the first number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections import codes as c
from dialer_engine.domain.collections.casefile import Judgement, Ownership, Summary, build
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.collections.money import ZERO, Balance, Component
from dialer_engine.domain.collections.party import Person
from dialer_engine.domain.collections.product import Creditor
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CaseId
from dialer_engine.ports.store import Standing
from dialer_engine.store._sql import chunks
from dialer_engine.store.cases import personal_place
from dialer_engine.store.products import Products, load_creditors, load_products
from dialer_engine.store.schema import attempts, case_numbers, cases
from dialer_engine.store.schema_books import case_facts, holds, number_memory
from dialer_engine.store.vault import Vault

_WEEK = timedelta(days=7)
# Seven local days in any zone.
_STANDING = timedelta(days=8)
# The line lost them before they reached anybody.
_LINE_ONLY = (Outcome.CONGESTION.value, Outcome.INCOMPATIBLE.value, Outcome.FAILED.value)
# Zone, how many numbers, and the best hour of a working day and of a weekend.
_Numbers = tuple[str | None, int, tuple[int | None, int | None]]
_NO_NUMBERS: _Numbers = (None, 0, (None, None))
_SATURDAY = 5
# ISO 4217: no currency.
_NO_CURRENCY = "XXX"


async def facts(
    connection: AsyncConnection, vault: Vault, ids: Iterable[CaseId], now: datetime
) -> dict[CaseId, CaseFacts]:
    """The facts of these cases at `now`; cases that are not there are left out."""
    products, creditors = await load_products(connection), await load_creditors(connection)
    found: dict[CaseId, CaseFacts] = {}
    for part in chunks(ids):
        rows = (await connection.execute(_said.where(cases.c.id.in_(part)))).all()
        held = await _holds(connection, part, now)
        calls = await _calls(connection, part, now)
        numbered = await _numbers(connection, part)
        for row in rows:
            zone, count, hours = numbered.get(row.number, _NO_NUMBERS)
            today = _today(zone, now)
            tried, taken, talked = calls.get(row.number, (0, 0, None))
            summary = replace(
                _summary(row, vault, products, creditors),
                holds=frozenset(held.get(row.number, ())),
                attempts_7d=tried,
                connected_7d=taken,
                last_contact_on=_latest(row.contact_on, talked and _today(zone, talked)),
                numbers=count,
                best_hour=hours[today.weekday() >= _SATURDAY],
            )
            found[CaseId(row.number)] = build(summary, today)
    return found


# What cases say of themselves. Both tables have a currency, and the case may have no facts.
_said = select(
    cases, case_facts, cases.c.id.label("number"), case_facts.c.currency.label("owed_currency")
).join_from(cases, case_facts, case_facts.c.case_id == cases.c.id, isouter=True)


async def standings(
    connection: AsyncConnection, vault: Vault, ids: Sequence[CaseId], now: datetime
) -> dict[CaseId, Standing]:
    """Facts of these cases, and when each was tried in the last eight days."""
    known = await facts(connection, vault, ids, now)
    tried: dict[int, list[datetime]] = {}
    a = attempts.c
    for part in chunks(ids):
        query = (
            select(a.case_id, a.planned_at)
            .where(a.case_id.in_(part), a.planned_at > now - _STANDING)
            .where(or_(a.outcome.is_(None), a.outcome.not_in(_LINE_ONLY)))
            .order_by(a.planned_at)
        )
        for case_id, at in await connection.execute(query):
            tried.setdefault(case_id, []).append(at)
    return {case: Standing(one, tuple(tried.get(case, ()))) for case, one in known.items()}


def _summary(row: Any, vault: Vault, products: Products, creditors: dict[str, Creditor]) -> Summary:
    held = vault.open_map(personal_place(row.reference), row.personal)
    creditor = creditors.get(row.creditor or "", Creditor(row.creditor or ""))
    parts = {part.value: getattr(row, part.value) or ZERO for part in Component}
    return Summary(
        creditor=creditor.code,
        product=products.of(row.creditor or "", row.product or "", row.debt_type),
        debtor=_person(row, held),
        balance=Balance(row.owed_currency or row.currency or _NO_CURRENCY, **parts),
        oldest_due=row.oldest_due,
        jurisdiction=row.jurisdiction or creditor.jurisdiction,
        party_type=c.PartyType(row.party_type) if row.party_type else creditor.party_type,
        judgement=_judgement(row),
        ownership=Ownership(
            row.team or "", row.owner or "", row.agency or "", row.held_since, row.recall_on
        ),
        promises_open=row.promises_open or 0,
        promises_broken=row.promises_broken or 0,
        next_promise=row.next_promise,
        last_payment_on=row.payment_on,
        last_contact_on=row.contact_on,
        tags=frozenset(row.tags or ()),
        attributes=held.get("attributes", {}),
    )


def _person(row: Any, held: dict[str, Any]) -> Person:
    born = held.get("born_on")
    return Person(
        name=held.get("name", ""),
        id_number=held.get("id_number", ""),
        born_on=date.fromisoformat(born) if born else None,
        region=row.region or "",
        occupation=c.Occupation(row.occupation or "unknown"),
        income_band=c.IncomeBand(row.income_band or "unknown"),
        language=row.language,
    )


def _judgement(row: Any) -> Judgement:
    return Judgement(
        c.Reason(row.reason_overdue or "unknown"),
        c.Ability(row.ability or "unknown"),
        c.Willingness(row.willingness or "unknown"),
        c.Behaviour(row.behaviour or "unknown"),
        row.score,
    )


async def _holds(
    connection: AsyncConnection, ids: Sequence[int], now: datetime
) -> dict[int, set[str]]:
    h = holds.c
    query = select(h.case_id, h.kind).where(
        h.case_id.in_(ids), h.since <= now, or_(h.until.is_(None), h.until > now)
    )
    found: dict[int, set[str]] = {}
    for case_id, kind in await connection.execute(query):
        found.setdefault(case_id, set()).add(kind)
    return found


async def _calls(
    connection: AsyncConnection, ids: Sequence[int], now: datetime
) -> dict[int, tuple[int, int, datetime | None]]:
    """By case: tried and connected in seven days, and when a talk last began."""
    a = attempts.c
    recent = a.planned_at > now - _WEEK
    query = (
        select(
            a.case_id,
            func.sum(case((recent, 1), else_=0)),
            func.sum(case((and_(recent, a.answered_at.is_not(None)), 1), else_=0)),
            func.max(a.bridged_at),
        )
        .where(a.case_id.in_(ids), a.planned_at <= now)
        .group_by(a.case_id)
    )
    return {
        case_id: (int(tried), int(taken), talked)
        for case_id, tried, taken, talked in await connection.execute(query)
    }


async def _numbers(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, _Numbers]:
    """By case: the zone of its first number, how many it has, and the best hours of the first of them that
    anybody has answered.
    """
    n, m = case_numbers.c, number_memory.c
    query = (
        select(n.case_id, n.zone, m.best_workday, m.best_weekend)
        .join_from(case_numbers, number_memory, m.number_key == n.number_key, isouter=True)
        .where(n.case_id.in_(ids))
        .order_by(n.case_id, n.rank)
    )
    found: dict[int, _Numbers] = {}
    for case_id, zone, workday, weekend in await connection.execute(query):
        first, count, known = found.get(case_id, (zone, 0, (None, None)))
        hours = (_known(known[0], workday), _known(known[1], weekend))
        found[case_id] = (first, count + 1, hours)
    return found


def _known(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _latest(one: date | None, other: date | None) -> date | None:
    """contact_on is of other channels, the other of our calls."""
    return max(one, other) if one and other else one or other


def _today(zone: str | None, now: datetime) -> date:
    return now.astimezone(ZoneInfo(zone) if zone else UTC).date()
