"""What the law asks of cases, read from the tables that say it: the plain reading.

Rules: a batch of cases is some queries whatever its size; nothing is left out because of the time, so that
what was read can be kept (`law_cards.py`): holds, overrides and due dates carry their dates with them.
Everything that is known of a case and its numbers is made here and nowhere else; what changes with every
call (history, counters) and with every list is read by who asks.

How it is filled: person: the debtor's ID number (blind index), else the case; for a related party, that
party. debt: the case. creditor: of `case_facts`. role, refused: of the related party whose contact point
the number is, else the debtor. zones: of the same person's addresses. flags: tags of the case,
`debtor_unreachable` when that is the reason of being overdue, `number_invalid` when somebody found out that
the number is not this debtor's (`number_verdicts`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.counting import unit_key
from dialer_engine.compliance.rules import Override
from dialer_engine.domain.collections.codes import (
    DebtType,
    NumberState,
    PartyType,
    PointKind,
    Reason,
    Role,
)
from dialer_engine.domain.units import CaseId
from dialer_engine.store import compliance
from dialer_engine.store._sql import among
from dialer_engine.store._types import EPOCH
from dialer_engine.store.schema import cases
from dialer_engine.store.schema_books import (
    case_facts,
    contact_points,
    holds,
    number_verdicts,
    related_parties,
)

_DEFAULT_PARTY: Final = PartyType.FIRST.value
_DEFAULT_DEBT: Final = DebtType.OTHER.value
_DEFAULT_ROLE: Final = Role.DEBTOR.value
_OWING = frozenset(role.value for role in Role if role.owes)
UNREACHABLE, INVALID, REFUSED = "debtor_unreachable", "number_invalid", "refused"
Hold = tuple[str, datetime | None]


class CaseRow(NamedTuple):
    """What a case says itself, of `cases` and `case_facts`. has_facts: there is a row of the latter."""

    id_key: str | None = None
    creditor: str | None = None
    debt_type: str | None = None
    party_type: str | None = None
    jurisdiction: str | None = None
    oldest_due: date | None = None
    reason_overdue: str | None = None
    tags: Sequence[str] | None = None
    has_facts: bool = False


class Known(NamedTuple):
    """What is known of a number of a case. person: the counter of whose number it is; person_x_debt and so
    on: the others; third_party: empty for who owes. place: what the contact point is. jurisdiction: as the
    case says it, empty when nobody did. consent: empty when nobody was asked. flags: those that do not end
    by themselves.
    """

    person: str
    person_x_debt: str
    person_x_creditor: str
    third_party: str
    party_type: str
    role: str
    debt_type: str
    place: str
    jurisdiction: str
    oldest_due: date | None
    consent: str
    flags: tuple[str, ...]
    address_zones: tuple[str, ...]
    holds: tuple[Hold, ...]
    overrides: tuple[Override, ...]


@dataclass(slots=True)
class Read:
    """What was read of a batch, by case, or by case and number or party."""

    rows: dict[int, CaseRow] = field(default_factory=dict)
    points: dict[tuple[int, str], Any] = field(default_factory=dict)
    addresses: dict[tuple[int, int | None], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    holds: dict[int, list[Hold]] = field(default_factory=lambda: defaultdict(list))
    overrides: Mapping[CaseId, tuple[Override, ...]] = field(default_factory=dict)
    wrong: set[tuple[int, str]] = field(default_factory=set)

    def known(self, case_id: int, number_key: str) -> Known:
        """Of one number."""
        row = self.rows.get(case_id, _NO_ROW)
        point = self.points.get((case_id, number_key))
        party = None if point is None else point.party_id
        role = _DEFAULT_ROLE if point is None else point.role or _DEFAULT_ROLE
        person, case = _person(case_id, row.id_key, party), str(case_id)
        zones = self.addresses.get((case_id, party))
        return Known(
            unit_key("person", person),
            unit_key("person_x_debt", person, case),
            unit_key("person_x_creditor", person, row.creditor or ""),
            "" if role in _OWING else unit_key("third_party", person),
            row.party_type or _DEFAULT_PARTY,
            role,
            row.debt_type or _DEFAULT_DEBT,
            "" if point is None else point.kind,
            row.jurisdiction or "",
            row.oldest_due,
            "" if point is None else point.consent or "",
            self._flags(case_id, number_key, row, point),
            tuple(sorted(zones)) if zones else (),
            tuple(self.holds.get(case_id, ())),
            self.overrides.get(CaseId(case_id), ()),
        )

    def _flags(self, case_id: int, number_key: str, row: CaseRow, point: Any) -> tuple[str, ...]:
        found = set(row.tags or ())
        if row.reason_overdue == Reason.UNREACHABLE.value:
            found.add(UNREACHABLE)
        if (case_id, number_key) in self.wrong:
            found.add(INVALID)
        if point is not None and point.refused:
            found.add(REFUSED)
        return tuple(sorted(found))


_NO_ROW: Final = CaseRow()


def _person(case_id: int, id_key: str | None, party: int | None) -> str:
    if party is not None:
        return f"party:{party}"
    return f"id:{id_key}" if id_key else f"case:{case_id}"


async def read(connection: AsyncConnection, ids: Collection[int]) -> Read:
    """Everything of these cases."""
    found = Read()
    await _read_cases(connection, found, ids)
    await _read_points(connection, found, ids)
    await _read_holds(connection, found, ids)
    await _read_verdicts(connection, found, ids)
    # Since ever: those that ran out are told by their `until`.
    found.overrides = await compliance.overrides(connection, list(map(CaseId, ids)), EPOCH)
    return found


async def _read_cases(connection: AsyncConnection, found: Read, ids: Collection[int]) -> None:
    f = case_facts.c
    query = (
        select(
            cases.c.id, cases.c.id_key, f.creditor, f.debt_type, f.party_type, f.jurisdiction, f.oldest_due,
            f.reason_overdue, f.tags, f.case_id.is_not(None),
        )
        .join_from(cases, case_facts, f.case_id == cases.c.id, isouter=True)
        .where(among(connection, cases.c.id, ids))
    )  # fmt: skip
    for case_id, *row in await connection.execute(query):
        found.rows[case_id] = CaseRow(*row)


async def _read_points(connection: AsyncConnection, found: Read, ids: Collection[int]) -> None:
    points = contact_points.c
    query = (
        select(
            points.case_id, points.value_key, points.party_id, points.kind, points.zone,
            points.consent, related_parties.c.role, related_parties.c.refused,
        )
        .join_from(
            contact_points, related_parties, related_parties.c.id == points.party_id, isouter=True
        )
        .where(among(connection, points.case_id, ids))
    )  # fmt: skip
    for row in await connection.execute(query):
        found.points[row.case_id, row.value_key] = row
        if row.kind == PointKind.ADDRESS.value and row.zone:
            found.addresses[row.case_id, row.party_id].add(row.zone)


async def _read_holds(connection: AsyncConnection, found: Read, ids: Collection[int]) -> None:
    query = select(holds.c.case_id, holds.c.kind, holds.c.until).order_by(holds.c.id)
    rows = await connection.execute(query.where(among(connection, holds.c.case_id, ids)))
    for case_id, kind, until in rows:
        found.holds[case_id].append((kind, until))


async def _read_verdicts(connection: AsyncConnection, found: Read, ids: Collection[int]) -> None:
    v = number_verdicts.c
    query = select(v.case_id, v.number_key).where(
        among(connection, v.case_id, ids), v.state == NumberState.WRONG.value
    )
    found.wrong.update((case_id, key) for case_id, key in await connection.execute(query))
