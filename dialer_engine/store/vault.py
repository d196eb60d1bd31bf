"""Personal fields, closed: AES-256-GCM with data keys, and blind indexes to find them by.

Rules: every ciphertext names the data key that closed it, so that keys can change while old rows are
still there; it is bound to its table, column and row (AAD), so that a row's name cannot be moved to
another row unnoticed; data keys are in the database, closed by the master key (envelope), so that a
new master re-closes a few rows and not millions; a blind index is HMAC-SHA256 under a key of its own:
equal values are found, and nothing is told about the value to who has no key. The key of the index
cannot be rotated without writing every index anew, which no command does yet.

A ciphertext: one byte of version, four of key id, twelve of nonce, then what AES-GCM gives.
NIST SP 800-38D bounds random nonces to 2**32 messages a key: rotate data keys before that.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, insert, select, update

from dialer_engine.domain.errors import ConfigError, StoreError
from dialer_engine.store.keys import KEY_BYTES, Master
from dialer_engine.store.schema_books import data_keys

_VERSION = b"\x01"
_NONCE = 12
_ID = 4
_HEAD = 1 + _ID
# 128 bits: two of 2**40 numbers share an index with a chance of 2**-49.
_INDEX_BYTES = 16
DATA, INDEX = "data", "index"


class Sealed(StoreError):
    """A name or number in the store cannot be opened: it was changed, moved to another row, or closed
    with a key that is not here. Compare the master key with its backup; restore the row."""


class UnknownKey(Sealed):
    """A row was closed with a data key that this process does not know yet. It looks again."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The open data keys of a moment. active: the one that closes."""

    active: int
    ciphers: Mapping[int, AESGCM] = field(repr=False)


@dataclass(slots=True)
class Vault:
    """keys: exchanged as a whole when somebody has rotated, while other threads close and open."""

    keys: Keys
    index_key: bytes = field(repr=False)

    @property
    def active(self) -> int:
        return self.keys.active

    def close(self, place: str, plain: str) -> bytes:
        """`plain` closed for `place`: `table.column/row`."""
        # Looked at once: closed with one key and named after another, nobody could ever open it.
        keys, nonce = self.keys, os.urandom(_NONCE)
        closed = keys.ciphers[keys.active].encrypt(nonce, plain.encode(), place.encode())
        return b"".join((_VERSION, keys.active.to_bytes(_ID, "big"), nonce, closed))

    def open(self, place: str, closed: bytes) -> str:
        """What `close` was given. Sealed when it is not that, or not of this place."""
        cipher = self.keys.ciphers.get(key_of(closed))
        if cipher is None:
            raise UnknownKey("a row was closed with a data key that is not loaded")
        nonce = closed[_HEAD : _HEAD + _NONCE]
        try:
            return cipher.decrypt(nonce, closed[_HEAD + _NONCE :], place.encode()).decode()
        except InvalidTag:
            table = place.partition("/")[0]
            raise Sealed(f"a value of {table} was changed, or belongs to another row") from None

    def open_many(self, places: Sequence[str], closed: Sequence[bytes]) -> list[str]:
        """What `open` gives for each, for hundreds at a time."""
        ciphers, start, end = self.keys.ciphers, _HEAD, _HEAD + _NONCE
        # Nearly all were closed with the same key, and their heads are the same bytes.
        known = {
            head: ciphers.get(key_of(head + b"\0" * _NONCE)) for head in {c[:start] for c in closed}
        }
        found = []
        for place, one in zip(places, closed, strict=True):
            cipher = known[one[:start]]
            if cipher is None or len(one) < end:
                found.append(self.open(place, one))
                continue
            try:
                found.append(cipher.decrypt(one[start:end], one[end:], place.encode()).decode())
            except InvalidTag:
                found.append(self.open(place, one))
        return found

    def close_map(self, place: str, values: Mapping[str, Any]) -> bytes | None:
        """A mapping as JSON, without its empty values; None when nothing is left."""
        kept = {name: value for name, value in values.items() if value}
        text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
        return self.close(place, text) if kept else None

    def open_map(self, place: str, closed: bytes | None) -> dict[str, Any]:
        """What `close_map` was given, empty for None."""
        if closed is None:
            return {}
        found: dict[str, Any] = json.loads(self.open(place, closed))
        return found

    def index(self, kind: str, value: str) -> str:
        """The blind index of a value: 22 characters. kind: number, id or account, so that equal
        values of two kinds do not meet.
        """
        mark = hmac.digest(self.index_key, f"{kind}\0{value}".encode(), "sha256")
        return base64.urlsafe_b64encode(mark[:_INDEX_BYTES]).decode().rstrip("=")

    def number(self, e164: str) -> str:
        """The blind index of a telephone number."""
        return self.index("number", e164)


def key_of(closed: bytes) -> int:
    """The id of the data key; Sealed when this is no ciphertext of ours."""
    if closed[:1] != _VERSION or len(closed) < _HEAD + _NONCE:
        raise Sealed("a value is not closed as this version closes them")
    return int.from_bytes(closed[1:_HEAD], "big")


# -- data keys in the database ---------------------------------------------------------------------


def load(connection: Connection, masters: Sequence[Master]) -> Vault:
    """Open the data keys. ConfigError when the master key is not the one that closed them."""
    rows = connection.execute(select(data_keys).order_by(data_keys.c.id)).all()
    opened = {row.id: (row.purpose, unwrap(row, masters)) for row in rows}
    index = [key for purpose, key in opened.values() if purpose == INDEX]
    data = {number: key for number, (purpose, key) in opened.items() if purpose == DATA}
    if not index or not data:
        raise StoreError("the store has no data keys; run `dialer-engine db upgrade`")
    ciphers = {number: AESGCM(key) for number, key in data.items()}
    return Vault(Keys(max(data), ciphers), index[-1])


def has_keys(connection: Connection) -> bool:
    """Data keys are there."""
    return connection.execute(select(data_keys.c.id).limit(1)).first() is not None


def create(connection: Connection, master: Master) -> None:
    """The first data key and the key of the index."""
    for purpose in (INDEX, DATA):
        add_key(connection, master, purpose)


def add_key(connection: Connection, master: Master, purpose: str = DATA) -> int:
    """A new data key, which closes from now on; returns its id."""
    newest = connection.execute(select(data_keys.c.id).order_by(data_keys.c.id.desc())).scalar()
    number = int(newest or 0) + 1
    key = os.urandom(KEY_BYTES)
    row = {"id": number, "purpose": purpose, "made_at": datetime.now(UTC)}
    connection.execute(insert(data_keys), row | wrap(number, purpose, key, master))
    return number


def rewrap(connection: Connection, masters: Sequence[Master]) -> int:
    """Close every data key with the first master; returns how many were closed with another."""
    rows = connection.execute(select(data_keys).order_by(data_keys.c.id)).all()
    old = [row for row in rows if row.master_id != masters[0].id]
    for row in old:
        changed = wrap(row.id, row.purpose, unwrap(row, masters), masters[0])
        connection.execute(update(data_keys).where(data_keys.c.id == row.id).values(changed))
    return len(old)


def wrap(number: int, purpose: str, key: bytes, master: Master) -> dict[str, Any]:
    """The columns of a closed data key."""
    nonce = os.urandom(_NONCE)
    closed = AESGCM(master.secret).encrypt(nonce, key, _key_place(number, purpose))
    return {"master_id": master.id, "wrapped": nonce + closed}


def unwrap(row: Any, masters: Sequence[Master]) -> bytes:
    """The data key of a row of `data_keys`."""
    master = next((one for one in masters if one.id == row.master_id), None)
    if master is None:
        raise ConfigError(
            f"the master key is not the one of this store (it wants {row.master_id}, given"
            f" {', '.join(one.id for one in masters)}); put the right one back from its backup"
        )
    try:
        return AESGCM(master.secret).decrypt(
            row.wrapped[:_NONCE], row.wrapped[_NONCE:], _key_place(row.id, row.purpose)
        )
    except InvalidTag:
        raise Sealed(
            f"data key {row.id} of the store was changed; restore table data_keys"
        ) from None


def _key_place(number: int, purpose: str) -> bytes:
    return f"data_keys/{number}/{purpose}".encode()
