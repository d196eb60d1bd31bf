"""What a bank's systems read back: outcomes, the state of a payment, exceptions, lists.

Rules: every page is read from an index and is bounded; numbers come masked; outcomes go out in the order
in which their attempts were made, and only up to the first that is not settled, so that a cursor never
passes one that is written later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.units import AttemptId, CampaignName, attempt_id
from dialer_engine.store._sql import chunks
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.owed import promise_of
from dialer_engine.store.schema import attempts, campaigns, cases, dispositions
from dialer_engine.store.schema_books import contracts, holds, payments, promises
from dialer_engine.store.schema_law import suppressions

Json = dict[str, Any]
# An attempt of this age is in the store if it ever will be: ids are made milliseconds before the commit;
# ten seconds are for the clocks of two daemons.
_COMMITTED_S = 10
# Agents say what became of a talk in the wrap-up after it (agents.wrap_up_s is 20 s by default).
SETTLE_S = 60.0
_NOTHING = bytes(10)


def first_id(since: datetime) -> AttemptId:
    """Smaller than every attempt made at `since` or later, larger than every earlier one."""
    return attempt_id(max(0, int(since.timestamp() * 1000)), _NOTHING)


async def outcomes(
    connection: AsyncConnection,
    ids: CampaignIds,
    campaign: CampaignName | None,
    after: str,
    limit: int,
    now: datetime,
) -> Json:
    """{items, next, more, waits_for}: attempts after the cursor that are settled. waits_for: when the
    first that is not was begun, which holds back the rest; null: nothing does.
    """
    until = first_id(now - timedelta(seconds=_COMMITTED_S))
    query = _attempts().where(attempts.c.id > after, attempts.c.id < until).limit(limit + 1)
    if campaign is not None:
        query = query.where(attempts.c.campaign_id == await ids.of(connection, campaign))
    rows = (await connection.execute(query)).all()
    settled = _settled(rows, now)
    told = [_outcome(row) for row in settled[:limit]]
    blocked = rows[len(settled)].planned_at if len(settled) < len(rows) else None
    return {
        "items": told,
        "next": told[-1]["attempt"] if told else after,
        "more": len(settled) > limit,
        "waits_for": blocked,
    }


def _attempts() -> Select[Any]:
    said = (
        select(dispositions.c.code)
        .where(dispositions.c.attempt_id == attempts.c.id)
        .order_by(dispositions.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = select(
        attempts, campaigns.c.name.label("campaign"), cases.c.reference, said.label("said")
    )
    return (
        columns.join_from(attempts, campaigns, campaigns.c.id == attempts.c.campaign_id)
        .join(cases, cases.c.id == attempts.c.case_id, isouter=True)
        .order_by(attempts.c.id)
    )


def _settled(rows: Any, now: datetime) -> list[Any]:
    found = []
    for row in rows:
        if row.outcome is None or (row.ended_at or now) > now - timedelta(seconds=SETTLE_S):
            break
        found.append(row)
    return found


def _outcome(row: Any) -> Json:
    return {
        "attempt": row.id, "case": row.reference, "campaign": row.campaign, "number": row.number_shown,
        "planned_at": row.planned_at, "answered_at": row.answered_at, "ended_at": row.ended_at,
        "outcome": row.outcome, "disposition": row.said, "talk_s": row.talk_s, "agent": row.agent_id,
    }  # fmt: skip


# -- payments --------------------------------------------------------------------------------------


def _payments() -> Select[Any]:
    return (
        select(payments, contracts.c.reference.label("contract"), cases.c.reference.label("case"))
        .join_from(payments, contracts, contracts.c.id == payments.c.contract_id, isouter=True)
        .join(cases, cases.c.id == payments.c.case_id, isouter=True)
    )


async def payment(connection: AsyncConnection, reference: str) -> Json:
    """One posting as it is in the book; NotFound."""
    found = await connection.execute(_payments().where(payments.c.reference == reference))
    row = found.one_or_none()
    if row is None:
        raise NotFound("no payment has this reference")
    return _payment(row)


async def exceptions(connection: AsyncConnection, after: int, limit: int) -> Json:
    """{items, next, more}: postings that belong to no contract, or that need a look."""
    query = _payments().where(payments.c.fault.is_not(None), payments.c.id > after)
    rows = (await connection.execute(query.order_by(payments.c.id).limit(limit + 1))).all()
    told = rows[:limit]
    return {
        "items": [_payment(row) for row in told],
        "next": str(told[-1].id if told else after),
        "more": len(rows) > limit,
    }


def _payment(row: Any) -> Json:
    return {
        "reference": row.reference, "contract": row.contract, "case": row.case,
        "stated_contract": row.stated_contract, "amount": str(row.amount), "currency": row.currency,
        "paid_on": row.paid_on, "booked_at": row.booked_at, "reverses": row.reverses,
        "matched_by": row.matched_by, "fault": row.fault,
    }  # fmt: skip


# -- what is there already -------------------------------------------------------------------------


async def promise(connection: AsyncConnection, case_id: int, key: str) -> Any:
    """The promise of that key, None when there is none."""
    mine = promises.c.case_id == case_id, promises.c.key == key
    row = (await connection.execute(select(promises).where(*mine))).one_or_none()
    return None if row is None else promise_of(row)


async def held_until(
    connection: AsyncConnection, case_id: int, kind: str, now: datetime
) -> list[datetime | None]:
    """The ends of this case's holds of a kind that are in force; None: until it is ended."""
    h = holds.c
    in_force = h.case_id == case_id, h.kind == kind, or_(h.until.is_(None), h.until > now)
    return list((await connection.scalars(select(h.until).where(*in_force))).all())


async def listed(
    connection: AsyncConnection, unit_keys: Iterable[str], now: datetime
) -> dict[tuple[str, str], list[tuple[int, datetime | None]]]:
    """(id, until) of the entries that hold, by list and unit."""
    s = suppressions.c
    found: dict[tuple[str, str], list[tuple[int, datetime | None]]] = defaultdict(list)
    for part in chunks(sorted(set(unit_keys))):
        query = select(s.id, s.list, s.unit_key, s.until).where(s.unit_key.in_(part), _holding(now))
        for row in await connection.execute(query.order_by(s.id)):
            found[row.list, row.unit_key].append((row.id, row.until))
    return found


async def suppressed(
    connection: AsyncConnection, name: str | None, after: int, limit: int, now: datetime
) -> Json:
    """{items, next, more}: entries that hold, oldest first, masked."""
    s = suppressions.c
    query = select(suppressions).where(s.id > after, _holding(now)).order_by(s.id).limit(limit + 1)
    if name is not None:
        query = query.where(s.list == name)
    rows = (await connection.execute(query)).all()
    names = ("id", "list", "unit", "shown", "reason", "source", "added_by", "added_at", "until")
    told = [{n: getattr(row, n) for n in names} for row in rows[:limit]]
    last = str(told[-1]["id"] if told else after)
    return {"items": told, "next": last, "more": len(rows) > limit}


def _holding(now: datetime) -> Any:
    s = suppressions.c
    return and_(s.removed_at.is_(None), or_(s.until.is_(None), s.until > now))
