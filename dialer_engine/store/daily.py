"""The work of a day on the cases of the store, step by step.

Rules: each step is one transaction with a few cases and the proof that the job is still ours; every job
tells its result from the book as it is and so changes nothing when it is done again; what changes for a case
leaves a row in its record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections.allocation import RecallPolicy, judge_recall
from dialer_engine.domain.collections.codes import CaseState
from dialer_engine.domain.collections.money import Component
from dialer_engine.domain.collections.promise import PromisePhase
from dialer_engine.domain.errors import Conflict
from dialer_engine.ports.daily import Claim, Job, Step
from dialer_engine.store import charging, desks
from dialer_engine.store._sql import upsert
from dialer_engine.store.owed import refresh
from dialer_engine.store.products import Products, load_products
from dialer_engine.store.schema import cases
from dialer_engine.store.schema_books import (
    case_events,
    case_facts,
    contracts,
    daily_runs,
    promises,
)

# Cases in one step: some tens of milliseconds (`docs/howto/cases.md`).
BATCH = 200
BY = "daily"
Counts = dict[str, int]
Work = Callable[[AsyncConnection, date, int, datetime], Awaitable[tuple[Counts, int | None]]]


# -- whose work it is ------------------------------------------------------------------------------


async def claim(
    connection: AsyncConnection,
    day: date,
    job: Job,
    holder: str,
    now: datetime,
    until: datetime,
) -> Claim:
    """Take a job that is not done and that nobody is at."""
    d = daily_runs.c
    statement = upsert(connection, daily_runs)
    taken = statement.on_conflict_do_update(
        index_elements=["day", "job"],
        set_={"holder": holder, "until": until},
        where=d.done_at.is_(None) & or_(d.until <= now, d.holder == holder),
    ).returning(d.after, d.counts)
    row: dict[str, Any] = {
        "day": day, "job": job.value, "holder": holder, "until": until, "after": 0, "counts": {},
        "begun_at": now,
    }  # fmt: skip
    ours = (await connection.execute(taken, row)).one_or_none()
    if ours is not None:
        return Claim(ours.after, False, ours.counts)
    known = select(d.done_at, d.counts).where(d.day == day, d.job == job.value)
    found = (await connection.execute(known)).one()
    return Claim(None, found.done_at is not None, found.counts)


async def step(
    connection: AsyncConnection,
    day: date,
    job: Job,
    holder: str,
    now: datetime,
    until: datetime,
) -> Step:
    """Some more cases. Conflict when the job is not ours."""
    d = daily_runs.c
    mine = d.day == day, d.job == job.value, d.holder == holder, d.done_at.is_(None)
    renewed = update(daily_runs).where(*mine).values(until=until).returning(d.after, d.counts)
    row = (await connection.execute(renewed)).one_or_none()
    if row is None:
        raise Conflict(f"somebody else does the work of the day ({job.value})")
    found, after = await _WORK[job](connection, day, row.after, now)
    counts = {n: row.counts.get(n, 0) + found.get(n, 0) for n in {**row.counts, **found}}
    far = {"counts": counts, "after": row.after if after is None else after}
    far_ = far | {"done_at": now} if after is None else far
    await connection.execute(update(daily_runs).where(*mine).values(far_))
    return Step(counts, after)


async def forget(connection: AsyncConnection, day: date) -> None:
    """Let the work of that day be done again."""
    mine = daily_runs.c.day == day, daily_runs.c.done_at.is_not(None)
    again = update(daily_runs).where(*mine)
    # Nobody holds it: that lease was over before it began.
    blank: Any = {"done_at": None, "after": 0, "counts": {}, "until": daily_runs.c.begun_at}
    await connection.execute(again.values(blank))


# -- the jobs --------------------------------------------------------------------------------------


async def _promises(
    connection: AsyncConnection, day: date, after: int, now: datetime
) -> tuple[Counts, int | None]:
    """Promises whose last day, grace included, is over."""
    c = promises.c
    query = (
        select(c.id, c.case_id, c.due_on, c.grace_days)
        .where(c.phase == PromisePhase.PENDING.value, c.due_on < day, c.id > after)
        .order_by(c.id)
        .limit(BATCH)
    )
    rows = (await connection.execute(query)).all()
    late = [row for row in rows if (day - row.due_on).days > row.grace_days]
    await refresh(connection, sorted({row.case_id for row in late}), now, day, BY)
    became = select(c.phase, func.count()).where(c.id.in_([row.id for row in late]))
    counts = {str(phase): int(n) for phase, n in await connection.execute(became.group_by(c.phase))}
    return counts, rows[-1].id if len(rows) == BATCH else None


async def _charges(
    connection: AsyncConnection, day: date, after: int, now: datetime
) -> tuple[Counts, int | None]:
    """Penalty interest and fees, for products whose rules have them."""
    products = await load_products(connection)
    if not products.charge:
        return {}, None
    ids = await _open_cases(connection, after, with_contract=True)
    counts = await charging.charge(connection, ids, products, day, now, BY)
    return counts, ids[-1] if len(ids) == BATCH else None


async def _recount(
    connection: AsyncConnection, day: date, after: int, now: datetime
) -> tuple[Counts, int | None]:
    """What is owed and since when, from the contracts; the days past due that screens show; the stage."""
    ids = await _open_cases(connection, after)
    mine = contracts.c.case_id.in_(ids)
    booked = set((await connection.scalars(select(contracts.c.case_id).where(mine))).all())
    paid = await refresh(connection, sorted(booked), now, day, BY)
    products = await load_products(connection)
    moved, events = [], []
    f = case_facts.c
    query = (
        select(cases.c.id, cases.c.days_past_due, case_facts)
        .join_from(cases, case_facts, f.case_id == cases.c.id)
        .where(cases.c.id.in_(ids), f.oldest_due.is_not(None))
    )
    for row in await connection.execute(query):
        dpd = (day - row.oldest_due).days
        if dpd == row.days_past_due:
            continue
        moved.append({"of_case": row.id, "dpd": dpd})
        told = _stage(row, products, dpd)
        if told:
            events.append(_event(row.id, "stage", told, now))
    await _write(connection, moved, events)
    counts = {"cases": len(ids), "days": len(moved), "stages": len(events), "paid": len(paid)}
    return counts, ids[-1] if len(ids) == BATCH else None


def _stage(row: Any, products: Products, dpd: int) -> dict[str, Any] | None:
    product = products.of(row.creditor or "", row.product or "", row.debt_type)
    before, after = product.stage(row.days_past_due), product.stage(dpd)
    if before is after:
        return None
    owed = sum(getattr(row, part.value) or 0 for part in Component)
    return {"from": before.value, "to": after.value, "dpd": dpd, "owed": str(owed)}


async def _write(
    connection: AsyncConnection, moved: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    if moved:
        shown = update(cases).where(cases.c.id == bindparam("of_case"))
        await connection.execute(shown.values(days_past_due=bindparam("dpd")), moved)
    if events:
        await connection.execute(insert(case_events), events)


def _event(case_id: int, kind: str, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {"case_id": case_id, "at": now, "kind": kind, "by": BY, "data": dict(data)}


async def _recall(
    connection: AsyncConnection, day: date, after: int, now: datetime
) -> tuple[Counts, int | None]:
    """Cases whose time with their holder is over."""
    held = await desks.held(connection, day, after, BATCH, expired=True)
    judged = [judge_recall(one, RecallPolicy(), day) for _, one in held]
    back = await desks.recall(connection, judged, now, by=BY)
    counts = {"expired": len(held), "recalled": back, "kept": len(held) - back}
    return counts, held[-1][0] if len(held) == BATCH else None


async def _open_cases(
    connection: AsyncConnection, after: int, *, with_contract: bool = False
) -> list[int]:
    f = case_facts.c
    is_open = or_(f.state.is_(None), f.state == CaseState.OPEN.value)
    query = select(f.case_id).where(f.case_id > after, is_open).order_by(f.case_id).limit(BATCH)
    if with_contract:
        query = query.where(
            f.case_id.in_(select(contracts.c.case_id).where(contracts.c.case_id > after))
        )
    return [int(found) for found in (await connection.scalars(query)).all()]


_WORK: Mapping[Job, Work] = {
    Job.CHARGES: _charges,
    Job.PROMISES: _promises,
    Job.RECOUNT: _recount,
    Job.RECALL: _recall,
}
