"""Small things that every repository needs.

Rules: what differs between the two databases is here or in `engine.py`, nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ARRAY, Column, ColumnElement, Table, any_, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

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
    if connection.dialect.name == "sqlite":
        each = func.json_each(json.dumps(list(values))).table_valued("value")
        return column.in_(select(each.c.value))
    # A text that PostgreSQL splits is quicker than an array that the driver writes item by item.
    listed = func.string_to_array("\n".join(map(str, values)), "\n")
    return column == any_(cast(listed, ARRAY(column.type)))


def chunks(items: Iterable[T], size: int = IN_LIMIT) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    rest = iter(items)
    while found := list(islice(rest, size)):
        yield found
