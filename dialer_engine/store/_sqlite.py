"""SQLite in threads of its own: one hop from the event loop for a whole transaction.

Rules: each thread has one connection, and runs one transaction at a time from its first statement to its
commit, in the order in which they were asked for, however long that queue is; the loop waits for nothing but
the result. When nobody waits for a transaction any more, its statement is interrupted, no other is begun,
and it is rolled back; when its commit is on the way already, it is done. All rows of a statement are read at
once: one that is not at its end keeps savepoints from ending, and, held by somebody's traceback, the
connection at an old state.

Why not a driver with an `await` for each statement: each of them is a hop to a thread and back, some 450 a
second at 20 calls a second, and all of SQLAlchemy's own work is done on the loop, where answered calls wait
behind it (docs/limits.md, "Seen in the bench").
"""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, CursorResult, Dialect, Engine, ScalarResult
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]


class _Wish:
    """That somebody waits for a transaction."""

    def __init__(self) -> None:
        self._given_up = False
        self._raw: Any = None
        # Between the loop, which gives up, and the thread, which must not be interrupted in its next one.
        self._turn = threading.Lock()

    def begin(self, raw: Any) -> None:
        """It runs on this connection of the driver from now on."""
        with self._turn:
            self._raw = raw

    def insist(self) -> None:
        """Before each statement: CancelledError when nobody waits."""
        if self._given_up:
            raise asyncio.CancelledError

    def end(self) -> None:
        """It cannot be interrupted any more."""
        with self._turn:
            self._raw = None

    def give_up(self) -> None:
        """Nobody waits. Called on the loop."""
        with self._turn:
            self._given_up = True
            if self._raw is not None:
                self._raw.interrupt()


class InThread:
    """Stands in for an `AsyncConnection`, with as much of it as the store uses: the statement has been
    executed when there is something to await, and nothing ever waits.
    """

    def __init__(self, connection: Connection, wish: _Wish) -> None:
        self._connection = connection
        self._wish = wish

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def execute(self, *a: Any, **k: Any) -> CursorResult[Any]:
        """See `Connection`; so the others."""
        return self._mine().execute(*a, **k)

    async def exec_driver_sql(self, *a: Any, **k: Any) -> CursorResult[Any]:
        return self._mine().exec_driver_sql(*a, **k)

    async def scalar(self, *a: Any, **k: Any) -> Any:
        return self._mine().scalar(*a, **k)

    async def scalars(self, *a: Any, **k: Any) -> ScalarResult[Any]:
        return self._mine().scalars(*a, **k)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        with self._mine().begin_nested():
            yield

    async def run_sync(self, work: Callable[..., T], *a: Any, **k: Any) -> T:
        return work(self._mine(), *a, **k)

    def _mine(self) -> Connection:
        self._wish.insist()
        return self._connection


class WholeCursor(sqlite3.Cursor):
    """Has read all rows of its statement when `execute` returns."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._rows: deque[Any] = deque()

    def execute(self, *a: Any) -> WholeCursor:
        super().execute(*a)
        self._rows = deque(super().fetchall())
        return self

    def fetchone(self) -> Any:
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return list(islice(self, self.arraysize if size is None else size))

    def fetchall(self) -> list[Any]:
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def __next__(self) -> Any:
        if not self._rows:
            raise StopIteration
        return self._rows.popleft()


class WholeConnection(sqlite3.Connection):
    """Has `WholeCursor`s; a `factory` for sqlite3."""

    def cursor(self, factory: Any = WholeCursor) -> Any:
        return super().cursor(factory)


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
            wish.give_up()
            raise

    def _transact(self, work: Work[T], wish: _Wish) -> T:
        with self.connection() as connection, connection.begin():
            wish.begin(connection.connection.driver_connection)
            try:
                result = _finished(work(cast(AsyncConnection, InThread(connection, wish))))
            finally:
                wish.end()
            wish.insist()
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

    def close(self) -> None:
        """Wait for what is under way, then disconnect. Blocking."""
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
