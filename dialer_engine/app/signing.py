"""Files that are signed: Ed25519 over the one spelling of their content.

Rules: the key is made once, is its owner's alone, and stays on this machine; the file has the public key,
so that anybody can check it, and whoever wants to know that the key is ours compares its fingerprint with
one that was handed over by another way; layout is free, because what is signed is the canonical JSON.
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from dialer_engine.compliance.ruleset import canonical
from dialer_engine.domain.errors import ConfigError

KEY_FILE: Final = "evidence.key"
_RAW: Final = serialization.Encoding.Raw


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """The key of this installation; made when there is none. ConfigError when it cannot be read."""
    path = folder / KEY_FILE
    try:
        if not path.exists():
            _make(path)
        found = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: the key that signs evidence cannot be used: {error}") from None
    if not isinstance(found, Ed25519PrivateKey):
        raise ConfigError(f"{path}: this is no Ed25519 key")
    return found


def _make(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)


def sign(content: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """The content with the public key, its fingerprint and the signature."""
    raw = key.public_key().public_bytes(_RAW, serialization.PublicFormat.Raw)
    whole = content | {"public_key": base64.b64encode(raw).decode(), "fingerprint": _print_of(raw)}
    return whole | {"signature": base64.b64encode(key.sign(canonical(whole))).decode()}


def check(signed: dict[str, Any]) -> tuple[bool, str]:
    """Whether the signature is that of this content, and the fingerprint of the key that made it."""
    content = {name: value for name, value in signed.items() if name != "signature"}
    try:
        raw = base64.b64decode(str(signed["public_key"]), validate=True)
        mark = base64.b64decode(str(signed["signature"]), validate=True)
        Ed25519PublicKey.from_public_bytes(raw).verify(mark, canonical(content))
    except (KeyError, ValueError, InvalidSignature):
        return False, ""
    return True, _print_of(raw)


def _print_of(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:32]
