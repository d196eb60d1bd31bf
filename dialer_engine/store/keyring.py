"""`dialer-engine keys`: which keys the store has, and closing everything with new ones.

Rules: rotating goes through the tables in batches, each one transaction, and remembers how far it came,
so that it can be stopped at any time and goes on where it was; a row that somebody changed meanwhile is
left to its new value (the update names the old one); old data keys stay, because a daemon that has not
looked yet still closes with them: run it again later and it does only those. The master key is changed by
writing a new line on top of its file, then `keys rotate --master-only`, then removing the old line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, pool, select, tuple_, update

from dialer_engine.store import vault as vaults
from dialer_engine.store._errors import translating
from dialer_engine.store.closed import CLOSED, Closed
from dialer_engine.store.engine import store_url
from dialer_engine.store.keys import Master, master_keys
from dialer_engine.store.schema_books import data_keys, key_progress
from dialer_engine.store.upgrade import insist_on_file
from dialer_engine.store.vault import Vault, key_of

_BATCH = 500
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """keys: [{id, purpose, made_at, master_id, active, rows {column: count}}]. pending: rows that an
    older key closed. masters: ids of the master keys given, the first closes.
    """

    keys: list[dict[str, Any]]
    pending: int
    masters: list[str]


def load_vault(url: str, key_file: Path | None = None) -> Vault:
    """The open keys of a store, for programs that read it beside a daemon. ConfigError when the master key
    is missing, unsafe or another's. Blocking.
    """
    with _connect(url) as connection:
        return vaults.load(connection, master_keys(url, key_file))


def status(url: str, key_file: Path | None = None) -> KeyStatus:
    """Read every closed column once. Blocking."""
    masters = master_keys(url, key_file)
    with _connect(url) as connection:
        vault = vaults.load(connection, masters)
        counts: dict[int, Counter[str]] = {}
        for one in CLOSED:
            for key, number in _count(connection, one).items():
                counts.setdefault(key, Counter())[str(one.column)] += number
        rows = connection.execute(select(data_keys).order_by(data_keys.c.id)).all()
    keys = [
        {
            "id": row.id,
            "purpose": row.purpose,
            "made_at": row.made_at.isoformat(),
            "master_id": row.master_id,
            "active": row.id == vault.active,
            "rows": dict(counts.get(row.id, {})),
        }
        for row in rows
    ]
    pending = sum(sum(c.values()) for key, c in counts.items() if key != vault.active)
    return KeyStatus(keys, pending, [one.id for one in masters])


def rotate(
    url: str,
    key_file: Path | None = None,
    *,
    master_only: bool = False,
    on_progress: Progress | None = None,
) -> dict[str, int]:
    """Close the data keys with the first master key; then, unless master_only, close every value with
    a new data key, or go on with a rotation that was stopped. Returns {rewrapped, key, rows}.
    Blocking.
    """
    masters = master_keys(url, key_file)
    with _connect(url) as connection:
        rewrapped = vaults.rewrap(connection, masters)
        connection.commit()
        if master_only:
            return {"rewrapped": rewrapped, "key": 0, "rows": 0}
        key = _begin(connection, masters)
        vault, done = vaults.load(connection, masters), 0
        for one in CLOSED:
            done += _rotate(connection, one, vault, done, on_progress)
        return {"rewrapped": rewrapped, "key": key, "rows": done}


def _begin(connection: Connection, masters: Sequence[Master]) -> int:
    """The key of a rotation that was stopped, else a new one."""
    progress = key_progress.c
    open_ = select(progress.key_id).where(progress.done.is_(False)).limit(1)
    under_way = connection.execute(open_).scalar()
    if under_way is not None:
        return int(under_way)
    key = vaults.add_key(connection, masters[0])
    connection.execute(key_progress.delete())
    rows = [
        {"table_name": str(one.column), "key_id": key, "after": "", "done": False} for one in CLOSED
    ]
    connection.execute(key_progress.insert(), rows)
    connection.commit()
    return key


def _rotate(
    connection: Connection, one: Closed, vault: Vault, before: int, tell: Progress | None
) -> int:
    mine = key_progress.c.table_name == str(one.column)
    row = connection.execute(select(key_progress).where(mine)).one_or_none()
    if row is None or row.done:
        connection.rollback()
        return 0
    after, count = json.loads(row.after or "[]"), 0
    while True:
        page = _page(connection, one, after)
        for found in page:
            count += _again(connection, one, vault, found)
        after = [getattr(page[-1], c.name) for c in _key(one)] if page else after
        step = {"after": json.dumps(after), "done": len(page) < _BATCH}
        connection.execute(update(key_progress).where(mine).values(step))
        connection.commit()
        if tell is not None:
            tell(before + count)
        if step["done"]:
            return count


def _again(connection: Connection, one: Closed, vault: Vault, row: Any) -> int:
    old = getattr(row, one.column.name)
    if old is None or key_of(old) == vault.active:
        return 0
    place = one.place(row)
    new = vault.close(place, vault.open(place, old))
    same = [c == getattr(row, c.name) for c in _key(one)]
    statement = update(one.table).where(*same, one.column == old).values({one.column.name: new})
    return connection.execute(statement).rowcount


def _page(connection: Connection, one: Closed, after: list[Any]) -> Sequence[Any]:
    key = _key(one)
    query = select(one.table).order_by(*key).limit(_BATCH)
    if after:
        query = query.where(tuple_(*key) > tuple_(*after))
    return connection.execute(query).all()


def _key(one: Closed) -> list[Any]:
    return list(one.table.primary_key.columns)


def _count(connection: Connection, one: Closed) -> Counter[int]:
    found: Counter[int] = Counter()
    query = select(one.column).where(one.column.is_not(None)).execution_options(yield_per=10_000)
    for (value,) in connection.execute(query):
        found[key_of(value)] += 1
    return found


@contextmanager
def _connect(url: str) -> Iterator[Connection]:
    target = store_url(url)
    insist_on_file(target)
    engine = create_engine(target, poolclass=pool.NullPool, hide_parameters=True)
    with translating(), engine.connect() as connection:
        yield connection
