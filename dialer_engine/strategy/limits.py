"""What compliance allows, as plain data: handed in, since this room may not know that one.

Rules: `Ask` is the port: the name of a preset in, its limits out, None when there is none of that
name; times are minutes of the local day, the second one not included; a limit without channels
binds every channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from dialer_engine.strategy.model import Channel, Step

Minutes = tuple[int, int]
_DAY_MINUTES = 1440
_WEEK = 7


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of Monday to Sunday, None for closed. of_date: what the gate's own calendar says of a date, where
    holidays and make-up days differ; None: its weekday says all.
    """

    rule: str
    days: tuple[Minutes | None, ...]
    channels: frozenset[Channel] = frozenset()
    of_date: Callable[[date], Minutes | None] | None = None

    def on(self, day: date) -> Minutes | None:
        """The hours of a date."""
        return self.days[day.weekday()] if self.of_date is None else self.of_date(day)


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `limit` in `days` days to one person or number. event: attempt, unanswered,
    connected or conversation; all are counted apart.
    """

    rule: str
    event: str
    limit: int
    days: int = 1
    channels: frozenset[Channel] = frozenset()


@dataclass(frozen=True, slots=True)
class Gap:
    """Seconds between two attempts."""

    rule: str
    seconds: int
    channels: frozenset[Channel] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """One preset."""

    preset: str
    windows: tuple[Window, ...] = ()
    caps: tuple[Cap, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def hours(self, channel: Channel, weekday: int) -> Minutes | None:
        """When the channel may be used on that weekday: inside every window that binds it."""
        return _inside(w.days[weekday] for w in self.windows if binds(w.channels, channel))

    def hours_on(self, channel: Channel, day: date) -> Minutes | None:
        """The same of a date: holidays and make-up days count."""
        return _inside(w.on(day) for w in self.windows if binds(w.channels, channel))

    def narrowing(self, channel: Channel, weekday: int) -> str:
        """Ids of the windows that bind the channel on that day."""
        found = (w.rule for w in self.windows if binds(w.channels, channel))
        return ", ".join(found) or "no window"

    def open_hours(self, step: Step, weekday: int) -> Minutes | None:
        """When the step can happen on that weekday."""
        return _own(step, weekday, self.hours(step.channel, weekday))

    def open_on(self, step: Step, day: date) -> Minutes | None:
        """When the step can happen on that date. Its own weekdays are those of the calendar on the wall."""
        return _own(step, day.weekday(), self.hours_on(step.channel, day))


def _inside(spans: Iterator[Minutes | None]) -> Minutes | None:
    start, end = 0, _DAY_MINUTES
    for span in spans:
        if span is None:
            return None
        start, end = max(start, span[0]), min(end, span[1])
    return (start, end) if start < end else None


def _own(step: Step, weekday: int, allowed: Minutes | None) -> Minutes | None:
    if weekday not in step.weekdays or allowed is None:
        return None
    return _inside(iter((allowed, step.hours)) if step.hours else iter((allowed,)))


Ask = Callable[[str], Limits | None]


def binds(channels: frozenset[Channel], channel: Channel) -> bool:
    """Whether a limit of these channels is one of this channel."""
    return not channels or channel in channels


def objections(step: Step, limits: Limits) -> Iterator[tuple[bool, str]]:
    """What a preset has against a step: (it never allows it, why)."""
    if step.channel is Channel.TASK:
        return
    yield from _of_hours(step, limits)
    for cap in limits.caps:
        planned = step.per_day if cap.days == 1 else min(step.per_week, step.per_day * cap.days)
        # A conversation is not had at each attempt, so only attempts contradict a cap for sure.
        if binds(cap.channels, step.channel) and cap.event == "attempt" and planned > cap.limit:
            told = f"{limits.preset}: {cap.rule} allows {cap.limit} in {cap.days} day(s), not {planned}"
            yield False, told
    yield from _of_gaps(step, limits)


def _of_hours(step: Step, limits: Limits) -> Iterator[tuple[bool, str]]:
    days = sorted(step.weekdays)
    closed = [day for day in days if limits.open_hours(step, day) is None]
    if len(closed) == len(days):
        yield True, f"{limits.preset}: never inside {limits.narrowing(step.channel, days[0])}"
        return
    if step.hours is None:
        return
    for day in days:
        allowed = limits.open_hours(step, day)
        if allowed is None or allowed != step.hours:
            names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
            told = (
                "closed" if allowed is None else f"only {clock(allowed[0])} to {clock(allowed[1])}"
            )
            yield (
                False,
                f"{limits.preset}: {names[day]} {told} by {limits.narrowing(step.channel, day)}",
            )
            return


def _of_gaps(step: Step, limits: Limits) -> Iterator[tuple[bool, str]]:
    for gap in limits.gaps:
        if not binds(gap.channels, step.channel):
            continue
        spans = [limits.open_hours(step, day) for day in sorted(step.weekdays)]
        widest = max((span[1] - span[0] for span in spans if span), default=0)
        if (step.per_day - 1) * gap.seconds >= widest * 60 > 0:
            told = f"{step.per_day} a day do not fit into {widest} minutes with {gap.seconds} s between them"
            yield False, f"{limits.preset}: {told} ({gap.rule})"


def clock(minutes: int) -> str:
    """Minutes of the day as HH:MM."""
    return f"{minutes // 60:02}:{minutes % 60:02}"
