"""Whole files of cases, and who they are of.

Rules: a whole file is read for one case, and is masked unless `reveal` says otherwise (who may reveal is the
caller's to know); words that somebody wrote are not shown masked, because nobody knows what is in them.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections import codes as c
from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CaseId
from dialer_engine.store.cases import number_place, personal_place
from dialer_engine.store.closed import (
    complaint_place,
    hold_place,
    note_place,
    party_place,
    value_place,
)
from dialer_engine.store.facts import facts
from dialer_engine.store.numbers import masked
from dialer_engine.store.schema import attempts, case_numbers, cases, dispositions
from dialer_engine.store.schema_books import (
    case_events,
    complaints,
    contact_points,
    contracts,
    holds,
    interactions,
    payments,
    promises,
    related_parties,
)
from dialer_engine.store.vault import Vault

Json = dict[str, Any]


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
    query = select(cases).where(cases.c.reference == reference)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound("no case has this reference")
    one, look = row.id, _Look(vault, reveal)
    return {
        "exported_at": now,
        "masked": not reveal,
        "case": _about(row, look),
        "facts": await _facts(connection, vault, one, now),
        "contracts": await _rows(connection, contracts, one, "fingerprint"),
        "payments": await _rows(connection, payments, one, "memo"),
        "promises": await _rows(connection, promises, one),
        "holds": await _opened(connection, holds, one, "reason", lambda r: hold_place(one), look),
        "contacts": await _contacts(connection, one, look),
        "related": await _related(connection, one, look),
        "complaints": await _opened(
            connection, complaints, one, "text", lambda r: complaint_place(one, r["key"]), look
        ),
        "timeline": await _timeline(connection, one, look),
        "record": await _rows(connection, case_events, one),
    }


def _about(row: Any, look: _Look) -> Json:
    held = look.vault.open_map(personal_place(row.reference), row.personal)
    attributes = held.get("attributes", {})
    words = {name: look.word(held.get(name) or "") for name in ("name", "id_number", "born_on")}
    return {
        "reference": row.reference,
        **words,
        "attributes": attributes if look.reveal else sorted(attributes),
    }


async def _facts(connection: AsyncConnection, vault: Vault, case_id: int, now: datetime) -> Json:
    known = await facts(connection, vault, [CaseId(case_id)], now)
    told = asdict(known[CaseId(case_id)])
    told.pop("attributes")
    return told | {"holds": sorted(told["holds"]), "tags": sorted(told["tags"])}


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
    connection: AsyncConnection, table: Any, case_id: int, without: str = ""
) -> list[Json]:
    """The case's rows of a table, without their ids. without: one more column that is not told."""
    query = select(table).where(table.c.case_id == case_id).order_by(table.c.id)
    hidden = ("id", "case_id", without)
    return [
        {name: value for name, value in row.items() if name not in hidden}
        for row in (await connection.execute(query)).mappings()
    ]


async def _opened(
    connection: AsyncConnection, table: Any, case_id: int, column: str, place: Any, look: _Look
) -> list[Json]:
    rows = await _rows(connection, table, case_id)
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
    for point in await _rows(connection, contact_points, case_id):
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
    calls = [_call(row) for row in await connection.execute(_dialled(case_id))]
    other = await _opened(
        connection, interactions, case_id, "text", lambda r: note_place(case_id), look
    )
    return sorted(calls + other, key=lambda line: (line["at"], line["key"]))


def _dialled(case_id: int) -> Select[Any]:
    a = attempts.c
    said = (
        select(dispositions.c.code)
        .where(dispositions.c.attempt_id == a.id)
        .order_by(dispositions.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(
        a.id, a.planned_at, a.number_shown, a.outcome, a.agent_id, a.talk_s, a.answered_at,
        said.label("code"),
    ).where(a.case_id == case_id)  # fmt: skip


def _call(row: Any) -> Json:
    return {
        "at": row.planned_at, "channel": c.Channel.CALL.value, "key": row.id, "number": row.number_shown,
        "outbound": True, "connected": row.answered_at is not None,
        "conversation": row.outcome == Outcome.COMPLETED.value, "result": row.code or row.outcome or "",
        "by": row.agent_id or "", "talk_s": row.talk_s,
    }  # fmt: skip
