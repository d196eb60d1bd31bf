"""PINs of agents: argon2id, in a worker thread, because one check takes about 100 ms on purpose."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()


def hash_pin(pin: str) -> str:
    """The hash to store; empty for no PIN, with which nobody can log in by phone."""
    return _HASHER.hash(pin) if pin else ""


async def check_pin(pin_hash: str, pin: str) -> bool:
    """Whether `pin` is the one that was hashed."""
    if not pin_hash or not pin:
        return False
    return await asyncio.to_thread(_verify, pin_hash, pin)


def _verify(pin_hash: str, pin: str) -> bool:
    try:
        return _HASHER.verify(pin_hash, pin)
    except (VerificationError, InvalidHashError):
        return False
