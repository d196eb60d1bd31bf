"""What compliance rules mean for the steps of a strategy: the one place where the two rooms meet.

Rules: only what binds every contact with a debtor counts here: rules of a region, a carrier, a kind of
number, debt or party, and rules that are switched off, are left to the gate, which sees the case. So
a step that passes here can still be refused there, never the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from dialer_engine.compliance.calendar_ import Calendar
from dialer_engine.compliance.rules import Channel as Via
from dialer_engine.compliance.rules import CountSpec, Event, Hours, Kind, Rule, Span, WindowSpec
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.compliance.windows import hours_of
from dialer_engine.strategy.limits import Cap, Gap, Limits, Minutes, Window
from dialer_engine.strategy.model import Channel

_CHANNELS = {
    Via.VOICE: Channel.CALL,
    Via.VOICE_BOT: Channel.BOT_CALL,
    Via.SMS: Channel.SMS,
    Via.EMAIL: Channel.EMAIL,
    Via.CHAT: Channel.MESSENGER,
    Via.LETTER: Channel.LETTER,
    Via.VISIT: Channel.VISIT,
}
_EVENTS = {
    Event.ATTEMPT: "attempt",
    Event.NOT_CONNECTED: "unanswered",
    Event.CONNECTED: "connected",
    Event.CONVERSATION: "conversation",
    Event.OUTBOUND_CONVERSATION: "conversation",
}
_DAY_S = 86400


def limits_of(preset: str, book: RuleBook) -> Limits:
    """The windows, caps and gaps of a preset that hold for everybody."""
    rules = [rule for rule in book.active if _binds_all(rule)]
    return Limits(
        preset,
        tuple(
            _window(rule, rule.spec, book.calendar_of(rule))
            for rule in rules
            if isinstance(rule.spec, WindowSpec) and _any_channel(rule.scope.channels)
        ),
        tuple(cap for rule in rules for cap in _caps(rule)),
        tuple(gap for rule in rules for gap in _gaps(rule)),
    )


def _window(rule: Rule, spec: WindowSpec, calendar: Calendar | None) -> Window:
    return Window(
        rule.id,
        tuple(map(_minutes, spec.days)),
        _channels(rule.scope.channels),
        None if calendar is None else _of_date(spec, calendar),
    )


def _of_date(spec: WindowSpec, calendar: Calendar) -> Callable[[date], Minutes | None]:
    """As the gate reads the calendar; remembered, because a simulation asks for each case."""
    hours = hours_of(spec, calendar)
    known: dict[date, Minutes | None] = {}

    def of_date(day: date) -> Minutes | None:
        if day not in known:
            known[day] = _minutes(hours(day))
        return known[day]

    return of_date


def _binds_all(rule: Rule) -> bool:
    scope = rule.scope
    special = scope.debt_types or scope.party_types or scope.carriers or scope.places
    others = scope.roles and "debtor" not in scope.roles
    purposes = scope.purposes and "collect" not in scope.purposes
    return not (special or others or purposes or "-" in rule.jurisdiction)


def _caps(rule: Rule) -> Iterator[Cap]:
    spec = rule.spec
    if not isinstance(spec, CountSpec) or rule.kind is Kind.GAP or spec.event not in _EVENTS:
        return
    days = {Span.DAY: 1, Span.WEEK: 7, Span.ROLLING_DAYS: spec.length}.get(spec.span)
    if spec.span is Span.ROLLING_S and spec.length >= _DAY_S:
        days = spec.length // _DAY_S
    names = spec.channels or rule.scope.channels
    if days and _any_channel(names):
        yield Cap(rule.id, _EVENTS[spec.event], spec.limit, days, _channels(names))


def _gaps(rule: Rule) -> Iterator[Gap]:
    spec = rule.spec
    if isinstance(spec, CountSpec) and rule.kind is Kind.GAP and spec.span is Span.ROLLING_S:
        names = spec.channels or rule.scope.channels
        if spec.event is Event.ATTEMPT and _any_channel(names):
            yield Gap(rule.id, spec.length, _channels(names))


def _channels(names: frozenset[str]) -> frozenset[Channel]:
    return frozenset(_CHANNELS[Via(name)] for name in names if Via(name) in _CHANNELS)


def _any_channel(names: frozenset[str]) -> bool:
    """Empty binds all; a rule only of channels that no step has binds none."""
    return not names or bool(_channels(names))


def _minutes(hours: Hours | None) -> Minutes | None:
    return None if hours is None else (hours.start // 60, hours.end // 60)
