"""The schema of the database is that of the program, or the store does not open."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from dialer_engine import store as package
from dialer_engine.domain.errors import ConfigError, SchemaOutdated, StoreUnavailable
from dialer_engine.store import SqlStore
from dialer_engine.store.engine import store_url
from dialer_engine.store.schema import HEAD, metadata
from dialer_engine.store.upgrade import check, upgrade


def _sync(url: str) -> str:
    return url if url.startswith("sqlite") else store_url(url).render_as_string(hide_password=False)


def test_revisions_and_tables_say_the_same(url: str) -> None:
    """A column that is only in schema.py, or only in a revision, is a difference."""
    engine = create_engine(_sync(url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_sql_of_revisions_and_tables_is_the_same(sqlite_url: str, tmp_path: Path) -> None:
    """Partial indexes and tables without row numbers too, which Alembic does not compare."""
    direct = create_engine(f"sqlite:///{tmp_path}/direct.db")
    metadata.create_all(direct)
    migrated = create_engine(sqlite_url)
    query = text("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' ORDER BY name")
    found = []
    for engine in (direct, migrated):
        with engine.connect() as connection:
            rows = connection.execute(query).all()
            found.append({n: "".join(s.split()) for n, s in rows if s and "alembic" not in s})
        engine.dispose()
    assert {n: s.replace("attempts.", "") for n, s in found[0].items()} == found[1]


def test_the_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(package.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_upgrading_twice_is_upgrading_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    assert upgrade(url) == (None, HEAD)
    assert upgrade(url) == (HEAD, HEAD)
    assert check(url) == HEAD


def test_campaigns_of_the_first_version_keep_everything_and_get_targets(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    config = Config()
    config.set_main_option("script_location", str(Path(package.__file__).parent / "migrations"))
    engine = create_engine(url)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO campaigns (id, name, mode, ratio, ring_timeout_s, wait_limit_s, wrap_up_s,"
                " amd, skill, strategy, state) VALUES (7, 'loans', 'ratio', 1.5, 30, 2, 20, 1, 'x',"
                " 'default', 'started')"
            )
        )
        connection.commit()
    assert upgrade(url) == ("0001", HEAD)
    with engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM campaigns")).mappings().one()
    engine.dispose()
    kept = {"id": 7, "name": "loans", "mode": "ratio", "ratio": 1.5, "amd": 1, "state": "started"}
    got = {"target": 0.03, "max_ringing_per_agent": 12.0, "min_ring_s": 15.0, "period": "day"}
    assert {key: row[key] for key in kept | got} == kept | got


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path}/new.db")
    assert stat.S_IMODE((tmp_path / "new.db").stat().st_mode) == 0o600


async def test_no_database_yet(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none.db"
    with pytest.raises(SchemaOutdated, match="db upgrade"):
        check(url)
    with pytest.raises(SchemaOutdated, match="db upgrade"):
        await SqlStore(url).open()
    assert list(tmp_path.iterdir()) == []


async def test_an_empty_database(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(SchemaOutdated, match="no tables"):
        await SqlStore(f"sqlite:///{tmp_path}/empty.db").open()


async def test_another_versions_database(url: str) -> None:
    engine = create_engine(_sync(url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for attempt in (check, upgrade):
        with pytest.raises(SchemaOutdated, match="9999"):
            attempt(url)
    with pytest.raises(SchemaOutdated, match=f"needs {HEAD}"):
        await SqlStore(url).open()


async def test_a_missing_table_is_an_outdated_schema(sqlite_url: str) -> None:
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as raw:
        raw.execute("DROP TABLE agents")
    raw.close()
    store = SqlStore(sqlite_url)
    await store.open()
    with pytest.raises(SchemaOutdated):
        await store.agents()
    await store.close()


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "junk.db").write_bytes(b"not a database, " * 1000)
    with pytest.raises(StoreUnavailable, match="not an SQLite database"):
        await SqlStore(f"sqlite:///{tmp_path}/junk.db").open()


@pytest.mark.parametrize("word", ["sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"])
def test_the_driver_that_a_url_names_does_not_matter(tmp_path: Path, word: str) -> None:
    """Configurations of earlier versions name one that is not needed any more."""
    upgrade(f"{word}:///{tmp_path}/store.db")
    assert check(f"{word}:///{tmp_path}/store.db") == HEAD


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "not a URL"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("mysql://u@h/d", "mysql is not supported"),
    ],
)
def test_urls_that_cannot_be_used(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        SqlStore(url)
