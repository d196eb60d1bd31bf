"""Allocation, recall and number hygiene."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.collections import allocation as al
from dialer_engine.domain.collections import hygiene as hy
from dialer_engine.domain.collections.codes import NumberState
from dialer_engine.domain.outcome import Outcome

D = Decimal

TODAY = date(2026, 3, 10)
POLICY = al.AllocationPolicy({60: 2})
NEW = al.Collector("new", skills=frozenset({"loans"}), seniority=0, capacity=3)
OLD = al.Collector("old", skills=frozenset({"loans", "cards"}), seniority=3, capacity=3)


def dealt(*cases: al.Dealt) -> dict[str, al.Allocation]:
    return {one.case: one for one in al.allocate(cases, [NEW, OLD], POLICY)}


def test_long_overdue_cases_go_to_the_experienced_and_easy_ones_do_not() -> None:
    found = dealt(al.Dealt("hard", dpd=90), al.Dealt("easy", dpd=5))
    assert (found["hard"].collector, found["easy"].collector) == ("old", "new")
    assert "1 by seniority" in found["hard"].why
    assert set(found["easy"].parts) == {"load", "worth", "seniority"}


def test_who_may_not_is_left_out_by_name_of_the_rule() -> None:
    found = dealt(al.Dealt("c", skills=frozenset({"cards"}), not_to=frozenset({"old"})))
    assert found["c"].collector is None
    assert found["c"].why == "nobody: 1 by excluded, 1 by skill"


def test_an_able_owner_keeps_the_case_and_a_full_one_too() -> None:
    full = replace(NEW, load=3)
    (found,) = al.allocate([al.Dealt("c", owner="new")], [full, OLD], POLICY)
    assert (found.collector, found.why[:4]) == ("new", "kept")
    (found,) = al.allocate([al.Dealt("c", dpd=90, owner="new")], [full, OLD], POLICY)
    assert found.collector == "old"


cases_ = st.lists(
    st.builds(
        al.Dealt,
        st.integers(0, 10**6).map(str),
        st.integers(-5, 200),
        st.one_of(st.none(), st.floats(0, 1)),
        st.integers(0, 10**5).map(D),
        st.sampled_from([frozenset[str](), frozenset({"cards"})]),
        owner=st.sampled_from(["", "new", "old", "gone"]),
    ),
    max_size=20,
    unique_by=lambda case: case.case,
)


@given(cases_)
def test_everybody_gets_one_decision_and_nobody_more_than_they_can_hold(
    cases: list[al.Dealt],
) -> None:
    held = Counter(case.owner for case in cases)
    desks = [replace(who, load=min(who.capacity, held[who.id])) for who in (NEW, OLD)]
    found = al.allocate(cases, desks, POLICY)
    assert sorted(one.case for one in found) == sorted(case.case for case in cases)
    assert al.allocate(list(reversed(cases)), list(reversed(desks)), POLICY) == found
    by_id = {case.case: case for case in cases}
    for who in desks:
        mine = [by_id[one.case] for one in found if one.collector == who.id]
        assert all(case.skills <= who.skills for case in mine)
        assert all(POLICY.seniority_for(case.dpd) <= who.seniority for case in mine)
        fresh = [case for case in mine if case.owner != who.id]
        assert len(fresh) <= who.capacity


def test_fairness_evens_out_the_money() -> None:
    twins = [replace(OLD, id=name, capacity=1000) for name in "ab"]
    cases = [al.Dealt(f"{n:03}", worth=D(n)) for n in range(100)]
    found = al.allocate(cases, twins, al.AllocationPolicy(load=0.1, worth=10))
    share = {name: sum(int(one.case) for one in found if one.collector == name) for name in "ab"}
    assert abs(share["a"] - share["b"]) <= 100


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, ()),
        ({"recall_on": TODAY}, ("expired",)),
        ({"recall_on": TODAY, "promise_open": True}, ()),
        ({"recall_on": TODAY, "promise_open": True, "breaches": 1}, ("breach",)),
        ({"owed": D(0), "open_complaints": 2}, ("complaint", "paid")),
        ({"last_worked_on": date(2026, 1, 1)}, ("idle",)),
    ],
)
def test_when_a_case_is_taken_back(changes: dict[str, object], reasons: tuple[str, ...]) -> None:
    held = replace(al.Held("c", "agency", date(2026, 3, 1)), **changes)  # type: ignore[arg-type]
    found = al.judge_recall(held, al.RecallPolicy(idle_days=30), TODAY)
    assert tuple(reason.value for reason in found.reasons) == reasons
    assert found.is_due == bool(reasons)
    assert found.why


RULES = hy.HygienePolicy()
S = NumberState


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([], S.UNTRIED),
        ([Outcome.COMPLETED], S.GOOD),
        ([Outcome.INVALID_NUMBER], S.UNREACHABLE),
        ([Outcome.INVALID_NUMBER] * 2, S.EMPTY),
        ([Outcome.INVALID_NUMBER, Outcome.CONGESTION, Outcome.INVALID_NUMBER], S.EMPTY),
        ([Outcome.INVALID_NUMBER, Outcome.COMPLETED, Outcome.INVALID_NUMBER], S.UNREACHABLE),
        ([Outcome.OUT_OF_SERVICE] * 3, S.OUT_OF_SERVICE),
        ([Outcome.SWITCHED_OFF] * 9, S.UNREACHABLE),
        ([Outcome.COMPLETED, Outcome.NO_ANSWER], S.GOOD),
        ([Outcome.COMPLETED] + [Outcome.NO_ANSWER] * 6, S.QUIET),
        ([Outcome.FAILED] * 9, S.UNTRIED),
    ],
)
def test_what_outcomes_teach(outcomes: list[Outcome], state: NumberState) -> None:
    memory = hy.NumberMemory()
    for outcome in outcomes:
        memory = hy.learn(memory, outcome, 0, 10)
    assert hy.state_of(memory, RULES) is state
    assert hy.state_of(hy.said_wrong(memory), RULES) is S.WRONG


def test_the_hour_at_which_somebody_answers_comes_first() -> None:
    memory = hy.NumberMemory()
    for _ in range(4):
        memory = hy.learn(memory, Outcome.COMPLETED, 0, 19)
        memory = hy.learn(memory, Outcome.NO_ANSWER, 0, 9)
    assert hy.best_hours(memory, 2, [9, 12, 19], RULES) == [19, 12, 9]
    assert hy.best_hours(memory, 6, [9, 12, 19], RULES) == [9, 12, 19]
    bad = hy.said_wrong(memory)
    ranked = hy.rank_numbers({"a": bad, "b": hy.NumberMemory(), "c": memory}, "abc", 1, 19, RULES)
    assert ranked == ["c", "b"]


@given(
    st.lists(
        st.tuples(st.sampled_from(Outcome), st.integers(0, 6), st.integers(0, 23)), max_size=40
    )
)
def test_counts_add_up_and_chances_are_chances(calls: list[tuple[Outcome, int, int]]) -> None:
    memory = hy.NumberMemory()
    for call in calls:
        memory = hy.learn(memory, *call)
    assert sum(memory.tried) == memory.attempts
    assert sum(memory.taken) == memory.answered <= memory.attempts
    assert all(0 < hy.chance(memory, day, hour, RULES) < 1 for day in (0, 6) for hour in range(24))
