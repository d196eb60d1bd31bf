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
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.counting import unit_key
from dialer_engine.compliance.facts import Facts, Subject
from dialer_engine.compliance.rules import Override
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.compliance.zones import jurisdictions
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.collections.codes import DebtType, PartyType, PointKind, Reason, Role
from dialer_engine.domain.units import AttemptId, CampaignName, CaseId
from dialer_engine.ports.law import Flying
from dialer_engine.store import compliance, evidence, suppression
from dialer_engine.store._sql import among
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

_DEFAULT_PARTY: Final = PartyType.FIRST.value
_DEFAULT_DEBT: Final = DebtType.OTHER.value
_DEFAULT_ROLE: Final = Role.DEBTOR.value
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
    history: compliance.History = field(default_factory=dict)
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lifted: Mapping[CaseId, tuple[Override, ...]] = field(default_factory=dict)


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

    async def lifted(
        self, cases: Sequence[CaseId], now: datetime
    ) -> Mapping[CaseId, tuple[Override, ...]]:
        """See the port."""
        return await self._store.database.read(compliance.overrides, cases, now)

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
        whose = {one.case_id: _party(read, one, numbers[one.case_id]) for one in candidates}
        keys = {one.case_id: _keys(one, *whose[one.case_id], read) for one in candidates}
        counted, since = self.book.units, self.book.horizon(now)
        units = {k: since for its in keys.values() for unit, k in its.items() if unit in counted}
        read.history = await compliance.history(connection, units)
        wanted = [suppression.case_unit(case) for case in keys]
        wanted += [its["number"] for its in keys.values()]
        read.listed = await suppression.lists_of(connection, wanted, now)
        read.lifted = await compliance.overrides(connection, list(numbers), now)
        versions = {"suppressions": str(await suppression.version(connection))}
        return {
            one.case_id: self._one(one, whose[one.case_id], keys[one.case_id], read, versions)
            for one in candidates
        }

    def _one(
        self,
        one: Candidate,
        whose: _Whose,
        keys: Mapping[str, str],
        read: _Read,
        versions: Mapping[str, str],
    ) -> Facts:
        row, point, case = read.rows.get(one.case_id), whose.point, one.case_id
        party_type = _DEFAULT_PARTY if row is None else row.party_type or _DEFAULT_PARTY
        debt_type = _DEFAULT_DEBT if row is None else row.debt_type or _DEFAULT_DEBT
        place = "" if row is None else row.jurisdiction or ""
        kind = "" if point is None else point.kind
        history = {key: tuple(read.history[key]) for key in keys.values() if key in read.history}
        addresses = read.addresses.get((case, whose.party))
        return Facts(
            attempt=AttemptId(""),
            number=one.number,
            zone=one.zone,
            attempts_today=one.attempts_today,
            counted_day=one.counted_day,
            subject=_subject(
                self._channel, self._purpose, party_type, whose.role, debt_type, kind, place
            ),
            address_zones=tuple(sorted(set(addresses))) if addresses else (),
            country=place.partition("-")[0],
            keys=keys,
            history=history,
            lists=_names(read.listed, (suppression.case_unit(case), keys["number"])),
            consents={"calls": point.consent} if point is not None and point.consent else {},
            flags=_flags(one, whose, read),
            days_past_due=_past_due(row, one.counted_day),
            overrides=read.lifted.get(case, ()),
            versions=versions,
        )


class _Whose(NamedTuple):
    """Whose number it is. point: its contact point. party: None for the debtor."""

    number_key: str
    point: Any
    party: int | None
    role: str


def _party(read: _Read, one: Candidate, number_key: str) -> _Whose:
    point = read.points.get((one.case_id, number_key))
    if point is None:
        return _Whose(number_key, None, None, _DEFAULT_ROLE)
    return _Whose(number_key, point, point.party_id, point.role or _DEFAULT_ROLE)


@lru_cache(maxsize=1024)
def _subject(
    channel: str, purpose: str, party_type: str, role: str, debt_type: str, kind: str, place: str
) -> Subject:
    """One for the many cases that it is true of."""
    return Subject(
        channel=channel,
        purpose=purpose,
        party_type=party_type,
        role=role,
        debt_type=debt_type,
        place=kind,
        jurisdictions=jurisdictions(place) if place else None,
    )


_NO_FLAGS: Final[frozenset[str]] = frozenset()


def _flags(one: Candidate, whose: _Whose, read: _Read) -> frozenset[str]:
    known = read.flags.get(one.case_id, _NO_FLAGS)
    wrong = whose.number_key in read.wrong
    refused = whose.point is not None and whose.point.refused
    if not (known or wrong or refused):
        return _NO_FLAGS
    more = {"number_invalid"} if wrong else set()
    return frozenset(known | more | ({"refused"} if refused else set()))


def _keys(
    one: Candidate, number_key: str, _point: Any, party: int | None, role: str, read: _Read
) -> dict[str, str]:
    row, case = read.rows.get(one.case_id), str(one.case_id)
    person = f"id:{row.id_key}" if row is not None and row.id_key else f"case:{case}"
    if party is not None:
        person = f"party:{party}"
    creditor = "" if row is None else row.creditor or ""
    keys = {
        "number": suppression.number_unit(number_key),
        "person": unit_key("person", person),
        "person_x_debt": unit_key("person_x_debt", person, case),
        "person_x_creditor": unit_key("person_x_creditor", person, creditor),
        "campaign": _campaign_key(one.campaign),
    }
    if role not in _OWING:
        keys["third_party"] = unit_key("third_party", person)
    return keys


@lru_cache(maxsize=1024)
def _campaign_key(name: CampaignName) -> str:
    return unit_key("campaign", name)


def _past_due(row: Any, counted_day: str) -> int | None:
    if row is None or row.oldest_due is None:
        return None
    due: date = row.oldest_due
    return (date.fromisoformat(counted_day) - due).days


def _listed_units(vault: Vault, number: str | None, case_id: CaseId) -> tuple[str, ...]:
    units = (suppression.case_unit(case_id),)
    return units if not number else (*units, suppression.number_unit(vault.number(number)))


def _names(held: Mapping[str, tuple[str, ...]], units: Iterable[str]) -> tuple[str, ...]:
    found = [held[unit] for unit in units if unit in held]
    return tuple(sorted({name for names in found for name in names})) if found else ()


# -- reading ---------------------------------------------------------------------------------------


async def _read(connection: AsyncConnection, numbers: Mapping[CaseId, str], now: datetime) -> _Read:
    read = _Read()
    part = list(numbers)
    await _read_cases(connection, read, part)
    await _read_points(connection, read, part)
    await _read_holds(connection, read, part, now)
    query = select(number_memory.c.number_key).where(
        among(connection, number_memory.c.number_key, set(numbers.values())), number_memory.c.wrong
    )
    read.wrong = set((await connection.scalars(query)).all())
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
        .where(among(connection, cases.c.id, part))
    )
    for row in await connection.execute(query):
        read.rows[row.id] = row
        if row.tags:
            read.flags[row.id] |= set(row.tags)
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
        .where(among(connection, contact_points.c.case_id, part))
    )  # fmt: skip
    for row in await connection.execute(query):
        read.points[row.case_id, row.value_key] = row
        if row.kind == PointKind.ADDRESS.value and row.zone:
            read.addresses[row.case_id, row.party_id].append(row.zone)


async def _read_holds(
    connection: AsyncConnection, read: _Read, part: Sequence[CaseId], now: datetime
) -> None:
    in_force = or_(holds.c.until.is_(None), holds.c.until > now)
    query = select(holds.c.case_id, holds.c.kind).where(
        among(connection, holds.c.case_id, part), in_force
    )
    for case_id, kind in await connection.execute(query):
        read.flags[case_id].add(kind)
