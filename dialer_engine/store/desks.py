"""Who works which case, on record (分案, 回收).

Rules: the decision is made in `domain.collections.allocation`; here it is written together with its reason,
one transaction for a batch; a recalled case leaves every campaign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections.allocation import (
    Allocation,
    Collector,
    Held,
    Recall,
)
from dialer_engine.domain.collections.codes import CaseState
from dialer_engine.domain.collections.money import ZERO, Component
from dialer_engine.domain.collections.timeline import ComplaintState
from dialer_engine.store._sql import chunks
from dialer_engine.store.accounts import case_ids
from dialer_engine.store.cases import members
from dialer_engine.store.schema import attempts, campaign_cases, cases
from dialer_engine.store.schema_books import case_events, case_facts, complaints

_OWNER = ("owner", "team", "agency", "held_since", "recall_on", "state")


async def assign(
    connection: AsyncConnection,
    decisions: Sequence[Allocation],
    collectors: Mapping[str, Collector],
    now: datetime,
    *,
    recall_on: date | None = None,
    by: str = "",
) -> int:
    """Write who has which case, by reference; returns how many got somebody. Cases that nobody could
    take are on record too.
    """
    ids = await case_ids(connection, {one.case for one in decisions})
    known = [one for one in decisions if one.case in ids]
    rows = []
    for one in known:
        who = collectors.get(one.collector or "")
        if who is not None:
            rows.append(
                {
                    "of_case": ids[one.case], "owner": who.id, "team": who.team or None,
                    "agency": who.agency or None, "held_since": now.date(), "recall_on": recall_on,
                    "state": CaseState.OPEN.value,
                }
            )  # fmt: skip
    await _write(connection, rows)
    events = [
        _event(
            ids[o.case],
            "allocated",
            {"to": o.collector, "parts": dict(o.parts), "why": o.why},
            by,
            now,
        )
        for o in known
    ]
    if events:
        await connection.execute(insert(case_events), events)
    return len(rows)


async def held(
    connection: AsyncConnection, day: date, after: int, limit: int, *, expired: bool = False
) -> list[tuple[int, Held]]:
    """(case, what recall is judged by) of cases that somebody has, by id from `after` on. expired: only
    those whose agreed day has come.
    """
    f = case_facts.c
    open_ones = (
        select(func.count())
        .where(complaints.c.case_id == f.case_id, complaints.c.state == ComplaintState.OPEN.value)
        .scalar_subquery()
    )
    called = select(func.max(attempts.c.planned_at)).where(attempts.c.case_id == f.case_id)
    query = (
        select(
            case_facts,
            cases.c.reference,
            open_ones.label("open"),
            called.scalar_subquery().label("called"),
        )
        .join_from(case_facts, cases, cases.c.id == f.case_id)
        .where(f.owner.is_not(None), f.case_id > after)
        .order_by(f.case_id)
        .limit(limit)
    )
    if expired:
        query = query.where(f.recall_on <= day)
    return [(row.case_id, _held(row)) for row in await connection.execute(query)]


def _held(row: Any) -> Held:
    parts = [getattr(row, part.value) for part in Component]
    known = [one for one in (row.contact_on, row.called and row.called.date()) if one]
    return Held(
        row.reference, row.owner, row.held_since or date.min, row.recall_on,
        None if all(part is None for part in parts) else sum((part or ZERO for part in parts), ZERO),
        row.open, 0, max(known, default=None), bool(row.promises_open),
    )  # fmt: skip


async def recall(
    connection: AsyncConnection, decisions: Sequence[Recall], now: datetime, *, by: str = ""
) -> int:
    """Take back what is due; returns how many. What is not due is left alone, and not on record."""
    due = [one for one in decisions if one.is_due]
    ids = await case_ids(connection, {one.case for one in due})
    back = [one for one in due if one.case in ids]
    blank = dict.fromkeys(_OWNER) | {"state": CaseState.RECALLED.value}
    await _write(connection, [{"of_case": ids[one.case], **blank} for one in back])
    for part in chunks([ids[one.case] for one in back]):
        mine = members(part), campaign_cases.c.due_at.is_not(None)
        gone = update(campaign_cases).where(*mine)
        await connection.execute(gone.values(due_at=None, reason=CaseState.RECALLED.value))
    events = [_event(ids[one.case], "recalled", _told(one), by, now) for one in back]
    if events:
        await connection.execute(insert(case_events), events)
    return len(back)


def _told(one: Recall) -> dict[str, Any]:
    reasons = [reason.value for reason in one.reasons]
    return {"from": one.holder, "reasons": reasons, "why": one.why}


def _event(case_id: int, kind: str, data: dict[str, Any], by: str, now: datetime) -> dict[str, Any]:
    return {"case_id": case_id, "at": now, "kind": kind, "by": by, "data": data}


async def _write(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    if rows:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _OWNER}
        statement = update(case_facts).where(case_facts.c.case_id == bindparam("of_case"))
        given = [
            {"of_case": row["of_case"], **{f"new_{name}": row[name] for name in _OWNER}}
            for row in rows
        ]
        await connection.execute(statement.values(values), given)
