"""Connections: what they are set to, and what they cannot do."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.errors import StoreUnavailable
from dialer_engine.ports.store import Store
from dialer_engine.store import SqlStore, campaigns, sql
from tests.store.building import LOANS, NOW, case, draft_for, due, fill


async def _setting(connection: AsyncConnection, name: str) -> object:
    return (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()


def test_it_is_the_port(url: str) -> None:
    store: Store = SqlStore(url)
    assert isinstance(store, SqlStore)


async def test_sqlite_is_durable_and_readers_cannot_write(sqlite_url: str) -> None:
    store = SqlStore(sqlite_url, busy_timeout_s=1.5)
    await store.open()
    await store.save_campaign(Campaign(LOANS))
    assert await store.database.write(_setting, "journal_mode") == "wal"
    assert await store.database.write(_setting, "synchronous") == 2  # FULL
    assert await store.database.write(_setting, "busy_timeout") == 1500
    with pytest.raises(StoreUnavailable, match="read-only"):
        await store.database.read(campaigns.save, Campaign(LOANS))
    await store.close()


async def test_many_writes_at_once_queue(store: SqlStore) -> None:
    await asyncio.gather(*(store.alarm("kind", str(index), NOW) for index in range(100)))
    assert (await store.report(None, None, None)).alarms[0]["count"] == 100


async def test_a_write_that_fails_leaves_nothing_and_the_next_goes_on(store: SqlStore) -> None:
    async def half(connection: AsyncConnection) -> None:
        await campaigns.save(connection, Campaign(LOANS))
        raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        await store.database.write(half)
    assert await store.campaigns() == []
    await store.save_campaign(Campaign(LOANS))


async def test_a_closed_store_says_so(store: SqlStore) -> None:
    await store.close()
    with pytest.raises(RuntimeError, match="not open"):
        await store.campaigns()


async def test_a_slow_count_is_not_repeated_at_once(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(store, [case(1), case(2)])
    await store.backlog(LOANS, NOW)
    monkeypatch.setattr(sql, "_SLOW_COUNT_S", 0.0)
    monkeypatch.setattr(sql, "_SLOW_COUNT_SHARE", 1e-9)
    before = await store.backlog(LOANS, NOW)
    await store.begin_attempts([draft_for(candidate) for candidate in await due(store)])
    assert await store.backlog(LOANS, NOW) == before
