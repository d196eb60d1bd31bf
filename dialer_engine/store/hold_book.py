"""Holds and complaints, with who and why: set, listed, ended; what retention leaves alone because of them.

Rules: two kinds of hold: one of `HoldKind` on a case stops its calls (`people.set_hold`), and one of records
(`retention.hold`) on a case, or on everything, stops nothing but deletion. While a case is held for a court, a
lawyer, a dispute, a bankruptcy or a complaint, its records stay as well: somebody may ask for them. Everything
here is on the chain of evidence, without the words that are kept closed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.evidence import Entry
from dialer_engine.domain.collections.codes import HoldKind
from dialer_engine.domain.collections.timeline import ComplaintState
from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.domain.units import CaseId
from dialer_engine.store import case_notes, evidence, people
from dialer_engine.store.schema import cases
from dialer_engine.store.schema_books import complaints, holds
from dialer_engine.store.schema_law import legal_holds
from dialer_engine.store.vault import Vault

# The kinds of hold that keep a case's records.
KEEPING: Final = frozenset(
    {HoldKind.LEGAL, HoldKind.LAWYER, HoldKind.DISPUTE, HoldKind.BANKRUPTCY, HoldKind.COMPLAINT}
)
RECORDS: Final = "records"
_CASE, _KEEP = "h", "r"


async def set_hold(
    connection: AsyncConnection,
    vault: Vault,
    case_id: CaseId,
    kind: HoldKind,
    now: datetime,
    *,
    until: datetime | None,
    who: str,
    why: str,
) -> None:
    """Leave a case alone; its calls that nobody has answered end. why: kept closed in the table."""
    await people.set_hold(
        connection, vault, case_id, kind, now, until=until, by=who, reason=why, why=why
    )


async def release(
    connection: AsyncConnection, name: str, who: str, why: str, now: datetime
) -> None:
    """End a hold by its id, as `listing` gives it. NotFound when it does not hold any more."""
    letter, _, number = name.partition("-")
    if letter not in (_CASE, _KEEP) or not number.isdigit():
        raise BadValue("a hold's id is h-… or r-…, as `compliance hold list` shows it")
    table = holds if letter == _CASE else legal_holds
    mine = (table.c.id == int(number), _in_force(table, now))
    ended = update(table).where(*mine).values(until=now).returning(table.c.case_id)
    row = (await connection.execute(ended)).one_or_none()
    if row is None:
        raise NotFound(f"no hold {name} is in force")
    if row.case_id is not None and letter == _CASE:
        await people.note(connection, row.case_id, "hold_ended", who, {"hold": name}, now)
    told = {"v": 1, "hold": name, "who": who, "why": why}
    await evidence.append(connection, [Entry("hold_ended", now, told, None, row.case_id)])


def _in_force(table: Any, now: datetime) -> Any:
    return table.c.until.is_(None) | (table.c.until > now)


async def listing(
    connection: AsyncConnection, case_id: CaseId | None, ended: bool, limit: int, now: datetime
) -> list[dict[str, Any]]:
    """[{id, case, kind, by, since, until, in_force}], newest first. ended: also those that are over."""
    found: list[dict[str, Any]] = []
    for letter, table in ((_CASE, holds), (_KEEP, legal_holds)):
        query = (
            select(table, cases.c.reference)
            .join_from(table, cases, cases.c.id == table.c.case_id, isouter=True)
            .order_by(table.c.id.desc())
            .limit(limit)
        )
        if case_id is not None:
            query = query.where(table.c.case_id == case_id)
        if not ended:
            query = query.where(_in_force(table, now))
        found += [_told(letter, row, now) for row in await connection.execute(query)]
    return sorted(found, key=lambda row: str(row["since"]), reverse=True)[:limit]


def _told(letter: str, row: Any, now: datetime) -> dict[str, Any]:
    mine = letter == _CASE
    return {
        "id": f"{letter}-{row.id}", "case": row.reference or ("" if row.case_id is None else str(row.case_id)),
        "kind": row.kind if mine else RECORDS, "by": row.by if mine else row.who,
        "since": row.since.isoformat(), "until": _iso(row.until),
        "in_force": row.until is None or row.until > now,
    }  # fmt: skip


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


# -- what retention asks ---------------------------------------------------------------------------


def kept_cases(now: datetime) -> Select[Any]:
    """The ids of cases whose records stay."""
    kinds = sorted(kind.value for kind in KEEPING)
    held = select(holds.c.case_id).where(holds.c.kind.in_(kinds), _in_force(holds, now))
    kept = select(legal_holds.c.case_id).where(
        legal_holds.c.case_id.is_not(None), _in_force(legal_holds, now)
    )
    both = union_all(held, kept).subquery()
    return select(both.c.case_id)


# -- complaints ------------------------------------------------------------------------------------


async def open_complaint(
    connection: AsyncConnection,
    vault: Vault,
    reference: str,
    case_id: CaseId,
    about: str,
    text: str,
    who: str,
    now: datetime,
) -> str:
    """An open complaint, and the hold that comes with it; its key. text: kept closed."""
    key = await case_notes.complain(connection, vault, reference, about, text, who, now)
    told = {"v": 1, "complaint": key, "about": about, "who": who}
    await evidence.append(connection, [Entry("complaint", now, told, None, case_id)])
    return key


async def close_complaint(
    connection: AsyncConnection,
    key: str,
    state: ComplaintState,
    who: str,
    why: str,
    now: datetime,
) -> bool:
    """What became of it. NotFound when it is not open. True when the case's hold for complaints ended,
    because this was its last one.
    """
    c = complaints.c
    opened = c.state == ComplaintState.OPEN.value
    done = update(complaints).where(c.key == key, opened).values(state=state.value, closed_at=now)
    case_id = (await connection.execute(done.returning(c.case_id))).scalar_one_or_none()
    if case_id is None:
        raise NotFound(f"no complaint {key} is open")
    told = {"key": key, "state": state.value}
    await people.note(connection, case_id, "complaint_closed", who, told, now)
    left = select(c.id).where(c.case_id == case_id, opened).limit(1)
    last = (await connection.execute(left)).first() is None
    if last:
        await people.end_hold(connection, CaseId(case_id), HoldKind.COMPLAINT, now, by=who)
    content = {
        "v": 1,
        "complaint": key,
        "state": state.value,
        "who": who,
        "why": why,
        "hold_ended": last,
    }
    await evidence.append(connection, [Entry("complaint_closed", now, content, None, case_id)])
    return last


async def complaints_of(
    connection: AsyncConnection, case_id: CaseId | None, closed: bool, limit: int
) -> list[dict[str, Any]]:
    """[{key, case, about, state, at, closed_at}], newest first. closed: also those."""
    c = complaints.c
    query = (
        select(complaints, cases.c.reference)
        .join_from(complaints, cases, cases.c.id == c.case_id, isouter=True)
        .order_by(c.id.desc())
        .limit(limit)
    )
    if case_id is not None:
        query = query.where(c.case_id == case_id)
    if not closed:
        query = query.where(c.state == ComplaintState.OPEN.value)
    return [
        {
            "key": row.key, "case": row.reference or str(row.case_id), "about": row.about, "state": row.state,
            "at": row.at.isoformat(), "closed_at": _iso(row.closed_at),
        }
        for row in await connection.execute(query)
    ]  # fmt: skip
