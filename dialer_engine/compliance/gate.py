"""May this number be called now? The only mint of permits.

Rules: every rule is evaluated, not the first that fails; a number whose time zones are unknown or
unusable is denied; the window is half-open [start, end) in the debtor's local time and no call
starts later than `guard_s` before its end; the facts are inputs and are kept in the permit, so that
a decision can be computed again.

A `Permit` cannot be built elsewhere: its constructor wants a key that this module keeps to itself.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dialer_engine.domain.errors import BadValue, NotPermitted
from dialer_engine.domain.units import E164, AttemptId


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
    allow it (UTC), None when it never would.
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
    key: object = field(repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.key is not _MINT:
            raise NotPermitted("a permit is made by the compliance gate and by nothing else")

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
        """A permit, or every reason against. `now` is aware UTC."""
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
        expires = now + timedelta(seconds=self.rules.permit_ttl_s)
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
        local = now.astimezone(zone)
        last = local + timedelta(seconds=self.rules.guard_s)
        inside = (
            local.isoweekday() in self.rules.weekdays
            and local.time() >= self.rules.window_start
            and last.date() == local.date()
            and last.time() < self.rules.window_end
        )
        if inside:
            return None
        text = f"outside {self.rules.window_start:%H:%M}-{self.rules.window_end:%H:%M} at the debtor ({zone.key})"
        return Reason("outside_window", text, self._next_window(local, zone))

    def _next_window(self, local: datetime, zone: ZoneInfo) -> datetime | None:
        for days in range(8):
            day = local.date() + timedelta(days=days)
            start = datetime.combine(day, self.rules.window_start, zone)
            if day.isoweekday() in self.rules.weekdays and start > local:
                return start.astimezone(UTC_ZONE)
        return None

    def _cap(self, facts: Facts, now: datetime, zone: ZoneInfo) -> Reason | None:
        count = self._count(facts, now, zone)
        if count < self.rules.daily_cap:
            return None
        tomorrow = now.astimezone(zone).date() + timedelta(days=1)
        again = datetime.combine(tomorrow, self.rules.window_start, zone).astimezone(UTC_ZONE)
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


UTC_ZONE: Final = ZoneInfo("UTC")


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
