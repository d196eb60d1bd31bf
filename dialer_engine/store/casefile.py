"""Whole files of cases, and the facts that strategies ask for.

Rules: facts of many cases cost four looks by key, however many there are; a whole file is read for one
case, and is masked unless `reveal` says otherwise (who may reveal is the caller's to know); days are those
at the debtor, of the zone of the first number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
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
from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CaseId
from dialer_engine.ports.store import Standing
from dialer_engine.store._sql import chunks
from dialer_engine.store.cases import number_place, personal_place
from dialer_engine.store.closed import (
    complaint_place,
    hold_place,
    note_place,
    party_place,
    value_place,
)
from dialer_engine.store.numbers import masked
from dialer_engine.store.products import Products, load_creditors, load_products
from dialer_engine.store.schema import attempts, case_numbers, cases, dispositions
from dialer_engine.store.schema_books import (
    case_events,
    case_facts,
    complaints,
    contact_points,
    contracts,
    holds,
    interactions,
    number_memory,
    payments,
    promises,
    related_parties,
)
from dialer_engine.store.vault import Vault

Json = dict[str, Any]
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
        query = (
            select(
                cases,
                case_facts,
                cases.c.id.label("number"),
                case_facts.c.currency.label("owed_currency"),
            )
            .join_from(cases, case_facts, case_facts.c.case_id == cases.c.id, isouter=True)
            .where(cases.c.id.in_(part))
        )
        rows = (await connection.execute(query)).all()
        held = await _holds(connection, part, now)
        calls = await _calls(connection, part, now)
        numbered = await _numbers(connection, part)
        for row in rows:
            number = row.number
            zone, count, hours = numbered.get(number, _NO_NUMBERS)
            today = _today(zone, now)
            tried, taken, talked = calls.get(number, (0, 0, None))
            summary = _summary(row, vault, products, creditors)
            summary = replace(
                summary,
                holds=frozenset(held.get(number, ())),
                attempts_7d=tried,
                connected_7d=taken,
                last_contact_on=_latest(row.contact_on, talked and _today(zone, talked)),
                numbers=count,
                best_hour=hours[today.weekday() >= _SATURDAY],
            )
            found[CaseId(number)] = build(summary, today)
    return found


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
    product = products.of(row.creditor or "", row.product or "", row.debt_type)
    creditor = creditors.get(row.creditor or "", Creditor(row.creditor or ""))
    born = held.get("born_on")
    parts = {part.value: getattr(row, part.value) or ZERO for part in Component}
    person = Person(
        name=held.get("name", ""),
        id_number=held.get("id_number", ""),
        born_on=date.fromisoformat(born) if born else None,
        region=row.region or "",
        occupation=c.Occupation(row.occupation or "unknown"),
        income_band=c.IncomeBand(row.income_band or "unknown"),
        language=row.language,
    )
    judgement = Judgement(
        c.Reason(row.reason_overdue or "unknown"),
        c.Ability(row.ability or "unknown"),
        c.Willingness(row.willingness or "unknown"),
        c.Behaviour(row.behaviour or "unknown"),
        row.score,
    )
    ownership = Ownership(
        row.team or "", row.owner or "", row.agency or "", row.held_since, row.recall_on
    )
    return Summary(
        creditor=creditor.code,
        product=product,
        debtor=person,
        balance=Balance(row.owed_currency or row.currency or _NO_CURRENCY, **parts),
        oldest_due=row.oldest_due,
        jurisdiction=row.jurisdiction or creditor.jurisdiction,
        party_type=c.PartyType(row.party_type) if row.party_type else creditor.party_type,
        judgement=judgement,
        ownership=ownership,
        promises_open=row.promises_open or 0,
        promises_broken=row.promises_broken or 0,
        next_promise=row.next_promise,
        last_payment_on=row.payment_on,
        last_contact_on=row.contact_on,
        tags=frozenset(row.tags or ()),
        attributes=held.get("attributes", {}),
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


# -- looking for people ----------------------------------------------------------------------------


async def find(
    connection: AsyncConnection, vault: Vault, *, number: str = "", id_number: str = ""
) -> list[tuple[CaseId, str]]:
    """(id, reference) of cases with this number (E.164, present or former) or ID number."""
    keys = []
    if number:
        key = vault.number(number)
        keys += [
            select(case_numbers.c.case_id).where(case_numbers.c.number_key == key),
            select(contact_points.c.case_id).where(contact_points.c.value_key == key),
        ]
    if id_number:
        keys.append(select(cases.c.id).where(cases.c.id_key == vault.index("id", id_number)))
    if not keys:
        return []
    query = select(cases.c.id, cases.c.reference).where(or_(*(cases.c.id.in_(k) for k in keys)))
    return [(CaseId(i), ref) for i, ref in await connection.execute(query.order_by(cases.c.id))]


# -- a whole file ----------------------------------------------------------------------------------


async def whole(
    connection: AsyncConnection,
    vault: Vault,
    reference: str,
    now: datetime,
    *,
    reveal: bool = False,
) -> Json:
    """Everything known of a case as plain data: case, facts, contracts, payments, promises, holds,
    contacts, related, complaints, timeline, record. NotFound.
    """
    row = (
        await connection.execute(select(cases).where(cases.c.reference == reference))
    ).one_or_none()
    if row is None:
        raise NotFound("no case has this reference")
    case_id, look = row.id, _Look(vault, reveal)
    known = await facts(connection, vault, [CaseId(case_id)], now)
    held = vault.open_map(personal_place(reference), row.personal)
    about = {
        "reference": reference,
        "name": look.word(held.get("name", "")),
        "id_number": look.word(held.get("id_number", "")),
        "born_on": look.word(held.get("born_on") or ""),
        "attributes": held.get("attributes", {}) if reveal else sorted(held.get("attributes", {})),
    }
    told = asdict(known[CaseId(case_id)])
    told.pop("attributes")
    return {
        "exported_at": now,
        "masked": not reveal,
        "case": about,
        "facts": told | {"holds": sorted(told["holds"]), "tags": sorted(told["tags"])},
        "contracts": await _rows(connection, contracts, case_id, ("id", "case_id", "fingerprint")),
        "payments": await _rows(connection, payments, case_id, ("id", "case_id", "memo")),
        "promises": await _rows(connection, promises, case_id, ("id", "case_id")),
        "holds": await _opened(
            connection, holds, case_id, "reason", lambda r: hold_place(case_id), look
        ),
        "contacts": await _contacts(connection, case_id, look),
        "related": await _related(connection, case_id, look),
        "complaints": await _opened(
            connection,
            complaints,
            case_id,
            "text",
            lambda r: complaint_place(case_id, r["key"]),
            look,
        ),
        "timeline": await _timeline(connection, case_id, look),
        "record": await _rows(connection, case_events, case_id, ("id", "case_id")),
    }


class _Look:
    """What may be seen."""

    def __init__(self, vault: Vault, reveal: bool) -> None:
        self.vault, self.reveal = vault, reveal

    def word(self, text: str) -> str:
        """In full, or its first sign: 张**."""
        return text if self.reveal or not text else f"{text[0]}**"

    def number(self, text: str) -> str:
        """In full, or masked."""
        return text if self.reveal else masked(text) if text.startswith("+") else self.word(text)

    def opened(self, place: str, closed: bytes | None) -> str | None:
        """Words that somebody wrote; they are not shown masked, because nobody knows what is in them."""
        return self.vault.open(place, closed) if closed is not None and self.reveal else None


async def _rows(
    connection: AsyncConnection, table: Any, case_id: int, without: Sequence[str]
) -> list[Json]:
    query = select(table).where(table.c.case_id == case_id).order_by(table.c.id)
    return [
        {name: value for name, value in row.items() if name not in without}
        for row in (await connection.execute(query)).mappings()
    ]


async def _opened(
    connection: AsyncConnection, table: Any, case_id: int, column: str, place: Any, look: _Look
) -> list[Json]:
    rows = await _rows(connection, table, case_id, ("id", "case_id"))
    return [row | {column: look.opened(place(row), row[column])} for row in rows]


async def _contacts(connection: AsyncConnection, case_id: int, look: _Look) -> list[Json]:
    listed = (
        select(case_numbers).where(case_numbers.c.case_id == case_id).order_by(case_numbers.c.rank)
    )
    found: dict[str, Json] = {}
    for row in await connection.execute(listed):
        number = look.vault.open(number_place(case_id, row.rank), row.number)
        found[row.number_key] = {
            "value": look.number(number), "kind": "phone", "label": row.label, "zone": row.zone,
            "rank": row.rank, "dialled": True,
        }  # fmt: skip
    for point in await _rows(connection, contact_points, case_id, ("id", "case_id")):
        key = point.pop("value_key")
        value = look.vault.open(value_place(case_id, key), point.pop("value"))
        dialled = key in found
        found[key] = point | {"value": look.number(value), "dialled": dialled}
    return list(found.values())


async def _related(connection: AsyncConnection, case_id: int, look: _Look) -> list[Json]:
    found = []
    query = select(related_parties).where(related_parties.c.case_id == case_id)
    for row in await connection.execute(query.order_by(related_parties.c.id)):
        held = look.vault.open_map(party_place(case_id, row.key), row.personal)
        name = look.word(held.get("name", ""))
        found.append({"id": row.id, "role": row.role, "refused": row.refused, "name": name})
    return found


async def _timeline(connection: AsyncConnection, case_id: int, look: _Look) -> list[Json]:
    """Our calls and everything else, oldest first."""
    a = attempts.c
    said = (
        select(dispositions.c.code)
        .where(dispositions.c.attempt_id == a.id)
        .order_by(dispositions.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(
        a.id,
        a.planned_at,
        a.number_shown,
        a.outcome,
        a.agent_id,
        a.talk_s,
        a.answered_at,
        said.label("code"),
    )
    lines: list[Json] = [
        {
            "at": row.planned_at, "channel": c.Channel.CALL.value, "key": row.id, "number": row.number_shown,
            "outbound": True, "connected": row.answered_at is not None,
            "conversation": row.outcome == Outcome.COMPLETED.value, "result": row.code or row.outcome or "",
            "by": row.agent_id or "", "talk_s": row.talk_s,
        }
        for row in await connection.execute(query.where(a.case_id == case_id))
    ]  # fmt: skip
    other = await _opened(
        connection, interactions, case_id, "text", lambda r: note_place(case_id), look
    )
    return sorted(lines + other, key=lambda line: (line["at"], line["key"]))


def counted(file: Json) -> dict[str, int]:
    """How many lines of each kind a file has, for a summary that holds nothing personal."""
    return dict(Counter({name: len(rows) for name, rows in file.items() if isinstance(rows, list)}))
