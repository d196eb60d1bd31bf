"""The gate: windows to the second, caps, changes of clock, and permits that cannot be made elsewhere."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer_engine.compliance.gate import Denial, Facts, Gate, Permit, RuleSet, local_day
from dialer_engine.domain.errors import BadValue, NotPermitted
from dialer_engine.domain.units import E164, AttemptId, TrunkName
from dialer_engine.ports.pbx import Originate

ATTEMPT, NUMBER = AttemptId("a-1"), E164("+447700900123")
LONDON, NEW_YORK, SHANGHAI = "Europe/London", "America/New_York", "Asia/Shanghai"
RULES = RuleSet()


def at(zone: str, text: str, fold: int = 0) -> datetime:
    """A local time as aware UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def ask(
    now: datetime, zone: str | None = LONDON, today: int = 0, rules: RuleSet = RULES
) -> Permit | Denial:
    """The gate's decision on a number that was called `today` times today."""
    facts = Facts(ATTEMPT, NUMBER, zone, today, local_day(zone, rules, now))
    return Gate(rules).decide(facts, now)


def permit(now: datetime | None = None) -> Permit:
    given = ask(now or at(LONDON, "2026-11-23 12:00"))
    assert isinstance(given, Permit)
    return given


def codes(decision: Permit | Denial) -> list[str]:
    return [r.code for r in decision.reasons] if isinstance(decision, Denial) else []


# -- the window


@pytest.mark.parametrize(
    ("local", "allowed"),
    [
        ("2026-11-23 00:00:00", False),
        ("2026-11-23 07:59:59.999999", False),
        ("2026-11-23 08:00:00", True),
        ("2026-11-23 19:58:59.999999", True),
        ("2026-11-23 19:59:00", False),
        ("2026-11-23 20:00:00", False),
        ("2026-11-23 23:59:59.999999", False),
    ],
)
@pytest.mark.parametrize("zone", [LONDON, NEW_YORK, SHANGHAI, "Asia/Kathmandu"])
def test_the_window_is_half_open_at_the_debtor_and_guarded(
    zone: str, local: str, allowed: bool
) -> None:
    assert isinstance(ask(at(zone, local), zone), Permit) is allowed


def test_the_guard_may_reach_to_midnight() -> None:
    rules = RuleSet(window_start=time(0), window_end=time(23, 59, 59), guard_s=1.0)
    assert codes(ask(at(LONDON, "2026-11-23 00:00:00"), rules=rules)) == []
    assert codes(ask(at(LONDON, "2026-11-23 23:59:57.9"), rules=rules)) == []
    assert codes(ask(at(LONDON, "2026-11-23 23:59:58"), rules=rules)) == ["outside_window"]
    assert codes(ask(at(LONDON, "2026-11-23 23:59:59.5"), rules=rules)) == ["outside_window"]


def test_weekdays_are_the_debtors() -> None:
    rules = RuleSet(weekdays=frozenset({1, 2, 3, 4, 5}))
    sunday_evening_in_new_york = at(NEW_YORK, "2026-11-22 19:30")  # Monday morning in Shanghai
    assert codes(ask(sunday_evening_in_new_york, NEW_YORK, rules=rules)) == ["outside_window"]
    assert codes(ask(sunday_evening_in_new_york, SHANGHAI, rules=rules)) == []


def test_no_weekday_at_all_means_never() -> None:
    decision = ask(at(LONDON, "2026-11-23 12:00"), rules=RuleSet(weekdays=frozenset()))
    assert isinstance(decision, Denial)
    assert decision.again_at is None


# -- changes of clock. London 2026: 29 March 01:00 GMT -> 02:00 BST; 25 October 02:00 BST -> 01:00 GMT.


def test_the_guard_is_real_seconds_across_a_gap() -> None:
    """Found: thirty seconds before a window that the gap cuts short, the guard of sixty was
    computed on the wall clock, which jumps over the end.
    """
    rules = RuleSet(window_start=time(0), window_end=time(1, 30))
    assert codes(ask(datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC), rules=rules)) != []


def test_next_window_is_never_in_the_past_in_an_overlap() -> None:
    """Found: in the second 01:10 the next 01:30 was the first one, which was over."""
    rules = RuleSet(window_start=time(1, 30), window_end=time(4))
    now = at(LONDON, "2026-10-25 01:10", fold=1)
    decision = ask(now, rules=rules)
    assert isinstance(decision, Denial)
    assert decision.again_at == at(LONDON, "2026-10-25 01:30", fold=1)


def test_an_end_that_comes_twice_counts_the_first_time() -> None:
    rules = RuleSet(window_start=time(0, 30), window_end=time(1, 30))
    assert codes(ask(at(LONDON, "2026-10-25 01:10", fold=0), rules=rules)) == []
    assert codes(ask(at(LONDON, "2026-10-25 01:10", fold=1), rules=rules)) == ["outside_window"]


def test_no_call_starts_just_before_the_clock_goes_back_out_of_the_window() -> None:
    rules = RuleSet(window_start=time(1, 30), window_end=time(4))
    for local in ("01:30", "01:58:30", "01:59:30"):
        moment = at(LONDON, f"2026-10-25 {local}", fold=0)
        assert codes(ask(moment, rules=rules)) == ["outside_window"]
    assert codes(ask(at(LONDON, "2026-10-25 01:30", fold=1), rules=rules)) == []


def test_a_window_that_begins_in_a_gap() -> None:
    rules = RuleSet(window_start=time(1, 30), window_end=time(4))
    decision = ask(at(LONDON, "2026-03-29 00:30"), rules=rules)
    assert isinstance(decision, Denial)
    assert decision.again_at is not None
    assert codes(ask(decision.again_at, rules=rules)) == []


def test_a_window_that_the_gap_swallows_is_tomorrows() -> None:
    rules = RuleSet(window_start=time(1, 15), window_end=time(1, 45))
    decision = ask(at(LONDON, "2026-03-29 00:30"), rules=rules)
    assert isinstance(decision, Denial)
    assert decision.again_at == at(LONDON, "2026-03-30 01:15")


@pytest.mark.parametrize(
    ("zone", "day"),
    [(LONDON, "2026-03-29"), (LONDON, "2026-10-25"), (NEW_YORK, "2026-03-08"), (NEW_YORK, "2026-11-01")],
)  # fmt: skip
def test_the_usual_window_on_days_of_change(zone: str, day: str) -> None:
    for local, allowed in [
        ("07:59:59", False),
        ("08:00", True),
        ("19:58:59", True),
        ("19:59", False),
    ]:
        assert isinstance(ask(at(zone, f"{day} {local}"), zone), Permit) is allowed


# -- zones


@pytest.mark.parametrize(
    "zone", ["Europe/Nowhere", "Asia", "../etc/passwd", "+08:00", "\0", "x" * 300]
)
def test_an_unusable_zone_is_denied_even_when_there_is_a_default(zone: str) -> None:
    for rules in (RULES, RuleSet(default_zone=LONDON)):
        decision = ask(at(LONDON, "2026-11-23 12:00"), zone, rules=rules)
        assert codes(decision) == ["zone_unknown"]
        assert isinstance(decision, Denial)
        assert decision.again_at is None


def test_no_zone_is_denied_unless_the_rules_have_a_default() -> None:
    noon = at(LONDON, "2026-11-23 12:00")
    assert codes(ask(noon, None)) == ["zone_unknown"]
    assert codes(ask(noon, "")) == ["zone_unknown"]
    assert codes(ask(noon, None, rules=RuleSet(default_zone=LONDON))) == []


def test_a_time_without_a_zone_is_refused() -> None:
    """Found: Python takes it for the machine's local time, and the window moved with the server."""
    facts = Facts(ATTEMPT, NUMBER, LONDON, 0, "2026-11-23")
    with pytest.raises(BadValue, match="UTC"):
        Gate(RULES).decide(facts, datetime(2026, 11, 23, 12))  # noqa: DTZ001  the mistake itself


def test_the_local_day_is_the_debtors() -> None:
    late = datetime(2026, 11, 23, 20, tzinfo=UTC)
    assert local_day(SHANGHAI, RULES, late) == "2026-11-24"
    assert local_day(NEW_YORK, RULES, late) == "2026-11-23"
    assert local_day("Europe/Nowhere", RULES, late) == "2026-11-23"
    assert local_day(None, RuleSet(default_zone=SHANGHAI), late) == "2026-11-24"


# -- the cap


@pytest.mark.parametrize(("today", "allowed"), [(0, True), (2, True), (3, False), (99, False)])
def test_the_cap_is_the_number_of_attempts_a_day(today: int, allowed: bool) -> None:
    assert codes(ask(at(LONDON, "2026-11-23 12:00"), today=today)) == (
        [] if allowed else ["daily_cap"]
    )


def test_a_count_of_yesterday_says_nothing_of_today() -> None:
    facts = Facts(ATTEMPT, NUMBER, LONDON, 99, "2026-11-22")
    decision = Gate(RULES).decide(facts, at(LONDON, "2026-11-23 12:00"))
    assert isinstance(decision, Permit)
    assert decision.evidence["counts"] == {"daily_cap": 0}


def test_every_rule_is_evaluated_and_again_is_the_latest() -> None:
    decision = ask(at(LONDON, "2026-11-23 07:00"), today=3)
    assert codes(decision) == ["outside_window", "daily_cap"]
    assert isinstance(decision, Denial)
    assert decision.reasons[0].again_at == at(LONDON, "2026-11-23 08:00")
    assert decision.again_at == at(LONDON, "2026-11-24 08:00")


def test_a_full_day_waits_for_the_next_day_that_is_allowed() -> None:
    """Found: on a Friday the cap said Saturday, when nobody may be called."""
    rules = RuleSet(weekdays=frozenset({1, 2, 3, 4, 5}))
    decision = ask(at(LONDON, "2026-11-27 12:00"), today=3, rules=rules)
    assert isinstance(decision, Denial)
    assert decision.again_at == at(LONDON, "2026-11-30 08:00")


def test_a_cap_of_nought_never_allows() -> None:
    decision = ask(at(LONDON, "2026-11-23 12:00"), rules=RuleSet(daily_cap=0))
    assert isinstance(decision, Denial)
    assert decision.again_at is None


zones = st.sampled_from(
    [LONDON, NEW_YORK, SHANGHAI, "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"]
)
# Around the changes of clock as often as anywhere else.
moments = st.one_of(
    st.builds(
        lambda day, s: datetime.combine(day, time()) + timedelta(seconds=s),
        st.dates(date(2026, 1, 1), date(2027, 12, 31)),
        st.integers(0, 86399),
    ),
    st.builds(
        lambda day, s: datetime.combine(day, time()) + timedelta(seconds=s),
        st.sampled_from(
            [date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 11, 1)]
        ),
        st.integers(-7200, 36000),
    ),
).map(lambda moment: moment.replace(tzinfo=UTC))


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    start = draw(st.integers(0, 1435))
    end = draw(st.integers(start + 2, 1439))
    return RuleSet(
        window_start=time(start // 60, start % 60),
        window_end=time(end // 60, end % 60),
        weekdays=draw(st.frozensets(st.integers(1, 7), min_size=1)),
        guard_s=draw(st.sampled_from([0.0, 1.0, 60.0, 119.0])),
    )


@settings(max_examples=500)
@given(rule_sets(), zones, moments, st.integers(0, 4))
def test_what_the_gate_says_is_true(rules: RuleSet, zone: str, now: datetime, today: int) -> None:
    """A permit holds for as long as it lives; a denial's again_at lies ahead and is allowed."""
    decision = ask(now, zone, today, rules)
    if isinstance(decision, Permit):
        last = decision.expires_at - timedelta(microseconds=1)
        assert now <= last <= now + timedelta(seconds=rules.permit_ttl_s)
        for moment in (now, last, last + timedelta(seconds=rules.guard_s)):
            local = moment.astimezone(ZoneInfo(zone))
            assert rules.window_start <= local.time() < rules.window_end
            assert local.isoweekday() in rules.weekdays
            assert local.date().isoformat() == decision.local_day
        assert today < rules.daily_cap
    else:
        assert decision.reasons
        assert decision.again_at is not None
        assert decision.again_at > now
        assert isinstance(ask(decision.again_at, zone, 0, rules), Permit)
        if "daily_cap" in codes(decision):
            assert local_day(zone, rules, decision.again_at) > local_day(zone, rules, now)


# -- permits


def test_a_permit_says_what_it_was_decided_from() -> None:
    now = at(LONDON, "2026-11-23 12:00")
    decision = ask(now, today=2)
    assert isinstance(decision, Permit)
    assert decision.evidence == {
        "v": 1,
        "decision": "permit",
        "rules": RULES.hash,
        "tzdata": "",
        "zones": [LONDON],
        "counts": {"daily_cap": 2},
        "facts": {"zone": LONDON, "attempts_today": 2, "counted_day": "2026-11-23"},
        "daily_cap": 3,
        "decided_at": now.isoformat(),
        "must_end_by": "2026-11-23T20:00:00+00:00",
    }
    assert NUMBER not in repr(decision)
    assert NUMBER not in str(decision.evidence)


def test_the_hash_is_of_the_rules_and_nothing_else() -> None:
    assert RuleSet().hash == RuleSet(weekdays=frozenset([7, 6, 5, 4, 3, 2, 1])).hash
    changes: list[dict[str, Any]] = [
        {"window_start": time(9)}, {"window_end": time(21)}, {"weekdays": frozenset({1})}, {"daily_cap": 4},
        {"guard_s": 1.0}, {"default_zone": LONDON}, {"permit_ttl_s": 1.0},
    ]  # fmt: skip
    assert len({RuleSet().hash, *(RuleSet(**change).hash for change in changes)}) == 8


def test_a_permit_runs_out_no_later_than_the_guarded_window() -> None:
    """Found: it could be used for its ten seconds beyond the guard, or beyond the window."""
    now = at(LONDON, "2026-11-23 19:58:55")
    assert permit(now).expires_at == at(LONDON, "2026-11-23 19:59:00")
    assert permit().expires_at == at(LONDON, "2026-11-23 12:00:10")


def test_a_permit_is_for_one_attempt_and_number_and_time() -> None:
    one, now = permit(), at(LONDON, "2026-11-23 12:00")
    one.check(ATTEMPT, NUMBER, now)
    one.check(ATTEMPT, NUMBER, now + timedelta(seconds=9.9))
    for wrong in (
        (AttemptId("a-2"), NUMBER, now),
        (ATTEMPT, E164("+447700900124"), now),
        (ATTEMPT, NUMBER, now + timedelta(seconds=10)),
        (ATTEMPT, NUMBER, now - timedelta(microseconds=1)),
    ):
        with pytest.raises(NotPermitted):
            one.check(*wrong)


def test_nobody_else_makes_a_permit() -> None:
    noon = at(LONDON, "2026-11-23 12:00")
    for key in ({}, {"key": None}, {"key": object()}, {"key": "_MINT"}):
        with pytest.raises(NotPermitted, match="made by the compliance gate"):
            Permit(ATTEMPT, NUMBER, noon, noon + timedelta(days=1), "2026-11-23", 3, {}, **key)


def test_a_permit_cannot_be_changed_into_another() -> None:
    """Found: dataclasses.replace() carried the key along, and made a permit for any number."""
    one = permit()
    with pytest.raises(FrozenInstanceError):
        one.number = E164("+447700900124")  # type: ignore[misc]
    with pytest.raises(NotPermitted):
        replace(one, number=E164("+447700900124"))
    with pytest.raises(NotPermitted):
        replace(one, expires_at=one.expires_at + timedelta(days=1))
    assert not hasattr(one, "_MINT")
    assert getattr(one, "key", None) is None


def test_a_permit_does_not_travel() -> None:
    """Neither to another process nor into a second copy."""
    for travel in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(NotPermitted):
            travel(permit())


def originate(**changes: Any) -> Originate:
    """A command to dial, with the permit of this module unless stated otherwise."""
    values: dict[str, Any] = {
        "permit": permit(), "attempt": ATTEMPT, "number": NUMBER, "trunk": TrunkName("carrier"),
        "ring_timeout_s": 25.0, "recording": "", "amd": False, "max_wait_s": 5.0,
        "asked_at": at(LONDON, "2026-11-23 12:00:05"),
    }  # fmt: skip
    return Originate(**(values | changes))


def test_no_originate_without_its_own_valid_permit() -> None:
    command = originate()
    assert NUMBER not in repr(command)
    for wrong in (
        {"attempt": AttemptId("a-2")},
        {"number": E164("+447700900124")},
        {"asked_at": at(LONDON, "2026-11-23 12:00:10")},
        {"asked_at": at(LONDON, "2026-11-23 11:59:59")},
    ):
        with pytest.raises(NotPermitted):
            originate(**wrong)
        with pytest.raises(NotPermitted):
            replace(command, **wrong)
    for nothing in (None, ask(at(LONDON, "2026-11-23 03:00"))):
        with pytest.raises(AttributeError):
            originate(permit=nothing)


# -- rules that make no sense


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_start": time(20), "window_end": time(8)},
        {"window_start": time(8), "window_end": time(8)},
        {"daily_cap": -1},
        {"guard_s": -1.0},
        {"guard_s": float("nan")},
        {"guard_s": 43200.0},
        {"permit_ttl_s": 0.0},
        {"permit_ttl_s": float("inf")},
        {"weekdays": frozenset({0})},
        {"weekdays": frozenset({8})},
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    """Found: a guard below nought let calls start after the end of the window."""
    with pytest.raises(BadValue, match="compliance"):
        RuleSet(**wrong)
