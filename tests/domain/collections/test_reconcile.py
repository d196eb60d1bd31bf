"""Reconciliation: each posting is matched, listed, or known already; never two of them, never none."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.collections import reconcile as rec
from dialer_engine.domain.collections.payments import Payment
from dialer_engine.domain.units import Money

D = Decimal

DAY = date(2026, 3, 10)
ACCOUNTS = (
    rec.Account("L1", "CNY", frozenset({"V1", "SHARED"}), D(100)),
    rec.Account("L2", "CNY", frozenset({"V2", "SHARED"})),
    rec.Account("L3", "EUR"),
)


def posting(
    name: str, contract: str, amount: str = "10", *, reverses: str = "", memo: str = ""
) -> Payment:
    return Payment(name, Money(D(amount), "CNY"), DAY, contract, reverses, memo=memo)


@pytest.mark.parametrize(
    ("given_", "contract", "by"),
    [
        (posting("P", "L1"), "L1", "contract"),
        (posting("P", "V2"), "L2", "alias"),
        (posting("P", "", memo=" V1 "), "L1", "alias"),
    ],
)
def test_matches(given_: Payment, contract: str, by: str) -> None:
    found = rec.reconcile([given_], ACCOUNTS)
    assert found.matches == (rec.Match(given_, contract, by),)
    assert not found.problems


@pytest.mark.parametrize(
    ("given_", "fault"),
    [
        (posting("P", "L9"), rec.Fault.UNKNOWN_CONTRACT),
        (posting("P", ""), rec.Fault.UNKNOWN_CONTRACT),
        (posting("P", "SHARED"), rec.Fault.AMBIGUOUS),
        (posting("P", "L3"), rec.Fault.CURRENCY),
        (posting("P", "L1", reverses="P0"), rec.Fault.NOTHING_TO_REVERSE),
    ],
)
def test_what_does_not_match_is_listed_with_its_reason(given_: Payment, fault: rec.Fault) -> None:
    found = rec.reconcile([given_], ACCOUNTS)
    assert (found.matches, found.problems) == ((), (rec.Problem(given_, fault),))


def test_a_reversal_follows_its_payment_even_when_it_stands_first_in_the_file() -> None:
    pay, undo = posting("P", "L1", "50"), posting("R", "", "30", reverses="P")
    found = rec.reconcile([undo, pay], ACCOUNTS)
    assert [(m.payment.reference, m.contract, m.by) for m in found.matches] == [
        ("P", "L1", "contract"),
        ("R", "L1", "reversal"),
    ]
    again = rec.reconcile([posting("R2", "", "21", reverses="P")], ACCOUNTS, found.matches)
    assert again.problems[0].fault is rec.Fault.REVERSED_TOO_MUCH


def test_overpayment_is_booked_and_told() -> None:
    found = rec.reconcile([posting("P", "L1", "60"), posting("Q", "L1", "60")], ACCOUNTS)
    assert len(found.matches) == 2
    assert [(p.payment.reference, p.fault, p.booked) for p in found.problems] == [
        ("Q", rec.Fault.OVERPAID, True)
    ]


def test_the_same_posting_twice_is_one_and_another_under_its_name_is_a_fault() -> None:
    found = rec.reconcile(
        [posting("P", "L2"), posting("P", "L2"), posting("P", "L2", "11")], ACCOUNTS
    )
    assert (len(found.matches), len(found.repeated)) == (1, 1)
    assert found.problems[0].fault is rec.Fault.DUPLICATE


names = st.sampled_from(["P0", "P1", "P2", "P3"])
any_posting = st.builds(
    posting,
    names,
    st.sampled_from(["L1", "L2", "L3", "V1", "SHARED", "L9", ""]),
    st.sampled_from(["5", "10", "200"]),
    reverses=st.one_of(st.just(""), names),
)


@given(st.lists(any_posting, max_size=8))
def test_each_posting_has_one_fate_and_a_second_run_books_nothing(given_: list[Payment]) -> None:
    found = rec.reconcile(given_, ACCOUNTS)
    refused = [p for p in found.problems if not p.booked]
    assert len(found.matches) + len(refused) + len(found.repeated) == len(given_)
    again = rec.reconcile([m.payment for m in found.matches], ACCOUNTS, found.matches)
    assert (again.matches, again.problems) == ((), ())
    assert len(again.repeated) == len(found.matches)
    for match in found.matches:
        if not match.payment.is_reversal:
            undone = sum(
                (
                    m.payment.money.amount
                    for m in found.matches
                    if m.payment.reverses == match.payment.reference
                ),
                D(0),
            )
            assert undone <= match.payment.money.amount
