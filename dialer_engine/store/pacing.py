"""What pacing keeps: decisions, what was learned, who changed what; and what it asks of attempts.

Rules: decisions are deleted in small parts, so that no writer waits for long.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.counting import SHORT_CALL_S
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CampaignName, TrunkName
from dialer_engine.ports.store import ChangeRow, DecisionRow
from dialer_engine.store._sql import upsert
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.schema import (
    attempts,
    campaign_changes,
    campaigns,
    pacing_decisions,
    pacing_memory,
)

_LIVE = (Outcome.COMPLETED.value, Outcome.ABANDONED.value, Outcome.HUNG_UP_EARLY.value)


async def live_answers(
    connection: AsyncConnection,
    ids: CampaignIds,
    name: CampaignName,
    since: datetime,
    until: datetime,
) -> tuple[int, int]:
    """How many, and how many of them were abandoned."""
    abandoned = case((attempts.c.outcome == Outcome.ABANDONED.value, 1), else_=0)
    query = select(func.count(), func.coalesce(func.sum(abandoned), 0)).where(
        attempts.c.campaign_id == await ids.of(connection, name),
        attempts.c.planned_at >= since,
        attempts.c.planned_at < until,
        attempts.c.outcome.in_(_LIVE),
    )
    live, lost = (await connection.execute(query)).one()
    return int(live), int(lost)


async def trunk_calls(
    connection: AsyncConnection, since: datetime, until: datetime
) -> dict[TrunkName, tuple[int, int]]:
    """By trunk: attempts, and the short ones among those that are over. One campaign after the other, since
    that is how the index goes.
    """
    over = attempts.c.outcome.is_not(None)
    long = attempts.c.answered_s > SHORT_CALL_S
    short = case((over & func.coalesce(long, literal(False)).is_(False), 1), else_=0)
    query = (
        select(attempts.c.trunk, func.count(), func.coalesce(func.sum(short), 0))
        .where(
            attempts.c.campaign_id.in_(select(campaigns.c.id)),
            attempts.c.planned_at >= since,
            attempts.c.planned_at < until,
        )
        .group_by(attempts.c.trunk)
    )
    rows = await connection.execute(query)
    return {TrunkName(trunk): (int(calls), int(brief)) for trunk, calls, brief in rows}


async def save_decisions(
    connection: AsyncConnection, ids: CampaignIds, rows: Sequence[DecisionRow]
) -> None:
    """Add them."""
    if not rows:
        return
    values = [
        {
            "campaign_id": await ids.of(connection, row.campaign),
            "at": row.at,
            "node": row.node,
            "policy": row.policy,
            "originate": row.originate,
            "started": row.started,
            "cancelled": row.cancelled,
            "why": row.why,
            "numbers": row.numbers,
        }
        for row in rows
    ]
    await connection.execute(insert(pacing_decisions), values)


async def decision_at(
    connection: AsyncConnection, ids: CampaignIds, name: CampaignName, at: datetime
) -> DecisionRow | None:
    """The last one at `at` or before."""
    table = pacing_decisions.c
    query = (
        select(pacing_decisions)
        .where(table.campaign_id == await ids.of(connection, name), table.at <= at)
        .order_by(table.at.desc(), table.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    kept = {key: row[key] for key in row if key not in ("id", "campaign_id")}
    return DecisionRow(campaign=name, **kept)


async def forget_decisions(connection: AsyncConnection, before: datetime, most: int) -> int:
    """Delete older ones, at most so many."""
    table = pacing_decisions.c
    old = select(table.id).where(table.at < before).order_by(table.id).limit(most)
    found = await connection.execute(delete(pacing_decisions).where(table.id.in_(old)))
    return int(found.rowcount)


async def save_memory(
    connection: AsyncConnection,
    ids: CampaignIds,
    name: CampaignName,
    policy: str,
    memory: dict[str, Any],
    at: datetime,
) -> None:
    """Replace what this policy had learned."""
    campaign_id = await ids.of(connection, name)
    statement = upsert(connection, pacing_memory).values(
        campaign_id=campaign_id, policy=policy, memory=memory, at=at
    )
    changed = {"memory": statement.excluded["memory"], "at": statement.excluded["at"]}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["campaign_id", "policy"], set_=changed)
    )


async def memory(
    connection: AsyncConnection, ids: CampaignIds, name: CampaignName, policy: str
) -> dict[str, Any] | None:
    """What this policy had learned."""
    query = select(pacing_memory.c.memory).where(
        pacing_memory.c.campaign_id == await ids.of(connection, name),
        pacing_memory.c.policy == policy,
    )
    found = (await connection.execute(query)).scalar_one_or_none()
    return None if found is None else dict(found)


async def add_changes(
    connection: AsyncConnection, ids: CampaignIds, rows: Sequence[ChangeRow]
) -> None:
    """Add them, in this order."""
    if not rows:
        return
    values = [
        {
            "campaign_id": await ids.of(connection, row.campaign),
            "at": row.at,
            "who": row.who,
            "setting": row.setting,
            "before": row.before,
            "after": row.after,
        }
        for row in rows
    ]
    await connection.execute(insert(campaign_changes), values)


async def changes(
    connection: AsyncConnection, ids: CampaignIds, name: CampaignName, limit: int
) -> list[ChangeRow]:
    """The newest first."""
    table = campaign_changes.c
    query = (
        select(table.at, table.who, table.setting, table.before, table.after)
        .where(table.campaign_id == await ids.of(connection, name))
        .order_by(table.at.desc(), table.id.desc())
        .limit(limit)
    )
    return [ChangeRow(name, *row) for row in (await connection.execute(query)).all()]
