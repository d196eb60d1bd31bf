"""Promises: every pair of phase and event is decided, and a replay always agrees with the book."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.collections import promise as pr
from dialer_engine.domain.collections import reconcile as rec
from dialer_engine.domain.collections.payments import Payment
from dialer_engine.domain.errors import BadValue, IllegalTransition
from dialer_engine.domain.units import Moment, Money

D = Decimal

NOW = Moment(0.0, datetime(2026, 3, 1, tzinfo=UTC))
DUE = date(2026, 3, 10)
P = pr.PromisePhase
ONE = pr.PromiseState("1", Money(D(100), "CNY"), DUE, date(2026, 3, 1), grace_days=2)


def run(*events: pr.PromiseEvent, state: pr.PromiseState = ONE) -> pr.PromiseState:
    for event in events:
        state = pr.step(state, event, NOW)
    return state


def after(days: int) -> date:
    return DUE + timedelta(days)


@pytest.mark.parametrize(
    ("events", "phase"),
    [
        ((pr.DayBegan(after(2)),), P.PENDING),
        ((pr.DayBegan(after(3)),), P.BROKEN),
        ((pr.PaymentCounted(D(100), after(2)), pr.DayBegan(after(3))), P.KEPT),
        ((pr.PaymentCounted(D(40), DUE), pr.DayBegan(after(3))), P.PARTIAL),
        ((pr.PaymentCounted(D(40), DUE), pr.PaymentCounted(D(60), DUE)), P.KEPT),
        ((pr.PaymentCounted(D(100), after(3)), pr.DayBegan(after(3))), P.BROKEN),
        ((pr.PaymentCounted(D(100), date(2026, 2, 28)), pr.DayBegan(after(3))), P.BROKEN),
        # Booked late, paid in time.
        ((pr.DayBegan(after(9)), pr.PaymentCounted(D(100), DUE)), P.KEPT),
        ((pr.PaymentCounted(D(100), DUE), pr.PaymentUndone(D(100), DUE)), P.PENDING),
        (
            (
                pr.PaymentCounted(D(100), DUE),
                pr.PaymentUndone(D(60), DUE),
                pr.DayBegan(after(3)),
            ),
            P.PARTIAL,
        ),
        ((pr.Rescheduled("2"), pr.DayBegan(after(9))), P.RESCHEDULED),
    ],
)
def test_how_a_promise_ends(events: tuple[pr.PromiseEvent, ...], phase: P) -> None:
    assert run(*events).phase is phase


def test_a_shortfall_within_the_tolerance_is_none() -> None:
    state = replace(ONE, tolerance=D(1))
    assert run(pr.PaymentCounted(D(99), DUE), state=state).phase is P.KEPT


@pytest.mark.parametrize("phase", [P.KEPT, P.BROKEN, P.RESCHEDULED])
def test_what_is_over_cannot_be_rescheduled(phase: P) -> None:
    with pytest.raises(IllegalTransition):
        pr.step(replace(ONE, phase=phase), pr.Rescheduled("2"), NOW)


def test_the_table_is_total() -> None:
    undecided = {
        (phase, event)
        for phase in pr.TABLE.phases
        for event in pr.TABLE.events
        if not pr.TABLE.is_legal(phase, event)
    }
    assert undecided == {(phase, pr.Rescheduled) for phase in (P.KEPT, P.BROKEN, P.RESCHEDULED)}


def payment(name: str, amount: Decimal, on: date, reverses: str = "") -> Payment:
    return Payment(name, Money(amount, "CNY"), on, "L1", reverses)


def test_a_payment_keeps_the_earliest_promise_and_spills_into_the_next() -> None:
    two = replace(ONE, key="2", due_on=after(10))
    found = rec.recount([two, ONE], [payment("P", D(130), DUE)], after(11), NOW)
    assert [(one.key, one.phase, one.paid) for one in found] == [
        ("2", P.PENDING, D(30)),
        ("1", P.KEPT, D(100)),
    ]


def test_a_late_reversal_breaks_what_was_kept() -> None:
    postings = [payment("P", D(100), DUE), payment("R", D(100), after(20), "P")]
    (kept,) = rec.recount([ONE], postings[:1], after(20), NOW)
    assert kept.phase is P.KEPT
    assert rec.recount([kept], postings, after(20), NOW)[0].phase is P.BROKEN


days = st.integers(-20, 30).map(after)
postings = st.lists(st.tuples(st.decimals("0.01", 150, places=2), days, st.booleans()), max_size=6)
promises = st.lists(st.tuples(st.integers(1, 200), days), max_size=4)


@given(postings, promises, days)
def test_no_money_counts_twice_and_a_recount_is_stable(
    raw: list[tuple[Decimal, date, bool]], made: list[tuple[int, date]], today: date
) -> None:
    book: list[Payment] = []
    for place, (amount, on, undone) in enumerate(raw):
        book.append(payment(f"P{place}", amount, on))
        if undone:
            book.append(payment(f"R{place}", amount, on, f"P{place}"))
    given_ = [
        pr.PromiseState(str(place), Money(D(amount), "CNY"), due)
        for place, (amount, due) in enumerate(made)
    ]
    once = rec.recount(given_, book, today, NOW)
    assert rec.recount(once, list(reversed(book)), today, NOW) == once
    received = sum((a for a, on, undone in raw if not undone and on <= today), D(0))
    assert sum((one.paid for one in once), D(0)) <= received
    for one in once:
        assert one.paid <= one.money.amount
        assert (one.phase is P.KEPT) == (one.paid == one.money.amount)
        assert one.is_open <= (today <= one.last_day)


def test_a_promise_for_the_end_of_time_is_none() -> None:
    with pytest.raises(BadValue):
        pr.PromiseState("1", Money(D(1), "CNY"), date.max, date(2026, 3, 1), grace_days=1)
