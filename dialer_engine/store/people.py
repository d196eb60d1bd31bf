"""What is written about people and their cases by hand or by file: contacts, promises, holds.

Rules: a contact is known by its value; an update changes what it says and keeps the rest, and one that may
no longer be used (revoked, ended, third party) leaves the dialling list in the same transaction; the list
of a case is numbered 0, 1, 2 … without gaps and never holds somebody else's number; every hold, promise
and decision leaves a row in `case_events`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.evidence import Entry
from dialer_engine.domain.collections.codes import Consent, HoldKind, Role
from dialer_engine.domain.collections.party import DIALLED
from dialer_engine.domain.collections.promise import PromiseState, Rescheduled, step
from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.units import CaseId, Moment
from dialer_engine.store import evidence
from dialer_engine.store._sql import chunks, upsert
from dialer_engine.store.accounts import case_ids
from dialer_engine.store.cases import number_place
from dialer_engine.store.closed import hold_place, party_place, value_place
from dialer_engine.store.exchange import ContactRow
from dialer_engine.store.owed import promise_of, refresh
from dialer_engine.store.schema import case_numbers, cases
from dialer_engine.store.schema_books import (
    case_events,
    contact_points,
    holds,
    number_verdicts,
    promises,
    related_parties,
)
from dialer_engine.store.vault import Vault

# Contacts that a call goes to; `DIALLED` are the kinds of the domain.
_DIALLED = frozenset(kind.value for kind in DIALLED)


# -- contacts --------------------------------------------------------------------------------------


async def write_contacts(
    connection: AsyncConnection, vault: Vault, batch: Sequence[ContactRow], today: date
) -> tuple[int, dict[int, str]]:
    """Write contact updates; returns (how many were new or changed, {place in the batch: why it was not
    taken}).
    """
    ids = await case_ids(connection, {row.case for row in batch})
    refused = {i: "there is no such case" for i, row in enumerate(batch) if row.case not in ids}
    taken = [row for row in batch if row.case in ids]
    parties = await _write_parties(connection, vault, taken, ids)
    await note_dialled(connection, vault, sorted(set(ids.values())))
    kept = {(ids[r.case], vault.index(_index_kind(r), r.value)): r for r in taken}
    rows = [
        _point_row(row, case_id, key, parties.get((case_id, _party_key(row, vault))), vault)
        for (case_id, key), row in kept.items()
    ]
    changed = await _write_points(connection, rows)
    await _list_anew(connection, vault, sorted({row["case_id"] for row in rows}), today)
    return changed, refused


def _index_kind(row: ContactRow) -> str:
    return "number" if row.kind.value in _DIALLED else "contact"


def _party_key(row: ContactRow, vault: Vault) -> str:
    return vault.index("party", f"{row.role.value}\0{row.person}")


async def _write_parties(
    connection: AsyncConnection, vault: Vault, rows: Sequence[ContactRow], ids: Mapping[str, int]
) -> dict[tuple[int, str], int]:
    """Everybody but the debtor; a refusal is for good."""
    values = {}
    for row in rows:
        if row.role is not Role.DEBTOR:
            case_id, key = ids[row.case], _party_key(row, vault)
            values[case_id, key] = {
                "case_id": case_id,
                "key": key,
                "role": row.role.value,
                "refused": row.refused,
                "personal": vault.close_map(party_place(case_id, key), {"name": row.person}),
            }
    if not values:
        return {}
    statement = upsert(connection, related_parties)
    keep = {"refused": related_parties.c.refused | statement.excluded.refused}
    written = statement.on_conflict_do_update(index_elements=["case_id", "key"], set_=keep)
    c = related_parties.c
    found = await connection.execute(
        written.returning(c.case_id, c.key, c.id), list(values.values())
    )
    return {(case_id, key): number for case_id, key, number in found}


async def note_dialled(connection: AsyncConnection, vault: Vault, ids: Sequence[int]) -> None:
    """Numbers on the dialling list that have no row of their own yet get one: from now on these cases'
    lists are made from `contact_points`.
    """
    for part in chunks(ids):
        rows = await connection.execute(
            select(case_numbers).where(case_numbers.c.case_id.in_(part))
        )
        values = [
            {
                "case_id": r.case_id, "kind": r.label if r.label in _DIALLED else "phone",
                "value": vault.close(
                    value_place(r.case_id, r.number_key),
                    vault.open(number_place(r.case_id, r.rank), r.number),
                ),
                "value_key": r.number_key, "label": r.label, "source": "creditor", "consent": "unknown",
                "zone": r.zone, "rank": r.rank,
            }
            for r in rows
        ]  # fmt: skip
        if values:
            await connection.execute(
                upsert(connection, contact_points).on_conflict_do_nothing(), values
            )


def _point_row(
    row: ContactRow, case_id: int, key: str, party: int | None, vault: Vault
) -> dict[str, Any]:
    return {
        "case_id": case_id,
        "party_id": party,
        "kind": row.kind.value,
        "value": vault.close(value_place(case_id, key), row.value),
        "value_key": key,
        "label": row.label or row.kind.value,
        "source": row.source.value,
        "consent": row.consent.value,
        "valid_from": row.valid_from,
        "valid_until": row.valid_until,
        "zone": row.zone,
        "rank": row.rank,
    }


async def _write_points(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> int:
    """Insert or replace what differs; the ciphertext of a value that stays is left alone."""
    known: dict[tuple[int, str], Any] = {}
    for part in chunks({row["case_id"] for row in rows}):
        found = await connection.execute(
            select(contact_points).where(contact_points.c.case_id.in_(part))
        )
        known |= {(row.case_id, row.value_key): row for row in found}
    changed = [
        row
        for row in rows
        if (old := known.get((row["case_id"], row["value_key"]))) is None
        or any(getattr(old, name) != value for name, value in row.items() if name != "value")
    ]
    if changed:
        statement = upsert(connection, contact_points)
        keep = {
            n: statement.excluded[n]
            for n in changed[0]
            if n not in ("value", "case_id", "value_key")
        }
        written = statement.on_conflict_do_update(
            index_elements=["case_id", "value_key"], set_=keep
        )
        await connection.execute(written.returning(contact_points.c.id), changed)
    return len(changed)


async def _list_anew(
    connection: AsyncConnection, vault: Vault, ids: Sequence[int], today: date
) -> None:
    """The dialling list of these cases, from their contacts."""
    c = contact_points.c
    for part in chunks(ids):
        judged = exists().where(
            number_verdicts.c.case_id == c.case_id, number_verdicts.c.number_key == c.value_key
        )
        query = select(contact_points).where(c.case_id.in_(part), c.party_id.is_(None), ~judged)
        usable: dict[int, list[Any]] = {case_id: [] for case_id in part}
        for row in await connection.execute(query.order_by(c.case_id, c.rank, c.id)):
            if row.kind in _DIALLED and is_usable(row, today):
                usable[row.case_id].append(row)
        values = [
            {
                "case_id": case_id, "rank": rank, "number_key": row.value_key, "label": row.label, "zone": row.zone,
                "number": vault.close(
                    number_place(case_id, rank), vault.open(value_place(case_id, row.value_key), row.value)
                ),
            }
            for case_id, rows in usable.items()
            for rank, row in enumerate(rows)
        ]  # fmt: skip
        await connection.execute(delete(case_numbers).where(case_numbers.c.case_id.in_(part)))
        if values:
            await connection.execute(insert(case_numbers), values)
        for case_id, rows in usable.items():
            # A case without numbers is never due: the join in `cases.due` finds none. One, because
            # the turn is reckoned modulo the count.
            count = update(cases).where(cases.c.id == case_id)
            await connection.execute(count.values(number_count=max(1, len(rows)), fingerprint=""))


def is_usable(row: Any, today: date) -> bool:
    """A contact point that may be used on that day."""
    begun = row.valid_from is None or row.valid_from <= today
    ended = row.valid_until is not None and row.valid_until <= today
    return begun and not ended and row.consent != Consent.REVOKED.value


# -- promises --------------------------------------------------------------------------------------


async def add_promise(
    connection: AsyncConnection,
    case_id: CaseId,
    promise: PromiseState,
    now: datetime,
    *,
    by: str = "",
    attempt: str | None = None,
    replaces: str = "",
) -> None:
    """Note a promise. replaces: key of the one that it takes the place of; IllegalTransition when that
    one is kept or broken already, NotFound when it is not there.
    """
    if replaces:
        mine = promises.c.case_id == case_id, promises.c.key == replaces
        row = (await connection.execute(select(promises).where(*mine))).one_or_none()
        if row is None:
            raise NotFound("the case has no promise of that key")
        old = step(promise_of(row), Rescheduled(promise.key), Moment(0.0, now))
        change = {"phase": old.phase.value, "successor": old.successor}
        await connection.execute(update(promises).where(*mine).values(change))
    values = {
        "case_id": case_id, "key": promise.key, "amount": promise.money.amount,
        "currency": promise.money.currency, "made_on": promise.made_on, "due_on": promise.due_on,
        "grace_days": promise.grace_days, "tolerance": promise.tolerance, "paid": promise.paid,
        "phase": promise.phase.value, "successor": promise.successor, "by": by, "attempt_id": attempt,
    }  # fmt: skip
    await connection.execute(insert(promises), values)
    await note(connection, case_id, "promise", by, {"key": promise.key}, now)
    await refresh(connection, [case_id], now)


# -- holds -----------------------------------------------------------------------------------------


async def set_hold(
    connection: AsyncConnection,
    vault: Vault,
    case_id: CaseId,
    kind: HoldKind,
    now: datetime,
    *,
    until: datetime | None = None,
    by: str = "",
    reason: str = "",
    why: str = "",
) -> None:
    """Hold a case; its calls in flight end (see `accounts.book`: the row of `case_events` does it). reason:
    kept closed. why: for the evidence, where it stands open.
    """
    closed = vault.close(hold_place(case_id), reason) if reason else None
    values = {
        "case_id": case_id,
        "kind": kind.value,
        "since": now,
        "until": until,
        "by": by,
        "reason": closed,
    }
    await connection.execute(insert(holds), values)
    await note(connection, case_id, "hold", by, {"kind": kind.value}, now)
    told: dict[str, Any] = {"v": 1, "hold": kind.value, "who": by}
    told |= {"until": until.isoformat()} if until else {}
    told |= {"why": why} if why else {}
    await evidence.append(connection, [Entry("hold", now, told, None, case_id)])


async def end_hold(
    connection: AsyncConnection, case_id: CaseId, kind: HoldKind, now: datetime, *, by: str = ""
) -> int:
    """End the holds of this kind that are in force; returns how many."""
    c = holds.c
    mine = c.case_id == case_id, c.kind == kind.value, (c.until.is_(None)) | (c.until > now)
    ended = await connection.execute(update(holds).where(*mine).values(until=now))
    await note(connection, case_id, "hold_ended", by, {"kind": kind.value}, now)
    if ended.rowcount:
        told = {"v": 1, "hold": kind.value, "who": by}
        await evidence.append(connection, [Entry("hold_ended", now, told, None, case_id)])
    return int(ended.rowcount)


# -- the record ------------------------------------------------------------------------------------


async def note(
    connection: AsyncConnection,
    case_id: int,
    kind: str,
    by: str,
    data: Mapping[str, Any],
    at: datetime,
) -> None:
    """Add to the record of a case. data: no names, no numbers."""
    values = {"case_id": case_id, "at": at, "kind": kind, "by": by, "data": dict(data)}
    await connection.execute(insert(case_events), values)


async def note_all(
    connection: AsyncConnection,
    ids: Sequence[int],
    kind: str,
    by: str,
    data: Mapping[str, Any],
    at: datetime,
) -> None:
    """The same for the record of many cases."""
    rows = [{"case_id": i, "at": at, "kind": kind, "by": by, "data": dict(data)} for i in ids]
    if rows:
        await connection.execute(insert(case_events), rows)


async def events_after(
    connection: AsyncConnection, after: int, kinds: Iterable[str], limit: int
) -> list[tuple[int, CaseId, str]]:
    """(row, case, kind) of the record since row `after`, oldest first."""
    c = case_events.c
    query = select(c.id, c.case_id, c.kind).where(c.id > after, c.kind.in_(sorted(kinds)))
    rows = await connection.execute(query.order_by(c.id).limit(limit))
    return [(row.id, CaseId(row.case_id), row.kind) for row in rows]


async def last_event(connection: AsyncConnection) -> int:
    """The newest row of the record, 0 when there is none."""
    newest = select(case_events.c.id).order_by(case_events.c.id.desc()).limit(1)
    return int((await connection.scalar(newest)) or 0)
