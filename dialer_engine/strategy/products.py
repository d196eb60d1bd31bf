"""Product files: what a creditor's products say of stages, charges, promises and offers.

Rules: `version: 1` stands in the file; every number that another creditor would set otherwise is a key, and
what is left out is the usual rule, by which nothing is charged and nobody may let go of anything; all that is
wrong is found in one go, with its place; a file that `as_file` made reads as the same products.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from dialer_engine.domain.collections.charges import CostCap, FeeRule, FeeTrigger, PenaltyRule
from dialer_engine.domain.collections.codes import DebtType, PartyType, Phase, Stage
from dialer_engine.domain.collections.money import (
    DEFAULT_ORDER,
    Component,
    Rounding,
    balance_of,
)
from dialer_engine.domain.collections.product import (
    DEFAULT_PHASES,
    Creditor,
    Limits,
    Product,
)
from dialer_engine.domain.collections.reductions import judge_reduction
from dialer_engine.strategy import product_format as f
from dialer_engine.strategy.nodes import Node, Problem, errors, problem
from dialer_engine.strategy.spec import BROKEN, Table, read

Json = dict[str, Any]
# Above it the costs of a year are more than the debt: likelier a slip of the point than a rule.
_WHOLE = Decimal(1)
_YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class ProductFile:
    """What a file holds. creditor: None when the file does not describe one."""

    creditor: Creditor | None
    products: tuple[Product, ...]


def read_products(node: Node) -> tuple[ProductFile | None, list[Problem]]:
    """The products and the problems; None when one of them is an error."""
    problems: list[Problem] = []
    table = read(f.PRODUCTS, node, problems)
    if table is BROKEN:
        return None, sorted(problems)
    owner = _creditor(table["creditor"])
    made = [_product(row, owner, problems) for row in table["products"]]
    _once("product", [(row["code"], row) for row in table["products"]], problems)
    found = ProductFile(owner, tuple(one for one in made if one is not None))
    return (None if errors(problems) else found), sorted(problems)


def _creditor(table: Table | None) -> Creditor | None:
    if table is None:
        return None
    return Creditor(
        table["code"],
        table["name"] or "",
        table["jurisdiction"] or "",
        PartyType(table["party_type"]),
    )


def _once(what: str, rows: Iterable[tuple[str, Table]], problems: list[Problem]) -> None:
    seen: dict[str, int] = {}
    for name, table in rows:
        if name in seen:
            told = f"a {what} is called {name} already, in line {seen[name]}"
            problems.append(problem(table.node, told))
        seen.setdefault(name, table.node.line)


def _product(table: Table, owner: Creditor | None, problems: list[Problem]) -> Product | None:
    before = len(errors(problems))
    problems += _faults(table)
    rows: list[Table] = table["fees"] or []
    _once("fee", [(row["code"], row) for row in rows], problems)
    limits: list[Table] = table["limits"] or []
    _once("role", [(row["role"], row) for row in limits], problems)
    if len(errors(problems)) > before:
        return None
    made = Product(
        table["code"],
        owner.code if owner else "",
        DebtType(table["debt_type"]),
        **_given(table),
        penalty=_penalty(table["penalty"]),
        fees=tuple(_fee(row) for row in rows),
        cap=_cap(table["cost_cap"]),
        limits=tuple(_limits(row) for row in limits),
    )
    problems += _ladder_faults(table, made)
    return made


def _given(table: Table) -> Json:
    """The plain keys that the file has; the others keep the product's own defaults."""
    found: Json = {n: table[n] for n in f.PLAIN if table[n] is not None}
    if table["stages"] is not None:
        found["edges"] = tuple(table["stages"][name] for name in f.BUCKETS)
    if table["phases"]:
        given = {Stage(name): Phase(phase) for name, phase in table["phases"].items()}
        found["phases"] = {**DEFAULT_PHASES, **given}
    if table["allocation"]:
        found["order"] = tuple(Component(part) for part in table["allocation"])
    if table["overdue_by"]:
        found["overdue_by"] = frozenset(Component(part) for part in table["overdue_by"])
    if table["rounding"] is not None:
        found["rounding"] = Rounding(table["rounding"]["quantum"], table["rounding"]["mode"])
    return found


def _penalty(table: Table | None) -> PenaltyRule | None:
    if table is None:
        return None
    return PenaltyRule(
        table["daily_rate"],
        frozenset(Component(part) for part in table["base"] or ("principal",)),
        table["grace_days"],
        table["retroactive"],
        table["cap_share"],
        table["cap_amount"],
    )


def _fee(table: Table) -> FeeRule:
    return FeeRule(
        table["code"],
        FeeTrigger(table["trigger"]),
        table["amount"],
        table["share"],
        table["minimum"],
        table["maximum"],
        table["at_dpd"],
        table["times"],
    )


def _cap(table: Table | None) -> CostCap | None:
    if table is None:
        return None
    return CostCap(table["annual_rate"], table["share"], table["year_days"])


def _limits(table: Table) -> Limits:
    shares = {Component(part): share for part, share in (table["shares"] or {}).items()}
    rest = {n: table[n] for n in f.OF_LIMITS}
    return Limits(table["role"], shares, table["max_amount"], **rest)


# -- sense -----------------------------------------------------------------------------------------


def _faults(table: Table) -> Iterator[Problem]:
    if table["stages"] is not None:
        days = [table["stages"][name] for name in f.BUCKETS]
        if any(a > b for a, b in pairwise(days)):
            text = "the days of the stages ascend from M0 to M7+"
            yield problem(table.place("stages"), text)
    order = table["allocation"]
    if order is not None and sorted(order) != sorted(f.PARTS):
        text = f"the order of allocation names each of {', '.join(f.PARTS)} once"
        yield problem(table.place("allocation"), text)
    if table["penalty"] is not None:
        yield from _penalty_faults(table["penalty"])
    for row in table["fees"] or ():
        yield from _fee_faults(row)
    if table["cost_cap"] is not None and not _caps(table["cost_cap"]):
        yield problem(table.place("cost_cap"), "a cost cap has annual_rate, share or both")


def _caps(table: Table) -> bool:
    return table["annual_rate"] is not None or table["share"] is not None


def _penalty_faults(table: Table) -> Iterator[Problem]:
    if table["daily_rate"] * _YEAR_DAYS > _WHOLE:
        text = "at this rate a year costs more than the debt; a rate for each day was meant?"
        yield problem(table.place("daily_rate"), text, is_warning=True)
    if table["cap_share"] is None and table["cap_amount"] is None:
        text = "no cap_share and no cap_amount: only the cost cap, if there is one, ends it"
        yield problem(table.node, text, is_warning=True)


def _fee_faults(table: Table) -> Iterator[Problem]:
    if not table["amount"] and not table["share"] and not table["minimum"]:
        yield problem(table.node, "a fee has an amount, a share or a minimum")
    if table["maximum"] is not None and table["maximum"] < table["minimum"]:
        yield problem(table.place("maximum"), "the maximum is less than the minimum")
    if table["trigger"] == FeeTrigger.REVERSAL:
        text = "nothing charges fees of returned payments yet: this one is kept and never charged"
        yield problem(table.place("trigger"), text, is_warning=True)


def _ladder_faults(table: Table, made: Product) -> Iterator[Problem]:
    """A role that may less than one before it: the order is from the least to the highest."""
    rows: list[Table] = table["limits"] or []
    owed = balance_of("XXX", dict.fromkeys(Component, Decimal(100)))
    for (_, low), (row, high) in pairwise(zip(rows, made.limits, strict=True)):
        ask = balance_of("XXX", {part: 100 * share for part, share in low.shares.items()})
        unlimited = [Limits(high.role, high.shares)]
        if not judge_reduction(ask, owed, 0, high.role, unlimited).allowed:
            text = (
                f"{high.role} may reduce less than {low.role} before it; the least role comes first"
            )
            yield problem(row.node, text, is_warning=True)


# -- back into a file ------------------------------------------------------------------------------


def as_file(creditor: Creditor | None, products: Iterable[Product]) -> Json:
    """Plain data of a product file, amounts as texts; what is usual is left out."""
    found: Json = {"version": f.VERSION}
    if creditor is not None:
        found["creditor"] = {
            "code": creditor.code,
            "name": creditor.name,
            "jurisdiction": creditor.jurisdiction,
            "party_type": creditor.party_type.value,
        }
    return found | {"products": [_product_data(one) for one in products]}


def _product_data(one: Product) -> Json:
    usual = Product(one.code)
    found: Json = {"code": one.code, "debt_type": one.debt_type.value}
    if one.edges != usual.edges:
        found["stages"] = dict(zip(f.BUCKETS, one.edges, strict=True))
    phases = {s.value: p.value for s, p in one.phases.items() if DEFAULT_PHASES.get(s) is not p}
    if phases:
        found["phases"] = phases
    if one.order != DEFAULT_ORDER:
        found["allocation"] = [part.value for part in one.order]
    if one.overdue_by != usual.overdue_by:
        found["overdue_by"] = sorted(part.value for part in one.overdue_by)
    if one.rounding != usual.rounding:
        found["rounding"] = {"quantum": _text(one.rounding.quantum), "mode": one.rounding.mode}
    plain = {n: getattr(one, n) for n in f.PLAIN if getattr(one, n) != getattr(usual, n)}
    return found | _texts(plain) | _charges_data(one)


def _charges_data(one: Product) -> Json:
    found: Json = {}
    if one.penalty is not None:
        rule = one.penalty
        found["penalty"] = _texts({n: getattr(rule, n) for n in f.OF_PENALTY}) | {
            "base": sorted(part.value for part in rule.base)
        }
    if one.cap is not None:
        found["cost_cap"] = _texts({n: getattr(one.cap, n) for n in f.OF_CAP})
    if one.fees:
        found["fees"] = [_texts({n: getattr(fee, n) for n in f.OF_FEE}) for fee in one.fees]
    if one.limits:
        found["limits"] = [_limits_data(limits) for limits in one.limits]
    return found


def _limits_data(one: Limits) -> Json:
    rest = _texts({n: getattr(one, n) for n in ("max_amount", *f.OF_LIMITS)})
    shares = {part.value: _text(share) for part, share in one.shares.items()}
    return {"role": one.role, "shares": shares} | rest


def _texts(values: Mapping[str, Any]) -> Json:
    """Amounts as texts, codes as their value, None left out."""
    return {
        name: _text(value) if isinstance(value, Decimal) else getattr(value, "value", value)
        for name, value in values.items()
        if value is not None
    }


def _text(value: Decimal) -> str:
    return f"{value:f}"
