"""Agents, their day, and what they say of their talks.

Rules: `agent_events` is the history and is only added to; `presences` is the last word of each
agent, written in the same transaction, so that a restart finds who was at work in one look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.agent import AgentMode
from dialer_engine.domain.events import Presence
from dialer_engine.domain.units import AgentId
from dialer_engine.ports.store import AgentAtWork, AgentEventRow, AgentRow, DispositionRow
from dialer_engine.store import spoken
from dialer_engine.store._sql import merge
from dialer_engine.store.schema import agent_events, agents, dispositions, presences
from dialer_engine.store.vault import Vault

# What an event says of the person; the other kinds speak of the line.
PRESENCE_OF = {
    "login": Presence.READY,
    "ready": Presence.READY,
    "break": Presence.BREAK,
    "logout": Presence.LOGGED_OUT,
}


async def listing(connection: AsyncConnection) -> list[AgentRow]:
    """All agents by id."""
    return [_agent(row) for row in await connection.execute(select(agents).order_by(agents.c.id))]


async def save(connection: AsyncConnection, agent: AgentRow) -> None:
    """Write all settings of an agent, new or known."""
    values = {
        "id": agent.id,
        "name": agent.name,
        "phone": agent.phone,
        "pin_hash": agent.pin_hash,
        "skills": sorted(agent.skills),
        "mode": agent.mode.value,
        "node": agent.node,
    }
    await connection.execute(merge(connection, agents, ["id"]), values)


async def at_work(connection: AsyncConnection) -> list[AgentAtWork]:
    """Who has logged in and not out. since: when they chose that presence."""
    query = select(presences).where(presences.c.presence != Presence.LOGGED_OUT.value)
    return [
        AgentAtWork(AgentId(row.agent_id), Presence(row.presence), row.break_reason, row.since)
        for row in await connection.execute(query.order_by(presences.c.agent_id))
    ]


async def add_events(connection: AsyncConnection, rows: Sequence[AgentEventRow]) -> None:
    """Add to the history, in this order, and keep the last word on each agent's presence."""
    if not rows:
        return
    values = [
        {
            "agent_id": row.agent,
            "kind": row.kind,
            "at": row.at,
            "reason": row.reason,
            "attempt_id": row.attempt,
        }
        for row in rows
    ]
    await connection.execute(insert(agent_events), values)
    last = {row.agent: row for row in rows if row.kind in PRESENCE_OF}
    if last:
        found = [_presence(last[agent]) for agent in sorted(last)]
        await connection.execute(merge(connection, presences, ["agent_id"]), found)


def _presence(row: AgentEventRow) -> dict[str, Any]:
    presence = PRESENCE_OF[row.kind]
    reason = row.reason if presence is Presence.BREAK else ""
    return {
        "agent_id": row.agent,
        "presence": presence.value,
        "break_reason": reason,
        "since": row.at,
    }


async def add_disposition(connection: AsyncConnection, vault: Vault, row: DispositionRow) -> None:
    """Add what the agent says; the newest of an attempt counts, for the number that was called too."""
    values = {
        "attempt_id": row.attempt,
        "agent_id": row.agent,
        "code": row.code,
        "at": row.at,
        "via": row.via,
        "note": row.note,
    }
    await connection.execute(insert(dispositions), values)
    await spoken.heed(connection, vault, row)


def _agent(row: Any) -> AgentRow:
    return AgentRow(
        id=AgentId(row.id),
        name=row.name,
        phone=row.phone,
        pin_hash=row.pin_hash,
        skills=frozenset(row.skills),
        mode=AgentMode(row.mode),
        node=row.node,
    )
