"""Small things that every repository needs.

Rules: what differs between the two databases is here or in `engine.py`, nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
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
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

T = TypeVar("T")

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


def chunks(items: Iterable[T], size: int = IN_LIMIT) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    rest = iter(items)
    while found := list(islice(rest, size)):
        yield found
