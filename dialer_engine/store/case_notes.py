"""What people note of a case: words, complaints, and that they looked at it in full."""

from __future__ import annotations

import secrets
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.evidence import Entry
from dialer_engine.domain.collections.allocation import Dealt
from dialer_engine.domain.collections.codes import CaseState, Channel, HoldKind
from dialer_engine.domain.collections.money import ZERO, Component
from dialer_engine.domain.collections.timeline import ComplaintState
from dialer_engine.domain.units import CaseId
from dialer_engine.store import evidence, people
from dialer_engine.store.closed import complaint_place, note_place
from dialer_engine.store.number_view import id_of
from dialer_engine.store.schema import cases
from dialer_engine.store.schema_books import case_facts, complaints, interactions
from dialer_engine.store.vault import Vault

_KEY_BYTES = 6


async def write(
    connection: AsyncConnection, vault: Vault, reference: str, text: str, by: str, now: datetime
) -> None:
    """A note on the timeline, closed. NotFound."""
    case_id = await id_of(connection, reference)
    row = {
        "case_id": case_id, "at": now, "channel": Channel.NOTE.value, "key": "", "outbound": False,
        "connected": False, "conversation": False, "result": "", "by": by,
        "text": vault.close(note_place(case_id), text),
    }  # fmt: skip
    await connection.execute(insert(interactions), row)


async def complain(
    connection: AsyncConnection,
    vault: Vault,
    reference: str,
    about: str,
    text: str,
    by: str,
    now: datetime,
) -> str:
    """An open complaint, and the hold that comes with it: calls in flight end. Returns its key."""
    case_id = await id_of(connection, reference)
    key = f"c-{secrets.token_hex(_KEY_BYTES)}"
    row = {
        "case_id": case_id, "key": key, "at": now, "about": about, "state": ComplaintState.OPEN.value,
        "text": vault.close(complaint_place(case_id, key), text) if text else None,
    }  # fmt: skip
    await connection.execute(insert(complaints), row)
    await people.note(connection, case_id, "complaint", by, {"key": key, "about": about}, now)
    await people.set_hold(connection, vault, CaseId(case_id), HoldKind.COMPLAINT, now, by=by)
    return key


async def unmasked(
    connection: AsyncConnection, told: dict[str, Any], by: str, reference: str | None, now: datetime
) -> None:
    """Somebody is about to see personal data in full: on the chain of evidence, and of one case in its record.
    NotFound for the case.
    """
    case_id = None if reference is None else await id_of(connection, reference)
    if case_id is not None:
        await people.note(connection, case_id, "revealed", by, told, now)
    await evidence.append(connection, [Entry("unmasked", now, told, None, case_id)])


async def dealt(
    connection: AsyncConnection, today: date, *, creditor: str, owned: bool, after: int, limit: int
) -> list[tuple[int, Dealt]]:
    """(case, what allocation is judged by) of open cases by id from `after` on. owned: those that somebody
    has as well. creditor: empty for all.
    """
    f = case_facts.c
    is_open = or_(f.state.is_(None), f.state.in_((CaseState.OPEN.value, CaseState.RECALLED.value)))
    query = (
        select(case_facts, cases.c.reference, cases.c.skill, cases.c.language, cases.c.id)
        .join_from(case_facts, cases, cases.c.id == f.case_id)
        .where(f.case_id > after, is_open)
        .order_by(f.case_id)
        .limit(limit)
    )
    if creditor:
        query = query.where(f.creditor == creditor)
    if not owned:
        query = query.where(f.owner.is_(None))
    return [(row.id, _dealt(row, today)) for row in await connection.execute(query)]


def _dealt(row: Any, today: date) -> Dealt:
    worth = sum((getattr(row, part.value) or ZERO for part in Component), ZERO)
    dpd = (today - row.oldest_due).days if row.oldest_due else 0
    skills = frozenset({row.skill}) if row.skill else frozenset()
    return Dealt(
        row.reference, dpd, row.score, worth, skills, row.language or "", row.agency or "", row.owner or ""
    )  # fmt: skip
