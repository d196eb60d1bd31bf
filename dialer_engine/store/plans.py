"""What attempts were planned by, and how often somebody said no.

Rules: a plan is written in the transaction of its attempt and goes with it; denials are counted in the
transaction that postpones the case, by the hour, so that a day costs a few rows and not one for each denial.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.attempt import AttemptDraft, CaseNext
from dialer_engine.domain.units import AttemptId
from dialer_engine.store import cases
from dialer_engine.store._sql import chunks, upsert
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.schema_plans import attempt_plans, denial_counts


async def write(
    connection: AsyncConnection, drafts: Sequence[AttemptDraft], without: Collection[AttemptId]
) -> None:
    """The plans of these attempts, but of those that were refused."""
    rows = [_row(one) for one in drafts if one.plan is not None and one.id not in without]
    if rows:
        await connection.execute(attempt_plans.insert(), rows)


def _row(draft: AttemptDraft) -> dict[str, Any]:
    plan = draft.plan
    assert plan is not None
    return {
        "attempt_id": draft.id, "strategy": plan.strategy, "version": plan.version,
        "segment": plan.segment, "step": plan.step, "arms": dict(plan.arms),
    }  # fmt: skip


async def forget(connection: AsyncConnection, ids: Iterable[AttemptId]) -> None:
    """The plans of attempts that were withdrawn."""
    for part in chunks(ids):
        await connection.execute(delete(attempt_plans).where(attempt_plans.c.attempt_id.in_(part)))


async def postpone(
    connection: AsyncConnection, ids: CampaignIds, nexts: Sequence[CaseNext]
) -> None:
    """Write when cases are due again, and count who said no."""
    await cases.follow(connection, ids, nexts)
    counted: Counter[tuple[int, datetime, str]] = Counter()
    for one in nexts:
        campaign = await ids.of(connection, one.campaign)
        if one.denied_at is not None:
            hour = one.denied_at.replace(minute=0, second=0, microsecond=0)
            counted.update((campaign, hour, code) for code in one.denied)
    if not counted:
        return
    # In one order, so that two daemons wait for each other in one direction only.
    rows = [
        {"campaign_id": campaign, "hour_at": hour, "code": code, "count": count}
        for (campaign, hour, code), count in sorted(counted.items())
    ]
    statement = upsert(connection, denial_counts)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["campaign_id", "hour_at", "code"],
            set_={"count": denial_counts.c["count"] + statement.excluded["count"]},
        ),
        rows,
    )
