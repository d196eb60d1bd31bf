"""Bring the database to this version's schema, or say that it is not.

Rules: only `upgrade` changes a schema, and only when an operator asks for it; Alembic is set up from
here, without an ini file, so that it finds its revisions in an installed wheel too.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, inspect, pool, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.errors import SchemaOutdated
from dialer_engine.store._errors import translating
from dialer_engine.store.engine import store_url
from dialer_engine.store.schema import HEAD

_MIGRATIONS = Path(__file__).parent / "migrations"
_ADVICE = "run `dialer-engine db upgrade`, then start again"


def upgrade(url: str) -> tuple[str | None, str]:
    """Bring the database at `url` to this version; makes the file and all tables where there are
    none. Returns the revision before and after. Blocking: for commands, or in a thread.
    """
    with translating(), _connect(url) as connection:
        before = _revision(connection)
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
        return before, HEAD


def check(url: str) -> str:
    """The revision of the database at `url`; SchemaOutdated when it is not this version's.
    Blocking.
    """
    with translating(), _connect(url) as connection:
        return _compare(_revision(connection))


async def check_connection(connection: AsyncConnection) -> str:
    """The same, on an open connection."""
    return _compare(await connection.run_sync(_revision))


def _connect(url: str) -> Connection:
    """pysqlite in place of aiosqlite; psycopg does both."""
    target = store_url(url)
    if target.get_backend_name() == "sqlite":
        target = target.set(drivername="sqlite")
    return create_engine(target, poolclass=pool.NullPool, hide_parameters=True).connect()


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
