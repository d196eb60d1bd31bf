"""Units and identities check themselves when they are made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.errors import BadValue, DialerError
from dialer_engine.domain.units import Moment, Money, attempt_id, e164, leg_id, ulid

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALPHABET = set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_a_moment_is_in_utc() -> None:
    for wrong in (NOON.replace(tzinfo=None), NOON.replace(tzinfo=timezone(timedelta(hours=8)))):
        with pytest.raises(BadValue, match="in UTC"):
            Moment(0.0, wrong)


def test_since_reads_the_clock_that_never_steps() -> None:
    earlier, later = Moment(10.0, NOON), Moment(12.5, NOON - timedelta(hours=1))
    assert later.since(earlier) == pytest.approx(2.5)
    assert earlier.since(later) == 0.0


@pytest.mark.parametrize("good", ["+447700900123", "+1202", "+8613800000000", "+123456789012345"])
def test_e164_takes_numbers(good: str) -> None:
    assert e164(good) == good


@pytest.mark.parametrize(
    "bad",
    ["", "+", "447700900123", "+047700900", "+44 7700 900123", "+4477009001234567", "+123",
     "+447700900123\n", "+44７７00900123", "tel:+447700900123"],
)  # fmt: skip
def test_e164_refuses_the_rest_and_does_not_repeat_it(bad: str) -> None:
    with pytest.raises(BadValue) as caught:
        e164(bad)
    assert not bad.strip("+") or bad not in str(caught.value)


def test_money_has_an_amount_that_is_no_float_and_a_currency() -> None:
    assert str(Money(Decimal("1234.50"), "CNY")) == "1,234.50 CNY"
    for currency in ("cny", "CN", "CNYX", "CNY\n", ""):
        with pytest.raises(BadValue, match="ISO 4217"):
            Money(Decimal(1), currency)
    for amount in (1.5, Decimal("NaN"), Decimal("Infinity")):
        with pytest.raises(BadValue, match="Decimal"):
            Money(amount, "CNY")  # type: ignore[arg-type]


def test_ulid_is_the_one_of_the_specification() -> None:
    """The specification's example 01ARZ3NDEKTSV4RRFFQ69G5FAV begins with 1469922850259 ms."""
    assert ulid(1469922850259, bytes(10)) == "01ARZ3NDEK" + "0" * 16
    assert ulid((1 << 48) - 1, b"\xff" * 10) == "7" + "Z" * 25


@given(st.integers(0, (1 << 48) - 2), st.binary(min_size=10, max_size=10), st.integers(1, 999))
def test_ulids_sort_by_time(at: int, chance: bytes, later: int) -> None:
    first = ulid(at, chance)
    assert len(first) == 26
    assert set(first) <= ALPHABET
    assert first < ulid(min(at + later, (1 << 48) - 1), bytes(10)) or at + later >= 1 << 48


@pytest.mark.parametrize(("at", "chance"), [(-1, 10), (1 << 48, 10), (0, 9), (0, 11)])
def test_ulid_refuses_what_does_not_fit(at: int, chance: int) -> None:
    with pytest.raises(BadValue):
        ulid(at, bytes(chance))


def test_ids_tell_debtors_from_agents() -> None:
    assert attempt_id(1, bytes(10)).startswith("a-0")
    assert leg_id(1, bytes(10)).startswith("g-0")
    assert len(attempt_id(1, bytes(10))) == 28


def test_a_bad_value_is_caught_at_the_edge() -> None:
    assert issubclass(BadValue, DialerError)
    assert issubclass(BadValue, ValueError)
