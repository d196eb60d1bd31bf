"""What became of attempts, counted for a simulation's model of how people answer, promise and pay."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import BigInteger, Float, and_, cast, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections.promise import PromisePhase
from dialer_engine.domain.outcome import Outcome
from dialer_engine.store.schema import attempts
from dialer_engine.store.schema_books import promises
from dialer_engine.strategy.observed import Observed

# Zones differ by whole half hours from each other, but for one of 45 minutes.
_SLOT_S = 1800
_MICROS = 1_000_000
# They say nothing of people: the line failed, or we gave up.
_NOT_PEOPLE = frozenset(
    {
        Outcome.CONGESTION,
        Outcome.INCOMPATIBLE,
        Outcome.FAILED,
        Outcome.CANCELLED,
        Outcome.LOST,
        Outcome.MESSAGE,
    }
)
_OVER = (PromisePhase.KEPT, PromisePhase.PARTIAL, PromisePhase.BROKEN)


async def observed(
    connection: AsyncConnection, since: datetime, until: datetime, zone: tzinfo
) -> Observed:
    """Attempts planned in [since, until) that are over. zone: whose hours; a store does not know the zone of
    each attempt.
    """
    seen = Observed()
    hours: dict[int, tuple[int, int]] = dict.fromkeys(range(24), (0, 0))
    outcomes: Counter[Outcome] = Counter()
    a = attempts.c
    span = and_(a.planned_at >= since, a.planned_at < until, a.outcome.is_not(None))
    slot = _slot(connection)
    query = (
        select(slot, a.outcome, func.count(), func.count(a.answered_at), func.sum(a.talk_s))
        .where(span)
        .group_by(slot, a.outcome)
    )
    for place, name, count, answered, talked in await connection.execute(query):
        outcome = Outcome(name)
        if outcome in _NOT_PEOPLE:
            continue
        at = datetime.fromtimestamp(int(place) * _SLOT_S, UTC).astimezone(zone)
        tried, taken = hours[at.hour]
        hours[at.hour] = (tried + count, taken + answered)
        outcomes[outcome] += count
        if outcome is Outcome.COMPLETED:
            seen.talk_s += float(talked or 0)
    seen.hours, seen.outcomes = [hours[hour] for hour in range(24)], outcomes
    await _rings(connection, seen, span)
    await _promises(connection, seen, since, until)
    return seen


def _slot(connection: AsyncConnection) -> Any:
    """Half hours since 1970, as whole numbers on both databases."""
    at = attempts.c.planned_at
    if connection.dialect.name == "sqlite":
        return type_coerce(at, BigInteger).op("/")(_SLOT_S * _MICROS)
    return cast(func.floor(func.extract("epoch", at) / _SLOT_S), BigInteger)


async def _rings(connection: AsyncConnection, seen: Observed, span: Any) -> None:
    a = attempts.c
    rang = and_(span, a.ringing_at.is_not(None), a.answered_at.is_not(None))
    if connection.dialect.name == "sqlite":
        lasted: Any = (
            type_coerce(a.answered_at, Float) - type_coerce(a.ringing_at, Float)
        ) / _MICROS
    else:
        lasted = func.extract("epoch", a.answered_at - a.ringing_at)
    query = select(func.count(), func.sum(lasted)).where(rang)
    count, total = (await connection.execute(query)).one()
    seen.rung, seen.ring_s = int(count), float(total or 0)


async def _promises(
    connection: AsyncConnection, seen: Observed, since: datetime, until: datetime
) -> None:
    """Those that were given in talks: how many, for when, and what became of them."""
    p = promises.c
    given = and_(
        p.attempt_id.is_not(None),
        p.made_on >= since.date(),
        p.made_on <= until.date() + timedelta(1),
    )
    query = select(p.phase, p.due_on, p.made_on, func.count()).where(given)
    for phase, due_on, made_on, count in await connection.execute(
        query.group_by(p.phase, p.due_on, p.made_on)
    ):
        seen.promises += count
        seen.promise_days += max(0, (due_on - made_on).days) * count
        if phase in _OVER:
            seen.over += count
            seen.kept += count * (phase == PromisePhase.KEPT)
