"""What was found of the recordings, and which are still to be looked at; alarms.

Rules: an answered attempt that is over waits in a small index until a row says what its recording
is; a later look replaces the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.units import AttemptId, CampaignName
from dialer_engine.ports.store import ExpectedRecording, RecordingRow
from dialer_engine.store import evidence
from dialer_engine.store._sql import chunks, merge
from dialer_engine.store.schema import alarms, attempts, campaigns, recordings


async def expected(connection: AsyncConnection, limit: int) -> list[ExpectedRecording]:
    """Answered attempts without a row, oldest first."""
    query = (
        select(attempts, campaigns.c.name.label("campaign"))
        .join_from(attempts, campaigns, campaigns.c.id == attempts.c.campaign_id)
        .where(text("recording_due"))
        .order_by(attempts.c.id)
        .limit(limit)
    )
    return [_expected(row) for row in await connection.execute(query)]


async def save(connection: AsyncConnection, rows: Sequence[RecordingRow]) -> None:
    """Write what was found."""
    if not rows:
        return
    await connection.execute(
        merge(connection, recordings, ["attempt_id"]), [_values(r) for r in rows]
    )
    for part in chunks(sorted(row.attempt for row in rows)):
        done = update(attempts).where(attempts.c.id.in_(part)).values(recording_due=False)
        await connection.execute(done)
    now = datetime.now(UTC)
    await evidence.append(connection, [evidence.recorded(row, now) for row in rows])


async def add_alarm(
    connection: AsyncConnection, kind: str, words: str, at: datetime, attempt: AttemptId | None
) -> None:
    """Something that a person has to look at."""
    await connection.execute(
        insert(alarms), {"kind": kind, "text": words, "at": at, "attempt_id": attempt}
    )


def _values(row: RecordingRow) -> dict[str, Any]:
    values = asdict(row)
    values["attempt_id"] = values.pop("attempt")
    return values | {"problems": list(row.problems)}


def _expected(row: Any) -> ExpectedRecording:
    return ExpectedRecording(
        attempt=AttemptId(row.id),
        campaign=CampaignName(row.campaign),
        planned_at=row.planned_at,
        answered_at=row.answered_at,
        bridged_at=row.bridged_at,
        ended_at=row.ended_at,
        answered_s=row.answered_s,
        talk_s=row.talk_s,
    )
