"""What attempts take of their caps, in the transaction in which they are written.

Rules: who counts for a unit has that unit to himself until the end of the transaction: SQLite has one
writer, PostgreSQL gets advisory locks on the units, taken in one order; so two daemons can never both
take the last token. What is refused leaves no trace. A token is given back by an attempt that never left; one
that left and never came to the number (`compliance.arrival`) stays and counts for the carrier alone; every
other outcome says what the attempt was, and what it was is counted from then on.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, bindparam, delete, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.arrival import never_came
from dialer_engine.compliance.counting import Flag, outcome_flags
from dialer_engine.compliance.rules import Hours, Override
from dialer_engine.domain.attempt import AttemptEnd
from dialer_engine.domain.reservation import OPEN, Claim, Reservation
from dialer_engine.domain.units import AttemptId, CaseId
from dialer_engine.store._sql import among, chunks, upsert
from dialer_engine.store.schema_law import rule_overrides, unit_events

History = dict[str, list[tuple[datetime, int]]]
_INT64: Final = 1 << 63


async def reserve(
    connection: AsyncConnection, wanted: Sequence[tuple[AttemptId, Reservation]]
) -> dict[AttemptId, str]:
    """Write what is within every cap; returns the rest with the rule that refused. In the given order:
    within a batch too the first takes the last token.
    """
    units = sorted({claim.unit for _, one in wanted for claim in one.claims})
    if not wanted:
        return {}
    await _lock(connection, units)
    history = await _standing(connection, [claim for _, one in wanted for claim in one.claims])
    refused: dict[AttemptId, str] = {}
    rows: list[dict[str, Any]] = []
    for contact, one in wanted:
        rule = _full(one, history)
        if rule is not None:
            refused[contact] = rule
            continue
        for unit in one.units:
            history[unit].append((one.at, one.flags))
            rows.append({"unit_key": unit, "at": one.at, "contact": contact, "flags": one.flags})
    if rows:
        await connection.execute(upsert(connection, unit_events).on_conflict_do_nothing(), rows)
    return refused


def _full(one: Reservation, history: History) -> str | None:
    for claim in one.claims:
        standing = sum(claim.counts(at, flags) for at, flags in history.get(claim.unit, ()))
        if standing >= claim.limit:
            return claim.rule
    return None


async def _lock(connection: AsyncConnection, units: Sequence[str]) -> None:
    """Until the end of the transaction. Two units may share a lock, which costs a wait and nothing else."""
    if connection.dialect.name != "postgresql" or not units:
        return
    numbers = sorted({_lock_number(unit) for unit in units})
    statement = text("SELECT pg_advisory_xact_lock(n) FROM unnest(:numbers) AS n").bindparams(
        bindparam("numbers", type_=ARRAY(BigInteger))
    )
    await connection.execute(statement, {"numbers": numbers})


def _lock_number(unit: str) -> int:
    digest = hashlib.blake2b(unit.encode(), digest_size=8, person=b"unit_events").digest()
    return int.from_bytes(digest, "big") - _INT64


async def _standing(connection: AsyncConnection, claims: Sequence[Claim]) -> History:
    """What may stand against these claims. Read after the lock, so nothing is missing."""
    since: dict[str, datetime | None] = {}
    for claim in claims:
        known = since.get(claim.unit, claim.since)
        earlier = None if known is None or claim.since is None else min(known, claim.since)
        since[claim.unit] = earlier
    return await history(connection, since)


async def history(connection: AsyncConnection, since: Mapping[str, datetime | None]) -> History:
    """The contacts of each unit from its time on, None for all; oldest first, then by id."""
    found: History = defaultdict(list)
    for bounded in (True, False):
        keys = [unit for unit, start in since.items() if (start is not None) is bounded]
        starts = [start for start in since.values() if start is not None]
        if not keys:
            continue
        query = select(unit_events.c.unit_key, unit_events.c.at, unit_events.c.flags).where(
            among(connection, unit_events.c.unit_key, keys)
        )
        if bounded:
            query = query.where(unit_events.c.at >= min(starts))
        query = query.order_by(unit_events.c.unit_key, unit_events.c.at, unit_events.c.contact)
        for unit, at, flags in await connection.execute(query):
            found[unit].append((at, flags))
    return found


async def settle(connection: AsyncConnection, ends: Iterable[AttemptEnd]) -> None:
    """Say what ended attempts were; give back the tokens of those that never left."""
    rows, unsent = [], []
    for end in ends:
        if _never_left(end):
            unsent.append(end.id)
            continue
        answered = end.answered_at
        seconds = None if answered is None else max(0.0, (end.ended_at - answered).total_seconds())
        flags = outcome_flags(end.outcome, seconds)
        if never_came(end):
            flags |= Flag.UNREACHED
        rows.append({"of_contact": end.id, "more": int(flags)})
    if rows:
        await connection.execute(_SETTLE, sorted(rows, key=lambda row: str(row["of_contact"])))
    await release(connection, unsent)


def _never_left(end: AttemptEnd) -> bool:
    """Of an attempt of an earlier life nobody knows whether it left: it did."""
    seen = (end.originated_at, end.ringing_at, end.answered_at, end.bridged_at)
    return not end.recovered and not any(seen)


_flags = unit_events.c.flags
_SETTLE = (
    update(unit_events)
    # Only what is open: an outcome is written once.
    .where(unit_events.c.contact == bindparam("of_contact"), _flags.op("&")(OPEN) != 0)
    .values(flags=(_flags - OPEN).op("|")(bindparam("more")))
)


async def release(connection: AsyncConnection, contacts: Iterable[AttemptId]) -> None:
    """As if these attempts had never been."""
    for part in chunks(contacts):
        await connection.execute(delete(unit_events).where(unit_events.c.contact.in_(part)))


async def record_contacts(
    connection: AsyncConnection, contacts: Sequence[tuple[str, Reservation]]
) -> None:
    """Contacts that somebody else made: messages, letters, inbound calls. Idempotent by id."""
    rows = [
        {"unit_key": unit, "at": one.at, "contact": contact, "flags": one.flags}
        for contact, one in contacts
        for unit in one.units
    ]
    if rows:
        await connection.execute(upsert(connection, unit_events).on_conflict_do_nothing(), rows)


# -- overrides -------------------------------------------------------------------------------------


async def give_override(
    connection: AsyncConnection, case_id: CaseId, one: Override, now: datetime
) -> None:
    """Put on record that somebody lifted a rule for a case."""
    window = (one.window.start, one.window.end) if one.window is not None else (None, None)
    row = {
        "case_id": case_id, "rule": one.rule, "kind": one.kind, "who": one.who, "why": one.why,
        "given_at": now, "until": one.until, "window_start": window[0], "window_end": window[1],
    }  # fmt: skip
    await connection.execute(rule_overrides.insert(), row)


async def overrides(
    connection: AsyncConnection, case_ids: Sequence[CaseId], now: datetime
) -> dict[CaseId, tuple[Override, ...]]:
    """What was lifted and still is."""
    found: dict[CaseId, list[Override]] = defaultdict(list)
    query = select(rule_overrides).where(
        among(connection, rule_overrides.c.case_id, case_ids), rule_overrides.c.until > now
    )
    for row in await connection.execute(query):
        found[CaseId(row.case_id)].append(_override(row))
    return {case: tuple(given) for case, given in found.items()}


async def wide_overrides(
    connection: AsyncConnection, now: datetime
) -> dict[str, tuple[Override, ...]]:
    """What was lifted for numbers and campaigns and still is, by their counters."""
    found: dict[str, list[Override]] = defaultdict(list)
    c = rule_overrides.c
    query = select(rule_overrides).where(c.unit_key.is_not(None), c.until > now).order_by(c.id)
    for row in await connection.execute(query):
        found[row.unit_key].append(_override(row))
    return {unit: tuple(given) for unit, given in found.items()}


def _override(row: Any) -> Override:
    hours = None
    if row.window_start is not None:
        hours = Hours(row.window_start, row.window_end)
    return Override(row.rule, row.kind, row.who, row.why, row.until, hours)


async def sizes(connection: AsyncConnection) -> dict[str, int]:
    """How many contacts are on record; for reports and tests."""
    open_ones = func.count().filter(or_(_flags.op("&")(OPEN) != 0))
    row = (await connection.execute(select(func.count(), open_ones).select_from(unit_events))).one()
    return {"contacts": int(row[0]), "open": int(row[1])}
