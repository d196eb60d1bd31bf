"""What reports say of strategies: segments, who was not dialled and why, experiments.

Rules: as in `report.py`. Denials are kept by the hour, so a span is widened to whole hours for them, and a
case that was asked about twice counts twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, distinct, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections.promise import PromisePhase
from dialer_engine.domain.units import CampaignName
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.schema import attempts
from dialer_engine.store.schema_books import promises
from dialer_engine.store.schema_plans import attempt_plans, denial_counts

Json = dict[str, Any]
# What an experiment can be about: a talk, a promise, a promise that was kept.
RESULTS = ("connected", "promise", "kept")


def _sum(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


async def segments(connection: AsyncConnection, span: ColumnElement[bool]) -> list[Json]:
    """[{strategy, segment, attempts, answered, connected, promises}]: connected: an agent talked."""
    given = (
        select(promises.c.attempt_id, func.count().label("count"))
        .where(promises.c.attempt_id.is_not(None))
        .group_by(promises.c.attempt_id)
        .subquery("given")
    )
    query = (
        select(
            attempt_plans.c.strategy,
            attempt_plans.c.segment,
            func.count().label("attempts"),
            _sum(attempts.c.answered_at.is_not(None)).label("answered"),
            _sum(attempts.c.bridged_at.is_not(None)).label("connected"),
            func.coalesce(func.sum(given.c["count"]), 0).label("promises"),
        )
        .join_from(attempts, attempt_plans, attempt_plans.c.attempt_id == attempts.c.id)
        .join(given, given.c.attempt_id == attempts.c.id, isouter=True)
        .where(span)
        .group_by(attempt_plans.c.strategy, attempt_plans.c.segment)
        .order_by(func.count().desc(), attempt_plans.c.strategy, attempt_plans.c.segment)
    )
    rows = (await connection.execute(query)).mappings()
    return [{k: v if isinstance(v, str) else int(v) for k, v in row.items()} for row in rows]


async def denials(
    connection: AsyncConnection,
    chosen: Sequence[int],
    since: datetime | None,
    until: datetime | None,
) -> list[Json]:
    """[{reason, source, count}], most first. source: strategy, store or law."""
    d = denial_counts.c
    query = select(d.code, func.sum(d["count"])).where(d.campaign_id.in_(chosen))
    if since is not None:
        query = query.where(d.hour_at >= since.replace(minute=0, second=0, microsecond=0))
    if until is not None:
        query = query.where(d.hour_at < until)
    query = query.group_by(d.code).order_by(func.sum(d["count"]).desc(), d.code)
    return [
        {"reason": code, "source": _source(code), "count": int(count)}
        for code, count in await connection.execute(query)
    ]


def _source(code: str) -> str:
    if code.startswith("strategy_"):
        return "strategy"
    return "store" if code == "in_flight" else "law"


async def by_arm(
    connection: AsyncConnection, ids: CampaignIds, name: CampaignName, experiment: str, result: str
) -> dict[str, tuple[int, int]]:
    """By arm: cases that were tried in it, and those of them with the result (of RESULTS)."""
    campaign_id = await ids.of(connection, name)
    arm = attempt_plans.c.arms[experiment].as_string()
    query = (
        select(arm.label("arm"), func.count(distinct(attempts.c.case_id)), func.count(distinct(_won(result))))
        .join_from(attempts, attempt_plans, attempt_plans.c.attempt_id == attempts.c.id)
        .where(attempts.c.campaign_id == campaign_id, arm.is_not(None))
        .group_by(arm)
    )  # fmt: skip
    if result != "connected":
        query = query.join(promises, promises.c.attempt_id == attempts.c.id, isouter=True)
    return {row[0]: (int(row[1]), int(row[2])) for row in await connection.execute(query)}


def _won(result: str) -> ColumnElement[int | None]:
    """The case when it has the result, else nothing: what is nothing is not counted."""
    if result == "connected":
        return case((attempts.c.bridged_at.is_not(None), attempts.c.case_id))
    if result == "promise":
        return case((promises.c.id.is_not(None), attempts.c.case_id))
    return case((promises.c.phase == PromisePhase.KEPT.value, attempts.c.case_id))
