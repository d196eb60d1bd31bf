"""A month on a virtual clock: nothing more often than the steps, the caps and the windows allow."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.strategy.given import invented
from dialer_engine.strategy.limits import Cap, Gap, Limits, Window
from dialer_engine.strategy.nodes import node_of
from dialer_engine.strategy.outcomes import Chance, OutcomeModel
from dialer_engine.strategy.read import parse_strategy
from dialer_engine.strategy.simulate import SimCase, Simulation, simulate
from tests.strategy.shipped import strategies
from tests.strategy.test_read import GOOD

MONDAY = date(2026, 11, 30)
NOBODY = OutcomeModel(
    answer_by_hour=(0.0,) * 24, cure=0, message_pays=0, unanswered=(1, 0, 0, 0, 0)
)
EVERYBODY = OutcomeModel(
    answer_by_hour=(1.0,) * 24,
    machine=0,
    right_party=1,
    promise=(1.0,) * 4,
    kept=1,
    cure=0,
    message_pays=0,
)


def strategy(*ladder: dict[str, Any], tries: int = 900, **more: Any) -> Any:
    data = copy.deepcopy(GOOD) | {"max_tries": tries, "mix": {}, "experiments": []} | more
    data["retry"] = {"no_answer": {"then": "same_number", "delay_s": 60}}
    data["segments"] = [{"id": "all", "when": True, "ladder": list(ladder)}]
    return parse_strategy("x", node_of(data))


def month(
    made: Any, model: OutcomeModel = NOBODY, cases: int = 1, limits: Any = (), **facts: Any
) -> Simulation:
    book = [
        SimCase(f"C-{n}", CaseFacts(**{"dpd": 1, "stage": "M1", **facts})) for n in range(cases)
    ]
    return simulate(made, book, model, limits, seed=3, start=MONDAY, days=28)


CALL = {"id": "a", "day": 1, "channel": "call", "script": "x"}


def test_a_step_is_tried_as_often_as_it_says_and_no_more() -> None:
    told = month(strategy({**CALL, "per_day": 2, "per_week": 5}))
    assert told.total.attempts == 4 * 5
    assert told.plan["per_week"] > 0
    assert max(told.by_day) == 2


def test_hours_and_weekdays_are_kept() -> None:
    told = month(
        strategy(
            {
                **CALL,
                "hours": ["10:00", "12:00"],
                "weekdays": ["mon", "tue"],
                "per_day": 1,
                "per_week": 7,
            }
        ),
        cases=50,
    )
    assert told.total.attempts == 50 * 8
    assert sum(told.by_hour[10:12]) == told.total.attempts
    assert all(count == 0 for day, count in enumerate(told.by_day) if day % 7 > 1)


def test_caps_of_compliance_come_on_top() -> None:
    seven = Limits("us", caps=(Cap("us_7in7", "attempt", 7, 7),))
    told = month(strategy({**CALL, "per_day": 3, "per_week": 21}), limits=[seven])
    assert told.total.attempts == 28
    assert told.caps["us: us_7in7"] > 0
    spaced = Limits("x", gaps=(Gap("gap", 86_400 * 3),))
    assert month(strategy({**CALL, "per_week": 7}), limits=[spaced]).total.attempts <= 10
    closed = Limits("x", windows=(Window("w", (None,) * 7),))
    told = month(strategy(CALL), limits=[closed])
    assert (told.total.attempts, told.closed) == (0, 28)


def test_done_ends_a_step_and_the_next_begins_anew() -> None:
    once = strategy({**CALL, "until": 10}, {**CALL, "id": "b", "day": 11}, retry={})
    never = replace(once, retry=replace(once.retry, rules={}))
    told = month(never)
    assert told.steps["all/a"].attempts == told.steps["all/b"].attempts == 1


def test_max_tries_ends_a_case() -> None:
    assert month(strategy({**CALL, "per_day": 1, "per_week": 7}, tries=5)).total.attempts == 5


def test_a_promise_stops_calls_and_is_kept() -> None:
    told = month(strategy(CALL), EVERYBODY, balance=100, currency="CNY")
    total = told.total
    assert (total.attempts, total.conversations, total.promises, total.kept, total.paid) == (
        1,
        1,
        1,
        1,
        1,
    )
    assert told.recovered == {"CNY": 100}
    assert told.agent_hours > 0


def test_a_broken_promise_brings_its_event() -> None:
    broken = {"id": "b", "event": "promise_broken", "channel": "letter", "script": "x"}
    told = month(strategy(CALL, broken), replace(EVERYBODY, kept=0), balance=100)
    assert told.total.broken > 0
    assert told.channels["letter"] > 0


def test_messages_go_once_and_tasks_reach_nobody() -> None:
    text = {"id": "t", "day": 2, "channel": "sms", "script": "x"}
    work = {"id": "w", "day": 1, "until": 30, "channel": "task"}
    told = month(strategy(text, work), cases=3)
    assert (told.channels["sms"], told.channels["task"]) == (3, 3)
    assert (told.total.messages, told.total.tasks, told.total.attempts) == (3, 3, 0)


def test_arms_count_each_case_once() -> None:
    arms = [{"id": "as-is", "share": 50}, {"id": "more", "share": 50, "set": {"per_week": 1}}]
    made = strategy(CALL, experiments=[{"id": "e", "arms": arms}])
    told = month(made, cases=200)
    assert sum(figures.cases for figures in told.arms["e"].values()) == 200
    assert told.arms["e"]["more"].attempts == told.arms["e"]["more"].cases * 4
    assert told.arms["e"]["as-is"].attempts == told.arms["e"]["as-is"].cases * 12


CN = Limits("cn", (Window("w", ((480, 1320),) * 7),), (Cap("talks", "conversation", 3, 1),))


@settings(max_examples=15)
@given(
    st.sampled_from(sorted(strategies())),
    st.integers(0, 1000),
    st.sampled_from([NOBODY, OutcomeModel(), EVERYBODY]),
)
def test_no_shipped_strategy_asks_for_more_than_is_allowed(
    name: str, seed: int, model: OutcomeModel
) -> None:
    made = strategies()[name]
    for case in invented(3, seed):
        told = simulate(made, [case], model, [CN], seed=seed, start=MONDAY)
        # 6 a week is the most that a shipped step asks for; 5 weeks begin in 30 days.
        assert told.total.attempts <= 30
        assert max(told.by_day) <= 2
        assert sum(told.by_hour[9:20]) == told.total.attempts
        assert sum(told.by_day) == sum(told.by_hour) == sum(told.outcomes.values())
        assert told.total.paid <= 1
        if case.facts.holds:
            assert told.total.attempts == told.total.messages == 0


@given(st.integers(), st.integers(0, 10**6))
def test_chance_is_from_0_up_to_1_and_the_same_again(seed: int, case: int) -> None:
    one, same = Chance(seed, case), Chance(seed, case)
    numbers = [one.next() for _ in range(5)]
    assert numbers == [same.next() for _ in range(5)]
    assert all(0 <= number < 1 for number in numbers)


def test_chance_is_even_and_cases_are_independent() -> None:
    firsts = [Chance(1, case).next() for case in range(20_000)]
    assert abs(sum(firsts) / len(firsts) - 0.5) < 0.01
    assert abs(sum(a < 0.5 and b < 0.5 for a, b in pairwise(firsts)) / 20_000 - 0.25) < 0.01


def test_holidays_and_make_up_days_are_the_calendar_s() -> None:
    holiday, worked = date(2026, 12, 2), date(2026, 12, 6)

    def of_date(day: date) -> tuple[int, int] | None:
        if day == holiday:
            return None
        return (600, 720) if day.weekday() < 5 or day == worked else None

    calendar = Limits("x", (Window("w", (*((600, 720),) * 5, None, None), of_date=of_date),))
    told = month(strategy({**CALL, "per_day": 1, "per_week": 7}), limits=[calendar])
    dialled = {day for day, count in enumerate(told.by_day) if count}
    assert (holiday - MONDAY).days not in dialled
    assert (worked - MONDAY).days in dialled
    assert len(dialled) == 20
