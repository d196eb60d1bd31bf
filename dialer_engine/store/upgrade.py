"""Bring the database to this version's schema, or say that it is not.

Rules: only `upgrade` changes a schema, and only when an operator asks for it; Alembic is set up from
here, without an ini file, so that it finds its revisions in an installed wheel too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, create_engine, event, inspect, pool, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.errors import SchemaOutdated
from dialer_engine.store._errors import translating
from dialer_engine.store.engine import store_url
from dialer_engine.store.keys import make_master, master_keys
from dialer_engine.store.schema import HEAD
from dialer_engine.store.vault import load

_MIGRATIONS = Path(__file__).parent / "migrations"
_ADVICE = "run `dialer-engine db upgrade`, then start again"


def upgrade(url: str, key_file: Path | None = None) -> tuple[str | None, str]:
    """Bring the database at `url` to this version; makes the file and all tables where there are
    none, and a master key (`keys.py`) for a database that has no data keys. Returns the revision before
    and after. ConfigError when the master key is missing or another's. Blocking: for commands, or in a thread.
    """
    with translating():
        _make_file(url)
    with translating(), _connect(url) as connection:
        before = _revision(connection)
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["masters"] = lambda: make_master(url, key_file)
        try:
            command.upgrade(config, "head")
        except CommandError:
            _compare(before)
            raise
        connection.commit()
        # Else it would say that all is well, and the daemon would not start.
        load(connection, master_keys(url, key_file))
        return before, HEAD


def check(url: str) -> str:
    """The revision of the database at `url`; SchemaOutdated when it is not this version's.
    Blocking.
    """
    insist_on_file(store_url(url))
    with translating(), _connect(url) as connection:
        return _compare(_revision(connection))


async def check_connection(connection: AsyncConnection) -> str:
    """The same, on an open connection."""
    return _compare(await connection.run_sync(_revision))


def _connect(url: str) -> Connection:
    """A connection that blocks."""
    target = store_url(url)
    engine = create_engine(target, poolclass=pool.NullPool, hide_parameters=True)
    if target.get_backend_name() == "sqlite":
        # All of a revision or nothing: sqlite3 by itself would commit before each table.
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine.connect()


def _leave_transactions_to_us(raw: Any, _record: Any) -> None:
    raw.isolation_level = None


def insist_on_file(target: URL) -> None:
    """SchemaOutdated when there is no SQLite file yet: connecting would make an empty one."""
    if target.get_backend_name() == "sqlite" and not Path(target.database or "").exists():
        raise SchemaOutdated(f"there is no database at {target.database} yet; {_ADVICE}")


def _make_file(url: str) -> None:
    """The file of a new SQLite store is its owner's alone: it will hold names and numbers. SQLite
    gives its companions the same mode.
    """
    target = store_url(url)
    if target.get_backend_name() == "sqlite" and target.database:
        os.close(os.open(target.database, os.O_RDWR | os.O_CREAT, 0o600))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _compare(found: str | None) -> str:
    if found == HEAD:
        return found
    if found is None:
        raise SchemaOutdated(f"the database has no tables of dialer-engine yet; {_ADVICE}")
    raise SchemaOutdated(
        f"the database is at schema {found}, this version needs {HEAD}; {_ADVICE}"
        " (a database of a newer version needs the newer program)"
    )
