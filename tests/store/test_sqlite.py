"""SQLite's threads: order, one transaction at a time, and what becomes of one that nobody waits for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextvars import ContextVar

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.units import CampaignName
from dialer_engine.store import SqlStore, campaigns
from tests.store.building import LOANS

WORD: ContextVar[str] = ContextVar("WORD", default="none")


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


async def _begun(store: SqlStore, slow: Slow) -> asyncio.Task[None]:
    write = asyncio.get_running_loop().create_task(store.database.write(slow))
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


async def test_what_is_bound_to_the_caller_is_known_in_the_thread(store: SqlStore) -> None:
    async def work(_connection: AsyncConnection) -> str:
        return WORD.get()

    WORD.set("bound")
    assert await store.database.read(work) == "bound"
