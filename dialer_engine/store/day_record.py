"""What a day of a campaign is recorded from: times and outcomes of its attempts, and its agents' events. No
numbers, no cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.units import CampaignName
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.schema import agent_events, agents, attempts

Event = tuple[str, str, datetime, str | None]
_COLUMNS = ("id", "originated_at", "answered_at", "ended_at", "outcome", "talk_s", "waited_s")


async def attempt_rows(
    connection: AsyncConnection,
    ids: CampaignIds,
    name: CampaignName,
    since: datetime,
    until: datetime,
) -> Sequence[dict[str, Any]]:
    """Attempts planned in [since, until), in no order. NotFound for the campaign."""
    query = select(*(attempts.c[one] for one in _COLUMNS)).where(
        attempts.c.campaign_id == await ids.of(connection, name),
        attempts.c.planned_at >= since,
        attempts.c.planned_at < until,
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def event_rows(
    connection: AsyncConnection, skill: str, since: datetime, until: datetime
) -> Sequence[Event]:
    """(agent, kind, at, attempt) by agent and in order, from each agent's last login before the span on;
    of agents who have the skill, where there is one.
    """
    event, earlier = agent_events, agent_events.alias("earlier")
    login = (
        select(func.max(earlier.c.at))
        .where(
            earlier.c.agent_id == event.c.agent_id, earlier.c.kind == "login", earlier.c.at <= since
        )
        .scalar_subquery()
    )
    query = (
        select(event.c.agent_id, event.c.kind, event.c.at, event.c.attempt_id)
        .where(event.c.at < until, or_(event.c.at >= since, and_(event.c.at >= login)))
        .order_by(event.c.agent_id, event.c.at, event.c.id)
    )
    rows = [(str(row[0]), str(row[1]), row[2], row[3]) for row in await connection.execute(query)]
    able = await _able(connection, skill)
    grouped = groupby(rows, key=lambda row: row[0])
    return [row for agent, some in grouped if able is None or agent in able for row in some]


async def _able(connection: AsyncConnection, skill: str) -> set[str] | None:
    if not skill:
        return None
    rows = await connection.execute(select(agents.c.id, agents.c.skills))
    return {agent for agent, skills in rows if skill in skills}
