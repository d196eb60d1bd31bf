"""Stores on both databases.

SQLite always; PostgreSQL when DIALER_TEST_POSTGRES_URL names a server on which databases may be made,
or when Debian's binaries are there, from which a private server on a Unix socket is started.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from dialer_engine.store import SqlStore
from dialer_engine.store.keys import ENV_FILE, write_key
from dialer_engine.store.upgrade import upgrade

_BINARIES = Path("/usr/lib/postgresql")
_TEMPLATE = "dialer_template"
_names = count(1)

BACKENDS = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgres", id="postgres", marks=pytest.mark.postgres),
]


@pytest.fixture(scope="session")
def master_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One master key for all stores, because they are copies of one."""
    path = tmp_path_factory.mktemp("key") / "master.key"
    write_key(path)
    return path


@pytest.fixture(autouse=True)
def _master_key_is_found(master_key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV_FILE, str(master_key))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, master_key: Path) -> Path:
    """An empty store, made once and copied for each test."""
    path = tmp_path_factory.mktemp("store") / "template.db"
    upgrade(f"sqlite:///{path}", master_key)
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server, without a database."""
    given = os.environ.get("DIALER_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    found = sorted(_BINARIES.glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL: install Debian's `postgresql` or set DIALER_TEST_POSTGRES_URL")
    yield from _private_server(found[-1].parent)


def _private_server(binaries: Path) -> Iterator[str]:
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    home = Path(tempfile.mkdtemp(prefix="dialer-pg-"))
    shutil.chown(home, user)
    data = home / "data"

    def run(*words: str) -> None:
        # No pipes: the server inherits them and would keep them open.
        with (home / "setup.log").open("ab") as log:
            subprocess.run(
                words, user=user if os.geteuid() == 0 else None, cwd=home, check=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    try:
        run(str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-N")
        settings = f"-k {home} -c listen_addresses= -c fsync=off -c max_connections=200"
        run(str(binaries / "pg_ctl"), "-D", str(data), "-o", settings, "-w", "start")
        try:
            yield f"postgresql://postgres@/postgres?host={home}"
        finally:
            run(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
    except subprocess.CalledProcessError as error:
        log = (home / "setup.log").read_text(errors="replace")
        pytest.skip(f"PostgreSQL does not start: {error}\n{log}")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _admin(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, master_key: Path) -> Iterator[str]:
    """URL of the server, with an empty store to copy."""
    _admin(postgres_server, f"DROP DATABASE IF EXISTS {_TEMPLATE}")
    _admin(postgres_server, f"CREATE DATABASE {_TEMPLATE}")
    upgrade(_at(postgres_server, _TEMPLATE), master_key)
    yield postgres_server
    _admin(postgres_server, f"DROP DATABASE {_TEMPLATE} WITH (FORCE)")


def _at(server: str, database: str) -> str:
    return make_url(server).set(database=database).render_as_string(hide_password=False)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """An empty SQLite store."""
    shutil.copy(sqlite_template, tmp_path / "dialer.db")
    return f"sqlite:///{tmp_path}/dialer.db"


@pytest.fixture
def postgres_url(postgres_template: str) -> Iterator[str]:
    """An empty PostgreSQL store."""
    name = f"dialer_test_{os.getpid()}_{next(_names)}"
    _admin(postgres_template, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
    yield _at(postgres_template, name)
    _admin(postgres_template, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest) -> str:
    """An empty store on each database in turn."""
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    """The store, open."""
    found = SqlStore(url, busy_timeout_s=2.0)
    await found.open()
    yield found
    await found.close()


@pytest.fixture
async def other(url: str) -> AsyncIterator[SqlStore]:
    """The same store, as another daemon sees it."""
    found = SqlStore(url, busy_timeout_s=2.0)
    await found.open()
    yield found
    await found.close()
