"""Reductions and instalment offers, within the limits of who offers them.

Rules: every rule that is broken is named, not only the first; when a role may not, the least role that
may is named; an offer adds up to the debt to the last unit; limits are the creditor's, so there are
none here by default and nobody may reduce anything.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dialer_engine.domain.collections.contract import Instalment
from dialer_engine.domain.collections.money import (
    ZERO,
    Balance,
    Component,
    Rounding,
    balance_of,
)
from dialer_engine.domain.collections.product import Limits
from dialer_engine.domain.errors import BadValue


@dataclass(frozen=True, slots=True)
class Verdict:
    """reasons: rules that forbid it to this role, empty when allowed. approver: the first role in
    the given order that may grant it, None when nobody may.
    """

    allowed: bool
    reasons: tuple[str, ...]
    approver: str | None


def judge_reduction(
    ask: Balance, owed: Balance, dpd: int, role: str, ladder: Sequence[Limits]
) -> Verdict:
    """May `role` let go of `ask`? ladder: the limits of each role, from the least to the highest."""
    own = _limits_of(role, ladder)
    reasons = _against(ask, owed, dpd, own)
    able = (one.role for one in ladder if not _against(ask, owed, dpd, one))
    return Verdict(not reasons, reasons, next(able, None))


def _against(ask: Balance, owed: Balance, dpd: int, limits: Limits) -> tuple[str, ...]:
    if ask.currency != owed.currency:
        return ("currency",)
    found = []
    for part in Component:
        if ask[part] > owed[part]:
            found.append(f"more_than_owed:{part.value}")
        if ask[part] > owed[part] * limits.shares.get(part, ZERO):
            found.append(f"share:{part.value}")
    if limits.max_amount is not None and ask.total > limits.max_amount:
        found.append("max_amount")
    if dpd < limits.min_dpd:
        found.append("min_dpd")
    return tuple(found)


def largest_reduction(owed: Balance, dpd: int, limits: Limits, rounding: Rounding) -> Balance:
    """The most that this role may grant, in whole units, never rounded up."""
    if dpd < limits.min_dpd:
        return Balance(owed.currency)
    floor = Rounding(rounding.quantum, "down")
    left = limits.max_amount
    parts = {}
    for part in (Component.FEES, Component.PENALTY, Component.INTEREST, Component.PRINCIPAL):
        most = floor(min(owed[part], owed[part] * limits.shares.get(part, ZERO)))
        parts[part] = most if left is None else floor(min(most, left))
        left = None if left is None else left - parts[part]
    return balance_of(owed.currency, parts)


def offer(
    total: Decimal, months: int, first_on: date, rounding: Rounding, first_share: Decimal = ZERO
) -> tuple[Instalment, ...]:
    """`total` in `months` monthly parts from `first_on` on; the last one bears what rounding left. A
    first_share above 0 makes the first part that share. Days that a month does not have become its
    last.
    """
    if months < 1 or total <= 0 or not 0 <= first_share <= 1:
        raise BadValue("an offer needs an amount, at least one month, and a share between 0 and 1")
    first = rounding(total * first_share) if first_share else None
    rest = total if first is None else total - first
    others = months if first is None else months - 1
    if others == 0:
        parts = [total]
    else:
        floor = Rounding(rounding.quantum, "down")
        even = floor(rest / others)
        parts = [] if first is None else [first]
        parts += [even] * (others - 1) + [rest - even * (others - 1)]
    dates = (_month_after(first_on, count) for count in range(months))
    return tuple(Instalment(on, part) for on, part in zip(dates, parts, strict=True))


def _month_after(start: date, months: int) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def judge_offer(
    plan: Sequence[Instalment], owed: Decimal, dpd: int, role: str, ladder: Sequence[Limits]
) -> Verdict:
    """May `role` offer this plan for `owed`?"""
    reasons = _against_plan(plan, owed, dpd, _limits_of(role, ladder))
    able = (one.role for one in ladder if not _against_plan(plan, owed, dpd, one))
    return Verdict(not reasons, reasons, next(able, None))


def _against_plan(
    plan: Sequence[Instalment], owed: Decimal, dpd: int, limits: Limits
) -> tuple[str, ...]:
    checks = (
        ("empty", not plan),
        ("sum", sum((one.total for one in plan), ZERO) != owed),
        ("max_months", len(plan) > limits.max_months),
        ("min_first_share", bool(plan) and plan[0].total < owed * limits.min_first_share),
        ("min_instalment", any(one.total < limits.min_instalment for one in plan)),
        ("min_dpd", dpd < limits.min_dpd),
    )
    return tuple(name for name, broken in checks if broken)


def _limits_of(role: str, ladder: Sequence[Limits]) -> Limits:
    return next((one for one in ladder if one.role == role), Limits(role))
