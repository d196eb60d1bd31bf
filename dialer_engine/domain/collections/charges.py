"""Penalty interest and fees by contract rules, with their caps.

Rules: a charge is explained by its lines (from, to, base, amount) and by the cap that cut it; simple
interest on each segment of the overdue base, never interest on penalty unless the rule says so by its
base; a cap only ever lowers; half-open spans [from, to); rounded once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dialer_engine.domain.collections.codes import Code
from dialer_engine.domain.collections.money import ZERO, Component, Rounding
from dialer_engine.domain.errors import BadValue


@dataclass(frozen=True, slots=True)
class PenaltyRule:
    """daily_rate: share of the base for each day overdue (0.0005 is 5 in 10,000). base: components
    of the overdue amount that it counts on. grace_days: days overdue that cost nothing.
    retroactive: after the grace they are charged too. cap_share: of the contract's principal,
    cap_amount: absolute; None: no such cap.
    """

    daily_rate: Decimal
    base: frozenset[Component] = frozenset({Component.PRINCIPAL})
    grace_days: int = 0
    retroactive: bool = False
    cap_share: Decimal | None = None
    cap_amount: Decimal | None = None

    def __post_init__(self) -> None:
        if self.daily_rate < 0 or self.grace_days < 0 or not self.base:
            raise BadValue("penalty: a rate and grace days of at least 0, and a base")


class FeeTrigger(Code):
    """What a fee is charged for."""

    OVERDUE = "overdue", "a number of days overdue", "逾期达到天数"
    REVERSAL = "reversal", "a payment that was returned", "扣款退回"


@dataclass(frozen=True, slots=True)
class FeeRule:
    """amount: fixed part. share: of the overdue amount, on top. minimum, maximum: of one fee.
    at_dpd: for OVERDUE, the day. times: how often at most over the life of the contract.
    """

    code: str
    trigger: FeeTrigger
    amount: Decimal = ZERO
    share: Decimal = ZERO
    minimum: Decimal = ZERO
    maximum: Decimal | None = None
    at_dpd: int = 1
    times: int = 1


@dataclass(frozen=True, slots=True)
class CostCap:
    """All costs of the debt (interest, penalty, fees) over its life may be at most `annual_rate` of
    the principal for each year of `year_days`, and never above `share` of it. None: no such limit.
    """

    annual_rate: Decimal | None = None
    share: Decimal | None = None
    year_days: int = 365

    def limit(self, principal: Decimal, days: int) -> Decimal | None:
        """The most that may have been charged after `days`."""
        limits = []
        if self.annual_rate is not None:
            limits.append(principal * self.annual_rate * max(0, days) / self.year_days)
        if self.share is not None:
            limits.append(principal * self.share)
        return min(limits, default=None)


@dataclass(frozen=True, slots=True)
class Segment:
    """An overdue base that stayed the same over [start, end)."""

    start: date
    end: date
    base: Decimal

    @property
    def days(self) -> int:
        """Length; never negative."""
        return max(0, (self.end - self.start).days)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an explanation."""

    start: date
    end: date
    base: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Charged:
    """amount: after caps. before_caps: without them. capped_by: the caps that cut, in words of the
    rule (cap_share, cap_amount, cost_cap).
    """

    amount: Decimal
    before_caps: Decimal
    capped_by: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()


def penalty(
    rule: PenaltyRule,
    segments: Sequence[Segment],
    principal: Decimal,
    *,
    room: Decimal | None = None,
    rounding: Rounding | None = None,
) -> Charged:
    """Penalty interest on `segments`, which follow each other without overlap. principal: of the
    contract, for cap_share. room: what a cost cap leaves, None for no such cap.
    """
    lines = tuple(_penalty_lines(rule, segments))
    full = sum((line.amount for line in lines), ZERO)
    share = None if rule.cap_share is None else principal * rule.cap_share
    caps = (("cap_share", share), ("cap_amount", rule.cap_amount), ("cost_cap", room))
    return _capped(full, caps, rounding or Rounding(), lines)


def _penalty_lines(rule: PenaltyRule, segments: Iterable[Segment]) -> Iterable[Line]:
    spent = 0
    free = 0 if rule.retroactive and _overdue_days(segments) > rule.grace_days else rule.grace_days
    for segment in segments:
        if segment.base <= 0:
            spent = 0
            continue
        charged = max(0, segment.days - max(0, free - spent))
        spent += segment.days
        if charged:
            start = date.fromordinal(segment.end.toordinal() - charged)
            yield Line(start, segment.end, segment.base, segment.base * rule.daily_rate * charged)


def _overdue_days(segments: Iterable[Segment]) -> int:
    return sum(segment.days for segment in segments if segment.base > 0)


def fee(
    rule: FeeRule,
    overdue: Decimal,
    already: int,
    *,
    room: Decimal | None = None,
    rounding: Rounding | None = None,
) -> Charged:
    """One fee. already: how often this rule was charged on the contract before; beyond `times` it is
    0, and says so.
    """
    full = max(rule.minimum, rule.amount + rule.share * overdue)
    used_up = ZERO if already >= rule.times else None
    caps = (("maximum", rule.maximum), ("times", used_up), ("cost_cap", room))
    return _capped(full, caps, rounding or Rounding(), ())


def fees_for_day(rules: Iterable[FeeRule], dpd: int) -> list[FeeRule]:
    """The rules that charge a fee on this day past due."""
    return [r for r in rules if r.trigger is FeeTrigger.OVERDUE and r.at_dpd == dpd]


def room_under(
    cap: CostCap | None, principal: Decimal, days: int, charged: Decimal
) -> Decimal | None:
    """What may still be charged `days` after the contract began, when `charged` already was."""
    limit = None if cap is None else cap.limit(principal, days)
    return None if limit is None else max(ZERO, limit - charged)


def _capped(
    full: Decimal,
    caps: Iterable[tuple[str, Decimal | None]],
    rounding: Rounding,
    lines: tuple[Line, ...],
) -> Charged:
    amount, by = full, []
    for name, cap in caps:
        if cap is not None and amount > cap:
            amount = cap
            by.append(name)
    rounded = rounding(amount)
    # Rounding up must not lift a capped amount over its cap.
    if by and rounded > amount:
        rounded = Rounding(rounding.quantum, "down")(amount)
    return Charged(rounded, full, tuple(by), lines)
