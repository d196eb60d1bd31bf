"""Times and amounts are the same on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.errors import BadValue
from dialer_engine.store import SqlStore
from dialer_engine.store._types import UtcTime, from_ten_thousandths, ten_thousandths
from tests.store.building import LOANS, NOW, case, due, fill

_LITE = sqlite.dialect()


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_comes_back_to_the_microsecond(moment: datetime) -> None:
    column = UtcTime()
    assert column.process_result_value(column.process_bind_param(moment, _LITE), _LITE) == moment


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(BadValue, match="zone"):
        UtcTime().process_bind_param(datetime(2026, 11, 23), _LITE)  # noqa: DTZ001


async def test_another_zones_time_is_the_same_instant(store: SqlStore) -> None:
    shanghai = timezone(timedelta(hours=8))
    await store.save_campaign(Campaign(LOANS))
    await fill(store, [case(1)], due_at=NOW.astimezone(shanghai) + timedelta(microseconds=1))
    assert await due(store, now=NOW) == []
    assert len(await due(store, now=NOW + timedelta(microseconds=1))) == 1


@given(st.decimals(-(10**13), 10**13, places=4))
def test_an_amount_comes_back_exactly(amount: Decimal) -> None:
    assert from_ten_thousandths(ten_thousandths(amount)) == amount


def test_an_amount_shows_its_cents() -> None:
    assert str(from_ten_thousandths(ten_thousandths(Decimal("1234.5")))) == "1234.50"
    assert str(from_ten_thousandths(ten_thousandths(Decimal("0.1234")))) == "0.1234"


@pytest.mark.parametrize("amount", ["0.00001", "1e15", "NaN", "Infinity"])
def test_an_amount_beyond_the_column_is_refused(amount: str) -> None:
    with pytest.raises(BadValue):
        ten_thousandths(Decimal(amount))
