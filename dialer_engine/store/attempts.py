"""Attempts: committed before they are dialled, ended once.

Rules: one transaction for a batch; the database itself refuses a second open attempt for a number
or a case (partial unique indexes) and a count beyond the daily cap (the condition of the upsert),
so no number of daemons can get past either; what is refused leaves no trace; an outcome is written
where there is none, and never again; a number is known by its blind index and shown masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import and_, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd, CaseNext, OpenAttempt
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import AttemptId, CampaignName, CaseId, NodeName, TrunkName
from dialer_engine.store import cases as case_rows
from dialer_engine.store import compliance, evidence, hygiene, plans, spoken
from dialer_engine.store._sql import chunks, upsert
from dialer_engine.store.campaigns import CampaignIds, check_tokens
from dialer_engine.store.numbers import masked
from dialer_engine.store.schema import (
    attempts,
    campaign_cases,
    campaigns,
    case_numbers,
    cases,
    number_days,
)
from dialer_engine.store.vault import Vault

DAILY_CAP = "daily_cap"
IN_FLIGHT = "in_flight"


async def begin(
    connection: AsyncConnection,
    ids: CampaignIds,
    vault: Vault,
    tokens: Mapping[CampaignName, int],
    drafts: Sequence[AttemptDraft],
) -> dict[AttemptId, str]:
    """Commit what may be committed; returns the rest with the reason."""
    numbers = {name: await ids.of(connection, name) for name in {d.campaign for d in drafts}}
    await check_tokens(connection, {numbers[n]: t for n, t in tokens.items() if n in numbers})
    refused = {draft.id: DAILY_CAP for draft in drafts if draft.daily_cap < 1}
    wanted = [draft for draft in drafts if draft.id not in refused]
    keys = {draft.id: vault.number(draft.number) for draft in wanted}
    written = await _insert(connection, numbers, wanted, keys)
    refused |= {draft.id: IN_FLIGHT for draft in wanted if draft.id not in written}
    full = await compliance.reserve(
        connection,
        [(d.id, d.reservation) for d in wanted if d.id in written and d.reservation is not None],
    )
    within = [draft for draft in wanted if draft.id in written and draft.id not in full]
    over = await _count(connection, within, keys)
    await _remove(connection, [*full, *over])
    await compliance.release(connection, over)
    refused |= full | dict.fromkeys(over, DAILY_CAP)
    await plans.write(connection, drafts, refused)
    await evidence.append(connection, [evidence.decided(d, refused.get(d.id)) for d in drafts])
    return refused


async def _insert(
    connection: AsyncConnection,
    numbers: Mapping[CampaignName, int],
    drafts: Sequence[AttemptDraft],
    keys: Mapping[AttemptId, str],
) -> set[str]:
    """Insert those that collide with no open attempt; returns their ids. In the order of their
    numbers' keys, so that two daemons wait for each other in one direction only.
    """
    if not drafts:
        return set()
    ordered = sorted(drafts, key=lambda d: keys[d.id])
    rows = [_row(numbers[d.campaign], d, keys[d.id]) for d in ordered]
    statement = upsert(connection, attempts).on_conflict_do_nothing().returning(attempts.c.id)
    return set((await connection.scalars(statement, rows)).all())


def _row(campaign_id: int, draft: AttemptDraft, key: str) -> dict[str, Any]:
    return {
        "id": draft.id,
        "campaign_id": campaign_id,
        "case_id": draft.case_id,
        "number_key": key,
        "number_shown": masked(draft.number),
        "node": draft.node,
        "trunk": draft.trunk,
        "try_no": draft.try_no,
        "planned_at": draft.planned_at,
        "local_day": draft.local_day,
        "permit": draft.permit,
        "recovered": False,
        "recording_due": False,
    }


async def _count(
    connection: AsyncConnection, drafts: Sequence[AttemptDraft], keys: Mapping[AttemptId, str]
) -> list[AttemptId]:
    """Count each against its number and day; returns those that were one too many."""
    over: list[AttemptId] = []
    by_cap = sorted(drafts, key=lambda d: (d.daily_cap, keys[d.id], d.local_day))
    for cap, group in groupby(by_cap, key=lambda d: d.daily_cap):
        batch = list(group)
        statement = upsert(connection, number_days)
        counted = statement.on_conflict_do_update(
            index_elements=["number_key", "local_day"],
            set_={"attempts": number_days.c.attempts + 1},
            where=number_days.c.attempts < cap,
        ).returning(number_days.c.number_key)
        rows = [{"number_key": keys[d.id], "local_day": d.local_day, "attempts": 1} for d in batch]
        within = set((await connection.scalars(counted, rows)).all())
        over.extend(draft.id for draft in batch if keys[draft.id] not in within)
    return over


async def _remove(connection: AsyncConnection, ids: Iterable[AttemptId]) -> None:
    for part in chunks(ids):
        await connection.execute(delete(attempts).where(attempts.c.id.in_(part)))


async def withdraw(connection: AsyncConnection, ids: Iterable[AttemptId]) -> None:
    """Remove attempts whose commit was never confirmed and which were therefore never dialled, and
    take them off their numbers' counts.
    """
    ids = list(ids)
    await compliance.release(connection, ids)
    await plans.forget(connection, ids)
    for part in chunks(ids):
        gone = delete(attempts).where(attempts.c.id.in_(part), attempts.c.outcome.is_(None))
        for number, day in await connection.execute(
            gone.returning(attempts.c.number_key, attempts.c.local_day)
        ):
            await connection.execute(
                update(number_days)
                .where(number_days.c.number_key == number, number_days.c.local_day == day)
                .values(attempts=number_days.c.attempts - 1)
            )


_END_COLUMNS = (
    "outcome", "detail", "cause", "sip", "agent_id", "verdict", "originated_at", "ringing_at",
    "answered_at", "bridged_at", "ended_at", "answered_s", "answer_to_bridge_s", "waited_s", "talk_s",
    "recovered", "recording_due",
)  # fmt: skip
_END = (
    update(attempts)
    .where(attempts.c.id == bindparam("of_id"), attempts.c.outcome.is_(None))
    .values({name: bindparam(name) for name in _END_COLUMNS})
)


async def end(
    connection: AsyncConnection,
    ids: CampaignIds,
    vault: Vault,
    ends: Sequence[AttemptEnd],
    nexts: Sequence[CaseNext],
) -> None:
    """Write outcomes where there are none, what follows for the cases, and what the numbers are like."""
    open_ones = await _still_open(connection, [item.id for item in ends])
    fresh = [item for item in sorted(ends, key=lambda e: e.id) if item.id in open_ones]
    if fresh:
        await connection.execute(_END, [_end_row(item) for item in fresh])
        await compliance.settle(connection, fresh)
    await case_rows.follow(connection, ids, nexts)
    await hygiene.learn(connection, vault, [(item, open_ones[item.id]) for item in fresh])
    talks = [item for item in fresh if item.outcome is Outcome.COMPLETED]
    for item in talks:
        await spoken.ended(connection, [open_ones[item.id]], item.ended_at)
    written = [evidence.ended(item, open_ones[item.id].case_id) for item in fresh]
    await evidence.append(connection, written)


async def _still_open(connection: AsyncConnection, ids: Sequence[AttemptId]) -> dict[str, Any]:
    """Those of them that have no outcome yet, each with campaign, case, number, and the zone of that."""
    found: dict[str, Any] = {}
    a, n = attempts.c, case_numbers.c
    same = and_(n.case_id == a.case_id, n.number_key == a.number_key)
    for part in chunks(ids):
        query = (
            select(a.id, a.campaign_id, a.case_id, a.number_key, n.zone)
            .join_from(attempts, case_numbers, same, isouter=True)
            .where(a.id.in_(part), a.outcome.is_(None))
        )
        found |= {row.id: row for row in await connection.execute(query)}
    return found


def _end_row(item: AttemptEnd) -> dict[str, Any]:
    return {
        "of_id": item.id,
        "outcome": item.outcome.value,
        "detail": item.detail,
        "cause": item.cause,
        "sip": item.sip,
        "agent_id": item.agent,
        "verdict": item.verdict,
        "originated_at": item.originated_at,
        "ringing_at": item.ringing_at,
        "answered_at": item.answered_at,
        "bridged_at": item.bridged_at,
        "ended_at": item.ended_at,
        "answered_s": _seconds(item.answered_at, item.ended_at),
        "answer_to_bridge_s": item.answer_to_bridge_s,
        "waited_s": item.waited_s,
        "talk_s": item.talk_s,
        "recovered": item.recovered,
        "recording_due": item.answered_at is not None,
    }


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else max(0.0, (end - start).total_seconds())


async def still_open(connection: AsyncConnection) -> list[OpenAttempt]:
    """Attempts without an outcome, oldest first."""
    membership = and_(
        campaign_cases.c.campaign_id == attempts.c.campaign_id,
        campaign_cases.c.case_id == attempts.c.case_id,
    )
    query = (
        select(
            attempts,
            campaigns.c.name.label("campaign"),
            campaigns.c.skill.label("campaign_skill"),
            cases.c.reference,
            cases.c.skill,
            cases.c.number_count,
            campaign_cases.c.number_rank,
        )
        .join_from(attempts, campaigns, campaigns.c.id == attempts.c.campaign_id)
        .join(cases, cases.c.id == attempts.c.case_id, isouter=True)
        .join(campaign_cases, membership, isouter=True)
        .where(attempts.c.outcome.is_(None))
        .order_by(attempts.c.id)
    )
    return [_open_attempt(row) for row in await connection.execute(query)]


def _open_attempt(row: Any) -> OpenAttempt:
    return OpenAttempt(
        id=AttemptId(row.id),
        campaign=CampaignName(row.campaign),
        case_id=CaseId(row.case_id),
        node=NodeName(row.node),
        trunk=TrunkName(row.trunk),
        planned_at=row.planned_at,
        tries=row.try_no,
        number_rank=row.number_rank or 0,
        number_count=row.number_count or 1,
        reference=row.reference or "",
        skill=row.skill or row.campaign_skill,
    )
