"""Write imported cases.

Rules: a case is known by its reference; what an import brings is compared by a fingerprint, so that
a second import of the same file writes nothing; a case that is already in the campaign keeps its
tries and its due time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.case import Case
from dialer_engine.domain.units import CampaignName
from dialer_engine.store._sql import chunks, merge, upsert
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.schema import campaign_cases, case_numbers, cases

_FINGERPRINT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch. joined: cases that were not in the campaign before."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    joined: int = 0


async def write_batch(
    connection: AsyncConnection,
    ids: CampaignIds,
    campaign: CampaignName | None,
    batch: Sequence[Case],
    due_at: datetime,
) -> Written:
    """Write cases with different references, and put them into the campaign, due at `due_at`."""
    prints = {case.reference: fingerprint(case) for case in batch}
    known = await _known(connection, list(prints))
    changed = [c for c in batch if known.get(c.reference, (0, ""))[1] != prints[c.reference]]
    numbers = await _write(connection, changed, prints, known)
    everyone = {ref: case_id for ref, (case_id, _) in known.items()} | numbers
    joined = 0
    if campaign is not None:
        campaign_id = await ids.of(connection, campaign)
        joined = await _join(connection, campaign_id, batch, everyone, due_at)
    new = sum(case.reference not in known for case in changed)
    return Written(new, len(changed) - new, len(batch) - len(changed), joined)


def fingerprint(case: Case) -> str:
    """A hash of all that an import brings."""
    money = case.balance
    facts = [
        case.name,
        None if money is None else [str(money.amount.normalize()), money.currency],
        case.days_past_due,
        case.language,
        case.priority,
        case.skill,
        sorted(case.attributes.items()),
        [[n.e164, n.label, n.zone] for n in case.numbers],
    ]
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=_FINGERPRINT_BYTES).hexdigest()


async def _known(
    connection: AsyncConnection, references: Sequence[str]
) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    columns = select(cases.c.reference, cases.c.id, cases.c.fingerprint)
    for part in chunks(references):
        rows = await connection.execute(columns.where(cases.c.reference.in_(part)))
        found |= {ref: (number, print_) for ref, number, print_ in rows}
    return found


async def _write(
    connection: AsyncConnection,
    changed: Sequence[Case],
    prints: Mapping[str, str],
    known: Mapping[str, tuple[int, str]],
) -> dict[str, int]:
    """Insert or replace; returns the ids by reference."""
    if not changed:
        return {}
    rows = [_row(case, prints[case.reference]) for case in changed]
    statement = merge(connection, cases, ["reference"]).returning(cases.c.reference, cases.c.id)
    written = await connection.execute(statement, rows)
    found = {str(reference): int(number) for reference, number in written}
    for part in chunks([known[c.reference][0] for c in changed if c.reference in known]):
        await connection.execute(delete(case_numbers).where(case_numbers.c.case_id.in_(part)))
    # RETURNING, here and below, makes SQLAlchemy send many rows in one statement: on PostgreSQL
    # a whole import then takes two thirds of the time.
    numbered = insert(case_numbers).returning(case_numbers.c.case_id)
    await connection.execute(numbered, _number_rows(changed, found))
    return found


def _row(case: Case, print_: str) -> dict[str, Any]:
    return {
        "reference": case.reference,
        "name": case.name,
        "balance": None if case.balance is None else case.balance.amount,
        "currency": None if case.balance is None else case.balance.currency,
        "days_past_due": case.days_past_due,
        "language": case.language,
        "priority": case.priority,
        "skill": case.skill,
        "attributes": case.attributes,
        "number_count": len(case.numbers),
        "fingerprint": print_,
    }


def _number_rows(changed: Sequence[Case], ids: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "case_id": ids[case.reference],
            "rank": rank,
            "number": number.e164,
            "label": number.label,
            "zone": number.zone,
        }
        for case in changed
        for rank, number in enumerate(case.numbers)
    ]


async def _join(
    connection: AsyncConnection,
    campaign_id: int,
    batch: Sequence[Case],
    ids: Mapping[str, int],
    due_at: datetime,
) -> int:
    """Add who is not in yet; of the others only the priority may change."""
    here = {ids[case.reference]: case.priority for case in batch}
    present: dict[int, int] = {}
    columns = select(campaign_cases.c.case_id, campaign_cases.c.priority)
    for part in chunks(here):
        mine = (campaign_cases.c.campaign_id == campaign_id) & campaign_cases.c.case_id.in_(part)
        rows = await connection.execute(columns.where(mine))
        present |= {int(case_id): int(priority) for case_id, priority in rows}
    rows_to_write = [
        {
            "campaign_id": campaign_id,
            "case_id": case_id,
            "priority": priority,
            "due_at": due_at,
            "tries": 0,
            "number_rank": 0,
            "reason": "",
        }
        for case_id, priority in sorted(here.items())
        if present.get(case_id) != priority
    ]
    if rows_to_write:
        statement = upsert(connection, campaign_cases)
        keep = {"priority": statement.excluded.priority}
        key = ["campaign_id", "case_id"]
        joined = statement.on_conflict_do_update(index_elements=key, set_=keep)
        await connection.execute(joined.returning(campaign_cases.c.case_id), rows_to_write)
    return len(here) - len(present)
