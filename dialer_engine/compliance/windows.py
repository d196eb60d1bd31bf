"""Hours of the day, as intervals of real time in which a call may be up. Pure.

Rules: an interval is half-open and open in every candidate zone; where a change of clock makes its
start or end doubtful, the narrower reading holds; what ends at midnight and goes on at midnight is one
interval; a day that the calendar does not know is closed. Intervals are worked out for weeks and
kept, so that asking is two comparisons.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dialer_engine.compliance.calendar_ import Calendar, DayKind
from dialer_engine.compliance.rules import Hours, WindowSpec
from dialer_engine.compliance.zones import Zones

Interval = tuple[datetime, datetime]
_DAY: Final = timedelta(days=1)
# Timelines are made for four weeks at a time and look three weeks beyond: the longest holidays that
# any of our calendars has are nine days; a rule that is closed for longer says "not known when".
_BLOCK_DAYS: Final = 28
_BEYOND_DAYS: Final = 21
_DAY_S: Final = 86400


class Timeline:
    """When a window is open. It answers about moments of its block."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, intervals: list[Interval]) -> None:
        self._starts = [start for start, _ in intervals]
        self._ends = [end for _, end in intervals]

    def open_at(self, at: datetime, guard: timedelta) -> tuple[datetime, datetime] | None:
        """The first moment from `at` on at which a call may start, and the end of that interval; no
        call starts later than `guard` before an end. None when there is none in three weeks.
        """
        index = bisect_right(self._starts, at) - 1
        if index >= 0 and at < self._ends[index] - guard:
            return at, self._ends[index]
        for later in range(index + 1, len(self._starts)):
            if self._starts[later] < self._ends[later] - guard:
                return self._starts[later], self._ends[later]
        return None


HoursOf = Callable[[date], Hours | None]


def hours_of(spec: WindowSpec, calendar: Calendar | None) -> HoursOf:
    """A function from a local date to its hours."""

    def hours(day: date) -> Hours | None:
        if calendar is None:
            return spec.days[day.isoweekday() - 1]
        kind = calendar.kind(day)
        if spec.uses_calendar and kind is DayKind.UNKNOWN:
            return None
        if spec.uses_calendar and kind is DayKind.HOLIDAY:
            return spec.holiday
        return spec.days[calendar.weekday(day) - 1]

    return hours


def block(at: datetime) -> int:
    """The number of the block of days that a moment is in."""
    return at.toordinal() // _BLOCK_DAYS


def timeline(hours: HoursOf, zones: Zones, number: int) -> Timeline:
    """The timeline of a block."""
    found: list[Interval] | None = None
    for info in zones.infos:
        here = list(_merged(_intervals(hours, info, number)))
        found = here if found is None else list(_common(found, here))
    return Timeline(found or [])


def _intervals(hours: HoursOf, info: ZoneInfo, number: int) -> Iterator[Interval]:
    # Two days back: the local date may be behind, and yesterday's hours may reach into today.
    first = date.fromordinal(number * _BLOCK_DAYS) - 2 * _DAY
    for ahead in range(_BLOCK_DAYS + _BEYOND_DAYS + 2):
        day = first + ahead * _DAY
        span = hours(day)
        if span is None:
            continue
        start = max(_readings(day, span.start, info))
        end = min(_readings(day, span.end, info))
        if start < end:
            yield start, end


def _readings(day: date, second: int, info: ZoneInfo) -> tuple[datetime, datetime]:
    """Both instants that a local time can be; the same one twice on most days."""
    if second == _DAY_S:
        day, second = day + _DAY, 0
    minutes, seconds = divmod(second, 60)
    hour, minute = divmod(minutes, 60)
    local = datetime(day.year, day.month, day.day, hour, minute, seconds, tzinfo=info)
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _merged(intervals: Iterator[Interval]) -> Iterator[Interval]:
    last: Interval | None = None
    for one in intervals:
        if last is not None and one[0] <= last[1]:
            last = (last[0], max(last[1], one[1]))
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _common(left: list[Interval], right: list[Interval]) -> Iterator[Interval]:
    """What two sorted rows of intervals share."""
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            yield start, end
        if left[i][1] <= right[j][1]:
            i += 1
        else:
            j += 1
