"""The store locked, read-only, full, gone, killed: it says so, loses nothing, and goes on afterwards."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.errors import StoreUnavailable
from dialer_engine.domain.outcome import Outcome
from dialer_engine.store import SqlStore
from tests.store.building import LOANS, NOW, case, draft, end, fill, number


async def _pragma(store: SqlStore, words: str) -> None:
    """On the one connection that writes, outside any transaction."""

    writer = store.database._writer
    assert writer is not None

    def say() -> None:
        with writer.connection() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute(f"PRAGMA {words}")

    await asyncio.get_running_loop().run_in_executor(writer._pool, say)


async def _opened(url: str, **options: Any) -> SqlStore:
    store = SqlStore(url, **options)
    await store.open()
    return store


async def _refuses_and_recovers(store: SqlStore, break_it: Any, mend_it: Any) -> None:
    """One attempt before, one refused with its end and its events, all of them after."""
    await fill(store, [case(index) for index in range(1, 4)])
    first, second = draft(1, 1), draft(2, 2)
    await store.begin_attempts([first])
    await break_it()
    with pytest.raises(StoreUnavailable) as caught:
        await store.begin_attempts([second])
    with pytest.raises(StoreUnavailable):
        await store.end_attempts([end(first.id, Outcome.BUSY)], [])
    assert number(2) not in str(caught.value)
    assert caught.value.__suppress_context__
    await mend_it()
    assert [o.id for o in await store.open_attempts()] == [first.id]
    await store.end_attempts([end(first.id, Outcome.BUSY)], [])
    assert await store.begin_attempts([second]) == {}
    assert [row["outcome"] for row in await store.calls(None, 9, None)] == [None, "busy"]


async def test_locked_by_another_process(sqlite_url: str) -> None:
    store = await _opened(sqlite_url, busy_timeout_s=0.05)
    raw = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)

    async def lock() -> None:
        raw.execute("BEGIN IMMEDIATE")

    async def unlock() -> None:
        raw.execute("ROLLBACK")

    await _refuses_and_recovers(store, lock, unlock)
    raw.close()
    await store.close()


async def test_reading_goes_on_while_it_is_locked(sqlite_url: str) -> None:
    store = await _opened(sqlite_url, busy_timeout_s=0.05)
    await fill(store, [case(1)])
    raw = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    assert len(await store.campaigns()) == 1
    raw.close()
    await store.close()


async def test_read_only(sqlite_url: str) -> None:
    store = await _opened(sqlite_url)
    await _refuses_and_recovers(
        store, lambda: _pragma(store, "query_only=ON"), lambda: _pragma(store, "query_only=OFF")
    )
    await store.close()


async def test_full(sqlite_url: str) -> None:
    store = await _opened(sqlite_url)
    reason = ""

    async def fill_up() -> None:
        nonlocal reason
        await _pragma(store, "max_page_count=1")
        for index in range(10_000):
            try:
                await store.alarm("filler", "x" * 2000, NOW, None)
            except StoreUnavailable as error:
                reason = str(error)
                return
            assert index < 9_000

    async def make_room() -> None:
        await _pragma(store, "max_page_count=1000000")

    await fill(store, [case(index) for index in range(1, 4)])
    await fill_up()
    assert "disk is full" in reason
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await store.begin_attempts([draft(index, index) for index in range(100, 200)])
    assert await store.open_attempts() == []
    await make_room()
    assert await store.begin_attempts([draft(1, 1)]) == {}
    await store.close()


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    try:
        _mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder))
    except subprocess.CalledProcessError:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_real_disk_that_is_full_and_then_is_not(
    small_disk: Path, sqlite_template: Path
) -> None:
    shutil.copy(sqlite_template, small_disk / "dialer.db")
    store = await _opened(f"sqlite:///{small_disk}/dialer.db")
    ballast = small_disk / "ballast"

    async def fill_up() -> None:
        with ballast.open("wb", buffering=0) as target:
            try:
                while True:
                    target.write(b"x" * 4096)
            except OSError:
                pass

    async def make_room() -> None:
        ballast.unlink()

    await _refuses_and_recovers(store, fill_up, make_room)
    await store.close()
    with sqlite3.connect(small_disk / "dialer.db") as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()


async def test_a_real_disk_that_is_read_only(small_disk: Path, sqlite_template: Path) -> None:
    shutil.copy(sqlite_template, small_disk / "dialer.db")
    _mount("-o", "remount,ro", str(small_disk))
    store = await _opened(f"sqlite:///{small_disk}/dialer.db")
    with pytest.raises(StoreUnavailable):
        await store.save_campaign(Campaign(LOANS))
    await store.close()
    _mount("-o", "remount,rw", str(small_disk))


# -- killed ----------------------------------------------------------------------------------------

_WRITER = """
import asyncio, sys
from dialer_engine.store import SqlStore
from tests.store.building import case, draft, fill

async def main():
    store = SqlStore(sys.argv[1])
    await store.open()
    await fill(store, [case(1)])
    for index in range(1, 100_000):
        batch = [draft(index * 10 + n, index * 10 + n) for n in range(10)]
        refused = await store.begin_attempts(batch)
        print(*(d.id for d in batch if d.id not in refused), flush=True)

asyncio.run(main())
"""


def _write_and_kill(url: str) -> set[str]:
    """What the process had printed when it was killed in the middle of its work."""
    worker = subprocess.Popen(
        [sys.executable, "-c", _WRITER, url], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert worker.stdout is not None
    lines = [worker.stdout.readline() for _ in range(20)]
    worker.send_signal(signal.SIGKILL)
    lines += worker.stdout.readlines()
    worker.wait()
    worker.stdout.close()
    return {name for line in lines if line.endswith(b"\n") for name in line.decode().split()}


async def test_what_was_promised_outlives_a_kill(url: str) -> None:
    """Every id that the process printed after its commit is there, each counted, and no half batch."""
    promised = await asyncio.to_thread(_write_and_kill, url)
    store = await _opened(url)
    found = {opened.id for opened in await store.open_attempts()}
    assert promised <= found
    assert len(found) % 10 == 0
    assert len(found) >= 200
    await store.close()


# -- PostgreSQL ------------------------------------------------------------------------------------


def _elsewhere(url: str, statement: str) -> None:
    options = "-c default_transaction_read_only=off"
    with psycopg.connect(url, autocommit=True, options=options) as connection:
        connection.execute(statement.encode())


_END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.mark.postgres
async def test_a_dead_connection_is_replaced(postgres_url: str) -> None:
    store = await _opened(postgres_url)
    await fill(store, [case(1), case(2)])
    await asyncio.gather(*(store.campaigns() for _ in range(8)))
    _elsewhere(postgres_url, _END_OTHERS)
    assert await store.begin_attempts([draft(1, 1)]) == {}
    assert len(await store.open_attempts()) == 1
    await store.close()


@pytest.mark.postgres
async def test_a_server_that_is_gone(tmp_path: Path) -> None:
    store = SqlStore(f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await store.open()


@pytest.mark.postgres
async def test_postgres_read_only(postgres_url: str) -> None:
    store = await _opened(postgres_url)

    async def switch(state: str) -> None:
        change = f"SET default_transaction_read_only = {state}"
        name = postgres_url.split("?")[0].rsplit("/", 1)[1]
        _elsewhere(postgres_url, f"ALTER DATABASE {name} {change}")
        _elsewhere(postgres_url, _END_OTHERS)

    await _refuses_and_recovers(store, lambda: switch("on"), lambda: switch("off"))
    await store.close()


@pytest.mark.postgres
async def test_postgres_locked(postgres_url: str) -> None:
    store = await _opened(postgres_url, busy_timeout_s=0.1)
    blocker = psycopg.connect(postgres_url)

    async def lock() -> None:
        blocker.execute("LOCK TABLE attempts IN EXCLUSIVE MODE")

    async def unlock() -> None:
        blocker.rollback()

    await _refuses_and_recovers(store, lock, unlock)
    blocker.close()
    await store.close()


@pytest.mark.postgres
@pytest.mark.parametrize("committed", [False, True])
async def test_a_commit_of_which_nobody_knows_is_withdrawn(
    postgres_url: str, committed: bool
) -> None:
    """The connection dies with the commit on its way, before or after the server took it."""
    store = await _opened(postgres_url)
    await fill(store, [case(1), case(2)])
    engine = store.database._engine
    assert engine is not None
    armed = [True]

    def cut(connection: Any) -> None:
        if armed.pop() if armed else False:
            raw = connection.connection.dbapi_connection
            if committed:
                raw.commit()
                raw.cursor().execute("SELECT 1")
            _elsewhere(postgres_url, _END_OTHERS)

    event.listen(engine.sync_engine, "commit", cut)
    lost = draft(1, 1, cap=1)
    with pytest.raises(StoreUnavailable, match="broke during a commit"):
        await store.begin_attempts([lost])
    assert len(await store.open_attempts()) == int(committed)
    assert await store.begin_attempts([draft(2, 2)]) == {}
    assert await store.begin_attempts([draft(1, 1, cap=1)]) == {}
    assert lost.id not in {opened.id for opened in await store.open_attempts()}
    await store.close()
