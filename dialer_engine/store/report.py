"""The figures of a report, counted in the database.

Rules: everything is counted from rows, nothing from memory; a percentile is a value that occurred
(nearest rank), not an interpolation; the span is half-open and holds the attempts that were planned
in it; an agent's day is cut to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.reports import Quantiles, Report
from dialer_engine.domain.units import CampaignName
from dialer_engine.store import promises, report_plans, workday
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.schema import alarms, attempts, campaigns, recordings

_P50, _P99 = 0.50, 0.99
_MS = 1000.0
# Enough for a page; the report is no log.
_ALARM_KINDS = 100
_UNBRIDGED_LIVE = (Outcome.ABANDONED.value, Outcome.HUNG_UP_EARLY.value)


async def compute(
    connection: AsyncConnection,
    ids: CampaignIds,
    campaign: CampaignName | None,
    since: datetime | None,
    until: datetime | None,
    now: datetime,
) -> Report:
    """The report of one campaign, or of all."""
    chosen = await _chosen(connection, ids, campaign)
    span = _span(chosen, since, until)
    totals = await _totals(connection, span)
    work = await workday.figures(
        connection, await _skill(connection, campaign), since, until or now
    )
    talks = await _talks_by_agent(connection, span)
    return Report(
        campaign=campaign,
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
        **totals,
        answer_rate=_share(totals["answered"], totals["attempts"]),
        abandonment_rate=_share(totals["abandoned"], totals["live"]),
        utilization=workday.utilization(work),
        outcomes=await _outcomes(connection, span),
        **await _recordings(connection, span),
        answer_to_bridge_ms=await _quantiles(connection, attempts.c.answer_to_bridge_s, span, _MS),
        wait_s=await _quantiles(connection, attempts.c.waited_s, span, 1.0),
        talk_s_mean=await connection.scalar(select(func.avg(attempts.c.talk_s)).where(span)),
        agents=[row.as_dict(talks.get(row.agent, 0)) for row in work],
        trunks=await _trunks(connection, span),
        alarms=await _alarms(connection, span, campaign, since, until),
        segments=await report_plans.segments(connection, span),
        denials=await report_plans.denials(connection, chosen, since, until),
        promises=await promises.figures(connection, span, campaign is None, since, until),
    )


async def _chosen(
    connection: AsyncConnection, ids: CampaignIds, campaign: CampaignName | None
) -> Sequence[int]:
    """All campaigns by number, when none is named: the index on attempts begins with it."""
    if campaign is not None:
        return [await ids.of(connection, campaign)]
    return sorted((await ids.all(connection)).values())


def _span(
    chosen: Sequence[int], since: datetime | None, until: datetime | None
) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [attempts.c.campaign_id.in_(chosen)]
    if since is not None:
        parts.append(attempts.c.planned_at >= since)
    if until is not None:
        parts.append(attempts.c.planned_at < until)
    return and_(*parts)


async def _skill(connection: AsyncConnection, campaign: CampaignName | None) -> str:
    query = select(campaigns.c.skill).where(campaigns.c.name == campaign)
    return (await connection.scalar(query)) or ""


def _tally(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


_BRIDGED = attempts.c.bridged_at.is_not(None)
_ANSWERED = attempts.c.answered_at.is_not(None)
_LIVE = or_(_BRIDGED, attempts.c.outcome.in_(_UNBRIDGED_LIVE))


async def _totals(connection: AsyncConnection, span: ColumnElement[bool]) -> dict[str, int]:
    query = select(
        func.count().label("attempts"),
        _tally(attempts.c.outcome.is_(None)).label("attempts_without_outcome"),
        _tally(_ANSWERED).label("answered"),
        _tally(_LIVE).label("live"),
        _tally(_BRIDGED).label("bridged"),
        _tally(attempts.c.outcome == Outcome.ABANDONED.value).label("abandoned"),
    ).where(span)
    row = (await connection.execute(query)).mappings().one()
    return {name: int(value) for name, value in row.items()}


async def _outcomes(connection: AsyncConnection, span: ColumnElement[bool]) -> dict[str, int]:
    query = (
        select(attempts.c.outcome, func.count())
        .where(span, attempts.c.outcome.is_not(None))
        .group_by(attempts.c.outcome)
        .order_by(func.count().desc(), attempts.c.outcome)
    )
    return {str(outcome): int(count) for outcome, count in await connection.execute(query)}


async def _recordings(connection: AsyncConnection, span: ColumnElement[bool]) -> dict[str, int]:
    """Expected of every answered call that is over."""
    query = (
        select(
            func.count().label("recordings_expected"),
            _tally(recordings.c.status == "verified").label("recordings_verified"),
            _tally(recordings.c.status != "verified").label("recordings_failed"),
        )
        .join_from(attempts, recordings, recordings.c.attempt_id == attempts.c.id, isouter=True)
        .where(span, _ANSWERED, attempts.c.outcome.is_not(None))
    )
    row = (await connection.execute(query)).mappings().one()
    return {name: int(value) for name, value in row.items()}


async def _quantiles(
    connection: AsyncConnection, column: ColumnElement[Any], span: ColumnElement[bool], scale: float
) -> Quantiles:
    measured = and_(span, column.is_not(None))
    count, largest = (
        await connection.execute(select(func.count(), func.max(column)).where(measured))
    ).one()
    if not count:
        return Quantiles()
    ranked = select(column).where(measured).order_by(column).limit(1)
    p50, p99 = [
        (await connection.execute(ranked.offset(math.ceil(share * count) - 1))).scalar_one()
        for share in (_P50, _P99)
    ]
    return Quantiles(p50 * scale, p99 * scale, largest * scale, int(count))


async def _talks_by_agent(connection: AsyncConnection, span: ColumnElement[bool]) -> dict[str, int]:
    query = (
        select(attempts.c.agent_id, func.count())
        .where(span, _BRIDGED, attempts.c.agent_id.is_not(None))
        .group_by(attempts.c.agent_id)
    )
    return {str(agent): int(count) for agent, count in await connection.execute(query)}


async def _trunks(connection: AsyncConnection, span: ColumnElement[bool]) -> list[dict[str, Any]]:
    failed = attempts.c.outcome.in_([Outcome.CONGESTION.value, Outcome.FAILED.value])
    query = (
        select(
            attempts.c.node,
            attempts.c.trunk,
            func.count().label("attempts"),
            _tally(_ANSWERED).label("answered"),
            _tally(failed).label("failed"),
        )
        .where(span)
        .group_by(attempts.c.node, attempts.c.trunk)
        .order_by(attempts.c.node, attempts.c.trunk)
    )
    rows = (await connection.execute(query)).mappings()
    return [{**row, "answered": int(row["answered"]), "failed": int(row["failed"])} for row in rows]


async def _alarms(
    connection: AsyncConnection,
    span: ColumnElement[bool],
    campaign: CampaignName | None,
    since: datetime | None,
    until: datetime | None,
) -> list[dict[str, Any]]:
    """By kind. Of one campaign: those about its attempts, and those about no attempt."""
    parts: list[ColumnElement[bool]] = []
    if since is not None:
        parts.append(alarms.c.at >= since)
    if until is not None:
        parts.append(alarms.c.at < until)
    if campaign is not None:
        ours = select(attempts.c.id).where(span)
        parts.append(or_(alarms.c.attempt_id.is_(None), alarms.c.attempt_id.in_(ours)))
    newest = func.max(alarms.c.id).label("newest")
    kinds = (
        select(alarms.c.kind, func.count().label("count"), newest)
        .where(*parts)
        .group_by(alarms.c.kind)
        .subquery("kinds")
    )
    query = (
        select(kinds.c.kind, kinds.c["count"], alarms.c.at, alarms.c.text, alarms.c.attempt_id)
        .join_from(kinds, alarms, alarms.c.id == kinds.c.newest)
        .order_by(kinds.c["count"].desc(), kinds.c.kind)
        .limit(_ALARM_KINDS)
    )
    rows = await connection.execute(query)
    return [
        {"kind": kind, "count": count, "last_at": at.isoformat(), "last": text, "attempt": attempt}
        for kind, count, at, text, attempt in rows
    ]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
