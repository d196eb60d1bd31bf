"""What is owed, in four parts, and how a payment is spread over them.

Rules: nothing is negative; currencies never mix; nothing is rounded here but where a `Rounding` is
given, so that what goes in comes out to the last digit.

Order: fees, penalty, interest, principal is the usual one where the parties agreed on nothing else
(for example Civil Code of China, article 561: costs, interest, principal); it is only a default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal

from dialer_engine.domain.collections.codes import Code
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import Money

ZERO = Decimal(0)


class Component(Code):
    """A part of a debt."""

    PRINCIPAL = "principal", "principal", "本金"
    INTEREST = "interest", "interest", "利息"
    PENALTY = "penalty", "penalty interest", "罚息"
    FEES = "fees", "fees", "费用"


Order = tuple[Component, ...]
DEFAULT_ORDER: Order = (
    Component.FEES,
    Component.PENALTY,
    Component.INTEREST,
    Component.PRINCIPAL,
)
_MODES = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "down": ROUND_DOWN,
    "up": ROUND_UP,
}


def check_order(order: Iterable[Component]) -> Order:
    """Each component once; BadValue."""
    found = tuple(order)
    if len(found) != len(Component) or set(found) != set(Component):
        raise BadValue(
            "an order of allocation names principal, interest, penalty and fees once each"
        )
    return found


@dataclass(frozen=True, slots=True)
class Rounding:
    """quantum: the smallest unit, 0.01 for most currencies, 1 for yen. mode: half_up, half_even,
    down, up.
    """

    quantum: Decimal = Decimal("0.01")
    mode: str = "half_up"

    def __post_init__(self) -> None:
        if self.mode not in _MODES or not self.quantum > 0:
            raise BadValue(f"rounding: choose one of {', '.join(_MODES)}, and a quantum above 0")

    def __call__(self, amount: Decimal) -> Decimal:
        """`amount` as a multiple of the quantum."""
        return (amount / self.quantum).quantize(Decimal(1), _MODES[self.mode]) * self.quantum


@dataclass(frozen=True, slots=True)
class Balance:
    """The four parts in one currency; finite, never negative."""

    currency: str
    principal: Decimal = ZERO
    interest: Decimal = ZERO
    penalty: Decimal = ZERO
    fees: Decimal = ZERO

    def __post_init__(self) -> None:
        for component in Component:
            amount = Money(self[component], self.currency).amount
            if amount < 0:
                raise BadValue(f"{component.value} cannot be negative")

    def __getitem__(self, component: Component) -> Decimal:
        amount: Decimal = getattr(self, component.value)
        return amount

    @property
    def total(self) -> Decimal:
        """All four together."""
        return self.principal + self.interest + self.penalty + self.fees

    @property
    def money(self) -> Money:
        """The total with its currency."""
        return Money(self.total, self.currency)

    def __add__(self, other: Balance) -> Balance:
        _same(self.currency, other.currency)
        return balance_of(self.currency, {c: self[c] + other[c] for c in Component})

    def __sub__(self, other: Balance) -> Balance:
        """BadValue when a part would become negative."""
        _same(self.currency, other.currency)
        return balance_of(self.currency, {c: self[c] - other[c] for c in Component})


def balance_of(currency: str, parts: Mapping[Component, Decimal]) -> Balance:
    """A balance from its parts; a part that is not named is 0."""
    return Balance(currency, **{c.value: amount for c, amount in parts.items()})


def _same(one: str, other: str) -> None:
    if one != other:
        raise BadValue(f"{one} and {other} cannot be added up")


@dataclass(frozen=True, slots=True)
class Spread:
    """Where an amount went: paid + surplus is the amount, paid + rest is the balance before."""

    paid: Balance
    rest: Balance
    surplus: Decimal = field(default=ZERO)


def spread(balance: Balance, amount: Decimal, order: Order = DEFAULT_ORDER) -> Spread:
    """`amount` over the parts in `order`; what is left when all are paid is the surplus."""
    if amount < 0:
        raise BadValue("a payment cannot be negative; a reversal undoes one")
    left, paid = amount, {}
    for component in check_order(order):
        paid[component] = min(left, balance[component])
        left -= paid[component]
    part = balance_of(balance.currency, paid)
    return Spread(part, balance - part, left)
