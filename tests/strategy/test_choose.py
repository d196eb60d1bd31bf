"""Which segment, which steps, which arm, and when next."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.strategy.choose import Choice, choose, next_time
from dialer_engine.strategy.conditions import fact_map
from dialer_engine.strategy.limits import Limits, Window
from dialer_engine.strategy.model import Channel, Step
from dialer_engine.strategy.nodes import node_of
from dialer_engine.strategy.read import parse_strategy
from tests.strategy.shipped import strategies
from tests.strategy.test_read import GOOD

STRATEGY = parse_strategy("early", node_of(GOOD))
REFERENCES = [f"C-{n}" for n in range(2000)]


def chosen(reference: str = "C-1", **facts: Any) -> Choice:
    return choose(STRATEGY, fact_map(CaseFacts(**facts)), reference)


def test_the_first_segment_that_holds_is_taken_and_says_why() -> None:
    found = chosen(dpd=9, holds=frozenset({"dispute"}), promises_open=1)
    assert found.segment is not None
    assert (found.segment.id, found.hold) == ("held", "a hold is in force")
    assert found.because == (("not (holds.is_empty)", True),)
    rest = chosen(dpd=9)
    assert rest.segment is not None
    assert rest.segment.id == "rest"
    assert rest.passed == (("held", "not (holds.is_empty)"), ("promised", "promises_open > 0"))


def test_steps_are_in_force_by_day_and_come_later_by_day() -> None:
    assert [s.id for s in chosen(dpd=0).steps] == []
    assert [(s.id, days) for s, days in chosen(dpd=0).later] == [("a", 1), ("b", 8), ("c", 8)]
    assert [s.id for s in chosen(dpd=7).steps] == ["a"]
    assert [s.id for s in chosen(dpd=8).steps] == ["b", "c"]
    assert [s.id for s in chosen(dpd=400).steps] == ["b"]


@pytest.mark.parametrize(("due", "ids"), [(0, ["recall"]), (1, ["recall"]), (2, []), (None, [])])
def test_an_event_brings_its_step(due: int | None, ids: list[str]) -> None:
    found = chosen(dpd=9, promises_open=1, promise_due_in_days=due)
    assert [s.id for s in found.steps] == ids


def test_a_case_that_no_segment_takes_is_not_contacted() -> None:
    data = copy.deepcopy(GOOD)
    del data["segments"][2], data["experiments"], data["mix"]
    made = parse_strategy("x", node_of(data))
    found = choose(made, fact_map(CaseFacts(dpd=9)), "C-1")
    assert found.segment is None
    assert found.hold
    assert not found.steps


def test_an_arm_is_fixed_and_changes_calls_only() -> None:
    by_arm: dict[str, Choice] = {}
    for reference in REFERENCES:
        found = chosen(reference, dpd=8)
        assert found.arms == chosen(reference, dpd=8).arms
        by_arm[found.arms["tone"]] = found
    assert by_arm.keys() == {"as-is", "milder"}
    assert [(s.channel, s.strength) for s in by_arm["as-is"].steps] == [
        (Channel.CALL, 2),
        (Channel.SMS, 1),
    ]
    assert [(s.channel, s.strength) for s in by_arm["milder"].steps] == [
        (Channel.BOT_CALL, 1),
        (Channel.SMS, 1),
    ]
    assert chosen(dpd=8, promises_open=1).arms == {}


# The debtor's wall clock: `next_time` keeps whatever zone it is given.
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
STEP = Step("x", Channel.CALL, day=1, hours=(540, 600), weekdays=frozenset({0, 3}))


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (MONDAY, MONDAY.replace(hour=9)),
        (MONDAY.replace(hour=9, minute=30), MONDAY.replace(hour=9, minute=30)),
        (MONDAY.replace(hour=10), MONDAY.replace(day=26, hour=9)),
        (MONDAY.replace(day=27, hour=9), MONDAY.replace(day=30, hour=9)),
    ],
)
def test_when_a_step_can_be_next(now: datetime, then: datetime) -> None:
    assert next_time(STEP, now) == then


def test_limits_make_it_later_or_never() -> None:
    late = Limits("x", (Window("w", (*[(570, 1200)] * 6, None)),))
    assert next_time(STEP, MONDAY, [late]) == MONDAY.replace(hour=9, minute=30)
    assert next_time(STEP, MONDAY, [Limits("x", (Window("w", (None,) * 7),))]) is None


# -- what ships ------------------------------------------------------------------------------------

APPROVED, COMPLAINS = {"legal_review": "approved"}, frozenset({"complains"})


@pytest.mark.parametrize("hold", ["dispute", "deceased", "lawyer", "vulnerable", "legal"])
def test_no_shipped_strategy_contacts_a_case_on_hold(hold: str) -> None:
    for strategy in strategies().values():
        for dpd in range(-10, 400, 7):
            facts = CaseFacts(
                dpd=dpd, holds=frozenset({hold}), promises_open=1, promise_due_in_days=0
            )
            assert choose(strategy, fact_map(facts), "C-1").steps == ()


@pytest.mark.parametrize(
    ("name", "facts", "segment", "steps"),
    [
        ("pre_due", {"dpd": -3, "stage": "pre_due"}, "usual", ["text"]),
        ("pre_due", {"dpd": -2, "stage": "pre_due", "behaviour": "pays_late"}, "pays-late", ["person"]),
        ("pre_due", {"dpd": -9, "stage": "pre_due"}, "not-yet", []),
        ("early", {"dpd": 3, "stage": "M1"}, "usual", ["robot"]),
        ("early", {"dpd": 20, "stage": "M1"}, "usual", ["agree"]),
        ("early", {"dpd": 3, "stage": "M1", "ability": "unable"}, "hardship", ["listen"]),
        ("early", {"dpd": 9, "stage": "M1", "ability": "able", "willingness": "unwilling"}, "unwilling", ["plain"]),
        ("early", {"dpd": 40, "stage": "M2"}, "beyond", []),
        ("early", {"dpd": 9, "stage": "M1", "promises_broken": 1}, "broke-promise", ["ask"]),
        ("mid", {"dpd": 40, "stage": "M2", "reason_overdue": "unreachable"}, "silent", ["try", "look"]),
        ("mid", {"dpd": 70, "stage": "M3"}, "usual", ["plain"]),
        ("late", {"dpd": 150, "stage": "M5"}, "usual", ["plan"]),
        ("legal", {"dpd": 100, "stage": "M4", "balance": 5000}, "too-early", []),
        ("legal", {"dpd": 200, "stage": "M7+", "balance": 5000}, "to-review", ["review", "plan"]),
        ("legal", {"dpd": 200, "stage": "M7+", "balance": 5000, "attributes": APPROVED}, "considered", ["tell"]),
        ("utilities", {"dpd": 10, "debt_type": "utility", "age": 80}, "needs-care", ["ask"]),
        ("telecom", {"dpd": 10, "debt_type": "telecom"}, "usual", ["robot"]),
        ("telecom", {"dpd": 10, "debt_type": "utility"}, "other-debt", []),
        ("property", {"dpd": 10, "debt_type": "property_fee", "tags": COMPLAINS}, "complains", ["pass-on"]),
    ],
)  # fmt: skip
def test_what_ships_does_what_its_comments_say(
    name: str, facts: dict[str, Any], segment: str, steps: list[str]
) -> None:
    found = choose(strategies()[name], fact_map(CaseFacts(**facts)), "C-1")
    assert found.segment is not None
    assert found.segment.id == segment
    assert [step.id for step in found.steps] == steps
