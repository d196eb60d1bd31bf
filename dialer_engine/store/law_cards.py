"""Law cards: what the plain reading (`law_reading.py`) found out about a number, kept beside the number.

Rules: a card says what `Known` says, and nothing that changes with a call or a list; it is there or NULL,
and what is there is true: triggers take it in the transaction that changes anything it was made from
(`schema_cards.py`); who finds none reads plainly, and then has it made. A case gets its cards when it is
imported. Nothing on a card names a person: keys are blind indexes and digests, as in the tables around it.

A card is a list in JSON: what every case has, then a mapping of what few have, or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Boolean, bindparam, false, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.rules import Hours, Override
from dialer_engine.store._sql import among, chunks
from dialer_engine.store.law_reading import Known, Read, read
from dialer_engine.store.schema import case_numbers, cases, number_days
from dialer_engine.store.schema_law import unit_events
from dialer_engine.store.suppression import number_unit

_PARTS: Final = ("person", "person_x_debt", "person_x_creditor", "third_party")
_PERSON, _DEBT, _CREDITOR, _THIRD = (f"{name}:" for name in _PARTS)
# A card whose case is held, or the like, has these besides.
_CONSENT, _FLAGS, _ZONES, _HOLDS, _LIFTED, _THIRD_PARTY = "cfzhot"
_ASCII: Final = json.JSONEncoder(separators=(",", ":"))


class Drawn(NamedTuple):
    """What the draw brought along with a candidate, for the law only. card: as `opened` gives it, None
    where there is none. called: number or person has been contacted before. lists: on which number or case
    was (`draw.names`), None for none. version: of the lists when that was asked.
    """

    number_key: str
    person: str
    card: Sequence[Any] | None
    called: bool
    lists: str | None
    version: int


def written(reference: str, skill: str, known: Known) -> str:
    """A card."""
    few: dict[str, Any] = {}
    if known.consent:
        few[_CONSENT] = known.consent
    if known.flags:
        few[_FLAGS] = known.flags
    if known.address_zones:
        few[_ZONES] = known.address_zones
    if known.holds:
        few[_HOLDS] = [(kind, _text(until)) for kind, until in known.holds]
    if known.overrides:
        few[_LIFTED] = [_override_row(one) for one in known.overrides]
    if known.third_party:
        few[_THIRD_PARTY] = known.third_party[len(_THIRD) :]
    due = known.oldest_due
    return _ASCII.encode((
        reference, skill, known.person_x_debt[len(_DEBT) :], known.person_x_creditor[len(_CREDITOR) :],
        known.party_type, known.role, known.debt_type, known.place, known.jurisdiction,
        due.isoformat() if due else None, few or None,
    ))  # fmt: skip


def opened(cards: Iterable[str]) -> list[list[Any]]:
    """Many cards at once; the names of what is in one: REFERENCE and so on."""
    found: list[list[Any]] = json.loads(f"[{','.join(cards)}]")
    return found


REFERENCE, SKILL = 0, 1


def known_of(person: str, card: Sequence[Any]) -> Known:
    """What was written."""
    _, _, debt, creditor, party_type, role, debt_type, place, jurisdiction, due, few = card
    more: dict[str, Any] = few or {}
    third = more.get(_THIRD_PARTY)
    return Known(
        person, _DEBT + debt, _CREDITOR + creditor, _THIRD + third if third else "",
        party_type, role, debt_type, place, jurisdiction,
        date.fromisoformat(due) if due else None,
        more.get(_CONSENT, ""), tuple(more.get(_FLAGS, ())), tuple(more.get(_ZONES, ())),
        tuple((kind, _time(until)) for kind, until in more.get(_HOLDS, ())),
        tuple(_override(row) for row in more.get(_LIFTED, ())),
    )  # fmt: skip


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _override_row(one: Override) -> list[Any]:
    hours = None if one.window is None else (one.window.start, one.window.end)
    return [one.rule, one.kind, one.who, one.why, one.until.isoformat(), hours]


def _override(row: Sequence[Any]) -> Override:
    rule, kind, who, why, until, hours = row
    window = Hours(*hours) if hours else None
    return Override(rule, kind, who, why, datetime.fromisoformat(until), window)


# -- making them -----------------------------------------------------------------------------------


class Carded(NamedTuple):
    """A number that a card is wanted for. number_count: of its case."""

    reference: str
    skill: str
    number_count: int
    number_key: str
    known: Known


class Columns(NamedTuple):
    """A card, by column of `case_numbers`."""

    card_of: int
    person: str
    card: str
    called: bool


async def cards(connection: AsyncConnection, wanted: Sequence[Carded]) -> list[Columns]:
    """Their cards."""
    units = [_units(one.number_key, one.known) for one in wanted]
    met = await _met(connection, units, {one.number_key for one in wanted})
    return [
        Columns(
            one.number_count, one.known.person, written(one.reference, one.skill, one.known),
            not met.isdisjoint(its),
        )
        for one, its in zip(wanted, units, strict=True)
    ]  # fmt: skip


def _units(key: str, known: Known) -> tuple[str, ...]:
    """Every counter that a contact with this number is written to, whatever rules were in force."""
    return (
        number_unit(key), known.person, known.person_x_debt, known.person_x_creditor, known.third_party,
    )  # fmt: skip


async def _met(
    connection: AsyncConnection, units: Iterable[Sequence[str]], keys: Collection[str]
) -> set[str]:
    """Those of these counters on which anything ever stood. keys: of the numbers among them."""
    c, d = unit_events.c.unit_key, number_days.c.number_key
    mine = among(connection, c, {unit for its in units for unit in its})
    found = set((await connection.scalars(select(c).distinct().where(mine))).all())
    counted = select(d).distinct().where(among(connection, d, keys))
    return found | {number_unit(key) for key in (await connection.scalars(counted)).all()}


_KEEP = (
    update(case_numbers)
    .where(
        case_numbers.c.case_id == bindparam("of_case"),
        case_numbers.c.rank == bindparam("of_rank"),
        case_numbers.c.number_key == bindparam("of_key"),
    )
    .values(
        card_of=bindparam("new_card_of"), person=bindparam("new_person"), card=bindparam("new_card"),
        # Once called is called for ever; an attempt may have been begun since we looked.
        called=func.coalesce(case_numbers.c.called, false()) | bindparam("new_called", type_=Boolean),
    )
)  # fmt: skip


async def build(connection: AsyncConnection, ids: Collection[int]) -> int:
    """Make the cards of these cases, but of those that somebody is changing just now; returns how many
    numbers have one.
    """
    made = 0
    for part in chunks(sorted(set(ids))):
        mine = await _lock(connection, part)
        places, wanted = await _numbers(connection, mine, await read(connection, mine))
        made_of = await cards(connection, wanted)
        rows = [
            place | {f"new_{name}": value for name, value in one._asdict().items()}
            for place, one in zip(places, made_of, strict=True)
        ]
        if rows:
            await connection.execute(_KEEP, rows)
        made += len(rows)
    return made


async def _lock(connection: AsyncConnection, ids: Sequence[int]) -> list[int]:
    """The row of `cases` is what triggers wait for. Nothing is waited for here, so that nobody can wait in
    a circle.
    """
    query = select(cases.c.id).where(among(connection, cases.c.id, ids))
    query = query.with_for_update(skip_locked=True, key_share=True)
    return list((await connection.scalars(query)).all())


async def _numbers(
    connection: AsyncConnection, ids: Sequence[int], found: Read
) -> tuple[list[dict[str, Any]], list[Carded]]:
    """Where the cards of these cases go, and what they are made of."""
    n = case_numbers.c
    query = (
        select(n.case_id, n.rank, n.number_key, cases.c.number_count, cases.c.reference, cases.c.skill)
        .join_from(case_numbers, cases, cases.c.id == n.case_id)
        .where(among(connection, n.case_id, ids))
        .order_by(n.case_id, n.rank)
    )  # fmt: skip
    places, wanted = [], []
    for case_id, rank, key, count, reference, skill in await connection.execute(query):
        row = found.rows.get(case_id)
        if row is None or not row.has_facts:
            continue
        places.append({"of_case": case_id, "of_rank": rank, "of_key": key})
        wanted.append(Carded(reference, skill, count, key, found.known(case_id, key)))
    return places, wanted
