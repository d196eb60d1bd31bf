"""Candidates for a zone, and the local days of several zones at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.compliance._country_zones import COUNTRY_ZONES
from dialer_engine.compliance.zones import (
    ZonePolicy,
    candidates,
    day_begins,
    jurisdictions,
    prefix_zones,
    zones_of,
)
from dialer_engine.domain.units import E164

WASHINGTON, NOBODY = E164("+12025550101"), E164("+9991000001")
ALL = ZonePolicy()


def test_every_candidate_counts_once() -> None:
    found = candidates(ALL, WASHINGTON, "America/Chicago", ("America/New_York", "America/Denver"))
    assert found == ("America/Chicago", "America/New_York", "America/Denver")


def test_one_official_time_takes_the_place_of_the_prefix_but_not_of_what_was_stated() -> None:
    policy = ZonePolicy(official=(("CN", ("Asia/Shanghai",)),))
    assert candidates(policy, WASHINGTON, None, (), "CN") == ("Asia/Shanghai",)
    assert candidates(policy, WASHINGTON, "Asia/Urumqi", (), "CN") == (
        "Asia/Urumqi",
        "Asia/Shanghai",
    )


def test_nothing_known_is_the_whole_country_or_nothing() -> None:
    assert "Pacific/Honolulu" in candidates(ALL, NOBODY, None, (), "US")
    assert candidates(ZonePolicy(unknown="deny"), NOBODY, None, (), "US") == ()
    assert candidates(ALL, NOBODY, None) == ()


def test_prefixes() -> None:
    assert prefix_zones(WASHINGTON) == ("America/New_York",)
    assert prefix_zones(NOBODY) == ()
    assert len(prefix_zones(E164("+18005550101"))) > 20


def test_a_name_that_is_not_in_the_data_spoils_the_answer() -> None:
    assert zones_of(("Europe/London", "Europe/Nowhere")) is None
    assert zones_of(()) is None


def test_every_zone_of_the_table_is_in_the_data() -> None:
    for names in COUNTRY_ZONES.values():
        assert zones_of(names) is not None


def test_jurisdictions_have_their_country_and_the_union() -> None:
    assert jurisdictions("US-MA") == {"US-MA", "US"}
    assert jurisdictions("DE") == {"DE", "EU"}
    assert jurisdictions("") == frozenset()


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Europe/London", date(2026, 3, 29), "2026-03-29T00:00+00:00"),
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00+00:00"),
        ("Asia/Beirut", date(2026, 3, 29), "2026-03-28T22:00+00:00"),
    ],
)
def test_days_begin_where_midnight_is_skipped_too(zone: str, day: date, begins: str) -> None:
    found = day_begins(ZoneInfo(zone), day)
    assert abs(found - datetime.fromisoformat(begins)) <= timedelta(hours=1)
    assert found <= datetime.fromisoformat(begins)


moments = st.integers(0, 3 * 365 * 86_400).map(
    lambda second: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
)
names = st.lists(
    st.sampled_from(
        ["Europe/London", "Asia/Kathmandu", "Pacific/Apia", "America/New_York", "Asia/Beirut"]
    ),
    min_size=1,
    max_size=3,
    unique=True,
)


@given(names, moments, st.integers(-8, 8))
def test_days_of_several_zones_are_the_widest(given: list[str], at: datetime, days: int) -> None:
    zones = zones_of(tuple(given))
    assert zones is not None
    first, last = zones.day_start(at, days), zones.next_day(at, days)
    starts = [
        day_begins(info, at.astimezone(info).date() + timedelta(days=days)) for info in zones.infos
    ]
    assert (first, last) == (min(starts), max(starts))
    assert zones.day_start(at, 0) <= at < zones.next_day(at, 1)
    assert zones.week_start(at) <= zones.day_start(at, 0)
    assert zones.next_week(at) > at
