"""Live answers of the accounting period, and how many of them were abandoned.

Rules: a live answer counts once, when it is known what became of it: when it hears an agent, when the
message for abandoned calls begins, or when it hangs up before either. The period follows the calendar
of the site; its last day ends when the law ends dialling, because nothing can be worked off after that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dialer_engine.domain.campaign import Period
from dialer_engine.domain.outcome import Outcome

# What counts as a live answer in reports and towards the target.
LIVE = frozenset({Outcome.COMPLETED, Outcome.ABANDONED, Outcome.HUNG_UP_EARLY})


def site_zone(name: str) -> tzinfo:
    """The zone of the site; UTC when none is configured or it is not known here."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def period_around(now: datetime, period: Period, zone: tzinfo) -> tuple[datetime, datetime]:
    """Begin and end of the accounting period that `now` lies in. Aware UTC."""
    day = now.astimezone(zone).date()
    if period is Period.WEEK:
        first = day - timedelta(days=day.weekday())
        last = first + timedelta(days=7)
    elif period is Period.MONTH:
        first = day.replace(day=1)
        last = (first + timedelta(days=31)).replace(day=1)
    else:
        first, last = day, day + timedelta(days=1)
    return (
        datetime.combine(first, time(), zone).astimezone(UTC),
        datetime.combine(last, time(), zone).astimezone(UTC),
    )


@dataclass(slots=True)
class Account:
    """Of one campaign. window_end: local time after which nobody is dialled any more.
    ends_at: end of the period that the counts are of.
    """

    period: Period = Period.DAY
    zone: tzinfo = UTC
    window_end: time = time(20, 0)
    live: int = 0
    abandoned: int = 0
    ends_at: datetime = field(default=datetime.min.replace(tzinfo=UTC))

    def begin(self, now: datetime, live: int = 0, abandoned: int = 0) -> None:
        """The period around now, with what was counted in it already."""
        _, self.ends_at = period_around(now, self.period, self.zone)
        self.live, self.abandoned = live, abandoned

    def roll(self, now: datetime) -> None:
        """Begin anew when the period is over."""
        if now >= self.ends_at:
            self.begin(now)

    def count(self, abandoned: bool, now: datetime) -> None:
        """One live answer."""
        self.roll(now)
        self.live += 1
        self.abandoned += abandoned

    def left_s(self, now: datetime) -> float:
        """Seconds in which the balance can still change."""
        local_end = self.ends_at.astimezone(self.zone) - timedelta(days=1)
        closing = datetime.combine(local_end.date(), self.window_end, self.zone)
        end = closing if now < closing else self.ends_at
        return max(0.0, (end - now).total_seconds())

    @property
    def rate(self) -> float | None:
        """Share abandoned; None before the first live answer."""
        return self.abandoned / self.live if self.live else None
