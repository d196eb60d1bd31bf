"""Holidays, make-up working days, and years that nobody knows."""

from __future__ import annotations

from datetime import date

import pytest

from dialer_engine.compliance.calendar_ import Calendar, DayKind, read_overrides
from dialer_engine.domain.errors import BadValue


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 2, 17), DayKind.HOLIDAY),
        (date(2026, 2, 14), DayKind.MAKEUP),
        (date(2026, 2, 28), DayKind.MAKEUP),
        (date(2026, 2, 15), DayKind.ORDINARY),
        (date(2026, 10, 10), DayKind.MAKEUP),
        (date(2035, 10, 1), DayKind.UNKNOWN),
        (date(1935, 10, 1), DayKind.UNKNOWN),
    ],
)
def test_days_of_china(day: date, kind: DayKind) -> None:
    assert Calendar("CN").kind(day) is kind


def test_a_worked_saturday_is_a_monday() -> None:
    assert Calendar("CN").weekday(date(2026, 2, 14)) == 1
    assert Calendar("CN").weekday(date(2026, 2, 21)) == 6


def test_an_override_file_goes_over_the_library_and_makes_a_year_known() -> None:
    given = read_overrides(
        {"years": [2035], "holidays": [date(2035, 10, 1)], "workdays": [date(2035, 9, 29)]}
    )
    found = Calendar("CN", given)
    assert found.kind(date(2035, 10, 1)) is DayKind.HOLIDAY
    assert found.kind(date(2035, 9, 29)) is DayKind.MAKEUP
    assert found.kind(date(2035, 3, 5)) is DayKind.ORDINARY
    assert (found.knows(2035), found.knows(2036), found.knows(2026)) == (True, False, True)


def test_regions_and_places_that_nobody_knows() -> None:
    assert Calendar("US-MA").kind(date(2026, 4, 20)) is DayKind.HOLIDAY
    with pytest.raises(BadValue, match="override file"):
        Calendar("XX")


@pytest.mark.parametrize("data", [{"year": [1]}, {"years": ["2027"]}, {"holidays": ["2027-01-01"]}])
def test_override_files_that_make_no_sense(data: dict[str, list[object]]) -> None:
    with pytest.raises(BadValue, match="calendar"):
        read_overrides(data)
