"""The draw: which cases are due next, with everything that is known of their numbers, in one statement.

Rules: no row is read that is not returned, however many millions wait: the statement steps from one
priority to the next in the index of open cases and takes what is due of the best; beside a case it looks
for an open attempt, for its number, and for lists that hold number or case, and for nothing else: the rest
is on the law card. It is composed with SQLAlchemy, compiled once, and its rows are taken as the driver
gives them, because a draw of 500 cases would spend as much time on that as on everything else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.store import suppression
from dialer_engine.store._sql import Compiled, listed, listing
from dialer_engine.store._types import UtcTime
from dialer_engine.store.schema import attempts, campaign_cases, campaigns, case_numbers, cases
from dialer_engine.store.schema_law import suppressions

_row = campaign_cases.alias("cc")
_inner = campaign_cases.alias("next_cc")
_CAMPAIGN: BindParameter[int] = bindparam("campaign")
_NOW = bindparam("now", type_=UtcTime)
# In the text: a plan for any number of rows is none for a few hundred.
_MOST: Final = "most_that_are_wanted"
# Between names of lists, which have no line ends.
_NEXT: Final = "\n"


# Of the driver, as `Ripe` says.
Row = Sequence[Any]


class Ripe(NamedTuple):
    """The columns of a row, in their order: a case that is due, with the number that is its turn. of, person,
    card, called: of the law card, see `schema.case_numbers`. lists: those that hold number or case, None for
    none. version: of the lists. campaign_skill: of the campaign.
    """

    case_id: int
    priority: int
    tries: int
    rank: int
    number: bytes
    number_key: str
    zone: str | None
    of: int | None
    person: str | None
    card: str | None
    called: bool | None
    lists: str | None
    version: int
    campaign_skill: str


_PRIORITY: Final = Ripe._fields.index("priority")


def priorities() -> Select[tuple[int]]:
    """The priorities at which something is due, best first: one look into the index for each
    priority that there is, not for each case. Bound: campaign, now.
    """
    first = select(func.max(_row.c.priority).label("priority")).where(
        _row.c.campaign_id == _CAMPAIGN, _row.c.due_at.is_not(None)
    )
    level = first.cte("levels", recursive=True)
    below = (
        select(func.max(_inner.c.priority))
        .where(
            _inner.c.campaign_id == _CAMPAIGN,
            _inner.c.due_at.is_not(None),
            _inner.c.priority < level.c.priority,
        )
        .scalar_subquery()
    )
    level = level.union_all(select(below).where(level.c.priority.is_not(None)))
    something = exists().where(
        _row.c.campaign_id == _CAMPAIGN,
        _row.c.priority == level.c.priority,
        _row.c.due_at <= _NOW,
    )
    return select(level.c.priority).where(something).order_by(level.c.priority.desc())


def best(dialect: str) -> Select[Any]:
    """The cases that are due at the best priority, longest due first. Bound: campaign, now, excluded."""
    return _ripe(dialect, priorities().limit(1).scalar_subquery())


def at_priority(dialect: str) -> Select[Any]:
    """Those at one priority. Bound besides: priority."""
    return _ripe(dialect, bindparam("priority"))


def _ripe(dialect: str, priority: Any) -> Select[Any]:
    busy = exists().where(attempts.c.case_id == _row.c.case_id, attempts.c.outcome.is_(None))
    ripe = (
        select(_row.c.case_id, _row.c.due_at, _row.c.priority, _row.c.tries, _row.c.number_rank)
        .where(
            _row.c.campaign_id == _CAMPAIGN,
            _row.c.priority == priority,
            _row.c.due_at <= _NOW,
            ~busy,
            _row.c.case_id.not_in(listed(dialect, "excluded", BigInteger())),
        )
        .order_by(_row.c.due_at, _row.c.case_id)
        .limit(literal_column(_MOST))
        .subquery("ripe")
    )
    n = case_numbers.c
    count = select(cases.c.number_count).where(cases.c.id == ripe.c.case_id).scalar_subquery()
    turn = and_(
        n.case_id == ripe.c.case_id, n.rank == ripe.c.number_rank % func.coalesce(n.card_of, count)
    )
    skill = select(campaigns.c.skill).where(campaigns.c.id == _CAMPAIGN).scalar_subquery()
    return (
        select(
            ripe.c.case_id, ripe.c.priority, ripe.c.tries, n.rank, n.number, n.number_key, n.zone, n.card_of,
            n.person, n.card, n.called, _lists(dialect, ripe.c.case_id), suppression.VERSION, skill,
        )
        .join_from(ripe, case_numbers, turn)
        .order_by(ripe.c.due_at, ripe.c.case_id)
    )  # fmt: skip


def _lists(dialect: str, case_id: ColumnElement[int]) -> ColumnElement[Any]:
    """Names of the lists that hold this number or this case; asked only where one is found."""
    s = suppressions.c
    units = (
        literal(suppression.number_unit("")) + case_numbers.c.number_key,
        literal(suppression.case_unit("")) + cast(case_id, String),
    )
    holds = and_(s.removed_at.is_(None), or_(s.until.is_(None), s.until > _NOW))
    join = func.group_concat if dialect == "sqlite" else func.string_agg
    names = select(join(s.list, literal(_NEXT))).where(holds, s.unit_key.in_(units))
    some = or_(*(exists().where(s.removed_at.is_(None), s.unit_key == unit) for unit in units))
    return case((some, names.scalar_subquery()), else_=null())


@cache
def _compiled(make: Any, dialect: str) -> Compiled:
    return Compiled(make(dialect), dialect)


async def ripe(
    connection: AsyncConnection,
    campaign_id: int,
    limit: int,
    now: datetime,
    excluding: Collection[int],
) -> list[Row]:
    """At most `limit` cases, best first."""
    dialect = connection.dialect.name
    given = {"campaign": campaign_id, "now": now, "excluded": listing(dialect, excluding)}
    found = await _take(connection, best, given, limit)
    if len(found) >= limit:
        return found
    done = {row[_PRIORITY] for row in found}
    for priority in (await connection.scalars(priorities(), given)).all():
        wanted = limit - len(found)
        if wanted > 0 and priority not in done:
            found += await _take(connection, at_priority, given | {"priority": priority}, wanted)
    return found


async def _take(connection: AsyncConnection, make: Any, given: Any, most: int) -> list[Row]:
    statement = _compiled(make, connection.dialect.name)
    return list(await statement.rows(connection, given, (_MOST, str(int(most)))))


def names(lists: str | None) -> Sequence[str]:
    """The lists of a row, sorted, each once."""
    return sorted(set(lists.split(_NEXT))) if lists else ()
