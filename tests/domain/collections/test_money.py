"""Spreading payments, charges and their caps, reductions and offers: nothing is lost, caps hold."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.collections import charges as ch
from dialer_engine.domain.collections import reductions as red
from dialer_engine.domain.collections.money import (
    Balance,
    Component,
    Rounding,
    check_order,
    spread,
)
from dialer_engine.domain.collections.product import Limits
from dialer_engine.domain.errors import BadValue

D = Decimal

amounts = st.decimals(min_value=0, max_value=10**9, places=2)
balances = st.builds(Balance, st.just("CNY"), amounts, amounts, amounts, amounts)
orders = st.sampled_from(list(permutations(Component)))
DAY = date(2026, 1, 31)


@given(balances, amounts, orders)
def test_a_payment_goes_somewhere_to_the_last_unit(
    owed: Balance, amount: Decimal, order: tuple[Component, ...]
) -> None:
    found = spread(owed, amount, order)
    assert found.paid.total + found.surplus == amount
    assert found.paid + found.rest == owed
    assert found.surplus == 0 or found.rest.total == 0


@given(balances, amounts, orders)
def test_a_later_part_gets_nothing_before_an_earlier_one_is_paid(
    owed: Balance, amount: Decimal, order: tuple[Component, ...]
) -> None:
    rest = spread(owed, amount, order)
    for earlier, later in pairwise(order):
        assert rest.rest[earlier] == 0 or rest.paid[later] == 0


def test_the_usual_order() -> None:
    found = spread(Balance("CNY", D(1000), D(50), D(20), D(10)), D(60))
    assert (found.paid.fees, found.paid.penalty, found.paid.interest) == (D(10), D(20), D(30))
    assert found.rest == Balance("CNY", D(1000), D(20))


def test_what_is_refused() -> None:
    with pytest.raises(BadValue):
        Balance("CNY", D(-1))
    with pytest.raises(BadValue):
        Balance("CNY", D("NaN"))
    with pytest.raises(BadValue):
        Balance("CNY") + Balance("EUR")
    with pytest.raises(BadValue):
        check_order((Component.FEES, Component.FEES, Component.INTEREST, Component.PRINCIPAL))
    with pytest.raises(BadValue):
        spread(Balance("CNY"), D(-1))


def _span(days: int, base: int, start: date = DAY) -> ch.Segment:
    return ch.Segment(start, start + timedelta(days), D(base))


def test_penalty_is_base_times_rate_times_days() -> None:
    # 10,000 at 0.05 % a day for 30 days.
    found = ch.penalty(ch.PenaltyRule(D("0.0005")), [_span(30, 10_000)], D(10_000))
    assert found.amount == D("150.00")
    assert found.capped_by == ()


@pytest.mark.parametrize(
    ("rule", "expected", "by"),
    [
        (ch.PenaltyRule(D("0.001"), grace_days=10), "200.00", ()),
        (ch.PenaltyRule(D("0.001"), grace_days=10, retroactive=True), "300.00", ()),
        (ch.PenaltyRule(D("0.001"), grace_days=30, retroactive=True), "0.00", ()),
        (ch.PenaltyRule(D("0.001"), cap_share=D("0.01")), "100.00", ("cap_share",)),
        (ch.PenaltyRule(D("0.001"), cap_amount=D(99)), "99.00", ("cap_amount",)),
    ],
)
def test_grace_and_caps(rule: ch.PenaltyRule, expected: str, by: tuple[str, ...]) -> None:
    found = ch.penalty(rule, [_span(30, 10_000)], D(10_000))
    assert (found.amount, found.capped_by) == (D(expected), by)


def test_grace_begins_anew_when_the_arrears_were_paid() -> None:
    rule = ch.PenaltyRule(D("0.001"), grace_days=5)
    spans = [_span(5, 100), _span(5, 0, DAY + timedelta(5)), _span(5, 100, DAY + timedelta(10))]
    assert ch.penalty(rule, spans, D(100)).amount == 0


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 10**7)), max_size=6),
    st.decimals(0, 1, places=4),
    st.decimals(0, 2, places=2),
    st.one_of(st.none(), amounts),
)
def test_no_penalty_is_above_any_of_its_caps(
    spans: list[tuple[int, int]], rate: Decimal, share: Decimal, room: Decimal | None
) -> None:
    start, segments = DAY, []
    for days, base in spans:
        segments.append(_span(days, base, start))
        start += timedelta(days)
    principal = D(12_345)
    rule = ch.PenaltyRule(rate, cap_share=share)
    found = ch.penalty(rule, segments, principal, room=room, rounding=Rounding(D("0.01"), "up"))
    assert 0 <= found.amount <= principal * share
    assert room is None or found.amount <= room
    assert sum((line.amount for line in found.lines), D(0)) == found.before_caps


def test_a_cap_on_all_costs_leaves_room() -> None:
    cap = ch.CostCap(annual_rate=D("0.24"))
    assert ch.room_under(cap, D(36_500), 100, D(2_000)) == D(400)
    assert ch.room_under(cap, D(36_500), 100, D(9_000)) == 0
    assert ch.room_under(None, D(36_500), 100, D(9_000)) is None


def test_fees() -> None:
    rule = ch.FeeRule("late", ch.FeeTrigger.OVERDUE, D(5), D("0.05"), D(20), D(500), at_dpd=3)
    assert ch.fee(rule, D(100), 0).amount == D(20)
    assert ch.fee(rule, D(1_000), 0).amount == D(55)
    assert ch.fee(rule, D(100_000), 0).capped_by == ("maximum",)
    again = ch.fee(rule, D(1_000), 1)
    assert (again.amount, again.capped_by) == (D(0), ("times",))
    assert ch.fees_for_day([rule], 3) == [rule]
    assert ch.fees_for_day([rule], 4) == []


LADDER = (
    Limits("agent", {Component.FEES: D(1)}, max_amount=D(100), max_months=3),
    Limits(
        "lead", {Component.FEES: D(1), Component.PENALTY: D("0.5")}, max_months=12, min_dpd=30,
        min_first_share=D("0.2"), min_instalment=D(50),
    ),
)  # fmt: skip
OWED = Balance("CNY", D(1000), D(50), D(200), D(80))


def test_a_reduction_names_every_rule_it_breaks_and_who_may_grant_it() -> None:
    ask = Balance("CNY", penalty=D(100), fees=D(80))
    verdict = red.judge_reduction(ask, OWED, 40, "agent", LADDER)
    assert verdict.reasons == ("share:penalty", "max_amount")
    assert verdict.approver == "lead"
    assert red.judge_reduction(ask, OWED, 10, "agent", LADDER).approver is None
    assert not red.judge_reduction(ask, OWED, 40, "nobody", LADDER).allowed
    assert red.judge_reduction(Balance("CNY", fees=D(80)), OWED, 0, "agent", LADDER).allowed


@given(balances, st.integers(0, 60), st.sampled_from(LADDER))
def test_the_largest_reduction_is_allowed(owed: Balance, dpd: int, limits: Limits) -> None:
    most = red.largest_reduction(owed, dpd, limits, Rounding())
    assert most.total == 0 or red.judge_reduction(most, owed, dpd, limits.role, LADDER).allowed


@given(
    st.decimals("0.01", 10**8, places=2),
    st.integers(1, 60),
    st.sampled_from([D(0), D("0.1"), D("0.5"), D(1)]),
    st.sampled_from([Rounding(), Rounding(D(1)), Rounding(D("0.01"), "up")]),
)
def test_an_offer_adds_up_and_comes_monthly(
    total: Decimal, months: int, share: Decimal, rounding: Rounding
) -> None:
    plan = red.offer(total, months, DAY, rounding, share)
    assert sum((one.total for one in plan), D(0)) == total
    assert [one.due_on.month for one in plan] == [m % 12 + 1 for m in range(months)]


def test_the_31st_becomes_the_last_of_a_shorter_month() -> None:
    plan = red.offer(D(300), 3, DAY, Rounding())
    assert [one.due_on for one in plan] == [DAY, date(2026, 2, 28), date(2026, 3, 31)]


def test_an_offer_within_limits() -> None:
    plan = red.offer(D(600), 6, DAY, Rounding(), D("0.2"))
    assert red.judge_offer(plan, D(600), 40, "agent", LADDER).approver == "lead"
    assert red.judge_offer(plan, D(599), 40, "lead", LADDER).reasons == ("sum",)
    many = red.offer(D(600), 13, DAY, Rounding())
    verdict = red.judge_offer(many, D(600), 0, "lead", LADDER)
    assert verdict.reasons == ("max_months", "min_first_share", "min_instalment", "min_dpd")
