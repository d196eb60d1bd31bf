"""Small things that every repository needs.

Rules: what differs between the two databases is here or in `engine.py`, nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Select,
    String,
    Table,
    any_,
    bindparam,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from dialer_engine.store._types import UtcTime

T = TypeVar("T")
_DIALECTS = {"sqlite": sqlite.dialect, "postgresql": psycopg.dialect}

# Both databases take more bound values, but no plan gets better beyond this.
IN_LIMIT = 500


def upsert(connection: AsyncConnection, table: Table) -> Any:
    """`INSERT` with `on_conflict_do_update` and `on_conflict_do_nothing`, which both databases have
    and SQLAlchemy spells for each.
    """
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def merge(connection: AsyncConnection, table: Table, key: Sequence[str]) -> Any:
    """`INSERT`, or replace every other column of the row with this key."""
    statement = upsert(connection, table)
    others = {
        c.name: statement.excluded[c.name] for c in table.c if c.name not in key and c.name != "id"
    }
    return statement.on_conflict_do_update(index_elements=list(key), set_=others)


def among(
    connection: AsyncConnection, column: Column[T], values: Iterable[T]
) -> ColumnElement[bool]:
    """`column IN (values)` with one bound value, however many there are: a statement of hundreds of bound
    values costs more to write and to read than to answer. Numbers, and texts without line ends, such as
    keys.
    """
    text = listing(connection.dialect.name, values)
    if connection.dialect.name == "sqlite":
        return column.in_(_listed_sqlite(literal(text)))
    return column == any_(_listed_postgres(literal(text), column.type))


def listing(dialect: str, values: Iterable[Any]) -> str:
    """Many values as the one that `listed` takes."""
    return json.dumps(list(values)) if dialect == "sqlite" else "\n".join(map(str, values))


def listed(dialect: str, name: str, type_: TypeEngine[Any]) -> Select[Any]:
    """The values of the bound text `name`, as a select."""
    text = bindparam(name, type_=String)
    if dialect == "sqlite":
        return _listed_sqlite(text)
    return select(func.unnest(_listed_postgres(text, type_)))


def _listed_sqlite(text: ColumnElement[str]) -> Select[Any]:
    return select(func.json_each(text).table_valued("value").c.value)


def _listed_postgres(text: ColumnElement[str], type_: TypeEngine[Any]) -> ColumnElement[Any]:
    # A text that PostgreSQL splits is quicker than an array that the driver writes item by item.
    return cast(func.string_to_array(text, "\n"), ARRAY(type_))


class Compiled:
    """A statement that is compiled once. Values are bound by name, those of `UtcTime` included; rows are as
    the driver gives them.
    """

    def __init__(self, statement: Select[Any], dialect: str) -> None:
        made = statement.compile(dialect=_DIALECTS[dialect]())
        self._text = str(made)
        self._order: Sequence[str] | None = made.positiontup
        self._known = made.params
        self._times = [name for name, one in made.binds.items() if isinstance(one.type, UtcTime)]
        self._dialect = made.dialect

    async def rows(
        self, connection: AsyncConnection, given: Mapping[str, Any], word: tuple[str, str]
    ) -> Sequence[Any]:
        """All rows. word: a word of the text, and what it is replaced by."""
        bound = self._known | dict(given)
        for name in self._times:
            bound[name] = UtcTime().process_bind_param(bound[name], self._dialect)
        values = bound if self._order is None else tuple(bound[name] for name in self._order)
        return (await connection.exec_driver_sql(self._text.replace(*word), values)).all()


def chunks(items: Iterable[T], size: int = IN_LIMIT) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    rest = iter(items)
    while found := list(islice(rest, size)):
        yield found
