"""The books of compliance in the database: `SqlLaw`, behind `ports.law.Law`.

Rules: a batch of candidates is some dozen queries whatever its size; a unit is named by ids and blind
indexes. How facts are filled from the tables: person: the debtor's ID number (blind index), else the
case; for a related party, that party. debt: the case. creditor: of `case_facts`. jurisdictions: of
`case_facts`, unknown when empty, so that every rule binds. role, refused: of the related party whose
contact point the number is, else the debtor. zones: of the number and of the same person's addresses.
flags: kinds of holds in force, tags of the case, `debtor_unreachable` when that is the reason of being
overdue, `number_invalid` when outcomes said so. days past due: from the oldest unpaid due date.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.counting import unit_key
from dialer_engine.compliance.facts import Facts, Subject
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.compliance.zones import jurisdictions
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.collections.codes import DebtType, PartyType, PointKind, Reason, Role
from dialer_engine.domain.units import AttemptId, CaseId
from dialer_engine.ports.law import Flying
from dialer_engine.store import compliance, evidence, suppression
from dialer_engine.store._sql import chunks
from dialer_engine.store.schema import cases
from dialer_engine.store.schema_books import (
    case_facts,
    contact_points,
    holds,
    number_memory,
    related_parties,
)
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.vault import Vault

_OWING = frozenset(role.value for role in Role if role.owes)


@dataclass(slots=True)
class _Read:
    """What was read of a batch, by case or number."""

    rows: dict[int, Any] = field(default_factory=dict)
    points: dict[tuple[int, str], Any] = field(default_factory=dict)
    addresses: dict[tuple[int, int | None], list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )
    flags: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    wrong: set[str] = field(default_factory=set)


class SqlLaw:
    """book: what is counted, and how far back. purpose, channel: of all calls of this daemon."""

    def __init__(
        self, store: SqlStore, book: RuleBook, *, purpose: str = "collect", channel: str = "voice"
    ) -> None:
        self._store = store
        self.book = book
        self._purpose = purpose
        self._channel = channel

    async def facts(self, candidates: Sequence[Candidate], now: datetime) -> Mapping[CaseId, Facts]:
        """See the port."""
        return await self._store.database.read(self._facts, self._store.vault, candidates, now)

    async def version(self) -> int:
        """See the port."""
        return await self._store.database.read(suppression.version)

    async def suppressed(
        self, calls: Sequence[Flying], now: datetime
    ) -> Mapping[AttemptId, tuple[str, ...]]:
        """See the port."""
        vault = self._store.vault
        units = {one.attempt: _listed_units(vault, one.number, one.case_id) for one in calls}
        wanted = [unit for names in units.values() for unit in names]
        held = await self._store.database.read(suppression.lists_of, wanted, now)
        found = {attempt: _names(held, names) for attempt, names in units.items()}
        return {attempt: names for attempt, names in found.items() if names}

    async def denied(self, records: Sequence[tuple[CaseId, Mapping[str, Any]]]) -> None:
        """See the port."""
        entries = [evidence.denied(record, case) for case, record in records]
        await self._store.database.write(evidence.append, entries)

    # -- facts

    async def _facts(
        self,
        connection: AsyncConnection,
        vault: Vault,
        candidates: Sequence[Candidate],
        now: datetime,
    ) -> dict[CaseId, Facts]:
        numbers = {one.case_id: vault.number(one.number) for one in candidates}
        read = await _read(connection, numbers, now)
        made = {one.case_id: self._one(one, numbers[one.case_id], read, now) for one in candidates}
        since = self.book.horizon(now)
        units = {key: since for facts in made.values() for key in facts.keys.values()}
        history = await compliance.history(connection, units)
        listed = {c.case_id: _listed_units(vault, c.number, c.case_id) for c in candidates}
        wanted = [unit for names in listed.values() for unit in names]
        held = await suppression.lists_of(connection, wanted, now)
        lifted = await compliance.overrides(connection, list(numbers), now)
        lists = str(await suppression.version(connection))
        return {
            case: Facts(
                **{
                    **{name: getattr(facts, name) for name in _KEPT},
                    "history": {
                        key: tuple(history[key]) for key in facts.keys.values() if key in history
                    },
                    "lists": _names(held, listed[case]),
                    "overrides": lifted.get(case, ()),
                    "versions": {"suppressions": lists},
                }
            )
            for case, facts in made.items()
        }

    def _one(self, one: Candidate, number_key: str, read: _Read, now: datetime) -> Facts:
        row = read.rows.get(one.case_id)
        point = read.points.get((one.case_id, number_key))
        party = point.party_id if point is not None else None
        role = (point.role if point is not None else None) or Role.DEBTOR.value
        flags = set(read.flags.get(one.case_id, ()))
        if number_key in read.wrong:
            flags.add("number_invalid")
        if point is not None and point.refused:
            flags.add("refused")
        place = _of(row, "jurisdiction", "")
        return Facts(
            attempt=AttemptId(""),
            number=one.number,
            zone=one.zone,
            attempts_today=one.attempts_today,
            counted_day=one.counted_day,
            subject=Subject(
                channel=self._channel,
                purpose=self._purpose,
                party_type=_of(row, "party_type", PartyType.FIRST.value),
                role=role,
                debt_type=_of(row, "debt_type", DebtType.OTHER.value),
                place=point.kind if point is not None else "",
                jurisdictions=jurisdictions(place) if place else None,
            ),
            address_zones=tuple(sorted(set(read.addresses.get((one.case_id, party), ())))),
            country=place.partition("-")[0],
            keys=_keys(one, number_key, party, role, row),
            flags=frozenset(flags),
            days_past_due=_past_due(row, one.counted_day),
            consents={"calls": point.consent} if point is not None and point.consent else {},
        )


_KEPT = (
    "attempt", "number", "zone", "attempts_today", "counted_day", "subject", "address_zones",
    "country", "keys", "flags", "days_past_due", "consents",
)  # fmt: skip


def _keys(
    one: Candidate, number_key: str, party: int | None, role: str, row: Any
) -> dict[str, str]:
    person = f"id:{row.id_key}" if row is not None and row.id_key else f"case:{one.case_id}"
    if party is not None:
        person = f"party:{party}"
    keys = {
        "number": f"number:{number_key}",
        "person": unit_key("person", person),
        "person_x_debt": unit_key("person_x_debt", person, str(one.case_id)),
        "person_x_creditor": unit_key("person_x_creditor", person, _of(row, "creditor", "")),
        "campaign": unit_key("campaign", one.campaign),
    }
    if role not in _OWING:
        keys["third_party"] = unit_key("third_party", person)
    return keys


def _of(row: Any, name: str, default: str) -> str:
    """A column of a row that may be missing or NULL."""
    found = getattr(row, name, None) if row is not None else None
    return str(found) if found else default


def _past_due(row: Any, counted_day: str) -> int | None:
    if row is None or row.oldest_due is None:
        return None
    due: date = row.oldest_due
    return (date.fromisoformat(counted_day) - due).days


def _listed_units(vault: Vault, number: str | None, case_id: CaseId) -> tuple[str, ...]:
    units = (suppression.case_unit(case_id),)
    return units if not number else (*units, suppression.number_unit(vault.number(number)))


def _names(held: Mapping[str, tuple[str, ...]], units: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for unit in units for name in held.get(unit, ())}))


# -- reading ---------------------------------------------------------------------------------------


async def _read(connection: AsyncConnection, numbers: Mapping[CaseId, str], now: datetime) -> _Read:
    read = _Read()
    for part in chunks(list(numbers)):
        await _read_cases(connection, read, part)
        await _read_points(connection, read, part)
        await _read_holds(connection, read, part, now)
    for keys in chunks(sorted(set(numbers.values()))):
        query = select(number_memory.c.number_key).where(
            number_memory.c.number_key.in_(keys), number_memory.c.wrong
        )
        read.wrong |= set((await connection.scalars(query)).all())
    return read


async def _read_cases(connection: AsyncConnection, read: _Read, part: Sequence[CaseId]) -> None:
    columns = (
        "creditor",
        "debt_type",
        "party_type",
        "jurisdiction",
        "oldest_due",
        "reason_overdue",
    )
    query = (
        select(cases.c.id, cases.c.id_key, case_facts.c.tags, *(case_facts.c[n] for n in columns))
        .join_from(cases, case_facts, case_facts.c.case_id == cases.c.id, isouter=True)
        .where(cases.c.id.in_(part))
    )
    for row in await connection.execute(query):
        read.rows[row.id] = row
        read.flags[row.id] |= set(row.tags or ())
        if row.reason_overdue == Reason.UNREACHABLE.value:
            read.flags[row.id].add("debtor_unreachable")


async def _read_points(connection: AsyncConnection, read: _Read, part: Sequence[CaseId]) -> None:
    points = contact_points.c
    query = (
        select(
            points.case_id, points.value_key, points.party_id, points.kind, points.zone,
            points.consent, related_parties.c.role, related_parties.c.refused,
        )
        .join_from(
            contact_points, related_parties, related_parties.c.id == points.party_id, isouter=True
        )
        .where(points.case_id.in_(part))
    )  # fmt: skip
    for row in await connection.execute(query):
        read.points[row.case_id, row.value_key] = row
        if row.kind == PointKind.ADDRESS.value and row.zone:
            read.addresses[row.case_id, row.party_id].append(row.zone)


async def _read_holds(
    connection: AsyncConnection, read: _Read, part: Sequence[CaseId], now: datetime
) -> None:
    in_force = or_(holds.c.until.is_(None), holds.c.until > now)
    query = select(holds.c.case_id, holds.c.kind).where(and_(holds.c.case_id.in_(part), in_force))
    for case_id, kind in await connection.execute(query):
        read.flags[case_id].add(kind)
