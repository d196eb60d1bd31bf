"""Cases: which are due, and what becomes of them.

Rules: a case with an open attempt, of this or another campaign, is never due (`draw.py` finds those that
are); what follows an attempt is written only over fewer tries, so that a late repetition cannot turn a case
back. Numbers are opened here, when they are held ready, a few hundred at a time (measured: about 3 µs
each), and not in the pacing tick. Counters of the day are asked for those that were ever called.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.attempt import Candidate, CaseNext
from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.units import E164, AttemptId, CampaignName, CaseId, Money
from dialer_engine.ports.store import Screen
from dialer_engine.store import draw, law_cards
from dialer_engine.store._sql import among, chunks
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.draw import Ripe
from dialer_engine.store.law_cards import REFERENCE, SKILL, Drawn
from dialer_engine.store.schema import (
    attempts,
    campaign_cases,
    campaigns,
    case_numbers,
    cases,
    number_days,
)
from dialer_engine.store.vault import Vault

DayOf = Callable[[str | None], str]


def number_place(case_id: int, rank: int) -> str:
    """What the vault binds a number of a case to."""
    return f"case_numbers.number/{case_id}/{rank}"


def personal_place(reference: str) -> str:
    """What the vault binds name, ID number and attributes of a case to."""
    return f"cases.personal/{reference}"


_IDS: BindParameter[list[Any]] = bindparam("ids", expanding=True)
_NUMBERS = (
    select(attempts.c.id, case_numbers.c.case_id, case_numbers.c.rank, case_numbers.c.number)
    .join_from(
        attempts,
        case_numbers,
        and_(
            case_numbers.c.case_id == attempts.c.case_id,
            case_numbers.c.number_key == attempts.c.number_key,
        ),
    )
    .where(attempts.c.id.in_(_IDS))
)
_SHOWN = select(cases).where(cases.c.id.in_(_IDS))


async def due(
    connection: AsyncConnection,
    ids: CampaignIds,
    vault: Vault,
    name: CampaignName,
    limit: int,
    now: datetime,
    excluding: Collection[CaseId],
    day_of: DayOf,
) -> list[Candidate]:
    """At most `limit` cases, best first."""
    rows = await draw.ripe(connection, await ids.of(connection, name), limit, now, excluding)
    days = {zone: day_of(zone) for zone in {row[_ZONE] for row in rows}}
    asked = [(row[_KEY], days[row[_ZONE]]) for row in rows if row[_CALLED] or row[_CALLED] is None]
    counts = await _counts(connection, asked) if asked else {}
    told = await _told(connection, [row[_CASE] for row in rows if row[_CARD] is None])
    cards = iter(law_cards.opened([row[_CARD] for row in rows if row[_CARD] is not None]))
    places = [f"case_numbers.number/{row[_CASE]}/{row[_RANK]}" for row in rows]
    numbers = vault.open_many(places, [row[_NUMBER] for row in rows])
    found = []
    # One after the other and not by name: this is done for every case that is ever thought of.
    for (
        case_id, priority, tries, rank, _, key, zone, of, person, card, called, lists, version, skill,
    ), number in zip(rows, numbers, strict=True):  # fmt: skip
        if card is None or of is None:
            law, (reference, own, of) = None, told[case_id]
        else:
            law = next(cards)
            reference, own = law[REFERENCE], law[SKILL]
        day, met = days[zone], called is None or bool(called)
        found.append(
            Candidate(
                name, case_id, reference, E164(number), zone, tries, rank, of, own or skill, priority,
                counts.get((key, day), 0) if met else 0, day, None,
                Drawn(key, person or "", law, met, lists, version),
            )
        )  # fmt: skip
    return found


_CASE, _RANK, _NUMBER, _KEY, _ZONE, _CARD, _CALLED = (
    Ripe._fields.index(name)
    for name in ("case_id", "rank", "number", "number_key", "zone", "card", "called")
)


async def _told(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, tuple[str, str, int]]:
    """Reference, skill and how many numbers, of those that have no card to say it."""
    if not ids:
        return {}
    c = cases.c
    query = select(c.id, c.reference, c.skill, c.number_count)
    bare = await connection.execute(query.where(among(connection, c.id, ids)))
    return {case_id: (reference, skill, count) for case_id, reference, skill, count in bare}


async def named(
    connection: AsyncConnection,
    ids: CampaignIds,
    vault: Vault,
    name: CampaignName,
    reference: str,
    day_of: DayOf,
) -> Candidate:
    """The case of that reference, due or not; NotFound when it is not in this campaign."""
    campaign_id = await ids.of(connection, name)
    skill = await connection.scalar(select(campaigns.c.skill).where(campaigns.c.id == campaign_id))
    turn = and_(
        case_numbers.c.case_id == cases.c.id,
        case_numbers.c.rank == campaign_cases.c.number_rank % cases.c.number_count,
    )
    query = (
        select(
            cases.c.id.label("case_id"), campaign_cases.c.tries, case_numbers.c.rank, case_numbers.c.number,
            case_numbers.c.number_key, case_numbers.c.zone,
            cases.c.reference, cases.c.number_count, cases.c.skill, campaign_cases.c.priority,
        )
        .join_from(cases, campaign_cases, campaign_cases.c.case_id == cases.c.id)
        .join(case_numbers, turn)
        .where(cases.c.reference == reference, campaign_cases.c.campaign_id == campaign_id)
    )  # fmt: skip
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"no case of campaign {name!r} has this reference and a number")
    day = day_of(row.zone)
    counts = await _counts(connection, [(row.number_key, day)])
    return Candidate(
        name, CaseId(row.case_id), row.reference,
        E164(vault.open(number_place(row.case_id, row.rank), row.number)), row.zone, row.tries, row.rank,
        row.number_count, row.skill or skill or "", row.priority, counts.get((row.number_key, day), 0), day,
    )  # fmt: skip


def counts_of(connection: AsyncConnection, keys: Iterable[str], day: str) -> Select[Any]:
    """The counters of these numbers on this day."""
    wanted = among(connection, number_days.c.number_key, keys)
    return select(number_days.c.number_key, number_days.c.attempts).where(
        wanted, number_days.c.local_day == day
    )


async def _counts(
    connection: AsyncConnection, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """By number and day; there are as many days as the zones of the batch have, one or two."""
    found: dict[tuple[str, str], int] = {}
    for day in {day for _, day in wanted}:
        query = counts_of(connection, [key for key, its in wanted if its == day], day)
        found |= {(key, day): count for key, count in await connection.execute(query)}
    return found


def members(ids: Iterable[int]) -> ColumnElement[bool]:
    """Rows of `campaign_cases` of these cases, in whatever campaign: its key begins with the campaign, and
    without one all rows are read.
    """
    every = campaign_cases.c.campaign_id.in_(select(campaigns.c.id))
    return and_(every, campaign_cases.c.case_id.in_(list(ids)))


async def follow(connection: AsyncConnection, ids: CampaignIds, nexts: Sequence[CaseNext]) -> None:
    """Write when cases are due again, or that they are done."""
    if not nexts:
        return
    statement = (
        update(campaign_cases)
        .where(
            campaign_cases.c.campaign_id == bindparam("of_campaign"),
            campaign_cases.c.case_id == bindparam("of_case"),
            campaign_cases.c.tries <= bindparam("tries"),
        )
        .values(
            due_at=bindparam("due_at"),
            tries=bindparam("tries"),
            number_rank=bindparam("number_rank"),
            reason=bindparam("reason"),
        )
    )
    rows = [
        {
            "of_campaign": await ids.of(connection, item.campaign),
            "of_case": item.case_id,
            "due_at": item.due_at,
            "tries": item.tries,
            "number_rank": item.number_rank,
            "reason": item.reason,
        }
        for item in nexts
    ]
    await connection.execute(statement, sorted(rows, key=_lock_order))


def _lock_order(row: Mapping[str, Any]) -> tuple[int, int]:
    """Two daemons that change the same cases lock them in one order, and never each other."""
    return row["of_campaign"], row["of_case"]


async def screens(
    connection: AsyncConnection, vault: Vault, wanted: Mapping[AttemptId, CaseId]
) -> dict[AttemptId, Screen]:
    """What agents are to see; see the port. Two looks by key, however many are wanted."""
    numbers: dict[str, str] = {}
    for part in chunks(wanted):
        rows = await connection.execute(_NUMBERS, {"ids": part})
        numbers.update(
            (row.id, vault.open(number_place(row.case_id, row.rank), row.number)) for row in rows
        )
    found: dict[int, Row[Any]] = {}
    for some in chunks(set(wanted.values())):
        found.update((row.id, row) for row in await connection.execute(_SHOWN, {"ids": some}))
    return {
        attempt: _screen(attempt, found[case_id], numbers.get(attempt, ""), vault)
        for attempt, case_id in wanted.items()
        if case_id in found
    }


def _screen(attempt: AttemptId, row: Row[Any], number: str, vault: Vault) -> Screen:
    held = vault.open_map(personal_place(row.reference), row.personal)
    money = None if row.balance is None else Money(row.balance, row.currency)
    return Screen(
        attempt=attempt,
        reference=row.reference,
        name=held.get("name", ""),
        number=number,
        balance="" if money is None else str(money),
        days_past_due=row.days_past_due,
        language=row.language,
        attributes=dict(held.get("attributes", {})),
    )


async def backlog(
    connection: AsyncConnection, ids: CampaignIds, name: CampaignName, now: datetime
) -> dict[str, int]:
    """due, waiting, done and in_flight: cases of the campaign; in_flight are in no other class."""
    campaign_id = await ids.of(connection, name)
    mine = campaign_cases.c.campaign_id == campaign_id
    is_due = case((campaign_cases.c.due_at <= now, 1), else_=0)
    open_cases = select(func.count(), func.coalesce(func.sum(is_due), 0)).where(
        mine, campaign_cases.c.due_at.is_not(None)
    )
    flying = (
        select(func.count(), func.coalesce(func.sum(is_due), 0))
        .join_from(attempts, campaign_cases, campaign_cases.c.case_id == attempts.c.case_id)
        .where(mine, attempts.c.outcome.is_(None), attempts.c.campaign_id == campaign_id)
        .where(campaign_cases.c.due_at.is_not(None))
    )
    every = await connection.scalar(select(func.count()).select_from(campaign_cases).where(mine))
    still, due_now = (await connection.execute(open_cases)).one()
    up, up_due = (await connection.execute(flying)).one()
    return {
        "due": int(due_now) - int(up_due),
        "waiting": int(still) - int(due_now) - (int(up) - int(up_due)),
        "done": int(every or 0) - int(still),
        "in_flight": int(up),
    }
