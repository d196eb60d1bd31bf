"""Lists of those who are not to be called.

Rules: a number is known by its blind index and shown masked; nothing is deleted: a removal says who and
why, and the row stays; every change raises a version in its own transaction, so that a daemon that asks
"what is new since n" misses nothing; the same entry twice is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.store._sql import among, chunks, upsert
from dialer_engine.store.schema_law import law_versions, suppressions

# The lists that the shipped presets know; others are allowed, and rules may name them.
LISTS: Final = ("do_not_call", "revoked", "lawyer", "deceased")
_NAME: Final = "suppressions"


@dataclass(frozen=True, slots=True)
class Suppression:
    """One entry. unit: number or case. unit_key: `number_unit` or `case_unit`. shown: for people, masked."""

    list: str
    unit: str
    unit_key: str = field(repr=False)
    shown: str
    reason: str = ""
    source: str = ""
    until: datetime | None = None


def number_unit(index: str) -> str:
    """The key of a number. index: its blind index."""
    return f"number:{index}"


def case_unit(case_id: int | str) -> str:
    """The key of a case."""
    return f"case:{case_id}"


VERSION: Final = (
    select(law_versions.c.version).where(law_versions.c.name == _NAME).scalar_subquery()
)


async def version(connection: AsyncConnection) -> int:
    """How many changes there have been."""
    return int(await connection.scalar(select(VERSION)) or 0)


async def raise_version(connection: AsyncConnection) -> int:
    """The next number; until the end of the transaction nobody else gets one. Whoever changes what daemons
    have to look at again raises it.
    """
    raised = (
        update(law_versions)
        .where(law_versions.c.name == _NAME)
        .values(version=law_versions.c.version + 1)
        .returning(law_versions.c.version)
    )
    return int((await connection.execute(raised)).scalar_one())


async def add(
    connection: AsyncConnection, entries: Sequence[Suppression], who: str, now: datetime
) -> int:
    """Add entries; those that hold already are left as they are. Returns how many are new."""
    for entry in entries:
        if not entry.list or len(entry.list) > 64:
            raise BadValue("a suppression list has a name of at most 64 characters")
    if not entries:
        return 0
    number = await raise_version(connection)
    added = 0
    for part in chunks(entries):
        rows = [_row(entry, who, now, number) for entry in part]
        statement = upsert(connection, suppressions).on_conflict_do_nothing()
        added += len((await connection.scalars(statement.returning(suppressions.c.id), rows)).all())
    return added


def _row(entry: Suppression, who: str, now: datetime, number: int) -> dict[str, Any]:
    return {
        "list": entry.list, "unit": entry.unit, "unit_key": entry.unit_key, "shown": entry.shown,
        "reason": entry.reason, "source": entry.source, "added_by": who, "added_at": now,
        "until": entry.until, "version": number,
    }  # fmt: skip


async def remove(connection: AsyncConnection, id: int, who: str, why: str, now: datetime) -> None:
    """End an entry; NotFound when it does not hold any more."""
    number = await raise_version(connection)
    ended = (
        update(suppressions)
        .where(suppressions.c.id == id, suppressions.c.removed_at.is_(None))
        .values(removed_by=who, removed_why=why, removed_at=now, version=number)
    )
    if (await connection.execute(ended)).rowcount != 1:
        raise NotFound(f"no entry {id} holds")


def _holding(now: datetime) -> Any:
    return and_(
        suppressions.c.removed_at.is_(None),
        or_(suppressions.c.until.is_(None), suppressions.c.until > now),
    )


async def lists_of(
    connection: AsyncConnection, units: Iterable[str], now: datetime
) -> dict[str, tuple[str, ...]]:
    """The lists on which these units are now; units on none are missing."""
    found: dict[str, set[str]] = defaultdict(set)
    listed = among(connection, suppressions.c.unit_key, sorted(set(units)))
    query = select(suppressions.c.unit_key, suppressions.c.list).where(listed, _holding(now))
    for unit, name in await connection.execute(query):
        found[unit].add(name)
    return {unit: tuple(sorted(names)) for unit, names in found.items()}


async def listing(
    connection: AsyncConnection, name: str | None, limit: int, now: datetime
) -> list[dict[str, Any]]:
    """Entries that hold, newest first, masked."""
    query = select(suppressions).where(_holding(now)).order_by(suppressions.c.id.desc())
    if name is not None:
        query = query.where(suppressions.c.list == name)
    return [
        {
            "id": row.id, "list": row.list, "unit": row.unit, "shown": row.shown, "reason": row.reason,
            "source": row.source, "added_by": row.added_by, "added_at": row.added_at.isoformat(),
            "until": row.until.isoformat() if row.until else None,
        }
        for row in await connection.execute(query.limit(limit))
    ]  # fmt: skip
