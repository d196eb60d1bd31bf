"""In which time zones somebody may be, and what their local days are. Pure but for the zone data,
which Python reads once.

Rules: every candidate counts: the stated zone, those of the addresses, those of the number's prefix;
a rule about local time must hold in all of them. Nobody's guess narrows them down. A zone that is
not in the data makes the whole answer unusable. When nothing is known, the zones are those of the
whole country, or the answer is none, which denies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

from dialer_engine.compliance._country_zones import COUNTRY_ZONES
from dialer_engine.domain.units import E164

_UNKNOWN: Final = "Etc/Unknown"
_DAY: Final = timedelta(days=1)
_MIDNIGHT: Final = datetime.min.time()
# Every offset of our time is a multiple of a quarter of an hour, so a local day begins on one.
_QUARTER_S: Final = 900
_CACHED_DAYS: Final = 4096
_MONDAY: Final = 1


class Zones:
    """Some zones that all count, with their local days. names: in the order of the alphabet."""

    __slots__ = ("_days", "infos", "names")

    def __init__(self, names: tuple[str, ...], infos: tuple[ZoneInfo, ...]) -> None:
        self.names = names
        self.infos = infos
        self._days: dict[tuple[int, int, bool], datetime] = {}

    def __repr__(self) -> str:
        return f"Zones({', '.join(self.names)})"

    def day_start(self, at: datetime, days: int) -> datetime:
        """The earliest beginning, in any zone, of the local day `days` after that of `at`."""
        return self._bound(at, days, latest=False)

    def next_day(self, at: datetime, days: int) -> datetime:
        """The latest beginning, in any zone, of the local day `days` after that of `at`."""
        return self._bound(at, days, latest=True)

    def week_start(self, at: datetime) -> datetime:
        """The earliest beginning of the week, Monday, that `at` is in."""
        return min(day_begins(info, _monday(at, info)) for info in self.infos)

    def next_week(self, at: datetime) -> datetime:
        """The latest beginning of the week after."""
        return max(day_begins(info, _monday(at, info) + 7 * _DAY) for info in self.infos)

    def dates(self, at: datetime) -> tuple[date, ...]:
        """The local dates, one for each zone."""
        return tuple(at.astimezone(info).date() for info in self.infos)

    def _bound(self, at: datetime, days: int, latest: bool) -> datetime:
        key = (int(at.timestamp()) // _QUARTER_S, days, latest)
        found = self._days.get(key)
        if found is None:
            if len(self._days) > _CACHED_DAYS:
                self._days.clear()
            dates = ((info, at.astimezone(info).date() + days * _DAY) for info in self.infos)
            found = (max if latest else min)(day_begins(info, day) for info, day in dates)
            self._days[key] = found
        return found


def day_begins(info: ZoneInfo, day: date) -> datetime:
    """The first instant of a local date, in UTC. Where midnight is skipped or comes twice, the
    earlier reading.
    """
    midnight = datetime.combine(day, _MIDNIGHT, info)
    return min(midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def _monday(at: datetime, info: ZoneInfo) -> date:
    day = at.astimezone(info).date()
    return day - (day.isoweekday() - _MONDAY) * _DAY


@lru_cache(maxsize=4096)
def zones_of(names: tuple[str, ...]) -> Zones | None:
    """The zones of these names; None when there is none, or one that is not in the data."""
    found = []
    for name in sorted(set(names)):
        info = _info(name)
        if info is None:
            return None
        found.append(info)
    return Zones(tuple(info.key for info in found), tuple(found)) if found else None


def _info(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def prefix_zones(number: E164) -> tuple[str, ...]:
    """The zones in which numbers of the longest known prefix are; empty when none is known. A number
    that moved to another carrier or place keeps its prefix: this is a candidate, never the answer.
    """
    digits = number[1:]
    for length in range(min(TIMEZONE_LONGEST_PREFIX, len(digits)), 0, -1):
        found = TIMEZONE_DATA.get(digits[:length])
        if found is not None:
            return tuple(name for name in found if name != _UNKNOWN)
    return ()


@dataclass(frozen=True, slots=True)
class ZonePolicy:
    """Which candidates count. unknown: `country` takes all zones of the country when no candidate is
    known, `deny` none. official: (country, zones) of places with one official time, whatever the
    prefix table says. default: counts when nothing else is known.
    """

    stated_only: bool = False
    unknown: str = "country"
    default: str = ""
    official: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def official_of(self, country: str) -> tuple[str, ...] | None:
        """The zones of a country with official time."""
        for place, names in self.official:
            if place == country:
                return names
        return None


def candidates(
    policy: ZonePolicy,
    number: E164,
    stated: str | None,
    addresses: Sequence[str] = (),
    country: str = "",
) -> tuple[str, ...]:
    """The names of all zones that count, each once; empty when nothing is known. A country with one
    official time has that one, beside what was stated.
    """
    if policy.stated_only:
        name = stated or policy.default
        return (name,) if name else ()
    named = [name for name in (stated, *addresses) if name]
    official = policy.official_of(country)
    found = named + list(official if official is not None else prefix_zones(number))
    return _once(found) if found else _unknown(policy, country)


def _unknown(policy: ZonePolicy, country: str) -> tuple[str, ...]:
    if policy.unknown == "country":
        whole = COUNTRY_ZONES.get(country, ())
        return whole or ((policy.default,) if policy.default else ())
    return ()


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


# The members of the Union, where a rule of jurisdiction EU binds.
EU: Final = frozenset(
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE".split()
)


def jurisdictions(*places: str) -> frozenset[str]:
    """Every jurisdiction that these places, ISO 3166 country or country-region, are in."""
    found = {place for place in places if place}
    found |= {place.split("-", 1)[0] for place in found}
    return frozenset(found | ({"EU"} if found & EU else set()))
