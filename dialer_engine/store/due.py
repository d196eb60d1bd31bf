"""Cases of a campaign page by page, and by what each can be reached: for steps of a ladder that are no calls.

Rules: pages by the case's id, so that a book of any size costs no memory; a case that is paid, taken back or
closed is left out, one that has no number any more is not, because a letter may still go to it; only the
debtor's own contacts, and only those that may be used on the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections.codes import CaseState, PointKind
from dialer_engine.domain.units import CampaignName
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.cases import number_place, personal_place
from dialer_engine.store.closed import value_place
from dialer_engine.store.people import is_usable
from dialer_engine.store.schema import campaign_cases, case_numbers, cases
from dialer_engine.store.schema_books import case_facts, contact_points
from dialer_engine.store.vault import Vault

# A text cannot be read on them.
_NO_TEXTS = frozenset({PointKind.HOME.value, PointKind.WORK.value})


@dataclass(slots=True)
class Reachable:
    """One case. numbers: (number, label, zone) in the order in which they are tried. points: (kind, value) of
    e-mail, messenger and postal address.
    """

    case_id: int
    reference: str
    language: str
    name: str = field(repr=False)
    numbers: list[tuple[str, str, str | None]] = field(default_factory=list, repr=False)
    points: list[tuple[str, str]] = field(default_factory=list, repr=False)

    def mobile(self) -> str:
        """Where a text goes: the first mobile number, else the first that may be one; empty for none."""
        able = [(number, label) for number, label, _ in self.numbers if label not in _NO_TEXTS]
        ranked = sorted(able, key=lambda one: one[1] != PointKind.MOBILE.value)
        return ranked[0][0] if ranked else ""

    def point(self, kind: PointKind) -> str:
        """The first contact of a kind; empty for none."""
        return next((value for found, value in self.points if found == kind.value), "")


async def page(
    connection: AsyncConnection,
    ids: CampaignIds,
    vault: Vault,
    name: CampaignName,
    after: int,
    limit: int,
    today: date,
) -> list[Reachable]:
    """Open cases of the campaign with an id above `after`, in order; empty when there are no more."""
    is_open = or_(case_facts.c.state.is_(None), case_facts.c.state == CaseState.OPEN.value)
    query = (
        select(cases.c.id, cases.c.reference, cases.c.language, cases.c.personal)
        .join_from(campaign_cases, cases, cases.c.id == campaign_cases.c.case_id)
        .join(case_facts, case_facts.c.case_id == cases.c.id, isouter=True)
        .where(campaign_cases.c.campaign_id == await ids.of(connection, name))
        .where(cases.c.id > after, is_open)
        .order_by(cases.c.id)
        .limit(limit)
    )
    found = {}
    for row in await connection.execute(query):
        held = vault.open_map(personal_place(row.reference), row.personal)
        found[row.id] = Reachable(row.id, row.reference, row.language or "", held.get("name", ""))
    await _numbers(connection, vault, found, list(found))
    await _points(connection, vault, found, list(found), today)
    return list(found.values())


async def _numbers(
    connection: AsyncConnection, vault: Vault, found: dict[int, Reachable], ids: Sequence[int]
) -> None:
    n = case_numbers.c
    query = select(case_numbers).where(n.case_id.in_(ids)).order_by(n.case_id, n.rank)
    for row in await connection.execute(query):
        number = vault.open(number_place(row.case_id, row.rank), row.number)
        found[row.case_id].numbers.append((number, row.label, row.zone))


async def _points(
    connection: AsyncConnection,
    vault: Vault,
    found: dict[int, Reachable],
    ids: Sequence[int],
    today: date,
) -> None:
    c = contact_points.c
    kinds = [kind.value for kind in (PointKind.EMAIL, PointKind.MESSENGER, PointKind.ADDRESS)]
    mine = c.case_id.in_(ids), c.party_id.is_(None), c.kind.in_(kinds)
    rows: Any = await connection.execute(
        select(contact_points).where(*mine).order_by(c.case_id, c.rank, c.id)
    )
    for row in rows:
        if is_usable(row, today):
            value = vault.open(value_place(row.case_id, row.value_key), row.value)
            found[row.case_id].points.append((row.kind, value))
