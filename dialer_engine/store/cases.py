"""Cases: which are due, and what becomes of them.

Rules: `due` reads no row that it does not return, however many millions wait: it steps from one
priority to the next in the index of open cases and takes what is due of each; what else is asked of a case
lies beside its number (`law_cards.py`), so that a case is a row of the campaign and a row of its number, and
of a case that was never called no counter is asked; a case with an open
attempt, of this or another campaign, is never due; what follows an attempt is written only over
fewer tries, so that a late repetition cannot turn a case back. Numbers are opened here, when they are
held ready, a few hundred at a time (measured: about 3 µs each), and not in the pacing tick.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Integer,
    Row,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.attempt import Candidate, CaseNext
from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.units import E164, AttemptId, CampaignName, CaseId, Money
from dialer_engine.ports.store import Screen
from dialer_engine.store import law_cards, suppression
from dialer_engine.store._sql import among, chunks, listed, listing
from dialer_engine.store._types import UtcTime
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.law_cards import REFERENCE, SKILL, Drawn
from dialer_engine.store.schema import (
    attempts,
    campaign_cases,
    campaigns,
    case_numbers,
    cases,
    number_days,
)
from dialer_engine.store.schema_law import suppressions
from dialer_engine.store.vault import Vault

DayOf = Callable[[str | None], str]


def number_place(case_id: int, rank: int) -> str:
    """What the vault binds a number of a case to."""
    return f"case_numbers.number/{case_id}/{rank}"


def personal_place(reference: str) -> str:
    """What the vault binds name, ID number and attributes of a case to."""
    return f"cases.personal/{reference}"


_row = campaign_cases.alias("cc")
_inner = campaign_cases.alias("next_cc")
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


def due_priorities(campaign_id: int, now: datetime) -> Select[tuple[int]]:
    """The priorities at which something is due, best first: one look into the index for each
    priority that there is, not for each case.
    """
    first = select(func.max(_row.c.priority).label("priority")).where(
        _row.c.campaign_id == campaign_id, _row.c.due_at.is_not(None)
    )
    level = first.cte("levels", recursive=True)
    below = (
        select(func.max(_inner.c.priority))
        .where(
            _inner.c.campaign_id == campaign_id,
            _inner.c.due_at.is_not(None),
            _inner.c.priority < level.c.priority,
        )
        .scalar_subquery()
    )
    level = level.union_all(select(below).where(level.c.priority.is_not(None)))
    something = exists().where(
        _row.c.campaign_id == campaign_id,
        _row.c.priority == level.c.priority,
        _row.c.due_at <= now,
    )
    return select(level.c.priority).where(something).order_by(level.c.priority.desc())


def due_at_priority(dialect: str) -> Select[Any]:
    """The cases due at one priority, longest due first, each with the number that is its turn. Bound:
    campaign, priority, now, excluded (`_sql.listing`), most.
    """
    busy = exists().where(attempts.c.case_id == _row.c.case_id, attempts.c.outcome.is_(None))
    ripe = (
        select(_row.c.case_id, _row.c.due_at, _row.c.tries, _row.c.number_rank)
        .where(
            _row.c.campaign_id == bindparam("campaign"),
            _row.c.priority == bindparam("priority"),
            _row.c.due_at <= bindparam("now", type_=UtcTime),
            ~busy,
            _row.c.case_id.not_in(listed(dialect, "excluded", BigInteger())),
        )
        .order_by(_row.c.due_at, _row.c.case_id)
        # In the text: a plan for any number of rows is none for a few hundred.
        .limit(bindparam("most", type_=Integer, literal_execute=True))
        .subquery("ripe")
    )
    n, s = case_numbers.c, suppressions.c
    count = select(cases.c.number_count).where(cases.c.id == ripe.c.case_id).scalar_subquery()
    turn = and_(
        n.case_id == ripe.c.case_id, n.rank == ripe.c.number_rank % func.coalesce(n.card_of, count)
    )
    on_list = exists().where(
        s.removed_at.is_(None), s.unit_key == literal(suppression.number_unit("")) + n.number_key
    ) | exists().where(
        s.removed_at.is_(None),
        s.unit_key == literal(suppression.case_unit("")) + cast(ripe.c.case_id, String),
    )
    return (
        select(
            ripe.c.case_id, ripe.c.tries, n.rank, n.number, n.number_key, n.zone, n.card_of, n.person, n.card,
            n.called, on_list.label("listed"), suppression.VERSION.label("version"),
        )
        .join_from(ripe, case_numbers, turn)
        .order_by(ripe.c.due_at, ripe.c.case_id)
    )  # fmt: skip


_DUE = {dialect: due_at_priority(dialect) for dialect in ("sqlite", "postgresql")}


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
    campaign_id = await ids.of(connection, name)
    skill = await connection.scalar(select(campaigns.c.skill).where(campaigns.c.id == campaign_id))
    dialect = connection.dialect.name
    given = {
        "campaign": campaign_id,
        "now": now,
        "excluded": listing(dialect, excluding),
    }
    found: list[tuple[int, Any]] = []
    for priority in (await connection.scalars(due_priorities(campaign_id, now))).all():
        most = limit - len(found)
        if most <= 0:
            break
        bound = given | {"priority": priority, "most": most}
        rows = (await connection.execute(_DUE[dialect], bound)).all()
        found += [(priority, row) for row in rows]
    return await _drawn(connection, vault, name, skill or "", found, day_of)


class _Told(NamedTuple):
    """What a case says beside its number."""

    reference: str
    skill: str
    number_count: int
    card: Sequence[Any] | None


async def _drawn(
    connection: AsyncConnection,
    vault: Vault,
    name: CampaignName,
    skill: str,
    found: Sequence[tuple[int, Any]],
    day_of: DayOf,
) -> list[Candidate]:
    days = {zone: day_of(zone) for zone in {row.zone for _, row in found}}
    called = [row for _, row in found if row.called is not False or row.card is None]
    counts = await _counts(connection, [(row.number_key, days[row.zone]) for row in called])
    told = await _told(connection, [row for _, row in found])
    return [
        Candidate(
            name, CaseId(row.case_id), one.reference,
            E164(vault.open(number_place(row.case_id, row.rank), row.number)),
            row.zone, row.tries, row.rank, one.number_count, one.skill or skill, priority,
            counts.get((row.number_key, days[row.zone]), 0), days[row.zone], None,
            Drawn(
                row.number_key, row.person, one.card, row.called is not False, bool(row.listed),
                row.version,
            ),
        )
        for (priority, row), one in zip(found, told, strict=True)
    ]  # fmt: skip


async def _told(connection: AsyncConnection, rows: Sequence[Any]) -> list[_Told]:
    """From the cards, and from `cases` where there is none."""
    cards = iter(law_cards.opened([row.card for row in rows if row.card is not None]))
    bare = [row.case_id for row in rows if row.card is None]
    plain: dict[int, _Told] = {}
    if bare:
        c = cases.c
        query = select(c.id, c.reference, c.skill, c.number_count)
        for case_id, *said in await connection.execute(query.where(among(connection, c.id, bare))):
            plain[case_id] = _Told(said[0], said[1], said[2], None)
    return [
        plain[row.case_id]
        if row.card is None
        else _Told((card := next(cards))[REFERENCE], card[SKILL], row.card_of, card)
        for row in rows
    ]


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
    return (
        await _with_counts(connection, vault, name, skill or "", [(row.priority, row)], day_of)
    )[0]


async def _with_counts(
    connection: AsyncConnection,
    vault: Vault,
    name: CampaignName,
    skill: str,
    found: Sequence[tuple[int, Any]],
    day_of: DayOf,
) -> list[Candidate]:
    days = {zone: day_of(zone) for zone in {row.zone for _, row in found}}
    counts = await _counts(connection, [(row.number_key, days[row.zone]) for _, row in found])
    return [
        Candidate(
            campaign=name,
            case_id=CaseId(row.case_id),
            reference=row.reference,
            number=E164(vault.open(number_place(row.case_id, row.rank), row.number)),
            zone=row.zone,
            tries=row.tries,
            number_rank=row.rank,
            number_count=row.number_count,
            skill=row.skill or skill,
            priority=priority,
            attempts_today=counts.get((row.number_key, days[row.zone]), 0),
            counted_day=days[row.zone],
        )
        for priority, row in found
    ]


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
