"""Connections to the database.

Rules: SQLite has one writer, so writes queue here, in order, instead of colliding there; readers
have connections of their own that cannot write; both are in threads (`_sqlite.py`). PostgreSQL's are on
the loop. A write is one transaction that is done again when it met a deadlock or a dead connection, never
when its commit was on the way.

Durability: SQLite runs in WAL with `synchronous=FULL`, so that a committed attempt outlives a loss
of power as well as `kill -9`; NORMAL outlives the killed process only, and a number that rang but
whose attempt is forgotten is one attempt more than the law allows. What it costs (2 cores, a
virtual disk, p50 of a batch): 50 attempts 1.7-2.2 ms instead of 1.6, one attempt 0.9 ms either way.
A disk with slow flushes makes each batch slower, not each attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from importlib.util import find_spec
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import URL, Engine, create_engine, event, exc, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dialer_engine.domain.errors import ConfigError
from dialer_engine.store._errors import is_retried, translating
from dialer_engine.store._sqlite import Threads, WholeConnection, Work

P = ParamSpec("P")
T = TypeVar("T")

_READERS = 4
# Deadlocks are broken by the database within a second; a third one in a row is no accident.
_TRIES = 3
# A dead server is noticed within 25 s on an idle connection, within 10 s on a busy one.
_KEEPALIVE = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class CommitUnknown(Exception):
    """The connection broke while the commit was on the way: it may or may not have happened."""


def store_url(text: str) -> URL:
    """`sqlite:///path` or `postgresql://…` with the driver that we use; ConfigError for others."""
    try:
        url = make_url(text)
    except exc.ArgumentError:
        raise ConfigError(
            "store.url is not a URL; write sqlite:////path or postgresql://…"
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite" and not (url.database and url.database != ":memory:"):
        raise ConfigError("store.url: SQLite needs a file; write sqlite:////path/to/dialer.db")
    if backend not in ("sqlite", "postgresql"):
        raise ConfigError(f"store.url: {backend} is not supported; use sqlite or postgresql")
    if backend != "sqlite" and find_spec("psycopg") is None:
        raise ConfigError(
            "store.url names PostgreSQL and its driver is not installed: pip install 'dialer-engine[postgres]'"
        )
    return url.set(drivername="sqlite" if backend == "sqlite" else "postgresql+psycopg")


# Enough for the indexes of some million cases; the process grows by as much for each connection.
CACHE_MIB = 64
POOL_SIZE = 10


class Database:
    """The open database: `read` and `write` run one function in one transaction."""

    def __init__(
        self,
        url: str,
        *,
        busy_timeout_s: float = 5.0,
        synchronous: str = "FULL",
        cache_mib: int = CACHE_MIB,
        pool_size: int = POOL_SIZE,
    ) -> None:
        """busy_timeout_s: how long a lock of another process is waited for. synchronous: of SQLite,
        FULL or NORMAL. cache_mib: of each of SQLite's connections. pool_size: connections to
        PostgreSQL.
        """
        self.url = store_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._busy_ms = int(busy_timeout_s * 1000)
        self._synchronous = synchronous
        self._cache_kib = cache_mib * 1024
        self._pool_size = pool_size
        self._writer: Threads | None = None
        self._readers: Threads | None = None
        self._engine: AsyncEngine | None = None
        self._closing: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Make the engines; nothing connects before the first transaction."""
        self._closing = None
        if self.is_sqlite:
            self._writer = Threads(1, partial(self._sqlite, writes=True), "writer")
            self._readers = Threads(_READERS, partial(self._sqlite, writes=False), "reader")
        else:
            self._engine = self._postgres()

    async def close(self) -> None:
        """Wait for what is under way, then disconnect. Who asks again waits for the first."""
        if self._closing is None:
            threads = [some for some in (self._readers, self._writer) if some is not None]
            loop = asyncio.get_running_loop()
            self._closing = loop.run_in_executor(None, _close, threads)
            self._readers = self._writer = None
        await asyncio.shield(self._closing)
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    async def read(
        self,
        work: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
        *a: P.args,
        **k: P.kwargs,
    ) -> T:
        """One consistent look."""
        return await self._one(self._readers, lambda connection: work(connection, *a, **k))

    async def write(
        self,
        work: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
        *a: P.args,
        **k: P.kwargs,
    ) -> T:
        """One transaction: all of it or nothing. CommitUnknown only on PostgreSQL. What is cancelled is
        undone, or, when its commit is on the way already, done.
        """
        return await self._one(self._writer, lambda connection: work(connection, *a, **k))

    async def _one(self, threads: Threads | None, work: Work[T]) -> T:
        with translating():
            if threads is not None:
                return await threads.transact(work)
            if self._engine is None:
                raise RuntimeError("the store is not open")
            return await self._again(self._engine, work)

    @staticmethod
    async def _again(engine: AsyncEngine, work: Work[T]) -> T:
        for _ in range(_TRIES - 1):
            try:
                return await _transact(engine, work)
            except exc.DBAPIError as error:
                if not is_retried(error):
                    raise
        return await _transact(engine, work)

    # -- SQLite
    def _sqlite(self, *, writes: bool) -> Engine:
        engine = create_engine(
            self.url,
            pool_size=1,
            max_overflow=0,
            hide_parameters=True,
            connect_args={
                "timeout": self._busy_ms / 1000,
                "factory": WholeConnection,
                # Closed by another thread than its own.
                "check_same_thread": False,
            },
        )
        event.listen(engine, "connect", self._prepare(writes))
        begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        event.listen(engine, "begin", lambda c: c.exec_driver_sql(begin))
        return engine

    def _prepare(self, writes: bool) -> Callable[[Any, Any], None]:
        pragmas = [
            f"busy_timeout={self._busy_ms}",
            "journal_mode=WAL" if writes else "query_only=ON",
            f"synchronous={self._synchronous}",
            f"cache_size=-{self._cache_kib}",
        ]

        def prepare(raw: Any, _record: Any) -> None:
            # We say BEGIN ourselves: sqlite3's own guess would begin a write too late.
            raw.isolation_level = None
            cursor = raw.cursor()
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        return prepare

    # -- PostgreSQL
    def _postgres(self) -> AsyncEngine:
        options = f"-c lock_timeout={self._busy_ms} -c timezone=UTC"
        return create_async_engine(
            self.url,
            pool_size=self._pool_size,
            max_overflow=0,
            pool_timeout=10,
            hide_parameters=True,
            connect_args={**_KEEPALIVE, "options": options, "application_name": "dialer-engine"},
        )


def _close(threads: Iterable[Threads]) -> None:
    """Readers first. Not on the loop: SQLite writes its log into the file when the last connection closes."""
    for some in threads:
        some.close()


async def _transact(engine: AsyncEngine, work: Work[T]) -> T:
    async with engine.connect() as connection:
        async with connection.begin() as transaction:
            result = await work(connection)
            try:
                await transaction.commit()
            except exc.DBAPIError as error:
                if error.connection_invalidated:
                    raise CommitUnknown from None
                raise
        return result
