"""What a contract is still to be charged by the rules of its product: penalty interest and fees.

Rules: without rules nothing is charged; what is due is reckoned from the beginning and what was charged is
taken off, so that a day that was missed is made up for and a day that is done twice changes nothing; whole
days only, so the last one charged is yesterday, and a creditor's own statement of a day ends all charges
up to it; caps count what the creditor stated too. Nothing is given back when a payment turns out to have
come earlier: that is a reduction, and a person's to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from dialer_engine.domain.collections.charges import (
    FeeRule,
    FeeTrigger,
    PenaltyRule,
    fee,
    penalty,
    room_under,
)
from dialer_engine.domain.collections.contract import (
    Charge,
    Contract,
    Statement,
    overdue_segments,
    position,
)
from dialer_engine.domain.collections.money import ZERO, Component
from dialer_engine.domain.collections.payments import Payment
from dialer_engine.domain.collections.product import Product

PENALTY = "penalty"
_DAY = timedelta(1)


def due_charges(
    contract: Contract,
    product: Product,
    payments: Sequence[Payment],
    charges: Sequence[Charge],
    day: date,
) -> list[Charge]:
    """What is to be charged when `day` begins. charges: all of the contract so far."""
    stated = _stated(contract, day)
    counted = [c for c in charges if stated is None or c.on > stated.as_of]
    found: list[Charge] = []
    if product.penalty is not None:
        found += _penalty(contract, product, product.penalty, payments, counted, day)
    for rule in product.fees:
        if rule.trigger is FeeTrigger.OVERDUE:
            found += _fee(contract, product, rule, payments, charges, [*counted, *found], day)
    return found


def _stated(contract: Contract, day: date) -> Statement | None:
    one = contract.statement
    return one if one is not None and one.as_of < day else None


def _principal(contract: Contract) -> Decimal:
    stated = contract.statement
    return contract.amount or (stated.balance[Component.PRINCIPAL] if stated else ZERO)


def _penalty(
    contract: Contract,
    product: Product,
    rule: PenaltyRule,
    payments: Sequence[Payment],
    charges: Sequence[Charge],
    day: date,
) -> list[Charge]:
    stated = _stated(contract, day)
    start = _start(contract, stated)
    if start is None or start >= day:
        return []
    if stated is not None and stated.oldest_due is not None:
        # Days of grace that were over before the statement.
        spent = max(0, (start - stated.oldest_due).days - 1)
        rule = replace(rule, grace_days=max(0, rule.grace_days - spent))
    segments = overdue_segments(contract, product, payments, start, day, rule.base)
    mine = [c for c in charges if c.code == PENALTY]
    others = [c for c in charges if c.code != PENALTY]
    room = _least(_room(contract, product, others, day), *_left(contract, rule, stated))
    whole = penalty(rule, segments, _principal(contract), room=room, rounding=product.rounding)
    more = whole.amount - sum((c.amount for c in mine), ZERO)
    return [Charge(day - _DAY, Component.PENALTY, more, PENALTY)] if more > 0 else []


def _start(contract: Contract, stated: Statement | None) -> date | None:
    if stated is not None:
        return stated.as_of + _DAY
    return contract.schedule[0].due_on if contract.schedule else None


def _left(contract: Contract, rule: PenaltyRule, stated: Statement | None) -> list[Decimal | None]:
    """Of the rule's caps, after what the creditor had charged."""
    before = stated.balance[Component.PENALTY] if stated is not None else ZERO
    share = None if rule.cap_share is None else _principal(contract) * rule.cap_share
    return [None if cap is None else max(ZERO, cap - before) for cap in (share, rule.cap_amount)]


def _least(*limits: Decimal | None) -> Decimal | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _room(
    contract: Contract, product: Product, charges: Sequence[Charge], day: date
) -> Decimal | None:
    """What the cap on all costs leaves. A contract whose beginning is not known began when we first hear
    of it, which can only make it less.
    """
    stated = _stated(contract, day)
    known = [contract.opened_on, *(i.due_on for i in contract.schedule[:1])]
    began = next((one for one in known if one), stated.as_of if stated else day)
    cost = sum((c.amount for c in charges), ZERO)
    if stated is not None:
        parts = (Component.INTEREST, Component.PENALTY, Component.FEES)
        cost += sum((stated.balance[part] for part in parts), ZERO)
    else:
        cost += sum((i.interest for i in contract.schedule if i.due_on < day), ZERO)
    return room_under(product.cap, _principal(contract), (day - began).days, cost)


def _fee(
    contract: Contract,
    product: Product,
    rule: FeeRule,
    payments: Sequence[Payment],
    every: Sequence[Charge],
    counted: Sequence[Charge],
    day: date,
) -> list[Charge]:
    """Once each time that the contract has been overdue for so long."""
    now = position(contract, product, payments, day, every)
    if now.oldest_due is None or now.dpd is None or now.dpd < rule.at_dpd:
        return []
    on, stated = now.oldest_due + timedelta(rule.at_dpd), _stated(contract, day)
    mine = [c for c in every if c.code == rule.code]
    if any(c.on >= now.oldest_due for c in mine) or (stated is not None and on <= stated.as_of):
        return []
    room = _room(contract, product, counted, day)
    charged = fee(rule, now.overdue, len(mine), room=room, rounding=product.rounding)
    return [Charge(on, Component.FEES, charged.amount, rule.code)] if charged.amount > 0 else []
