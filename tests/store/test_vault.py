"""Personal fields are closed, bound to their row, found by index, and closed anew by a rotation."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, select, update

from dialer_engine.domain.case import Case, Number
from dialer_engine.domain.errors import ConfigError
from dialer_engine.store import SqlStore, keyring
from dialer_engine.store.cases import personal_place
from dialer_engine.store.closed import CLOSED
from dialer_engine.store.keys import ENV_FILE, ENV_KEY, master_keys, write_key
from dialer_engine.store.numbers import masked
from dialer_engine.store.schema import cases, metadata
from dialer_engine.store.upgrade import upgrade
from dialer_engine.store.vault import Keys, Sealed, UnknownKey, Vault, key_of
from tests.store.building import due, fill, number

NAME = "Wilhelmina Quill"


def vault(*keys: int) -> Vault:
    ciphers = {key: AESGCM(bytes([key]) * 32) for key in keys}
    return Vault(Keys(max(keys), ciphers), b"i" * 32)


@given(st.text(), st.text(min_size=1, max_size=20).filter(lambda t: "/" not in t))
def test_what_is_closed_is_opened_and_only_in_its_place(plain: str, place: str) -> None:
    keys = vault(1, 2)
    closed = keys.close(place, plain)
    assert keys.open(place, closed) == plain
    assert key_of(closed) == 2
    with pytest.raises(Sealed, match="another row"):
        keys.open(place + "x", closed)


@given(st.binary(max_size=80))
def test_garbage_does_not_open(junk: bytes) -> None:
    with pytest.raises(Sealed):
        vault(1).open("t.c/1", junk)


@given(st.integers(min_value=0), st.integers(1, 255))
def test_any_changed_byte_is_noticed(place: int, change: int) -> None:
    closed = bytearray(vault(1).close("t.c/1", NAME))
    closed[place % len(closed)] ^= change
    with pytest.raises(Sealed):
        vault(1).open("t.c/1", bytes(closed))


@given(st.lists(st.tuples(st.text(max_size=9), st.sampled_from([1, 2]))))
def test_many_are_opened_as_one_is(given: list[tuple[str, int]]) -> None:
    both = {key: vault(key) for key in (1, 2)}
    places = [f"t.c/{place}" for place in range(len(given))]
    closed = [both[key].close(at, text) for at, (text, key) in zip(places, given, strict=True)]
    assert vault(1, 2).open_many(places, closed) == [text for text, _ in given]


@given(st.binary(max_size=80))
def test_one_that_does_not_open_among_many_is_told_as_alone(junk: bytes) -> None:
    keys = vault(1)
    good = keys.close("t.c/1", NAME)
    with pytest.raises(Sealed):
        keys.open_many(["t.c/1", "t.c/2"], [good, junk])
    with pytest.raises(Sealed, match="another row"):
        keys.open_many(["t.c/1", "t.c/2"], [good, good])
    with pytest.raises(UnknownKey):
        keys.open_many(["t.c/1", "t.c/2"], [good, vault(2).close("t.c/2", NAME)])


def test_a_key_that_is_not_here_is_told_apart() -> None:
    with pytest.raises(UnknownKey):
        vault(1).open("t.c/1", vault(2).close("t.c/1", NAME))


def test_indexes_meet_only_where_kind_and_value_do() -> None:
    keys = vault(1)
    assert keys.index("id", "1") == keys.index("id", "1")
    assert len({keys.index("id", "1"), keys.index("number", "1"), keys.index("id", "2")}) == 3
    assert len(keys.number("+447700900000")) == 22


@pytest.mark.parametrize(
    ("full", "shown"),
    [
        ("+447700900123", "+44********23"),
        ("+12025550101", "+1********01"),
        ("+8613800138000", "+86*********00"),
        ("+35312345678", "+353******78"),
        ("+9991234567", "+********67"),
    ],
)
def test_a_masked_number_tells_country_and_two_digits(full: str, shown: str) -> None:
    assert masked(full) == shown


def test_every_closed_column_is_known_to_the_rotation() -> None:
    binary = {
        str(column)
        for table in metadata.tables.values()
        for column in table.c
        if isinstance(column.type, LargeBinary)
    }
    assert binary - {"data_keys.wrapped"} == {str(one.column) for one in CLOSED}


async def _filled(url: str, key_file: Path | None = None) -> SqlStore:
    store = SqlStore(url, key_file=key_file)
    await store.open()
    people = [
        Case(f"C{i}", NAME, (Number(number(i)),), id_number=f"ID-7-{i}", attributes={"pet": "Rex"})
        for i in range(3)
    ]
    await fill(store, people)
    return store


async def test_nothing_personal_is_in_the_files(tmp_path: Path, sqlite_url: str) -> None:
    store = await _filled(sqlite_url)
    await store.begin_attempts([])
    await store.close()
    held = b"".join(path.read_bytes() for path in tmp_path.glob("dialer.db*"))
    for plain in (NAME, "Rex", "ID-7-", number(1), number(1)[1:], "Quill"):
        assert plain.encode() not in held
    assert b"C1" in held


async def test_a_name_moved_to_another_row_is_noticed(url: str) -> None:
    store = await _filled(url)

    async def move(connection: object) -> None:
        other = select(cases.c.personal).where(cases.c.reference == "C1").scalar_subquery()
        change = update(cases).where(cases.c.reference == "C0").values(personal=other)
        await connection.execute(change)  # type: ignore[attr-defined]
        rows = await connection.execute(select(cases).where(cases.c.reference == "C0"))  # type: ignore[attr-defined]
        with pytest.raises(Sealed):
            store.vault.open_map(personal_place("C0"), rows.one().personal)

    await store.database.write(move)
    await store.close()


async def test_rotation_closes_everything_anew_beside_a_running_store(url: str) -> None:
    store = await _filled(url)
    before = keyring.status(url)
    assert before.pending == 0
    told: list[int] = []
    done = keyring.rotate(url, on_progress=told.append)
    assert done["rows"] == told[-1] == 6
    after = keyring.status(url)
    assert after.pending == 0
    assert [key["active"] for key in after.keys] == [False, False, True]
    # The store that was open all the time learns of the key by itself.
    assert {found.number for found in await due(store)} == {number(i) for i in range(3)}
    await store.close()


async def test_a_rotation_that_was_stopped_goes_on(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await _filled(sqlite_url)
    await store.close()
    monkeypatch.setattr(keyring, "_BATCH", 2)

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keyring.rotate(sqlite_url, on_progress=stop)
    assert keyring.status(sqlite_url).pending == 4
    key = keyring.status(sqlite_url).keys[-1]["id"]
    assert keyring.rotate(sqlite_url) == {"rewrapped": 0, "key": key, "rows": 4}
    assert keyring.status(sqlite_url).pending == 0


async def test_a_new_master_key(sqlite_url: str, tmp_path: Path, master_key: Path) -> None:
    store = await _filled(sqlite_url)
    await store.close()
    write_key(tmp_path / "new.key")
    both = tmp_path / "both.key"
    both.write_text((tmp_path / "new.key").read_text() + master_key.read_text())
    both.chmod(0o600)
    assert keyring.rotate(sqlite_url, both, master_only=True)["rewrapped"] == 2
    with pytest.raises(ConfigError, match="not the one of this store"):
        keyring.load_vault(sqlite_url, master_key)
    again = SqlStore(sqlite_url, key_file=tmp_path / "new.key")
    await again.open()
    assert len(await due(again)) == 3
    await again.close()


async def test_no_key_no_store(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV_FILE, "/nowhere/master.key")
    with pytest.raises(ConfigError, match=r"/nowhere/master\.key.*backup"):
        await SqlStore(sqlite_url).open()
    monkeypatch.delenv(ENV_FILE)
    with pytest.raises(ConfigError, match="cannot be read"):
        await SqlStore(sqlite_url).open()


def test_where_the_key_is_looked_for(tmp_path: Path, master_key: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    text = master_key.read_text()
    assert master_keys(url, env={ENV_KEY: text})[0] == master_keys(url, master_key, {})[0]
    with pytest.raises(ConfigError, match="there is no master key"):
        master_keys("postgresql://u@h/d", env={})
    with pytest.raises(ConfigError, match="32 bytes"):
        master_keys(url, env={ENV_KEY: "short"})
    loose = tmp_path / "loose.key"
    loose.write_text(text)
    loose.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        master_keys(url, loose, {})


def test_an_upgrade_makes_a_key_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENV_FILE)
    url, path = f"sqlite:///{tmp_path}/a.db", tmp_path / "a.db.key"
    upgrade(url)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made = path.read_text()
    upgrade(url)
    assert path.read_text() == made
    os.rename(path, tmp_path / "away")
    with pytest.raises(ConfigError, match="Put it back from its backup"):
        upgrade(url)
    assert not path.exists(), "a key that opens nothing was made"


def test_the_first_versions_rows_are_closed(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, text

    from dialer_engine import store as package

    url = f"sqlite:///{tmp_path}/old.db"
    config = Config()
    config.set_main_option("script_location", str(Path(package.__file__).parent / "migrations"))
    engine = create_engine(url)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for statement in (
            "INSERT INTO cases VALUES (5, 'C5', 'Wilhelmina Quill', 120000, 'GBP', 3, '', 0, '',"
            " '{\"pet\": \"Rex\"}', 1, 'f')",
            "INSERT INTO case_numbers VALUES (5, 0, '+447700900001', 'mobile', 'Europe/London')",
            "INSERT INTO number_days VALUES ('+447700900001', '2026-11-23', 2)",
            "INSERT INTO attempts (id, campaign_id, case_id, number, node, trunk, try_no, planned_at,"
            " local_day, permit, recovered, recording_due) VALUES ('a-1', 1, 5, '+447700900001', 'n', 't',"
            " 1, 1000000, '2026-11-23', '{\"zone\": \"x\"}', 0, 0)",
        ):
            connection.exec_driver_sql(statement)
        connection.commit()
    upgrade(url)
    keys = keyring.load_vault(url)
    with sqlite3.connect(f"{tmp_path}/old.db") as raw:
        (row,) = raw.execute("SELECT reference, personal, balance FROM cases")
        (mine,) = raw.execute("SELECT number, number_key FROM case_numbers")
        (day,) = raw.execute("SELECT number_key, attempts FROM number_days")
        (call,) = raw.execute("SELECT number_key, number_shown, permit, planned_at FROM attempts")
    raw.close()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM case_facts")).scalar() == 0
    engine.dispose()
    held = keys.open_map(personal_place("C5"), row[1])
    assert (row[0], held, row[2]) == ("C5", {"name": NAME, "attributes": {"pet": "Rex"}}, 120000)
    assert keys.open("case_numbers.number/5/0", mine[0]) == "+447700900001"
    key = keys.number("+447700900001")
    assert (mine[1], day) == (key, (key, 2))
    assert call == (key, "+44********01", '{"zone": "x"}', 1_000_000)


def test_what_is_closed_while_keys_are_exchanged_can_be_opened() -> None:
    """Another thread learns of a rotation in the middle of a value."""
    one, both, ended = vault(1, 2), (vault(1).keys, vault(1, 2).keys), threading.Event()

    def exchange() -> None:
        while not ended.is_set():
            for keys in both:
                one.keys = keys

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        closed = [one.close("cases.personal/1", NAME) for _ in range(20_000)]
    finally:
        ended.set()
        thread.join()
        sys.setswitchinterval(usual)
    one.keys = both[1]
    assert {one.open("cases.personal/1", value) for value in closed} == {NAME}
    assert {key_of(value) for value in closed} == {1, 2}
