"""PINs: hashed with argon2id, compared, never kept."""

from __future__ import annotations

import pytest

from dialer_engine.app.pins import check_pin, hash_pin


async def test_the_right_pin_and_no_other() -> None:
    known = hash_pin("4711")
    assert known.startswith("$argon2id$")
    assert "4711" not in known
    assert hash_pin("4711") != known, "each has a salt of its own"
    assert await check_pin(known, "4711")
    assert not await check_pin(known, "4712")


@pytest.mark.parametrize(
    ("pin_hash", "pin"),
    [
        ("", "4711"),
        ("", ""),
        ("$argon2id$", ""),
        ("no hash at all", "4711"),
        ("$argon2id$v=19$bad", "1"),
    ],
)
async def test_without_a_good_hash_nobody_gets_in(pin_hash: str, pin: str) -> None:
    assert not await check_pin(pin_hash, pin)


def test_no_pin_no_hash() -> None:
    assert hash_pin("") == ""
