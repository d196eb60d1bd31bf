"""SQLite's threads: order, one transaction at a time, and what becomes of one that nobody waits for."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.units import CampaignName
from dialer_engine.store import SqlStore, campaigns
from dialer_engine.store.schema import campaigns as campaign_rows
from dialer_engine.store.schema import leases
from tests.store.building import LOANS, NOW

WORD: ContextVar[str] = ContextVar("WORD", default="none")

_FOR_HOURS = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000)
    SELECT count(*) FROM n
"""


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[SqlStore]:
    opened = SqlStore(sqlite_url)
    await opened.open()
    yield opened
    await opened.close()


class Slow:
    """A write that stands still in the middle, until it is let go."""

    def __init__(self, name: str) -> None:
        self.name = CampaignName(name)
        self.began, self.go = threading.Event(), threading.Event()

    async def __call__(self, connection: AsyncConnection) -> None:
        await campaigns.save(connection, Campaign(self.name))
        self.began.set()
        assert self.go.wait(10.0)


async def _begun(store: SqlStore, slow: Slow, work: Any = None) -> asyncio.Task[None]:
    what = store.database.write(slow) if work is None else store.database.write(work, slow)
    write = asyncio.get_running_loop().create_task(what)
    while not slow.began.is_set():
        await asyncio.sleep(0.001)
    return write


async def _names(store: SqlStore) -> list[str]:
    return [str(one.name) for one in await store.campaigns()]


async def test_the_loop_goes_on_while_a_write_stands_still(store: SqlStore) -> None:
    slow = Slow("slow")
    write = await _begun(store, slow)
    # Readers too, and they do not see what is not committed.
    assert await _names(store) == []
    slow.go.set()
    await write
    assert await _names(store) == ["slow"]


async def test_writes_are_done_in_the_order_in_which_they_were_asked_for(store: SqlStore) -> None:
    done: list[int] = []

    async def work(_connection: AsyncConnection, number: int) -> None:
        done.append(number)

    await asyncio.gather(*(store.database.write(work, number) for number in range(200)))
    assert done == list(range(200))


async def test_what_is_cancelled_before_its_commit_is_undone(store: SqlStore) -> None:
    slow = Slow("slow")
    write = await _begun(store, slow)
    write.cancel()
    with pytest.raises(asyncio.CancelledError):
        await write
    slow.go.set()
    await store.save_campaign(Campaign(LOANS))
    assert await _names(store) == [str(LOANS)]


async def test_what_is_cancelled_begins_no_further_statement(store: SqlStore) -> None:
    begun = 0

    async def work(connection: AsyncConnection, slow: Slow) -> None:
        nonlocal begun
        await slow(connection)
        for _ in range(1000):
            await connection.execute(text("SELECT 1"))
            begun += 1

    slow = Slow("slow")
    write = await _begun(store, slow, work)
    write.cancel()
    with pytest.raises(asyncio.CancelledError):
        await write
    slow.go.set()
    await store.save_campaign(Campaign(LOANS))
    assert begun == 0


@pytest.mark.parametrize("way", ["read", "write"])
async def test_a_long_statement_is_interrupted(store: SqlStore, way: str) -> None:
    """It would run for hours; the next one in its thread does not wait for it, and is not hit itself."""

    async def work(connection: AsyncConnection, begun: threading.Event) -> None:
        begun.set()
        await connection.execute(text(_FOR_HOURS))

    do = getattr(store.database, way)
    for _ in range(8):
        begun = threading.Event()
        task = asyncio.get_running_loop().create_task(do(work, begun))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        # Into the statement: what comes between two of them is found at the next one only.
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await store.save_campaign(Campaign(LOANS))
        assert await _names(store) == [str(LOANS)]


async def test_an_error_that_is_kept_holds_nothing(sqlite_url: str, store: SqlStore) -> None:
    """Its traceback has a result in it that was not read to its end."""
    for number in range(3):
        await store.save_campaign(Campaign(CampaignName(f"c{number}")))

    async def work(connection: AsyncConnection) -> None:
        for _ in range(200):
            await connection.execute(select(campaign_rows.c.name))
        rows = await connection.scalars(select(campaign_rows.c.name))
        for _ in rows:
            raise ValueError("half-way")

    kept = []
    for do in (store.database.read, store.database.write):
        with pytest.raises(ValueError, match="half-way") as caught:
            await do(work)
        kept.append(caught.value)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
        other.execute("UPDATE campaigns SET name = 'c9' WHERE name = 'c2'")
        other.commit()
    await store.save_campaign(Campaign(LOANS))
    assert [await _names(store) for _ in range(8)] == [["c0", "c1", "c9", str(LOANS)]] * 8
    assert len(kept) == 2


async def test_what_is_cancelled_in_the_queue_is_never_begun(store: SqlStore) -> None:
    first, second = Slow("first"), Slow("second")
    write = await _begun(store, first)
    queued = asyncio.get_running_loop().create_task(store.database.write(second))
    await asyncio.sleep(0)
    queued.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queued
    first.go.set()
    await write
    await store.save_campaign(Campaign(LOANS))
    assert not second.began.is_set()
    assert await _names(store) == sorted([str(LOANS), "first"])


async def test_a_transaction_that_waits_for_something_else_is_refused_and_undone(
    store: SqlStore,
) -> None:
    async def work(connection: AsyncConnection) -> None:
        await campaigns.save(connection, Campaign(LOANS))
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="something other than its database"):
        await store.database.write(work)
    assert await _names(store) == []
    await store.save_campaign(Campaign(LOANS))


async def test_reads_go_on_beside_each_other(store: SqlStore) -> None:
    # Passes only when two of them are in it at the same time.
    both = threading.Barrier(2, timeout=10.0)

    async def work(_connection: AsyncConnection) -> None:
        both.wait()

    await asyncio.gather(store.database.read(work), store.database.read(work))


async def test_closing_waits_for_what_is_under_way(sqlite_url: str, store: SqlStore) -> None:
    slow = Slow("slow")
    write = await _begun(store, slow)
    closing = asyncio.get_running_loop().create_task(store.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    slow.go.set()
    await asyncio.gather(write, closing)
    await store.open()
    assert await _names(store) == ["slow"]


async def test_a_second_close_waits_for_the_first_which_cannot_be_cancelled(
    sqlite_url: str, store: SqlStore
) -> None:
    slow = Slow("slow")
    write = await _begun(store, slow)
    first = asyncio.get_running_loop().create_task(store.close())
    await asyncio.sleep(0.05)
    first.cancel()
    second = asyncio.get_running_loop().create_task(store.close())
    await asyncio.sleep(0.05)
    assert not second.done()
    slow.go.set()
    await asyncio.gather(write, second)
    # The last connection that closed has taken the log with it.
    assert not Path(sqlite_url.removeprefix("sqlite:///") + "-wal").exists()


async def test_a_savepoint_undoes_its_part_only(store: SqlStore) -> None:
    async def work(connection: AsyncConnection) -> None:
        await campaigns.save(connection, Campaign(LOANS))
        with pytest.raises(ValueError, match="inner"):
            await inner(connection)

    async def inner(connection: AsyncConnection) -> None:
        async with connection.begin_nested():
            await campaigns.save(connection, Campaign(CampaignName("inner")))
            raise ValueError("inner")

    await store.database.write(work)
    assert await _names(store) == [str(LOANS)]


async def test_a_savepoint_ends_though_not_every_row_was_looked_at(store: SqlStore) -> None:
    """Else SQLite says that the table is locked."""

    async def work(connection: AsyncConnection) -> list[int]:
        kept = []
        async with connection.begin_nested():
            for number in range(3):
                row = insert(leases).values(
                    campaign_id=number + 1, holder="h", until=NOW, token=number
                )
                kept.append(await connection.execute(row.returning(leases.c.token)))
        return [one.scalar_one() for one in kept]

    for number in range(3):
        await store.save_campaign(Campaign(CampaignName(f"c{number}")))
    assert await store.database.write(work) == [0, 1, 2]


@pytest.mark.parametrize("rows", [0, 1, 2, 7])
async def test_rows_are_read_in_any_way(store: SqlStore, rows: int) -> None:
    query = text(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {rows}) SELECT i FROM n"
    )
    wanted = list(range(1, rows + 1))

    async def work(connection: AsyncConnection) -> list[list[int]]:
        by_one = await connection.execute(query)
        ones = list(iter(by_one.fetchone, None))
        some = await connection.execute(query)
        parts = [row for part in iter(lambda: some.fetchmany(2), []) for row in part]
        every = (await connection.execute(query)).all()
        loop = list(await connection.execute(query))
        default = (await connection.execute(query)).fetchmany()
        assert [row[0] for row in default] == wanted[:1]
        scalars = (await connection.scalars(query)).all()
        assert await connection.scalar(query) == (wanted[0] if wanted else None)
        return [[row[0] for row in found] for found in (ones, parts, every, loop)] + [list(scalars)]

    for found in await store.database.read(work):
        assert found == wanted


async def test_what_is_bound_to_the_caller_is_known_in_the_thread(store: SqlStore) -> None:
    async def work(_connection: AsyncConnection) -> str:
        return WORD.get()

    WORD.set("bound")
    assert await store.database.read(work) == "bound"
