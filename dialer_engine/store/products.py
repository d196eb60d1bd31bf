"""Products and creditors in the store.

Rules: a product that the store does not know is one with the usual rules (`Product` by its code), so that
a file may name products before anybody set them up; settings hold only what differs from that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections.charges import CostCap, FeeRule, FeeTrigger, PenaltyRule
from dialer_engine.domain.collections.codes import DebtType, PartyType, Phase, Stage
from dialer_engine.domain.collections.money import Component, Rounding
from dialer_engine.domain.collections.product import DEFAULT_PHASES, Creditor, Limits, Product
from dialer_engine.store._sql import merge
from dialer_engine.store.schema_books import creditors, products

Json = dict[str, Any]


async def save_creditor(connection: AsyncConnection, creditor: Creditor) -> None:
    """Write all of a creditor, new or known."""
    row = {
        "code": creditor.code,
        "name": creditor.name,
        "jurisdiction": creditor.jurisdiction,
        "party_type": creditor.party_type,
    }
    await connection.execute(merge(connection, creditors, ["code"]), row)


async def save_product(connection: AsyncConnection, product: Product) -> None:
    """Write all rules of a product, new or known."""
    row = {
        "creditor": product.creditor,
        "code": product.code,
        "debt_type": product.debt_type,
        "settings": as_json(product),
    }
    await connection.execute(merge(connection, products, ["creditor", "code"]), row)


async def save_all(
    connection: AsyncConnection, creditor: Creditor | None, rules: Iterable[Product]
) -> None:
    """A creditor and its products together."""
    if creditor is not None:
        await save_creditor(connection, creditor)
    for one in rules:
        await save_product(connection, one)


async def load_creditors(connection: AsyncConnection) -> dict[str, Creditor]:
    """All creditors by code."""
    rows = await connection.execute(select(creditors))
    return {r.code: Creditor(r.code, r.name, r.jurisdiction, PartyType(r.party_type)) for r in rows}


class Products:
    """All products; one that is not there has the usual rules."""

    def __init__(self, known: Iterable[Product]) -> None:
        self._known = {(one.creditor, one.code): one for one in known}

    def __iter__(self) -> Iterator[Product]:
        return iter(sorted(self._known.values(), key=lambda one: (one.creditor, one.code)))

    @property
    def charge(self) -> bool:
        """Some product has rules by which something is charged."""
        return any(one.penalty is not None or one.fees for one in self._known.values())

    def of(self, creditor: str, code: str, debt_type: str | None = None) -> Product:
        """The product of that creditor, of any creditor, or the usual one."""
        found = self._known.get((creditor, code)) or self._known.get(("", code))
        if found is not None:
            return found
        return Product(code, creditor, DebtType(debt_type or DebtType.OTHER.value))


async def load_products(connection: AsyncConnection) -> Products:
    """All products."""
    rows = await connection.execute(select(products))
    return Products(from_json(r.creditor, r.code, r.debt_type, r.settings) for r in rows)


def as_json(product: Product) -> Json:
    """The rules as plain data; amounts as text."""
    found: Json = {
        "edges": list(product.edges),
        "order": [part.value for part in product.order],
        "by_instalment": product.by_instalment,
        "overdue_by": sorted(part.value for part in product.overdue_by),
        "tolerance": str(product.tolerance),
        "rounding": [str(product.rounding.quantum), product.rounding.mode],
        "promise_grace_days": product.promise_grace_days,
    }
    if product.penalty is not None:
        found["penalty"] = _penalty_json(product.penalty)
    if product.cap is not None:
        cap = product.cap
        found["cap"] = [_text(cap.annual_rate), _text(cap.share), cap.year_days]
    found["fees"] = [
        [f.code, f.trigger.value, str(f.amount), str(f.share), str(f.minimum), _text(f.maximum), f.at_dpd, f.times]
        for f in product.fees
    ]  # fmt: skip
    found["limits"] = [_limits_json(one) for one in product.limits]
    if product.phases != DEFAULT_PHASES:
        found["phases"] = {stage.value: phase.value for stage, phase in product.phases.items()}
    return found


def from_json(creditor: str, code: str, debt_type: str, settings: Json) -> Product:
    """What `as_json` was given; BadValue when somebody wrote other things there."""
    quantum, mode = settings["rounding"]
    cap = settings.get("cap")
    return Product(
        code,
        creditor,
        DebtType(debt_type),
        edges=tuple(settings["edges"]),
        order=tuple(Component(part) for part in settings["order"]),
        by_instalment=settings["by_instalment"],
        overdue_by=frozenset(Component(part) for part in settings["overdue_by"]),
        tolerance=Decimal(settings["tolerance"]),
        rounding=Rounding(Decimal(quantum), mode),
        penalty=_penalty(settings["penalty"]) if "penalty" in settings else None,
        fees=tuple(_fee(*row) for row in settings.get("fees", ())),
        cap=None if cap is None else CostCap(_decimal(cap[0]), _decimal(cap[1]), cap[2]),
        promise_grace_days=settings["promise_grace_days"],
        limits=tuple(_limits(row) for row in settings.get("limits", ())),
        **_phases(settings.get("phases")),
    )


def _phases(data: Json | None) -> Json:
    if data is None:
        return {}
    return {"phases": {Stage(stage): Phase(phase) for stage, phase in data.items()}}


def _limits_json(one: Limits) -> Json:
    return {
        "role": one.role,
        "shares": {part.value: str(share) for part, share in one.shares.items()},
        "max_amount": _text(one.max_amount),
        "min_dpd": one.min_dpd,
        "max_months": one.max_months,
        "min_first_share": str(one.min_first_share),
        "min_instalment": str(one.min_instalment),
    }


def _limits(data: Json) -> Limits:
    return Limits(
        data["role"],
        {Component(part): Decimal(share) for part, share in data["shares"].items()},
        _decimal(data["max_amount"]),
        data["min_dpd"],
        data["max_months"],
        Decimal(data["min_first_share"]),
        Decimal(data["min_instalment"]),
    )


def _penalty_json(rule: PenaltyRule) -> Json:
    return {
        "daily_rate": str(rule.daily_rate),
        "base": sorted(part.value for part in rule.base),
        "grace_days": rule.grace_days,
        "retroactive": rule.retroactive,
        "cap_share": _text(rule.cap_share),
        "cap_amount": _text(rule.cap_amount),
    }


def _penalty(data: Json) -> PenaltyRule:
    return PenaltyRule(
        Decimal(data["daily_rate"]),
        frozenset(Component(part) for part in data["base"]),
        data["grace_days"],
        data["retroactive"],
        _decimal(data["cap_share"]),
        _decimal(data["cap_amount"]),
    )


def _fee(
    code: str,
    trigger: str,
    amount: str,
    share: str,
    least: str,
    most: str | None,
    dpd: int,
    times: int,
) -> FeeRule:
    return FeeRule(
        code, FeeTrigger(trigger), Decimal(amount), Decimal(share), Decimal(least), _decimal(most), dpd, times
    )  # fmt: skip


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
