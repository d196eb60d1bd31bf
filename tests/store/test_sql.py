"""Many values in one bound value, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.store import SqlStore
from dialer_engine.store._sql import among
from dialer_engine.store.schema import number_days

KEYS = ["plain", "with space", "quote'\"", "comma,{brace}", "back\\slash", "100%", "NULL", "号码"]


async def _fill(connection: AsyncConnection) -> None:
    rows = [{"number_key": key, "local_day": "d", "attempts": i} for i, key in enumerate(KEYS)]
    await connection.execute(insert(number_days), rows)


async def _found(
    connection: AsyncConnection, column: Column[object], values: list[object]
) -> set[str]:
    query = select(number_days.c.number_key).where(among(connection, column, values))
    return set((await connection.scalars(query)).all())


@pytest.mark.parametrize("wanted", [[], KEYS[:1], KEYS[2:5], KEYS, ["nobody"], ["", *KEYS[:2]]])
async def test_texts_are_found_as_with_in(store: SqlStore, wanted: list[object]) -> None:
    await store.database.write(_fill)
    found = await store.database.read(_found, number_days.c.number_key, wanted)
    assert found == set(wanted) & set(KEYS)


async def test_numbers_are_found_as_with_in(store: SqlStore) -> None:
    await store.database.write(_fill)
    assert await store.database.read(_found, number_days.c.attempts, [1, 3, 99]) == {
        KEYS[1],
        KEYS[3],
    }
    assert await store.database.read(_found, number_days.c.attempts, []) == set()


async def test_thousands_are_one_value(store: SqlStore) -> None:
    await store.database.write(_fill)
    many: list[object] = [*range(1, 100_000)]
    found = await store.database.read(_found, number_days.c.attempts, many)
    assert found == set(KEYS[1:])
