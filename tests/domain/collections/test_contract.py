"""What is owed of a contract on a day, and days past due."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.collections.codes import Phase, Stage
from dialer_engine.domain.collections.contract import (
    Charge,
    Contract,
    Instalment,
    Statement,
    overdue_segments,
    position,
)
from dialer_engine.domain.collections.money import Balance, Component
from dialer_engine.domain.collections.payments import Payment, effective, last_paid_on
from dialer_engine.domain.collections.product import Product, stage_of
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import Money

D = Decimal

START = date(2026, 1, 10)
MONTHS = tuple(date(2026, month, 10) for month in range(1, 7))
LOAN = Contract(
    "L1", "CNY", amount=D(600), schedule=tuple(Instalment(on, D(100), D(10)) for on in MONTHS)
)
PRODUCT = Product("loan")


def paid(reference: str, amount: str, on: date, reverses: str = "") -> Payment:
    return Payment(reference, Money(D(amount), "CNY"), on, "L1", reverses)


@pytest.mark.parametrize(
    ("today", "dpd", "overdue"),
    [
        (date(2026, 1, 3), -7, D(0)),
        (date(2026, 1, 10), 0, D(110)),
        (date(2026, 1, 11), 1, D(110)),
        (date(2026, 2, 10), 31, D(220)),
    ],
)
def test_days_count_from_the_oldest_instalment_that_is_not_covered(
    today: date, dpd: int, overdue: Decimal
) -> None:
    found = position(LOAN, PRODUCT, [], today)
    assert (found.dpd, found.overdue) == (dpd, overdue)


def test_a_full_payment_moves_the_count_on_and_a_short_one_does_not() -> None:
    today = date(2026, 2, 20)
    assert position(LOAN, PRODUCT, [paid("P", "110", today)], today).dpd == 10
    assert position(LOAN, PRODUCT, [paid("P", "109.99", today)], today).dpd == 41
    small = replace(PRODUCT, tolerance=D("110.01"))
    # 110.01 is still open, of both instalments, and is forgiven: the next one counts.
    assert position(LOAN, small, [paid("P", "109.99", today)], today).dpd == -18


def test_a_reversal_brings_the_arrears_back() -> None:
    today = date(2026, 2, 20)
    payments = [paid("P", "110", START), paid("R", "60", today, reverses="P")]
    assert position(LOAN, PRODUCT, payments, today).dpd == 41
    assert effective(payments)[0].amount == D(50)
    assert last_paid_on([paid("P", "1", START), paid("R", "1", today, "P")], today) is None


def test_principal_to_come_is_owed_and_interest_to_come_is_not() -> None:
    found = position(LOAN, PRODUCT, [], date(2026, 1, 12)).balance
    assert (found.principal, found.interest) == (D(600), D(10))


def test_paid_in_full() -> None:
    found = position(LOAN, PRODUCT, [paid("P", "700", START)], date(2026, 3, 1))
    assert (found.dpd, found.balance.total, found.surplus) == (None, D(0), D(40))
    assert PRODUCT.stage(found.dpd) is Stage.SETTLED
    assert PRODUCT.phase(found.dpd) is Phase.DONE


def test_by_component_interest_of_all_instalments_comes_first() -> None:
    today = date(2026, 2, 20)
    flat = replace(PRODUCT, by_instalment=False)
    found = position(LOAN, flat, [paid("P", "110", today)], today)
    assert (found.balance.interest, found.dpd) == (D(0), 41)


def test_a_statement_wins_from_its_day_on_and_earlier_payments_are_in_it() -> None:
    stated = Statement(date(2026, 2, 1), Balance("CNY", D(500), D(30), D(5)), date(2025, 12, 1))
    loan = replace(LOAN, statement=stated)
    payments = [paid("old", "110", date(2026, 2, 1)), paid("new", "35", date(2026, 2, 2))]
    found = position(loan, PRODUCT, payments, date(2026, 2, 3))
    assert found.balance == Balance("CNY", D(500))
    assert found.dpd == 64
    assert position(loan, PRODUCT, [], date(2026, 1, 15)).dpd == 5


def test_a_statement_before_the_due_date_is_owed_but_not_overdue() -> None:
    stated = Statement(date(2026, 2, 1), Balance("CNY", D(500), D(30)), date(2026, 2, 10))
    found = position(replace(LOAN, statement=stated), PRODUCT, [], date(2026, 2, 3))
    assert (found.dpd, found.overdue, found.balance.total) == (-7, D(0), D(530))


def test_charges_are_owed_but_do_not_make_overdue() -> None:
    fee = Charge(START, Component.FEES, D(20))
    payments = [paid("P", "110", START)]
    found = position(LOAN, PRODUCT, payments, date(2026, 1, 15), [fee])
    # The fee was charged before and is paid first: 20 of the instalment stay open.
    assert (found.dpd, found.balance.fees) == (5, D(0))
    late = Charge(date(2026, 1, 14), Component.FEES, D(20))
    found = position(LOAN, PRODUCT, payments, date(2026, 1, 15), [late])
    assert (found.dpd, found.balance.fees, found.overdue) == (-26, D(20), D(20))


def test_another_currency_is_refused() -> None:
    wrong = Payment("P", Money(D(1), "EUR"), START, "L1")
    with pytest.raises(BadValue):
        position(LOAN, PRODUCT, [wrong], date(2026, 3, 1))


def test_the_overdue_base_changes_when_something_falls_due_or_is_paid() -> None:
    base = frozenset({Component.PRINCIPAL})
    payments = [paid("P", "110", date(2026, 2, 15))]
    found = overdue_segments(LOAN, PRODUCT, payments, START, date(2026, 3, 1), base)
    told = [(s.start.isoformat(), int(s.base)) for s in found]
    assert told == [
        ("2026-01-10", 0),
        ("2026-01-11", 100),
        ("2026-02-11", 200),
        ("2026-02-15", 100),
    ]


payments_of_a_loan = st.lists(
    st.tuples(st.decimals("0.01", 500, places=2), st.integers(0, 200), st.booleans()), max_size=8
)


@given(payments_of_a_loan, st.integers(0, 250))
def test_nothing_appears_and_nothing_vanishes(
    raw: list[tuple[Decimal, int, bool]], days: int
) -> None:
    today = START + timedelta(days)
    payments: list[Payment] = []
    for place, (amount, after, undone) in enumerate(raw):
        on = START + timedelta(after)
        payments.append(Payment(f"P{place}", Money(amount, "CNY"), on, "L1"))
        if undone:
            payments.append(Payment(f"R{place}", Money(amount, "CNY"), on, "L1", f"P{place}"))
    found = position(LOAN, PRODUCT, payments, today)
    received = sum((one.amount for one in effective(payments, until=today)), D(0))
    future = sum((i.interest for i in LOAN.schedule if i.due_on > today), D(0))
    whole = sum((i.total for i in LOAN.schedule), D(0))
    assert found.surplus == max(D(0), received - whole)
    assert whole - received + found.surplus - future <= found.balance.total <= whole
    assert (found.overdue > 0) <= (found.dpd is not None and found.dpd >= 0)


@given(st.integers(-1000, 1000))
def test_stages_follow_each_other(dpd: int) -> None:
    order = list(Stage)
    assert order.index(stage_of(dpd)) <= order.index(stage_of(dpd + 1))


def test_the_edges_of_the_stages() -> None:
    firsts = {-1: "pre_due", 0: "M0", 1: "M1", 30: "M1", 31: "M2", 180: "M6", 181: "M7+"}
    assert {day: stage_of(day).value for day in firsts} == firsts
    card = Product("card", edges=(0, 4, 31, 61, 91, 121, 151, 181))
    assert card.stage(3) is Stage.M0
    with pytest.raises(BadValue):
        Product("wrong", edges=(0, 5, 3, 61, 91, 121, 151, 181))
