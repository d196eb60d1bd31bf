"""Numbers at the door."""

from __future__ import annotations

import pytest

from dialer_engine.domain.units import E164
from dialer_engine.store.phone import BadNumber, read_number, zone_of


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("07700 900123", "GB", "+447700900123"),
        ("+44 7700 900123", "CN", "+447700900123"),
        ("0044 (0)20 7946 0123", "GB", "+442079460123"),
        ("０７７００９００１２３", "GB", "+447700900123"),
        ("07700900123.0", "GB", "+447700900123"),
        ("(202) 555-0147", "US", "+12025550147"),
        ("01632 960001", "GB", "+441632960001"),
    ],
)
def test_what_people_write(text: str, region: str, expected: str) -> None:
    assert read_number(text, region) == expected


@pytest.mark.parametrize(
    ("text", "region", "reason"),
    [
        ("7.7009E+11", "GB", "spreadsheet"),
        ("07700", "GB", "numbering plan"),
        ("07700900123", "", "no country code and no region"),
        ("unknown", "GB", "not a telephone number"),
        ("020 7946 0123 ext. 7", "GB", "extension"),
        ("+4477009001234567", "GB", "numbering plan"),
    ],
)
def test_what_is_refused_and_why(text: str, region: str, reason: str) -> None:
    with pytest.raises(BadNumber, match=reason) as caught:
        read_number(text, region)
    assert text not in str(caught.value)


def test_a_zone_only_where_there_is_one() -> None:
    assert zone_of(E164("+447700900123")) == "Europe/London"
    assert zone_of(E164("+442079460123")) == "Europe/London"
    assert zone_of(E164("+12025550147")) == "America/New_York"
    # Toll-free: the whole of North America.
    assert zone_of(E164("+18005550100")) is None
