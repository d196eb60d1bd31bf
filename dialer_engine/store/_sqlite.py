"""SQLite in threads of its own: one hop from the event loop for a whole transaction.

Rules: each thread has one connection, and runs one transaction at a time from its first statement to its
commit, in the order in which they were asked for; the loop waits for nothing but the result. Who stops
waiting before the commit gets a rollback, as with a connection on the loop.

Why not a driver with an `await` for each statement: each of them is a hop to a thread and back, some 450 a
second at 20 calls a second, and all of SQLAlchemy's own work is done on the loop, where answered calls wait
behind it (docs/limits.md, "Seen in the bench").
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, CursorResult, Dialect, Engine, ScalarResult
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]


class InThread:
    """Stands in for an `AsyncConnection`, with as much of it as the store uses: the statement has been
    executed when there is something to await, and nothing ever waits.
    """

    def __init__(self, connection: Connection) -> None:
        self.sync_connection = connection

    @property
    def dialect(self) -> Dialect:
        return self.sync_connection.dialect

    async def execute(self, *a: Any, **k: Any) -> CursorResult[Any]:
        """See `Connection`; so the others."""
        return self.sync_connection.execute(*a, **k)

    async def exec_driver_sql(self, *a: Any, **k: Any) -> CursorResult[Any]:
        return self.sync_connection.exec_driver_sql(*a, **k)

    async def scalar(self, *a: Any, **k: Any) -> Any:
        return self.sync_connection.scalar(*a, **k)

    async def scalars(self, *a: Any, **k: Any) -> ScalarResult[Any]:
        return self.sync_connection.scalars(*a, **k)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        with self.sync_connection.begin_nested():
            yield

    async def run_sync(self, work: Callable[..., T], *a: Any, **k: Any) -> T:
        return work(self.sync_connection, *a, **k)


class _Wish:
    """That somebody waits for a transaction."""

    def __init__(self) -> None:
        self.given_up = False


class Threads:
    """At most `count` threads, each with an engine of its own, made when it is first needed."""

    def __init__(self, count: int, make: Callable[[], Engine], name: str) -> None:
        self._make = make
        self._mine = threading.local()
        self._engines: list[Engine] = []
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=f"store-{name}")

    async def transact(self, work: Work[T]) -> T:
        """`work` in one transaction, in the next free thread. It may wait for nothing but its connection:
        RuntimeError, and nothing is written.
        """
        wish, context = _Wish(), contextvars.copy_context()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, context.run, self._transact, work, wish)
        except asyncio.CancelledError:
            wish.given_up = True
            raise

    def _transact(self, work: Work[T], wish: _Wish) -> T:
        with self.connection() as connection, connection.begin() as transaction:
            result = _finished(work(cast(AsyncConnection, InThread(connection))))
            if wish.given_up:
                transaction.rollback()
            return result

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """This thread's."""
        engine: Engine | None = getattr(self._mine, "engine", None)
        if engine is None:
            engine = self._mine.engine = self._make()
            self._engines.append(engine)
        with engine.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Wait for what is under way, then disconnect."""
        # SQLite writes its log into the file when the last connection closes: not on the loop.
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._pool.shutdown()
        for engine in self._engines:
            engine.dispose()


def _finished(work: Awaitable[T]) -> T:
    """The result of what never waits."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return cast(T, end.value)
    steps.close()
    raise RuntimeError("a transaction on SQLite waits for something other than its database")
