"""May this number be called now? The only mint of permits.

Rules: every rule is evaluated, not the first that fails; a number whose time zones are unknown or
unusable is denied; the window is half-open [start, end) in the debtor's local time and no call
starts later than `guard_s` before its end, so a permit runs out there at the latest; where a change
of clock makes a local time doubtful, the narrower reading holds; the facts are inputs and are kept
in the permit, so that a decision can be computed again.

A `Permit` cannot be built elsewhere by accident: its constructor wants a key that this module keeps to
itself and that no permit carries, so `replace()`, `copy` and `pickle` fail too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import InitVar, asdict, dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dialer_engine.domain.errors import BadValue, NotPermitted
from dialer_engine.domain.units import E164, AttemptId

_WEEK: Final = frozenset(range(1, 8))
# A permit is for a call that is about to leave; the counters it saw are old after a minute.
_MAX_TTL_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What is checked. window_start, window_end: local times at the debtor, end exclusive.
    weekdays: ISO numbers, 1 is Monday. daily_cap: attempts for each number and local calendar day.
    guard_s: seconds before the end of the window in which no call starts any more. default_zone:
    for numbers without a zone; empty: they are denied. permit_ttl_s: how long a permit may be
    used.
    """

    window_start: time = time(8, 0)
    window_end: time = time(20, 0)
    weekdays: frozenset[int] = frozenset(range(1, 8))
    daily_cap: int = 3
    guard_s: float = 60.0
    default_zone: str = ""
    permit_ttl_s: float = 10.0

    def __post_init__(self) -> None:
        if self.window_start >= self.window_end:
            raise BadValue("compliance.window_start must be earlier than compliance.window_end")
        if self.daily_cap < 0:
            raise BadValue("compliance.daily_cap must not be negative")
        if not self.weekdays <= _WEEK:
            raise BadValue("compliance.weekdays are numbers from 1 (Monday) to 7 (Sunday)")
        if not 0 <= self.guard_s < self._length_s():
            raise BadValue("compliance.guard_s must be 0 or more, and less than the window is long")
        if not 0 < self.permit_ttl_s <= _MAX_TTL_S:
            raise BadValue(f"compliance.permit_ttl_s must be above 0 and at most {_MAX_TTL_S:g}")

    def _length_s(self) -> float:
        start, end = (
            timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
            for at in (self.window_start, self.window_end)
        )
        return (end - start).total_seconds()

    @property
    def hash(self) -> str:
        """SHA-256 of the rules in one canonical form; kept with each attempt."""
        facts = asdict(self) | {
            "window_start": self.window_start.isoformat(),
            "window_end": self.window_end.isoformat(),
            "weekdays": sorted(self.weekdays),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the number at the moment of the question. zone: IANA name or None.
    attempts_today: attempts committed on `counted_day` (ISO date at the debtor), those of this
    moment's batch included.
    """

    attempt: AttemptId
    number: E164 = field(repr=False)
    zone: str | None
    attempts_today: int
    counted_day: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule's objection. code is for programs, text for people; again_at: when this rule would
    allow it (UTC; always within a window), None when it never would.
    """

    code: str
    text: str
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Denial:
    """No, with every reason. again_at: the first moment at which no present reason holds any more,
    None when unknown.
    """

    reasons: tuple[Reason, ...]

    @property
    def again_at(self) -> datetime | None:
        times = [reason.again_at for reason in self.reasons]
        known = [moment for moment in times if moment is not None]
        return max(known) if known and len(known) == len(times) else None


_MINT: Final = object()


@dataclass(frozen=True, slots=True)
class Permit:
    """Yes, for one attempt to one number, for a short time. Only `Gate.decide` makes one."""

    attempt: AttemptId
    number: E164 = field(repr=False)
    decided_at: datetime
    expires_at: datetime
    local_day: str
    daily_cap: int
    evidence: dict[str, Any]
    key: InitVar[object] = None

    def __post_init__(self, key: object) -> None:
        if key is not _MINT:
            raise NotPermitted("a permit is made by the compliance gate and by nothing else")

    def __reduce_ex__(self, protocol: object) -> str:
        raise NotPermitted("a permit is not copied or sent: ask the gate where it is used")

    def check(self, attempt: AttemptId, number: E164, now: datetime) -> None:
        """Raise NotPermitted unless this permit is for this attempt and number and has not run
        out.
        """
        if attempt != self.attempt or number != self.number:
            raise NotPermitted("this permit was given for another attempt or number")
        if not self.decided_at <= now < self.expires_at:
            raise NotPermitted("this permit has run out; ask the gate again")


def local_day(zone: str | None, rules: RuleSet, now: datetime) -> str:
    """The ISO date at the debtor, on which the cap counts; UTC's when the zone is unknown (such a
    call is denied).
    """
    found = _zone(zone or rules.default_zone)
    return (now.astimezone(found) if found else now).date().isoformat()


class Gate:
    """The rules, ready to be asked."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self._hash = rules.hash

    def decide(self, facts: Facts, now: datetime) -> Permit | Denial:
        """A permit, or every reason against. `now` is aware UTC; BadValue when it has no zone."""
        if now.utcoffset() is None:
            raise BadValue("the gate is asked with an aware time in UTC")
        zone_name = facts.zone or self.rules.default_zone
        zone = _zone(zone_name)
        if zone is None:
            return Denial((self._zone_reason(zone_name),))
        reasons = [
            reason for reason in (self._window(now, zone), self._cap(facts, now, zone)) if reason
        ]
        return Denial(tuple(reasons)) if reasons else self._mint(facts, now, zone)

    def _mint(self, facts: Facts, now: datetime, zone: ZoneInfo) -> Permit:
        day = now.astimezone(zone).date().isoformat()
        evidence = {
            "rules": self._hash,
            "zone": zone.key,
            "local_time": now.astimezone(zone).isoformat(),
            "attempts_today": self._count(facts, now, zone),
            "daily_cap": self.rules.daily_cap,
            "decided_at": now.isoformat(),
        }
        expires = self._until(now, zone)
        return Permit(
            facts.attempt,
            facts.number,
            now,
            expires,
            day,
            self.rules.daily_cap,
            evidence,
            key=_MINT,
        )

    @staticmethod
    def _zone_reason(name: str) -> Reason:
        what = f"time zone {name!r} is not known" if name else "the debtor's time zone is not known"
        return Reason(
            "zone_unknown", f"{what}; state a zone in the case or set compliance.default_zone"
        )

    def _window(self, now: datetime, zone: ZoneInfo) -> Reason | None:
        if self._is_open(now, zone):
            return None
        text = f"outside {self.rules.window_start:%H:%M}-{self.rules.window_end:%H:%M} at the debtor ({zone.key})"
        return Reason("outside_window", text, self._next_window(now, zone, 0))

    def _is_open(self, now: datetime, zone: ZoneInfo) -> bool:
        """A call may start now, and until its permit runs out."""
        until = self._until(now, zone)
        last = until - _TICK + timedelta(seconds=self.rules.guard_s)
        return now < until and self._is_inside(now, zone) and self._is_inside(last, zone)

    def _is_inside(self, moment: datetime, zone: ZoneInfo) -> bool:
        local = moment.astimezone(zone)
        inside = self.rules.window_start <= local.time() < self.rules.window_end
        return inside and local.isoweekday() in self.rules.weekdays

    def _until(self, now: datetime, zone: ZoneInfo) -> datetime:
        """When a permit of now runs out: after its time to live, at the latest `guard_s` before the
        window's end. An end that comes twice, or not at all, on a day of change counts at the
        earlier of its two readings.
        """
        end = datetime.combine(now.astimezone(zone).date(), self.rules.window_end, zone)
        earlier = min(end.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        last = earlier - timedelta(seconds=self.rules.guard_s)
        return min(last, now + timedelta(seconds=self.rules.permit_ttl_s))

    def _next_window(self, now: datetime, zone: ZoneInfo, first_day: int) -> datetime | None:
        """The first start of a window after now, `first_day` days from today at the earliest."""
        today = now.astimezone(zone).date()
        for days in range(first_day, _DAYS_AHEAD):
            start = datetime.combine(today + timedelta(days=days), self.rules.window_start, zone)
            for fold in (0, 1):
                moment = start.replace(fold=fold).astimezone(UTC)
                if moment > now and self._is_open(moment, zone):
                    return moment
        return None

    def _cap(self, facts: Facts, now: datetime, zone: ZoneInfo) -> Reason | None:
        count = self._count(facts, now, zone)
        if count < self.rules.daily_cap:
            return None
        again = self._next_window(now, zone, 1) if self.rules.daily_cap else None
        return Reason(
            "daily_cap",
            f"{count} attempts today, {self.rules.daily_cap} allowed for each number",
            again,
        )

    @staticmethod
    def _count(facts: Facts, now: datetime, zone: ZoneInfo) -> int:
        """A count of another day says nothing about today."""
        return (
            facts.attempts_today
            if facts.counted_day == now.astimezone(zone).date().isoformat()
            else 0
        )


# The smallest step of a datetime: a permit is valid until just before it runs out.
_TICK: Final = timedelta(microseconds=1)
# Two weeks: on the one weekday that is allowed, a change of clock may swallow the window.
_DAYS_AHEAD: Final = 15


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
