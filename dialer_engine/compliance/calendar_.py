"""Which days are holidays, and which weekend days are worked in exchange (调休). Pure but for the
library's tables.

Rules: the library `holidays` is the base, a file of the operator's goes over it day by day; a year
for which a country's holidays are decreed and the decree is not in the data is unknown, and a rule
that needs it denies. Today that is China, whose State Council names the days each autumn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any, Final

from dialer_engine.domain.errors import BadValue

_SUNDAY: Final = 7


class DayKind(Enum):
    """ordinary: its weekday says what it is. makeup: a weekend day that is worked. unknown: nobody
    knows yet.
    """

    ORDINARY = "ordinary"
    HOLIDAY = "holiday"
    MAKEUP = "makeup"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Overrides:
    """What an operator's file says. days: by date. years: whole years that it knows although the
    library does not.
    """

    days: Mapping[date, DayKind] = field(default_factory=dict)
    years: frozenset[int] = frozenset()


class Calendar:
    """The days of one country or region. decreed: a year counts only when its decree is known."""

    def __init__(self, place: str, overrides: Overrides | None = None) -> None:
        """place: ISO 3166, `CN` or `US-MA`. BadValue when the library does not know it."""
        self.place = place
        self._overrides = overrides or Overrides()
        self._years: dict[int, tuple[Any, frozenset[date]] | None] = {}
        self._kind(date(2026, 1, 1))

    def kind(self, day: date) -> DayKind:
        """What this day is."""
        given = self._overrides.days.get(day)
        return given if given is not None else self._kind(day)

    def _kind(self, day: date) -> DayKind:
        if day.year not in self._years:
            self._years[day.year] = _load(self.place, day.year)
        known = self._years[day.year]
        if known is None:
            written = day.year in self._overrides.years
            return DayKind.ORDINARY if written else DayKind.UNKNOWN
        named, worked = known
        if day in worked:
            return DayKind.MAKEUP
        return DayKind.HOLIDAY if day in named else DayKind.ORDINARY

    def weekday(self, day: date) -> int:
        """ISO weekday, a Monday for a weekend day that is worked."""
        return 1 if self.kind(day) is DayKind.MAKEUP else day.isoweekday()

    def knows(self, year: int) -> bool:
        """Whether there is data for all of this year."""
        self._kind(date(year, 1, 1))
        return self._years[year] is not None or year in self._overrides.years


def _load(place: str, year: int) -> tuple[Any, frozenset[date]] | None:
    """Holidays and worked weekend days of a year; None when the year is not known."""
    # The library takes half a second to import; rules without holidays do not pay for it.
    import holidays

    country, _, region = place.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=region or None, years=year)
    except NotImplementedError:
        raise BadValue(
            f"no holidays are known of {place}; write them into an override file"
        ) from None
    worked = frozenset(day for day in getattr(found, "weekend_workdays", ()) if day.year == year)
    beyond = not type(found).start_year <= year <= type(found).end_year
    if beyond or (country in _DECREED and year not in _decreed_years(country)):
        return None
    return frozenset(found), worked


# Countries whose government moves days each year: what the library computes beyond its tables is a
# guess there.
_DECREED: Final = frozenset({"CN"})


def _decreed_years(country: str) -> frozenset[int]:
    from holidays.countries.china import ChinaStaticHolidays as Decrees

    return frozenset(Decrees.special_public_holidays) | frozenset(
        Decrees.special_public_holidays_observed
    )


def read_overrides(data: Mapping[str, Any]) -> Overrides:
    """An override file as plain data: {years: [2027], holidays: [dates], workdays: [dates]}. BadValue
    names the key.
    """
    unknown = set(data) - {"years", "holidays", "workdays"}
    if unknown:
        raise BadValue(
            f"calendar: unknown key {min(unknown)!r}; there are years, holidays, workdays"
        )
    days: dict[date, DayKind] = {}
    for key, kind in (("holidays", DayKind.HOLIDAY), ("workdays", DayKind.MAKEUP)):
        for item in data.get(key) or ():
            if type(item) is not date:
                raise BadValue(f"calendar.{key}: {item!r} is not a date; write 2027-02-06")
            days[item] = kind
    years = data.get("years") or ()
    if not all(type(year) is int for year in years):
        raise BadValue("calendar.years: years are whole numbers")
    return Overrides(days, frozenset(years))
