"""The store that the configuration names: made, open for a while, or for one piece of work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from dialer_engine.app.config import Config
from dialer_engine.store.sql import SqlStore

T = TypeVar("T")


def make_store(config: Config) -> SqlStore:
    """The store, not open yet."""
    return SqlStore(
        config.store.url.reveal(),
        busy_timeout_s=config.store.busy_timeout_s,
        cache_mib=config.store.sqlite_cache_mib,
        pool_size=config.store.pool_size,
        key_file=config.store.key_file,
    )


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[SqlStore]:
    """The store, open; SchemaOutdated when `db upgrade` must run first."""
    store = make_store(config)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def in_store(config: Config, work: Callable[[SqlStore], Awaitable[T]]) -> T:
    """Do it with the open store, for a command that no daemon is needed for; blocks."""

    async def main() -> T:
        async with opened(config) as store:
            return await work(store)

    return asyncio.run(main())
