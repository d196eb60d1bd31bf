"""Each kind of rule, made ready to be asked.

Rules: a check answers one question: the first moment from `at` on at which its rule has no objection
as far as is known now; `at` itself when there is none, None when no time alone will do. What is
missing is an objection. A check knows nothing of the others: all are asked, whatever one says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol

from dialer_engine.compliance import counting
from dialer_engine.compliance.calendar_ import Calendar
from dialer_engine.compliance.facts import Facts
from dialer_engine.compliance.lifting import agreed_hours
from dialer_engine.compliance.rules import (
    CallerIdSpec,
    ConditionSpec,
    ConsentSpec,
    CountSpec,
    DisclosureSpec,
    Event,
    Hours,
    Kind,
    Limit,
    PacingSpec,
    PartySpec,
    Rule,
    Scope,
    Source,
    Span,
    Status,
    SuppressionSpec,
    Unit,
    WindowSpec,
)
from dialer_engine.compliance.windows import HoursOf, Timeline, block, hours_of, timeline
from dialer_engine.compliance.zones import Zones
from dialer_engine.domain.collections.codes import HoldKind
from dialer_engine.domain.reservation import Claim

_DAY: Final = timedelta(days=1)
# Half a day on either side of UTC: a date has begun somewhere when it has begun in Kiribati (+14).
_FIRST_ZONE: Final = timedelta(hours=14)
_LAST_ZONE: Final = timedelta(hours=12)
_MAX_TIMELINES: Final = 512


@dataclass(slots=True)
class Asked:
    """The question as every check gets it. seen: counters by rule, filled on the way. settled_from:
    when the question is "when again", the moment from which open contacts are taken for over.
    """

    facts: Facts
    zones: Zones
    seen: dict[str, int]
    settled_from: datetime | None = None


class Check(Protocol):
    """A rule, ready. dated: it is in force from or until some date."""

    rule: Rule
    dated: bool

    def free_at(self, asked: Asked, at: datetime) -> datetime | None:
        """See the module."""
        ...

    def text(self, asked: Asked, at: datetime) -> str:
        """The objection in words, for people; no personal data."""
        ...


class WindowCheck:
    """The hours. `span` gives the end as well."""

    def __init__(self, rule: Rule, calendar: Calendar | None) -> None:
        assert isinstance(rule.spec, WindowSpec)
        self.rule = rule
        self.dated = is_dated(rule)
        self.spec = rule.spec
        self._calendar = calendar
        self._hours = hours_of(rule.spec, calendar)
        self._timelines: dict[tuple[tuple[str, ...], int], Timeline] = {}

    def span(
        self, asked: Asked, at: datetime, guard: timedelta
    ) -> tuple[datetime, datetime] | None:
        """The first moment from `at` on at which a call may start, and when it must have ended."""
        zones = asked.zones
        if asked.facts.overrides:
            agreed = agreed_hours(self.rule, asked.facts.overrides, at)
            if agreed is not None:
                return timeline(_every_day(agreed), zones, block(at)).open_at(at, guard)
        key = (zones.names, block(at))
        known = self._timelines.get(key)
        if known is None:
            if len(self._timelines) > _MAX_TIMELINES:
                self._timelines.clear()
            known = self._timelines[key] = timeline(self._hours, zones, key[1])
        return known.open_at(at, guard)

    def free_at(self, asked: Asked, at: datetime) -> datetime | None:
        """Without the guard, which is the gate's."""
        found = self.span(asked, at, timedelta(0))
        return found[0] if found else None

    def text(self, asked: Asked, at: datetime) -> str:
        """Which hours, and where."""
        places = ", ".join(asked.zones.names[:3]) + (" …" if len(asked.zones.names) > 3 else "")
        days = set(asked.zones.dates(at))
        if self.spec.uses_calendar and self._calendar is not None:
            unknown = sorted(day.year for day in days if not self._calendar.knows(day.year))
            if unknown:
                return f"no holidays are known for {unknown[0]} ({self._calendar.place}): closed"
        told = sorted({_hours_text(self._hours(day)) for day in days})
        return f"outside {' / '.join(told)} at the debtor ({places})"


def _every_day(hours: Hours) -> HoursOf:
    def always(day: date) -> Hours | None:
        return hours

    return always


def _hours_text(hours: Hours | None) -> str:
    if hours is None:
        return "closed"
    return f"{clock(hours.start)}-{clock(hours.end)}"


def clock(second: int) -> str:
    """A second of the day as people write it, 20:30."""
    return f"{second // 3600:02d}:{second // 60 % 60:02d}"


class CountCheck:
    """Caps, gaps, cooldowns."""

    def __init__(self, rule: Rule) -> None:
        assert isinstance(rule.spec, CountSpec)
        self.rule = rule
        self.dated = is_dated(rule)
        self.spec = rule.spec
        self.unit = rule.spec.unit.value
        self.counter = counting.counter(rule.spec)

    def free_at(self, asked: Asked, at: datetime) -> datetime | None:
        """When enough of what stands against it has left its span."""
        facts = asked.facts
        if self.spec.unless and self.spec.unless & facts.flags:
            return at
        key = facts.keys.get(self.unit)
        if key is None:
            return None
        contacts = facts.history.get(key)
        if not contacts:
            asked.seen.setdefault(self.rule.id, 0)
            return at if self.spec.limit else None
        if asked.settled_from is not None and at >= asked.settled_from:
            contacts = tuple(counting.settled(contacts))
        since = counting.span_start(self.spec, at, asked.zones)
        found = counting.counted(self.counter, contacts, since)
        asked.seen.setdefault(self.rule.id, len(found))
        return counting.free_at(self.counter, found, at, asked.zones)

    def claim(self, facts: Facts, zones: Zones, at: datetime) -> Claim | None:
        """What the store has to hold this rule against, in the transaction; None when it is lifted."""
        if self.spec.unless and self.spec.unless & facts.flags:
            return None
        since = counting.span_start(self.spec, at, zones)
        made = self.counter
        return Claim(
            self.rule.id, facts.keys[self.unit], self.spec.limit, since,
            made.all_of, made.any_of, made.none_of, made.open_is,
        )  # fmt: skip

    def text(self, asked: Asked, at: datetime) -> str:
        """How many there were, and how many may be."""
        if self.unit not in asked.facts.keys:
            return f"it is not known whose {self.unit} counter this call belongs to"
        count, spec = asked.seen.get(self.rule.id, 0), self.spec
        if self.rule.kind is not Kind.CAP:
            return f"too soon after the last {spec.event.value} ({_span_text(spec)}, {self.unit})"
        return f"{count} of {spec.limit} {spec.event.value} used ({_span_text(spec)}, {self.unit})"


def _span_text(spec: CountSpec) -> str:
    unit = {"rolling_s": "s", "rolling_days": "local days", "fixed_days": "days"}
    named = unit.get(spec.span.value)
    return f"{spec.length} {named}" if named else spec.span.value.replace("_", " ")


class SuppressionCheck:
    """Lists of those who are not to be called."""

    def __init__(self, rule: Rule) -> None:
        assert isinstance(rule.spec, SuppressionSpec)
        self.rule = rule
        self.dated = is_dated(rule)
        self.lists = rule.spec.lists

    def free_at(self, asked: Asked, at: datetime) -> datetime | None:
        """Never by itself."""
        held = asked.facts.lists
        return None if held and (not self.lists or self.lists & set(held)) else at

    def text(self, asked: Asked, at: datetime) -> str:
        """Which list."""
        return f"on the list {', '.join(sorted(asked.facts.lists))}"


class ConsentCheck:
    """What the person allowed or took back."""

    def __init__(self, rule: Rule) -> None:
        assert isinstance(rule.spec, ConsentSpec)
        self.rule = rule
        self.dated = is_dated(rule)
        self.spec = rule.spec

    def free_at(self, asked: Asked, at: datetime) -> datetime | None:
        """Never by itself."""
        given = asked.facts.consents
        missing = any(given.get(purpose) != "granted" for purpose in self.spec.granted)
        revoked = any(given.get(purpose) == "revoked" for purpose in self.spec.not_revoked)
        return None if missing or revoked else at

    def text(self, asked: Asked, at: datetime) -> str:
        """Which consent."""
        given = asked.facts.consents
        revoked = [name for name in sorted(self.spec.not_revoked) if given.get(name) == "revoked"]
        if revoked:
            return f"the consent to {', '.join(revoked)} was withdrawn"
        return f"no consent is on record for {', '.join(sorted(self.spec.granted))}"


class PartyCheck:
    """Who but the debtor, and for what."""

    def __init__(self, rule: Rule) -> None:
        assert isinstance(rule.spec, PartySpec)
        self.rule = rule
        self.dated = is_dated(rule)
        self.spec = rule.spec

    def free_at(self, asked: Asked, at: datetime) -> datetime | None:
        """Never by itself."""
        return at if self._objection(asked.facts) is None else None

    def _objection(self, facts: Facts) -> str | None:
        role, spec = facts.subject.role, self.spec
        if role in spec.roles:
            return None
        if "refused" in facts.flags:
            return "this contact refused further calls; that holds for good"
        if not spec.others_if:
            return f"a {role} may not be called about this debt"
        if not spec.others_if & facts.flags:
            needs = ", ".join(sorted(spec.others_if))
            return f"a {role} may be called only when one of these is on record: {needs}"
        if spec.purposes and facts.subject.purpose not in spec.purposes:
            return f"a {role} may be called only to {', '.join(sorted(spec.purposes))}"
        return None

    def text(self, asked: Asked, at: datetime) -> str:
        """What is missing."""
        return self._objection(asked.facts) or ""


class ConditionCheck:
    """Facts of the case that must hold."""

    def __init__(self, rule: Rule) -> None:
        assert isinstance(rule.spec, ConditionSpec)
        self.rule = rule
        self.dated = is_dated(rule)
        self.spec = rule.spec

    def free_at(self, asked: Asked, at: datetime) -> datetime | None:
        """For days past due: as many days on as are missing. Else never by itself."""
        facts, spec = asked.facts, self.spec
        if spec.none_of & facts.flags or not spec.all_of <= facts.flags:
            return None
        least = spec.min_days_past_due
        if least is None:
            return at
        if facts.days_past_due is None:
            return None
        missing = least - facts.days_past_due
        if missing <= 0:
            return at
        # The facts are of a day; asked about a later one, they have aged.
        counted = date.fromisoformat(facts.counted_day)
        aged = (min(asked.zones.dates(at)) - counted).days
        return at if aged >= missing else asked.zones.next_day(at, missing - max(aged, 0))

    def text(self, asked: Asked, at: datetime) -> str:
        """Which fact."""
        facts, spec = asked.facts, self.spec
        if forbidden := sorted(spec.none_of & facts.flags):
            return f"not while this is on record: {', '.join(forbidden)}"
        if missing := sorted(spec.all_of - facts.flags):
            return f"only when this is on record: {', '.join(missing)}"
        if facts.days_past_due is None:
            return "it is not known how many days the debt is past due"
        return f"{facts.days_past_due} days past due, {spec.min_days_past_due} are needed"


class DisclosureCheck:
    """What script and line must do."""

    def __init__(self, rule: Rule) -> None:
        assert isinstance(rule.spec, DisclosureSpec)
        self.rule = rule
        self.dated = is_dated(rule)
        self.require = rule.spec.require

    def free_at(self, asked: Asked, at: datetime) -> datetime | None:
        """Never by itself: the campaign has to be changed."""
        return at if self.require <= asked.facts.disclosures else None

    def text(self, asked: Asked, at: datetime) -> str:
        """What is not promised."""
        missing = sorted(self.require - asked.facts.disclosures)
        return f"script and line do not promise: {', '.join(missing)}"


class PacingCheck:
    """Figures of campaign and line."""

    def __init__(self, rule: Rule) -> None:
        assert isinstance(rule.spec, PacingSpec)
        self.rule = rule
        self.dated = is_dated(rule)
        self.spec = rule.spec

    def free_at(self, asked: Asked, at: datetime) -> datetime | None:
        """At the end of the time that is counted, where it has one; else never by itself."""
        if self.spec.unless & asked.facts.flags:
            return at
        if not self.objects(asked.facts):
            return at
        ends = asked.facts.figures.get(f"{self.spec.window}/ends")
        if ends is None:
            return None
        # In the next period nothing is counted yet.
        over = datetime.fromtimestamp(ends, UTC)
        return over if at < over else at

    def objects(self, facts: Facts) -> bool:
        """Whether the limits are broken by these figures."""
        broken = [one for one in self.spec.limits if self._is_broken(one, facts)]
        return len(broken) >= (len(self.spec.limits) if self.spec.together else 1)

    def _figure(self, name: str, facts: Facts) -> float | None:
        """That of the rule's own time, else the one that is of no time."""
        return facts.figures.get(f"{name}/{self.spec.window}", facts.figures.get(name))

    def _is_broken(self, limit: Limit, facts: Facts) -> bool:
        figure = self._figure(limit.figure, facts)
        if figure is None:
            return False
        low = limit.least is not None and figure < limit.least
        return low or (limit.most is not None and figure > limit.most)

    def text(self, asked: Asked, at: datetime) -> str:
        """Which figure."""
        facts = asked.facts
        over = f", {self.spec.window}" if self.spec.window else ""
        told = [
            f"{one.figure} {self._figure(one.figure, facts) or 0.0:.4g} ({_limit_text(one)}{over})"
            for one in self.spec.limits
            if self._is_broken(one, facts)
        ]
        return "; ".join(told)


def _limit_text(limit: Limit) -> str:
    words = []
    if limit.least is not None:
        words.append(f"at least {limit.least:g}")
    if limit.most is not None:
        words.append(f"at most {limit.most:g}")
    return ", ".join(words)


class CallerIdCheck:
    """The series that a caller id must be of."""

    def __init__(self, rule: Rule) -> None:
        assert isinstance(rule.spec, CallerIdSpec)
        self.rule = rule
        self.dated = is_dated(rule)
        self.prefixes = rule.spec.prefixes

    def free_at(self, asked: Asked, at: datetime) -> datetime | None:
        """Never by itself: the trunk has to be changed."""
        return at if asked.facts.caller_id.lstrip("+").startswith(self.prefixes) else None

    def text(self, asked: Asked, at: datetime) -> str:
        """Which series."""
        return f"the caller id is not of the series {', '.join(self.prefixes)}"


_MAKERS: Final[dict[Kind, Callable[[Rule], Check]]] = {
    Kind.CAP: CountCheck,
    Kind.GAP: CountCheck,
    Kind.COOLDOWN: CountCheck,
    Kind.CONSENT: ConsentCheck,
    Kind.SUPPRESSION: SuppressionCheck,
    Kind.PARTY: PartyCheck,
    Kind.CONDITION: ConditionCheck,
    Kind.DISCLOSURE: DisclosureCheck,
    Kind.PACING: PacingCheck,
    Kind.CALLER_ID: CallerIdCheck,
}


def make_check(rule: Rule, calendar: Calendar | None) -> Check:
    """The check of a rule that the gate asks; not for retention."""
    if rule.kind is Kind.WINDOW:
        return WindowCheck(rule, calendar)
    return _MAKERS[rule.kind](rule)


def is_dated(rule: Rule) -> bool:
    """Whether `in_force` has to be asked."""
    return rule.effective_from is not None or rule.effective_until is not None


def in_force(rule: Rule, at: datetime) -> bool:
    """Whether the rule's dates have begun and not ended, read so that it binds for longer."""
    begun = rule.effective_from is None or (at + _FIRST_ZONE).date() >= rule.effective_from
    ended = rule.effective_until is not None and (at - _LAST_ZONE).date() >= rule.effective_until
    return begun and not ended


# -- what the operator's configuration asks, beside the law ----------------------------------------

_CONFIGURED: Final = Source("configuration, compliance.*", Status.ENGINEERING)


class DailyCapCheck:
    """Attempts for each number and local day, as the store counted them before the law had a model."""

    def __init__(self, cap: int, default_zone: str) -> None:
        self.cap = cap
        self._default = default_zone
        spec = CountSpec(Unit.NUMBER, Event.ATTEMPT, Span.DAY, cap)
        self.rule = Rule("daily_cap", 1, "", Kind.CAP, spec, _CONFIGURED)
        self.dated = False

    def count(self, asked: Asked, at: datetime) -> int:
        """A count of another day says nothing about today."""
        facts = asked.facts
        today = {day.isoformat() for day in asked.zones.dates(at)}
        return facts.attempts_today if facts.counted_day in today else 0

    def free_at(self, asked: Asked, at: datetime) -> datetime | None:
        """From the next local day on."""
        count = self.count(asked, at)
        asked.seen.setdefault(self.rule.id, count)
        if count < self.cap:
            return at
        return asked.zones.next_day(at, 1) if self.cap else None

    def text(self, asked: Asked, at: datetime) -> str:
        """How many there were."""
        count = self.count(asked, at)
        return f"{count} attempts today, {self.cap} allowed for each number"


def house_holds() -> Check:
    """A case that somebody holds is not collected, whatever presets say. Not `vulnerable`: who is may be
    called with care, which strategies and presets decide.
    """
    spec = ConditionSpec(none_of=STOPPING)
    scope = Scope(purposes=frozenset({"collect"}))
    source = Source("holds of the case", Status.ENGINEERING)
    return ConditionCheck(Rule("held", 1, "", Kind.CONDITION, spec, source, scope))


STOPPING: Final = frozenset(kind.value for kind in HoldKind) - {HoldKind.VULNERABLE.value}


def house_window(start: int, end: int, weekdays: frozenset[int]) -> WindowCheck:
    """The configured window. start, end: seconds from midnight."""
    hours = Hours(start, end)
    days = tuple(hours if day in weekdays else None for day in range(1, 8))
    rule = Rule("outside_window", 1, "", Kind.WINDOW, WindowSpec(days), _CONFIGURED)
    return WindowCheck(rule, None)
