"""The master key: where it is, how it is read, how a new one is made.

Rules: the master key never is in the database it protects, in a log, or in a message; a file that
others may read is refused; a key is made only for a database that has none yet, because a new key
opens nothing that an old one closed; several keys in one file are a rotation under way: the first
closes, all open.

Order: the environment variable DIALER_MASTER_KEY, the file that the configuration names
(`store.key_file`), the file that DIALER_MASTER_KEY_FILE names, and beside an SQLite file the one of
the same name with `.key` behind it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dialer_engine.domain.errors import ConfigError
from dialer_engine.store.engine import store_url

ENV_KEY = "DIALER_MASTER_KEY"
ENV_FILE = "DIALER_MASTER_KEY_FILE"
# AES-256 and HMAC-SHA256.
KEY_BYTES = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ID_BYTES = 6


@dataclass(frozen=True, slots=True)
class Master:
    """One master key. id: what ciphertexts of data keys name it by; says nothing of the key."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Twelve hex digits of a hash."""
        return hashlib.sha256(b"dialer-engine master key\0" + self.secret).hexdigest()[
            : _ID_BYTES * 2
        ]


def master_keys(
    url: str, file: Path | None = None, env: Mapping[str, str] | None = None
) -> tuple[Master, ...]:
    """All master keys, the one that closes first. ConfigError when there is none, or it is unsafe."""
    env = os.environ if env is None else env
    if env.get(ENV_KEY):
        return _parsed(env[ENV_KEY], f"environment {ENV_KEY}")
    path = key_path(url, file, env)
    if path is None:
        raise ConfigError(
            f"there is no master key for the personal data: name a file in store.key_file or {ENV_FILE},"
            f" or give the key itself in {ENV_KEY}"
        )
    return _parsed(_read(path), str(path))


def key_path(url: str, file: Path | None, env: Mapping[str, str]) -> Path | None:
    """Where the key is, or would be made."""
    if file is not None:
        return file
    if env.get(ENV_FILE):
        return Path(env[ENV_FILE])
    target = store_url(url)
    if target.get_backend_name() == "sqlite" and target.database:
        return Path(f"{target.database}.key")
    return None


def make_master(
    url: str, file: Path | None = None, env: Mapping[str, str] | None = None
) -> tuple[Master, ...]:
    """The keys of a database that has no data keys yet: made when there is no file, read when there
    is one.
    """
    env = os.environ if env is None else env
    path = key_path(url, file, env)
    if not env.get(ENV_KEY) and path is not None and not path.exists():
        write_key(path)
    return master_keys(url, file, env)


def write_key(path: Path) -> None:
    """A new random key in a new file that only its owner can read. ConfigError when it exists."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(f"{path}: the master key cannot be made: {error.strerror}") from None
    with os.fdopen(number, "w", encoding="ascii") as target:
        target.write(base64.b64encode(os.urandom(KEY_BYTES)).decode() + "\n")
        target.flush()
        # A database closed with a key that a loss of power takes away is lost.
        os.fsync(target.fileno())


def _read(path: Path) -> str:
    try:
        found = path.stat()
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise ConfigError(
            f"{path}: the master key of the personal data cannot be read: {error.strerror}."
            " Put it back from its backup; nothing else opens the names and numbers in the store"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: this is not a master key") from None
    if found.st_mode & _OTHERS:
        raise ConfigError(f"{path}: others may read the master key; run `chmod 600` on it")
    return text


def _parsed(text: str, where: str) -> tuple[Master, ...]:
    words = [line.split("#")[0].strip() for line in text.splitlines()]
    try:
        found = [base64.b64decode(word, validate=True) for word in words if word]
    except binascii.Error:
        found = []
    if not found or any(len(secret) != KEY_BYTES for secret in found):
        raise ConfigError(f"{where}: a master key is {KEY_BYTES} bytes in base64, one key a line")
    return tuple(Master(secret) for secret in found)
