"""May this contact be made now? The only mint of permits.

Rules: every rule is asked, not the first that fails; a number whose time zones are unknown or unusable
is denied; windows are half-open [start, end) in local time in every zone in which the debtor may be,
and no call starts later than `guard_s` before an end, so a permit runs out there at the latest and
says when the call must have ended; where a change of clock makes a local time doubtful, the narrower
reading holds; the facts are inputs and are kept in the permit, so that a decision can be computed
again.

A `Permit` cannot be built elsewhere by accident: its constructor wants a key that this module keeps to
itself and that no permit carries, so `replace()`, `copy` and `pickle` fail too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import InitVar, asdict, dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, Final

from dialer_engine.compliance import checks
from dialer_engine.compliance.checks import Asked, Check, CountCheck, WindowCheck
from dialer_engine.compliance.counting import CHANNEL_FLAG, OPEN_AGAIN, Flag
from dialer_engine.compliance.facts import Facts, Subject, to_plain
from dialer_engine.compliance.lifting import lifts
from dialer_engine.compliance.rules import Rule, Scope
from dialer_engine.compliance.ruleset import NO_BOOK, RuleBook
from dialer_engine.compliance.zones import Zones, candidates, zones_of
from dialer_engine.domain.collections.codes import Role
from dialer_engine.domain.errors import BadValue, NotPermitted
from dialer_engine.domain.reservation import OPEN, Reservation
from dialer_engine.domain.units import E164, AttemptId

__all__ = ["Deferral", "Denial", "Facts", "Gate", "Permit", "Reason", "RuleSet", "local_day"]

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
            "holds": sorted(checks.STOPPING),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule's objection. code: the rule's id, for programs; text for people; again_at: when this
    rule alone would allow it, None when time alone never does it. source: whose rule it is.
    """

    code: str
    text: str
    again_at: datetime | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Denial:
    """No, with every reason, and not before somebody or something changes the facts."""

    reasons: tuple[Reason, ...]
    again_at: datetime | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """The reason codes, in the order of the rules."""
        return tuple(reason.code for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Deferral(Denial):
    """Not now. again_at: the first moment at which no rule will object, if nothing happens meanwhile."""


_MINT: Final = object()


@dataclass(frozen=True, slots=True)
class Permit:
    """Yes, for one attempt to one number, for a short time. Only `Gate.decide` makes one.

    must_end_by: whatever still rings then is cancelled; the end of the window. reservation: what the store
    holds the attempt against in its transaction, None where nothing is counted.
    """

    attempt: AttemptId
    number: E164 = field(repr=False)
    decided_at: datetime
    expires_at: datetime
    local_day: str
    daily_cap: int
    evidence: dict[str, Any]
    must_end_by: datetime | None = None
    reservation: Reservation | None = None
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
    """The ISO date at the debtor, on which the configured cap counts; UTC's when the zone is unknown."""
    name = zone or rules.default_zone
    found = zones_of((name,)) if name else None
    return (found.dates(now)[0] if found else now.date()).isoformat()


@dataclass(frozen=True, slots=True)
class _Profile:
    """The checks that bind one subject."""

    windows: tuple[WindowCheck, ...]
    others: tuple[Check, ...]
    counts: tuple[CountCheck, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says, for `explain`. free_at: see `checks`."""

    rule: Rule
    allows: bool
    text: str
    free_at: datetime | None


class Gate:
    """The rules, ready to be asked. One gate may be asked about everybody; what it works out for a
    subject and for zones is kept.
    """

    def __init__(self, rules: RuleSet, book: RuleBook = NO_BOOK, *, tzdata: str = "") -> None:
        """rules: the configured ones, which hold beside the book's. tzdata: the release of the zone
        data in use, for the record.
        """
        self.rules = rules
        self.book = book
        self.tzdata = tzdata
        self.hash = _hash(rules, book)
        self._guard = timedelta(seconds=rules.guard_s)
        self._ttl = timedelta(seconds=rules.permit_ttl_s)
        self._house_window = checks.house_window(
            _second(rules.window_start), _second(rules.window_end), rules.weekdays
        )
        self._house_cap = checks.DailyCapCheck(rules.daily_cap, rules.default_zone)
        self._house_holds = checks.house_holds()
        self._checks = [checks.make_check(rule, book.calendar_of(rule)) for rule in book.active]
        self._units = book.units
        self._profiles: dict[Subject, _Profile] = {}

    def decide(
        self, facts: Facts, now: datetime, zones: tuple[str, ...] | None = None
    ) -> Permit | Denial:
        """A permit, or every reason against. `now` is aware UTC; BadValue when it has no zone. zones:
        the candidates, where they are known already (a record has them).
        """
        if now.utcoffset() is None:
            raise BadValue("the gate is asked with an aware time in UTC")
        named = self.zones(facts) if zones is None else zones
        found = zones_of(named) if named else None
        if found is None:
            return Denial((_zone_reason(named),))
        asked = Asked(facts, found, {})
        profile = self._profile(facts.subject)
        end = now + _FAR
        objections: list[tuple[Check, datetime | None]] = []
        lifted = bool(facts.overrides)
        for window in profile.windows:
            if (lifted or window.dated) and self._passes(window, facts, now):
                continue
            span = window.span(asked, now, self._guard)
            if span is None or span[0] != now:
                objections.append((window, span[0] if span else None))
            elif span[1] < end:
                end = span[1]
        for check in profile.others:
            if (lifted or check.dated) and self._passes(check, facts, now):
                continue
            free = check.free_at(asked, now)
            if free != now:
                objections.append((check, free))
        if objections:
            return self._refuse(objections, profile, asked, now)
        return self._mint(profile, asked, now, end)

    def zones(self, facts: Facts) -> tuple[str, ...]:
        """The names of all zones in which the debtor may be."""
        policy = self.book.policy
        if policy.stated_only:
            name = facts.zone or self.rules.default_zone
            return (name,) if name else ()
        found = candidates(policy, facts.number, facts.zone, facts.address_zones, facts.country)
        return found or ((self.rules.default_zone,) if self.rules.default_zone else ())

    def look(self, facts: Facts, now: datetime) -> list[Verdict]:
        """What each rule that binds says by itself, for people who ask why."""
        named = self.zones(facts)
        found = zones_of(named) if named else None
        if found is None:
            return []
        asked = Asked(facts, found, {})
        profile = self._profile(facts.subject)
        verdicts = []
        for check in (*profile.windows, *profile.others):
            free = self._free(check, asked, now)
            text = "" if free == now else check.text(asked, now)
            verdicts.append(Verdict(check.rule, free == now, text, free))
        return verdicts

    def may_bridge(
        self, must_end_by: datetime | None, lists: tuple[str, ...], now: datetime
    ) -> str:
        """Asked once more before an answered call is given to an agent: why not, empty when it may.
        lists: the suppression lists that hold the number by now.
        """
        if lists:
            return f"on the list {', '.join(lists)}"
        if must_end_by is not None and now >= must_end_by:
            return "the window ended before anybody could be connected"
        return ""

    # -- refusing

    def _refuse(
        self,
        objections: list[tuple[Check, datetime | None]],
        profile: _Profile,
        asked: Asked,
        now: datetime,
    ) -> Denial:
        reasons = tuple(
            Reason(c.rule.id, c.text(asked, now), free, c.rule.source.ref) for c, free in objections
        )
        if any(free is None for _, free in objections):
            return Denial(reasons)
        again = self._next(profile, asked, now)
        return Denial(reasons) if again is None else Deferral(reasons, again)

    def _next(self, profile: _Profile, asked: Asked, now: datetime) -> datetime | None:
        """The first moment at which every rule is content; None when they never agree."""
        later = Asked(asked.facts, asked.zones, {}, now + OPEN_AGAIN)
        moment = now
        for _ in range(_MOST_STEPS):
            free = [self._free(c, later, moment) for c in (*profile.windows, *profile.others)]
            if any(one is None for one in free):
                return None
            latest = max((one for one in free if one is not None), default=moment)
            if latest == moment:
                return moment
            moment = latest
        return None

    def _free(self, check: Check, asked: Asked, at: datetime) -> datetime | None:
        if self._passes(check, asked.facts, at):
            return at
        if isinstance(check, WindowCheck):
            span = check.span(asked, at, self._guard)
            return span[0] if span else None
        return check.free_at(asked, at)

    @staticmethod
    def _passes(check: Check, facts: Facts, at: datetime) -> bool:
        """The rule is not in force, or somebody lifted it for this case."""
        rule = check.rule
        if check.dated and not checks.in_force(rule, at):
            return True
        return any(one.window is None and lifts(one, rule, at) for one in facts.overrides)

    # -- permitting

    def _mint(self, profile: _Profile, asked: Asked, now: datetime, end: datetime) -> Permit:
        facts = asked.facts
        expires = min(end - self._guard, now + self._ttl)
        must_end = end if end < now + _FAR else None
        return Permit(
            facts.attempt,
            facts.number,
            now,
            expires,
            local_day(facts.zone, self.rules, now),
            self.rules.daily_cap,
            self._record("permit", asked, now) | {"must_end_by": _iso(must_end)},
            must_end,
            self._reserve(profile, asked, now) if self._units else None,
            key=_MINT,
        )

    def _reserve(self, profile: _Profile, asked: Asked, now: datetime) -> Reservation:
        facts = asked.facts
        claims = []
        for check in profile.counts:
            if (facts.overrides or check.dated) and self._passes(check, facts, now):
                continue
            claim = check.claim(facts, asked.zones, now)
            if claim is not None:
                claims.append(claim)
        units = tuple(key for unit, key in facts.keys.items() if unit in self._units)
        return Reservation(now, first_flags(facts), units, tuple(claims))

    def record_of(
        self,
        facts: Facts,
        now: datetime,
        denial: Denial,
        zones: tuple[str, ...] | None = None,
    ) -> dict[str, Any]:
        """What is kept of a denial. zones: as for `decide`."""
        named = self.zones(facts) if zones is None else zones
        found = zones_of(named) if named else None
        asked = Asked(facts, found or _NOWHERE, {})
        if found is not None:
            for check in self._profile(facts.subject).counts:
                check.free_at(asked, now)
            self._house_cap.free_at(asked, now)
        kind = "deferral" if isinstance(denial, Deferral) else "denial"
        return self._record(kind, asked, now) | {
            "zones": sorted(named),
            "reasons": list(denial.codes),
            "again_at": _iso(denial.again_at),
        }

    def _record(self, decision: str, asked: Asked, now: datetime) -> dict[str, Any]:
        """See the module: everything the decision was made from, and nobody's number or name."""
        return {
            "v": 1,
            "decision": decision,
            "rules": self.hash,
            "tzdata": self.tzdata,
            "decided_at": now.isoformat(),
            "zones": list(asked.zones.names),
            "daily_cap": self.rules.daily_cap,
            "counts": asked.seen,
            "facts": to_plain(asked.facts),
        }

    # -- which rules

    def _profile(self, subject: Subject) -> _Profile:
        found = self._profiles.get(subject)
        if found is None:
            if len(self._profiles) > _MOST_PROFILES:
                self._profiles.clear()
            found = self._profiles[subject] = self._make_profile(subject)
        return found

    def _make_profile(self, subject: Subject) -> _Profile:
        every = (self._house_holds, *self._checks)
        bound = [check for check in every if binds(check.rule, subject)]
        windows = [check for check in bound if isinstance(check, WindowCheck)]
        others = [check for check in bound if not isinstance(check, WindowCheck)]
        return _Profile(
            (self._house_window, *windows),
            (self._house_cap, *others),
            tuple(check for check in others if isinstance(check, CountCheck)),
        )


def binds(rule: Rule, subject: Subject) -> bool:
    """Whether a rule is about this subject. Where a place is not known, every place's rules bind."""
    known = subject.jurisdictions
    if rule.jurisdiction and known is not None and rule.jurisdiction not in known:
        return False
    scope = rule.scope
    return scope == _EVERYBODY or all(
        not wanted or value in wanted
        for wanted, value in (
            (scope.channels, subject.channel),
            (scope.debt_types, subject.debt_type),
            (scope.party_types, subject.party_type),
            (scope.roles, subject.role),
            (scope.purposes, subject.purpose),
            (scope.carriers, subject.carrier),
            (scope.places, subject.place),
        )
    )


def first_flags(facts: Facts) -> int:
    """What a contact is that is just being made."""
    flags = OPEN | Flag.OUTBOUND | CHANNEL_FLAG[facts.subject.channel]
    if "direct_prior_consent" in facts.flags:
        flags |= Flag.CONSENTED
    if facts.subject.role == Role.LAWYER:
        flags |= Flag.PROFESSIONAL
    return int(flags)


def _hash(rules: RuleSet, book: RuleBook) -> str:
    if book is NO_BOOK:
        return rules.hash
    return hashlib.sha256(f"{rules.hash}+{book.hash}".encode()).hexdigest()


def _zone_reason(names: tuple[str, ...]) -> Reason:
    """Also of one bad name among good ones."""
    bad = [name for name in names if zones_of((name,)) is None]
    what = f"time zone {bad[0]!r} is not known" if bad else "the debtor's time zone is not known"
    return Reason(
        "zone_unknown", f"{what}; state a zone in the case or set compliance.default_zone"
    )


def _second(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


_EVERYBODY: Final = Scope()
_NOWHERE: Final = Zones((), ())
_FAR: Final = timedelta(days=3650)
# Each step lands on the next moment at which some rule changes its mind; a month of daily caps and
# windows takes some sixty.
_MOST_STEPS: Final = 256
_MOST_PROFILES: Final = 1024
