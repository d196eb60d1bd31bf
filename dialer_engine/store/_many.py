"""Many rows in one statement, as each database takes them quickest.

Rules: PostgreSQL gets all rows as one bound text of JSON, because a statement with ten thousand bound values
takes longer to write and to read than the rows to store; SQLite gets them one after the other through one
prepared statement. What a conflict does is said once for both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Float,
    Select,
    String,
    Table,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.store._sql import upsert
from dialer_engine.store._types import Amount, ten_thousandths

Row = Mapping[str, Any]
# What of a row that is there becomes what: from the columns of the new one.
Keep = Callable[[Any], Mapping[str, ColumnElement[Any]]]


async def insert_many(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Rows that are not there; all of them have the same columns."""
    if rows:
        await _execute(connection, table, _into(connection, table, list(rows[0])), rows)


async def upsert_many(
    connection: AsyncConnection, table: Table, rows: Sequence[Row], key: Sequence[str], keep: Keep
) -> None:
    """Rows that may be there; `keep(excluded)` says what then becomes of which column."""
    if not rows:
        return
    statement = _into(connection, table, list(rows[0]))
    changed = statement.on_conflict_do_update(
        index_elements=list(key), set_=dict(keep(statement.excluded))
    )
    await _execute(connection, table, changed, rows)


def one_of(
    connection: AsyncConnection, wanted: Column[str], values: Iterable[str]
) -> ColumnElement[bool]:
    """`wanted IN (values)` with one bound value, for texts of any kind."""
    text = literal(json.dumps(list(values)))
    if connection.dialect.name == "sqlite":
        return wanted.in_(select(func.json_each(text).table_valued("value").c.value))
    each = select(func.json_array_elements_text(cast(text, postgresql.JSON)))
    return wanted == any_(func.array(each.scalar_subquery()))


def _into(connection: AsyncConnection, table: Table, names: Sequence[str]) -> Any:
    if connection.dialect.name == "sqlite":
        return upsert(connection, table)
    return upsert(connection, table).from_select(list(names), _taken(table, names))


def _taken(table: Table, names: Sequence[str]) -> Select[Any]:
    """The bound text `rows` as a table."""
    text = cast(bindparam("rows", type_=String), postgresql.JSON)
    rows = func.json_to_recordset(text).table_valued(*(column(n, table.c[n].type) for n in names))
    return select(*rows.render_derived(name="taken", with_types=True).c)


async def _execute(
    connection: AsyncConnection, table: Table, statement: Any, rows: Sequence[Row]
) -> None:
    if connection.dialect.name == "sqlite":
        await connection.execute(statement, list(rows))
    else:
        await connection.execute(statement, {"rows": packed(table, rows)})


def packed(table: Table, rows: Sequence[Row]) -> str:
    """The rows as PostgreSQL's `json_to_recordset` reads them."""
    amounts = [n for n in rows[0] if isinstance(table.c[n].type, Amount)]
    floats = [n for n in rows[0] if isinstance(table.c[n].type, Float)]
    ready: Iterable[Row] = rows
    if amounts or floats:
        ready = (
            {**row, **_each(row, amounts, ten_thousandths), **_each(row, floats, _finite)}
            for row in rows
        )
    return json.dumps(list(ready), ensure_ascii=False, separators=(",", ":"), default=_plain)


def _each(row: Row, names: Sequence[str], change: Callable[[Any], Any]) -> dict[str, Any]:
    return {name: change(value) for name in names if (value := row[name]) is not None}


def _finite(value: float) -> float | str:
    """JSON has no word for what is no number; PostgreSQL reads `NaN` in quotes."""
    return value if math.isfinite(value) else str(value)


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written in one go")
