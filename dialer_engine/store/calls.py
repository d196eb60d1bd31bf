"""Attempts for people to look at.

Rules: a number is shown by its country code and its last two digits, enough to recognise it and too
little to dial it; newest first, page by page, each page read from an index.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.units import AttemptId, CampaignName
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.schema import attempts, campaigns, cases, dispositions, recordings

_LISTED = (
    "node", "trunk", "try_no", "planned_at", "outcome", "agent_id", "verdict", "answered_at", "ended_at",
    "answer_to_bridge_s", "talk_s", "recovered",
)  # fmt: skip
_KNOWN = (
    "local_day", "permit", "detail", "cause", "sip", "originated_at", "ringing_at", "bridged_at",
    "answered_s", "waited_s", "case_id",
)  # fmt: skip


def page(
    campaign_id: int | None, limit: int, before: AttemptId | None, at: datetime | None
) -> Select[Any]:
    """The newest attempts, or the next ones after `before`, which was planned at `at`."""
    query = (
        select(
            attempts,
            campaigns.c.name.label("campaign"),
            cases.c.reference,
            recordings.c.status.label("recording"),
        )
        .join_from(attempts, campaigns, campaigns.c.id == attempts.c.campaign_id)
        .join(cases, cases.c.id == attempts.c.case_id, isouter=True)
        .join(recordings, recordings.c.attempt_id == attempts.c.id, isouter=True)
        .limit(limit)
    )
    if campaign_id is None:
        older = attempts.c.id < before if before is not None else None
        query = query.order_by(attempts.c.id.desc())
        return query if older is None else query.where(older)
    query = query.where(attempts.c.campaign_id == campaign_id)
    if before is not None and at is not None:
        same = and_(attempts.c.planned_at == at, attempts.c.id < before)
        query = query.where(attempts.c.planned_at <= at, or_(attempts.c.planned_at < at, same))
    return query.order_by(attempts.c.planned_at.desc(), attempts.c.id.desc())


async def listing(
    connection: AsyncConnection,
    ids: CampaignIds,
    campaign: CampaignName | None,
    limit: int,
    before: AttemptId | None,
) -> list[dict[str, Any]]:
    """One page, newest first."""
    campaign_id = None if campaign is None else await ids.of(connection, campaign)
    at = None
    if before is not None:
        planned = select(attempts.c.planned_at).where(attempts.c.id == before)
        at = await connection.scalar(planned)
    rows = await connection.execute(page(campaign_id, limit, before, at))
    return [_listed(row) for row in rows]


async def one(connection: AsyncConnection, attempt: AttemptId) -> dict[str, Any]:
    """Everything known of one attempt."""
    query = page(None, 1, None, None).where(attempts.c.id == attempt)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"there is no call {attempt!r}; `dialer-engine calls list` shows them")
    known = {name: getattr(row, name) for name in _KNOWN}
    return {
        **_listed(row),
        **known,
        "recording": await _recording(connection, attempt),
        "dispositions": await _dispositions(connection, attempt),
    }


def _listed(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "campaign": row.campaign,
        "reference": row.reference,
        "number": row.number_shown,
        "recording": row.recording,
        **{name: getattr(row, name) for name in _LISTED},
    }


async def _recording(connection: AsyncConnection, attempt: AttemptId) -> dict[str, Any] | None:
    query = select(recordings).where(recordings.c.attempt_id == attempt)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else {k: v for k, v in row.items() if k != "attempt_id"}


async def _dispositions(connection: AsyncConnection, attempt: AttemptId) -> list[dict[str, Any]]:
    """Newest first."""
    c = dispositions.c
    query = select(c.code, c.agent_id, c.at, c.via, c.note).where(c.attempt_id == attempt)
    rows = await connection.execute(query.order_by(c.id.desc()))
    return [dict(row) for row in rows.mappings()]
