"""Contracts, and what is owed of one on a day.

Rules: `position` is the only place where days past due come from, and is a function of contract,
payments, charges and today, so that it can be told again for any day; a creditor's own statement of
the balance wins over what a schedule would give, from its date on; days past due count from the
oldest due date that is not covered, and are negative before the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from dialer_engine.domain.collections.charges import Segment
from dialer_engine.domain.collections.money import ZERO, Balance, Component, balance_of
from dialer_engine.domain.collections.payments import Payment, effective
from dialer_engine.domain.collections.product import Product
from dialer_engine.domain.errors import BadValue


@dataclass(frozen=True, slots=True)
class Instalment:
    """What falls due on a day."""

    due_on: date
    principal: Decimal
    interest: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Principal and interest."""
        return self.principal + self.interest


@dataclass(frozen=True, slots=True)
class Statement:
    """The balance as the creditor states it at the end of `as_of`, payments of that day included.
    oldest_due: the due date from which it counts the days, None when nothing is owed.
    """

    as_of: date
    balance: Balance
    oldest_due: date | None


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee or penalty interest that was charged."""

    on: date
    component: Component
    amount: Decimal
    code: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """One loan, card or account. amount: lent. annual_rate: nominal, 0.18 is 18 %. schedule: by due
    date, or empty when only a statement is known.
    """

    reference: str
    currency: str
    product: str = ""
    amount: Decimal = ZERO
    term_months: int | None = None
    annual_rate: Decimal | None = None
    opened_on: date | None = None
    schedule: tuple[Instalment, ...] = ()
    statement: Statement | None = None

    def __post_init__(self) -> None:
        if any(a.due_on > b.due_on for a, b in pairwise(self.schedule)):
            raise BadValue("a schedule is ordered by due date")
        if self.statement is not None and self.statement.balance.currency != self.currency:
            raise BadValue("the statement is in another currency than the contract")


@dataclass(frozen=True, slots=True)
class Position:
    """What is owed on `today`. balance: all principal that is not paid back, and what is due of the
    rest. overdue: what fell due by today and is not paid. dpd: None when nothing is owed.
    oldest_due: the due date that dpd counts from. surplus: paid beyond everything.
    """

    today: date
    balance: Balance
    overdue: Decimal
    dpd: int | None
    oldest_due: date | None
    surplus: Decimal = ZERO


@dataclass(slots=True)
class _Item:
    due_on: date
    component: Component
    left: Decimal
    stated: bool = False


def position(
    contract: Contract,
    product: Product,
    payments: Iterable[Payment],
    today: date,
    charges: Iterable[Charge] = (),
) -> Position:
    """What is owed of `contract` on `today`; BadValue for a payment in another currency."""
    items = _items(contract, charges, today)
    surplus = _pay(items, contract, product, payments, today)
    due = [item for item in items if item.left > 0]
    oldest = _oldest(due, product, today)
    return Position(
        today,
        _balance(contract.currency, due, today),
        sum((item.left for item in due if item.due_on <= today), ZERO),
        None if oldest is None else (today - oldest).days,
        oldest,
        surplus,
    )


def _items(contract: Contract, charges: Iterable[Charge], today: date) -> list[_Item]:
    stated = contract.statement
    if stated is not None and stated.as_of <= today:
        due = stated.oldest_due or stated.as_of
        items = [_Item(due, c, stated.balance[c], True) for c in Component]
        later = (c for c in charges if stated.as_of < c.on <= today)
    else:
        items = [
            _Item(one.due_on, component, amount)
            for one in contract.schedule
            for component, amount in (
                (Component.PRINCIPAL, one.principal),
                (Component.INTEREST, one.interest),
            )
        ]
        later = (c for c in charges if c.on <= today)
    return items + [_Item(c.on, c.component, c.amount) for c in later]


def _pay(
    items: list[_Item],
    contract: Contract,
    product: Product,
    payments: Iterable[Payment],
    today: date,
) -> Decimal:
    """Take the payments off the items; returns what was too much."""
    stated = contract.statement
    since = stated.as_of if stated is not None and stated.as_of <= today else date.min
    surplus = ZERO
    for one in effective(payments, until=today):
        if one.payment.money.currency != contract.currency:
            raise BadValue("a payment is in another currency than its contract")
        if one.payment.paid_on > since:
            surplus += _take(items, one.amount, one.payment.paid_on, product)
    return surplus


def _take(items: list[_Item], amount: Decimal, on: date, product: Product) -> Decimal:
    rank = {component: place for place, component in enumerate(product.order)}

    def turn(item: _Item) -> tuple[bool, int, int]:
        due, part = item.due_on.toordinal(), rank[item.component]
        # What is due comes before what is not, or a prepaid instalment would leave arrears.
        late = item.due_on > on
        return (late, due, part) if product.by_instalment or late else (late, part, due)

    for item in sorted(items, key=turn):
        part = min(item.left, amount)
        item.left -= part
        amount -= part
    return amount


def _oldest(due: Sequence[_Item], product: Product, today: date) -> date | None:
    """The date that days are counted from: of what makes overdue, or of charges when they are all
    that is left. Arrears within the tolerance do not count.
    """
    counted = [item for item in due if item.component in product.overdue_by] or due
    arrears = [item for item in counted if item.due_on <= today]
    if sum((item.left for item in arrears), ZERO) > product.tolerance:
        return min(item.due_on for item in arrears)
    ahead = [item.due_on for item in counted if item.due_on > today]
    if ahead:
        return min(ahead)
    return today if arrears else None


def _balance(currency: str, due: Iterable[_Item], today: date) -> Balance:
    parts = dict.fromkeys(Component, ZERO)
    for item in due:
        # Interest of months to come is not owed yet; principal is, and what the creditor states.
        owed = item.stated or item.component is Component.PRINCIPAL
        if owed or item.due_on <= today:
            parts[item.component] += item.left
    return balance_of(currency, parts)


def overdue_segments(
    contract: Contract,
    product: Product,
    payments: Sequence[Payment],
    since: date,
    until: date,
    base: frozenset[Component],
) -> list[Segment]:
    """The overdue base over [since, until), one segment for each span in which it did not change:
    what penalty interest is reckoned on.
    """
    days = {since, until}
    # What falls due is overdue from the day after; what is paid is not from its day on.
    days |= {one.due_on + timedelta(1) for one in contract.schedule}
    days |= {one.payment.paid_on for one in effective(payments)}
    edges = sorted(day for day in days if since <= day <= until)
    return [
        Segment(start, end, _overdue_base(contract, product, payments, start, base))
        for start, end in pairwise(edges)
    ]


def _overdue_base(
    contract: Contract,
    product: Product,
    payments: Iterable[Payment],
    day: date,
    base: frozenset[Component],
) -> Decimal:
    items = _items(contract, (), day)
    _pay(items, contract, product, payments, day)
    return sum((i.left for i in items if i.due_on < day and i.component in base), ZERO)
