"""What a database says, in the words of the one error tree.

Rules: no parameter and no row of a statement gets into a message (they hold numbers and names);
what cannot be written now is `StoreUnavailable`; what this version does not know is
`SchemaOutdated`; anything else is a `StoreError` that names the database's own code.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from dialer_engine.domain.errors import SchemaOutdated, StoreError, StoreUnavailable

# Primary result codes, https://www.sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_BUSY: "another process has locked it",
    sqlite3.SQLITE_LOCKED: "another connection has locked a table",
    sqlite3.SQLITE_PERM: "access is not permitted",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a backup",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_PROTOCOL: "another process holds its lock file",
    sqlite3.SQLITE_NOTADB: "the file is not an SQLite database",
}
# Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES = {
    "08": "the connection was lost",
    "25006": "it is read-only",
    "28": "user or password is refused",
    "3D": "there is no such database",
    "40": "two transactions were in each other's way",
    "53100": "the disk is full",
    "53": "it is out of resources",
    "55P03": "a lock was not to be had in time",
    "57": "it is shutting down, or an administrator ended the session",
    "58": "the system reports an error",
    "XX": "the database is damaged",
}
_POSTGRES_SCHEMA = frozenset({"42P01", "42703", "3F000"})
_SQLITE_SCHEMA = ("no such table", "no such column", "has no column named")
_RETRIED = frozenset({"40001", "40P01"})
# The low byte of an extended result code is the primary one.
_PRIMARY = 0xFF


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's code of an error, None when it is not one of PostgreSQL's."""
    found = getattr(getattr(error, "orig", error), "sqlstate", None)
    return found if isinstance(found, str) else None


def is_retried(error: exc.DBAPIError) -> bool:
    """The transaction was undone and may simply be done again: deadlock, or a connection that had
    died unnoticed.
    """
    return error.connection_invalidated or sqlstate(error) in _RETRIED


def translated(error: BaseException) -> StoreError:
    """The error of the one tree for what a library raised."""
    origin = getattr(error, "orig", None) or error
    if isinstance(origin, sqlite3.Error):
        return _from_sqlite(origin)
    if isinstance(error, (OSError, exc.TimeoutError)):
        return StoreUnavailable(f"the store cannot be reached: {type(error).__name__}")
    return _from_postgres(error, sqlstate(error))


@contextmanager
def translating() -> Iterator[None]:
    """Let nothing of the database libraries through."""
    try:
        yield
    except (exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise translated(error) from None


def _from_sqlite(error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if code in _SQLITE:
        return StoreUnavailable(f"the store does not take it: {_SQLITE[code]}")
    if any(words in str(error) for words in _SQLITE_SCHEMA):
        return SchemaOutdated("the store lacks a table or a column; run `dialer-engine db upgrade`")
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return StoreError(f"the store failed: {name}")


def _from_postgres(error: BaseException, state: str | None) -> StoreError:
    if state in _POSTGRES_SCHEMA:
        return SchemaOutdated("the store lacks a table or a column; run `dialer-engine db upgrade`")
    if state is not None:
        why = _POSTGRES.get(state) or _POSTGRES.get(state[:2])
        return (
            StoreUnavailable(f"the store does not take it: {why}") if why else _other(error, state)
        )
    if isinstance(error, (exc.OperationalError, exc.InterfaceError)) or _is_disconnect(error):
        return StoreUnavailable("the store cannot be reached: the connection was lost or refused")
    return _other(error, type(getattr(error, "orig", error)).__name__)


def _is_disconnect(error: BaseException) -> bool:
    return isinstance(error, exc.DBAPIError) and error.connection_invalidated


def _other(error: BaseException, code: str) -> StoreError:
    return StoreError(f"the store failed: {code} ({type(error).__name__})")
