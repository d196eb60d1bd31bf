"""What calls teach about numbers, and the numbers that are taken off the lists for it.

Rules: the memory is folded in the transaction that writes the outcome; a number that is empty or out of
service is so for every case, one that is not the debtor's only for the cases of this debtor; a number
that is not called any more leaves `case_numbers`, so that choosing cases has nothing to ask, and stays in
`contact_points` and in `number_verdicts`, with what was counted against it; a case that has no number left
is set aside with the reason `no_number`; all of it can be undone (`reset`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.attempt import AttemptEnd
from dialer_engine.domain.collections import hygiene as hy
from dialer_engine.domain.collections.codes import NumberState
from dialer_engine.domain.outcome import Outcome
from dialer_engine.store._sql import among, chunks, upsert
from dialer_engine.store.cases import members, number_place
from dialer_engine.store.closed import value_place
from dialer_engine.store.people import note_all, note_dialled
from dialer_engine.store.schema import campaign_cases, case_numbers, cases
from dialer_engine.store.schema_books import contact_points, number_memory, number_verdicts
from dialer_engine.store.vault import Vault

POLICY = hy.HygienePolicy()
# `campaign_cases.reason`: no number is left; another number of somebody whose number was not theirs.
NO_NUMBER = "no_number"
WRONG_NUMBER = "wrong_number"
# Days of the two kinds that `domain.collections.hygiene` tells apart.
_MONDAY, _SATURDAY = 0, 5
_HOURS = range(hy.HOURS)
_MEMORY = (
    "state", "attempts", "answered", "streak", "last", "tried", "taken", "at", "best_workday", "best_weekend",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """A number on the dialling list of a case."""

    number: str
    key: str
    label: str
    zone: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Why numbers are taken off. by: the agent, or empty for what the network said."""

    state: NumberState
    evidence: Mapping[str, Any]
    by: str = ""
    attempt: str | None = None


# -- the memory ------------------------------------------------------------------------------------


async def learn(
    connection: AsyncConnection, vault: Vault, ended: Sequence[tuple[AttemptEnd, Any]]
) -> None:
    """Fold ended attempts, each with case_id, number_key and zone, into the memory of their numbers; those
    found to be of no use are taken off the lists of all their cases.
    """
    if not ended:
        return
    before = await memories(connection, {row.number_key for _, row in ended})
    known = dict(before)
    at: dict[str, datetime] = {}
    for item, row in sorted(ended, key=lambda pair: pair[0].ended_at):
        when = item.answered_at or item.ringing_at or item.originated_at or item.ended_at
        local = when.astimezone(_zone(row.zone))
        memory = known.get(row.number_key, hy.NumberMemory())
        learned = hy.learn(memory, item.outcome, local.weekday(), local.hour)
        if learned is not memory:
            known[row.number_key], at[row.number_key] = learned, item.ended_at
    await _keep(connection, {key: known[key] for key in at}, at)
    for key in sorted(at):
        state = hy.state_of(replace(known[key], wrong=False), POLICY)
        if state.is_bad:
            await _retire_everywhere(connection, vault, key, known[key], state, at[key])


def _zone(name: str | None) -> ZoneInfo | Any:
    """UTC where nobody knows: the hours are then those of UTC, here and when they are read."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


async def memories(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, hy.NumberMemory]:
    """What is known of these numbers."""
    query = select(number_memory).where(among(connection, number_memory.c.number_key, set(keys)))
    return {row.number_key: _memory(row) for row in await connection.execute(query)}


def _memory(row: Any) -> hy.NumberMemory:
    blank = hy.NumberMemory()
    return hy.NumberMemory(
        row.attempts, row.answered, row.streak, Outcome(row.last) if row.last else None, row.wrong,
        tuple(row.tried) or blank.tried, tuple(row.taken) or blank.taken,
    )  # fmt: skip


async def _keep(
    connection: AsyncConnection,
    known: Mapping[str, hy.NumberMemory],
    at: Mapping[str, datetime],
) -> None:
    """In one order, so that two daemons wait for each other in one direction only."""
    rows = [
        {
            "number_key": key, "state": hy.state_of(one, POLICY).value, "attempts": one.attempts,
            "answered": one.answered, "streak": one.streak, "last": one.last and one.last.value,
            "wrong": one.wrong, "tried": list(one.tried), "taken": list(one.taken), "at": at[key],
            "best_workday": _best(one, _MONDAY), "best_weekend": _best(one, _SATURDAY),
        }
        for key, one in sorted(known.items())
    ]  # fmt: skip
    if not rows:
        return
    statement = upsert(connection, number_memory)
    keep = {name: statement.excluded[name] for name in _MEMORY}
    written = statement.on_conflict_do_update(index_elements=["number_key"], set_=keep)
    await connection.execute(written, rows)


def _best(memory: hy.NumberMemory, weekday: int) -> int | None:
    """The likeliest hour of such a day; None while nobody has answered on one."""
    first = hy.cell(weekday, 0)
    if not any(memory.taken[first : first + hy.HOURS]):
        return None
    return hy.best_hours(memory, weekday, _HOURS, POLICY)[0]


# -- taking numbers off ----------------------------------------------------------------------------


async def _retire_everywhere(
    connection: AsyncConnection,
    vault: Vault,
    key: str,
    memory: hy.NumberMemory,
    state: NumberState,
    now: datetime,
) -> None:
    mine = select(case_numbers.c.case_id).where(case_numbers.c.number_key == key)
    ids = (await connection.scalars(mine)).all()
    counted = {
        "in_a_row": memory.streak, "calls": memory.attempts, "answered": memory.answered,
        "last": memory.last.value if memory.last else "",
    }  # fmt: skip
    await retire(connection, vault, sorted(ids), key, Finding(state, counted), now)


async def retire(
    connection: AsyncConnection,
    vault: Vault,
    ids: Sequence[int],
    key: str,
    finding: Finding,
    now: datetime,
) -> None:
    """These cases are not called on this number any more."""
    for part in chunks(ids):
        await note_dialled(connection, vault, part)
        old = await listed(connection, vault, part)
        ranks = {
            case_id: [one.key for one in rows].index(key)
            for case_id, rows in old.items()
            if any(one.key == key for one in rows)
        }
        if not ranks:
            continue
        await _judge(connection, ranks, key, finding, now)
        left = {i: [one for one in old[i] if one.key != key] for i in ranks}
        await _turn(connection, ranks, {i: len(old[i]) for i in ranks})
        await write_lists(connection, vault, left)
        await _set_aside(connection, [i for i, rows in left.items() if not rows])
        told = {"state": finding.state.value, "number": key[:8], **finding.evidence}
        await note_all(connection, sorted(ranks), "number", finding.by, told, now)


async def _judge(
    connection: AsyncConnection,
    ranks: Mapping[int, int],
    key: str,
    finding: Finding,
    now: datetime,
) -> None:
    rows = [
        {
            "case_id": case_id, "number_key": key, "state": finding.state.value, "at": now,
            "by": finding.by, "attempt_id": finding.attempt, "rank": rank,
            "evidence": dict(finding.evidence),
        }
        for case_id, rank in sorted(ranks.items())
    ]  # fmt: skip
    statement = upsert(connection, number_verdicts).on_conflict_do_nothing()
    await connection.execute(statement, rows)


async def _turn(
    connection: AsyncConnection, gone: Mapping[int, int], counts: Mapping[int, int]
) -> None:
    """Whose turn it is stays the same number; after the one that goes it is the next one's."""
    c = campaign_cases.c
    query = select(c.campaign_id, c.case_id, c.number_rank).where(members(gone))
    rows = [
        {"of_campaign": row.campaign_id, "of_case": row.case_id, "rank": turn - 1}
        for row in await connection.execute(query)
        if (turn := row.number_rank % counts[row.case_id]) > gone[row.case_id]
    ]
    if rows:
        mine = c.campaign_id == bindparam("of_campaign"), c.case_id == bindparam("of_case")
        moved = update(campaign_cases).where(*mine).values(number_rank=bindparam("rank"))
        await connection.execute(
            moved, sorted(rows, key=lambda r: (r["of_campaign"], r["of_case"]))
        )


async def _set_aside(connection: AsyncConnection, ids: Sequence[int]) -> None:
    for part in chunks(ids):
        mine = members(part), campaign_cases.c.due_at.is_not(None)
        gone = update(campaign_cases).where(*mine).values(due_at=None, reason=NO_NUMBER)
        await connection.execute(gone)


async def listed(
    connection: AsyncConnection, vault: Vault, ids: Sequence[int]
) -> dict[int, list[Listed]]:
    """The dialling lists of these cases, in their order."""
    found: dict[int, list[Listed]] = {i: [] for i in ids}
    c = case_numbers.c
    query = select(case_numbers).where(c.case_id.in_(ids)).order_by(c.case_id, c.rank)
    for row in await connection.execute(query):
        number = vault.open(number_place(row.case_id, row.rank), row.number)
        found[row.case_id].append(Listed(number, row.number_key, row.label, row.zone))
    return found


async def write_lists(
    connection: AsyncConnection, vault: Vault, lists: Mapping[int, Sequence[Listed]]
) -> None:
    """Replace the dialling lists of these cases."""
    await connection.execute(delete(case_numbers).where(case_numbers.c.case_id.in_(lists)))
    values = [
        {
            "case_id": case_id, "rank": rank, "number": vault.close(number_place(case_id, rank), one.number),
            "number_key": one.key, "label": one.label, "zone": one.zone,
        }
        for case_id, rows in lists.items()
        for rank, one in enumerate(rows)
    ]  # fmt: skip
    if values:
        await connection.execute(insert(case_numbers), values)
    # One at least, because the turn is reckoned modulo the count.
    counted = [{"of_case": i, "count": max(1, len(rows))} for i, rows in sorted(lists.items())]
    mine = update(cases).where(cases.c.id == bindparam("of_case"))
    await connection.execute(mine.values(number_count=bindparam("count")), counted)


async def keep_off(connection: AsyncConnection, vault: Vault, ids: Sequence[int]) -> None:
    """After the lists of these cases were written anew by an import: what was found out stays."""
    for part in chunks(ids):
        bad = await _verdicts(connection, part)
        if not bad:
            continue
        old = await listed(connection, vault, sorted(bad))
        left = {i: [one for one in rows if one.key not in bad[i]] for i, rows in old.items()}
        await write_lists(connection, vault, left)
        await _set_aside(connection, [i for i, rows in left.items() if not rows])


async def _verdicts(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, set[str]]:
    v = number_verdicts.c
    found: dict[int, set[str]] = {}
    query = select(v.case_id, v.number_key).where(v.case_id.in_(ids))
    for case_id, key in await connection.execute(query):
        found.setdefault(case_id, set()).add(key)
    return found


# -- back on the list ------------------------------------------------------------------------------


async def reset(
    connection: AsyncConnection, vault: Vault, case_id: int, key: str, by: str, now: datetime
) -> int:
    """Call this number again, wherever it was taken off for the same reason: for an empty number all its
    cases, for a wrong one those of this debtor. The count against it begins anew; the hours stay. Returns
    how many cases have it back.
    """
    v = number_verdicts.c
    mine = v.case_id == case_id, v.number_key == key
    one = (await connection.execute(select(number_verdicts).where(*mine))).one_or_none()
    if one is None:
        return 0
    also: tuple[ColumnElement[bool], ...] = (v.number_key == key, v.state == one.state)
    if one.state == NumberState.WRONG:
        also = (*also, v.case_id.in_(await same_debtor(connection, case_id)))
    rows = (await connection.execute(select(number_verdicts).where(*also))).all()
    await _restore(connection, vault, rows)
    forgotten = {"streak": 0, "last": None, "wrong": False, "state": NumberState.UNTRIED.value}
    memory = update(number_memory).where(number_memory.c.number_key == key)
    await connection.execute(memory.values(forgotten))
    told = {"number": key[:8], "was": one.state}
    await note_all(connection, [r.case_id for r in rows], "number_reset", by, told, now)
    await _open_again(connection, [r.case_id for r in rows], now)
    return len(rows)


async def _restore(connection: AsyncConnection, vault: Vault, rows: Sequence[Any]) -> None:
    """Each at its old place in the list of its case."""
    p, v = contact_points.c, number_verdicts.c
    for row in rows:
        kept = select(contact_points).where(
            p.case_id == row.case_id, p.value_key == row.number_key, p.party_id.is_(None)
        )
        point = (await connection.execute(kept)).one_or_none()
        gone = delete(number_verdicts)
        await connection.execute(
            gone.where(v.case_id == row.case_id, v.number_key == row.number_key)
        )
        if point is None:
            continue
        number = vault.open(value_place(row.case_id, row.number_key), point.value)
        rows_ = (await listed(connection, vault, [row.case_id]))[row.case_id]
        if all(one.key != row.number_key for one in rows_):
            rows_.insert(row.rank, Listed(number, row.number_key, point.label, point.zone))
            await write_lists(connection, vault, {row.case_id: rows_})


async def _open_again(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    """Cases that were set aside because no number was left."""
    c = campaign_cases.c
    for part in chunks(ids):
        mine = members(part), c.due_at.is_(None), c.reason == NO_NUMBER
        await connection.execute(update(campaign_cases).where(*mine).values(due_at=now, reason=""))


async def same_debtor(connection: AsyncConnection, case_id: int) -> list[int]:
    """The cases of this debtor: those with the same ID number, or this one."""
    key = await connection.scalar(select(cases.c.id_key).where(cases.c.id == case_id))
    if not key:
        return [case_id]
    found = await connection.scalars(select(cases.c.id).where(cases.c.id_key == key))
    return sorted({*found.all(), case_id})
