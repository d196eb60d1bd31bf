"""Rules of pacing: figures that are counted over a time, and what the gate says of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer_engine.app.compliance import load_book
from dialer_engine.compliance.evidence import recompute
from dialer_engine.compliance.facts import Facts
from dialer_engine.compliance.gate import Deferral, Denial, Gate, Permit, RuleSet
from dialer_engine.compliance.rules import PacingSpec, Span
from dialer_engine.compliance.ruleset import Document, read_book
from dialer_engine.domain.errors import ConfigError
from tests.compliance.facts import at, facts

NOON = at("Europe/London", "2026-11-23 12:00")
MIDNIGHT = at("Europe/London", "2026-11-24 00:00")
UK = Gate(RuleSet(daily_cap=100), load_book(["uk"]))


def told(share: float | None, ends: datetime = MIDNIGHT, *flags: str) -> Facts:
    figures: dict[str, float] = {}
    if share is not None:
        figures = {"abandon_pct/calendar_day": share, "calendar_day/ends": ends.timestamp()}
    base = facts("Europe/London", NOON, {"default_place": "GB", "country": "GB", "flags": flags})
    return replace(base, figures=figures)


def test_above_the_share_calls_are_put_off_to_the_end_of_the_day() -> None:
    decision = UK.decide(told(3.2), NOON)
    assert isinstance(decision, Deferral)
    assert decision.codes == ("uk_abandonment",)
    # Midnight, and then the hours.
    assert decision.again_at == at("Europe/London", "2026-11-24 08:00")
    assert "abandon_pct 3.2 (at most 3, calendar_day)" in decision.reasons[0].text
    assert isinstance(UK.decide(told(3.0), NOON), Permit)
    assert isinstance(UK.decide(told(None), NOON), Permit)
    assert isinstance(UK.decide(told(50, MIDNIGHT, "agent_guaranteed"), NOON), Permit)


def test_figures_of_a_day_that_is_over_say_nothing() -> None:
    assert isinstance(UK.decide(told(50, NOON), NOON), Permit)
    assert isinstance(UK.decide(told(50, NOON + timedelta(seconds=1)), NOON), Denial)


def test_a_decision_by_figures_can_be_computed_again() -> None:
    given = told(3.2)
    decision = UK.decide(given, NOON)
    assert isinstance(decision, Denial)
    assert recompute(UK.record_of(given, NOON, decision), UK) == []


def test_the_figure_of_another_time_is_not_this_rules() -> None:
    figures = {"abandon_pct/fixed_days_30": 9.0, "fixed_days_30/ends": MIDNIGHT.timestamp()}
    assert isinstance(UK.decide(replace(told(None), figures=figures), NOON), Permit)


def test_the_presets_say_over_which_time() -> None:
    windows = {
        rule.id: rule.spec.window
        for name in ("uk", "us_pacing", "br")
        for rule in load_book([name]).active
        if isinstance(rule.spec, PacingSpec) and rule.spec.span is not None
    }
    assert windows == {
        "uk_abandonment": "calendar_day", "us_abandonment": "fixed_days_30",
        "br_short_calls": "calendar_day", "br_authentication": "calendar_month",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asks", "words"),
    [
        ({"pacing": {"limits": {"a": {"most": 1}}, "window": "rolling_s"}}, "must be a day"),
        ({"pacing": {"limits": {"a": {"most": 1}}, "window": "fixed_days"}}, "days"),
        (
            {"cap": {"unit": "number", "event": "attempt", "window": "calendar_month", "max": 1}},
            "no months",
        ),
    ],
)
def test_a_time_that_cannot_be_counted_is_refused(asks: dict[str, object], words: str) -> None:
    rule = {"id": "mine", "source": {"ref": "x", "status": "E"}, **asks}
    with pytest.raises(ConfigError, match=words):
        read_book([Document("f", {"schema": 1, "name": "m", "rules": [rule]})])


def test_a_period_is_named_by_its_length() -> None:
    assert PacingSpec((), span=Span.FIXED_DAYS, length=7).window == "fixed_days_7"
    assert PacingSpec(()).window == ""
    assert MIDNIGHT.tzinfo is UTC
