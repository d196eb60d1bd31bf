"""Payments and their reversals.

Rules: a payment is never changed: a reversal (returned debit, chargeback, correction) is a posting of
its own that names the payment it undoes, wholly or in part; what counts for the debt is the net; a
payment counts on its value date, whenever it was booked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from dialer_engine.domain.collections.money import ZERO
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import Money


@dataclass(frozen=True, slots=True)
class Payment:
    """One posting. reference: the bank's own key, unique for a creditor. contract: the contract's
    reference, empty when the payer named none. paid_on: value date. booked_at: when we learned of
    it. reverses: reference of the payment that this undoes; then `money` is what is taken back.
    memo: what the payer wrote.
    """

    reference: str
    money: Money
    paid_on: date
    contract: str = ""
    reverses: str = ""
    booked_at: datetime | None = None
    memo: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not self.money.amount > 0:
            raise BadValue("a payment and a reversal are above 0; a reversal says what it reverses")

    @property
    def is_reversal(self) -> bool:
        """Takes back instead of giving."""
        return bool(self.reverses)


@dataclass(frozen=True, slots=True)
class Effective:
    """A payment with what is left of it after reversals."""

    payment: Payment
    amount: Decimal


def effective(payments: Iterable[Payment], *, until: date | None = None) -> list[Effective]:
    """Payments by value date with their net amounts, those that were reversed wholly left out. A
    reversal counts from when it is known, whatever its date. until: value dates up to and with it.
    """
    every = list(payments)
    undone: dict[str, Decimal] = {}
    for posting in every:
        if posting.is_reversal:
            undone[posting.reverses] = undone.get(posting.reverses, ZERO) + posting.money.amount
    found = [
        Effective(p, p.money.amount - min(p.money.amount, undone.get(p.reference, ZERO)))
        for p in every
        if not p.is_reversal and (until is None or p.paid_on <= until)
    ]
    left = [one for one in found if one.amount > 0]
    return sorted(left, key=lambda e: (e.payment.paid_on, e.payment.reference))


def last_paid_on(payments: Iterable[Payment], today: date) -> date | None:
    """Value date of the newest payment that still counts."""
    return max((one.payment.paid_on for one in effective(payments, until=today)), default=None)
