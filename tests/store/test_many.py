"""Many rows in one statement: what goes in is what comes out, on both databases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.store import SqlStore
from dialer_engine.store._many import insert_many, one_of, upsert_many
from dialer_engine.store.schema import campaign_cases, cases
from dialer_engine.store.schema_books import case_facts

ODD = ["plain", "two\nlines", 'quo"ted', "back\\slash", "tab\t|", "案件🙂", "{1,NULL}", "null", ""]


def _case(reference: str, place: int) -> dict[str, Any]:
    return {
        "reference": reference, "personal": bytes(range(place, 256, 7)) if place % 2 else None,
        "id_key": None, "balance": Decimal(f"{place}.5001"), "currency": "CNY", "days_past_due": -place,
        "language": reference, "priority": place, "skill": "", "number_count": 1, "fingerprint": reference,
    }  # fmt: skip


async def _fill(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    def keep(new: Any) -> dict[str, Any]:
        return {"balance": new.balance, "language": new.language}

    await upsert_many(connection, cases, rows, ["reference"], keep)


async def _found(connection: AsyncConnection, table: Any, *where: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in (await connection.execute(select(table).where(*where))).mappings()]


async def test_texts_bytes_and_amounts_are_what_they_were(store: SqlStore) -> None:
    rows = [_case(text, place) for place, text in enumerate(ODD)]
    await store.database.write(_fill, rows)
    found = {row.pop("reference"): row for row in await store.database.read(_found, cases)}
    for row in rows:
        reference = row["reference"]
        assert {n: v for n, v in found[reference].items() if n != "id"} == {
            n: v for n, v in row.items() if n != "reference"
        }


async def test_of_a_row_that_is_there_only_what_was_named_changes(store: SqlStore) -> None:
    await store.database.write(_fill, [_case("a", 1), _case("b", 2)])
    again = [_case("b", 2) | {"balance": None, "language": "new", "skill": "no"}, _case("c", 3)]
    await store.database.write(_fill, again)
    found = {row["reference"]: row for row in await store.database.read(_found, cases)}
    assert sorted(found) == ["a", "b", "c"]
    assert (found["b"]["balance"], found["b"]["language"], found["b"]["skill"]) == (None, "new", "")


async def test_texts_of_any_kind_are_found(store: SqlStore) -> None:
    await store.database.write(_fill, [_case(text, place) for place, text in enumerate(ODD)])

    async def named(connection: AsyncConnection, wanted: list[str]) -> set[str]:
        rows = await _found(connection, cases, one_of(connection, cases.c.reference, wanted))
        return {row["reference"] for row in rows}

    assert await store.database.read(named, ODD[1:5]) == set(ODD[1:5])
    assert await store.database.read(named, ["two", "lines"]) == set()
    assert await store.database.read(named, []) == set()


async def test_dates_times_lists_and_scores(store: SqlStore) -> None:
    at = datetime(2026, 11, 23, 2, 0, 0, 123456, tzinfo=UTC)
    facts: list[dict[str, Any]] = [
        {"case_id": 1, "oldest_due": date(2026, 1, 31), "tags": ["a", 'b"'], "score": 0.1, "principal": Decimal("1")},
        {"case_id": 2, "oldest_due": None, "tags": None, "score": None, "principal": None},
        {"case_id": 3, "oldest_due": None, "tags": [], "score": math.inf, "principal": Decimal("-7.25")},
    ]  # fmt: skip
    members = [
        {"campaign_id": 1, "case_id": 1, "priority": 0, "due_at": due, "tries": 0, "number_rank": 0, "reason": ""}
        for due in (at,)
    ]  # fmt: skip
    await store.database.write(insert_many, case_facts, facts)
    await store.database.write(insert_many, campaign_cases, members)
    await store.database.write(insert_many, campaign_cases, [])
    found = {row["case_id"]: row for row in await store.database.read(_found, case_facts)}
    for row in facts:
        assert {name: found[row["case_id"]][name] for name in row} == row
    (member,) = await store.database.read(_found, campaign_cases)
    assert member["due_at"] == at
