"""What `cases offer` does: may this role let go of so much, or take it in instalments.

Rules: the limits are those of the contract's product (`products import`); nothing is owed less by it, since a
balance is the creditor's to change: an offer that is allowed is on the record of the case, one that is not says
every reason and the least role that may; blocks, and is called from no loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from dialer_engine.app.cases import day_of
from dialer_engine.app.config import Config
from dialer_engine.app.stored import in_store
from dialer_engine.app.unmask import person
from dialer_engine.domain.collections.contract import Instalment, Position
from dialer_engine.domain.collections.money import Balance, Component, balance_of
from dialer_engine.domain.collections.product import Limits, Product
from dialer_engine.domain.collections.reductions import (
    judge_offer,
    judge_reduction,
    largest_reduction,
    offer,
)
from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.store import people
from dialer_engine.store.owed import CaseBook, books
from dialer_engine.store.products import load_products
from dialer_engine.store.sql import SqlStore
from dialer_engine.strategy.conditions import nearest

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. reduce: `PART=AMOUNT`. months 0: no instalments. first_on: of the first, today when
    empty. contract: which, where the case has several.
    """

    role: str
    reduce: Sequence[str] = ()
    months: int = 0
    first_on: str = ""
    first_share: str = "0"
    contract: str = ""


def judge(config: Config, reference: str, wish: Wish) -> Json:
    """{case, contract, product, role, dpd, owed, ask, most, plan [{due_on, amount}], allowed, reasons,
    approver}. Amounts as text; most: what the role may let go of at most. NotFound, BadValue.
    """

    return in_store(config, lambda store: _judge(store, reference, wish))


async def _judge(store: SqlStore, reference: str, wish: Wish) -> Json:
    now = datetime.now(UTC)
    case_id = await store.case_id(reference)
    products = await store.database.read(load_products)
    book = (await store.database.read(books, [case_id], products)).get(case_id)
    if book is None or not book.contracts:
        raise NotFound("the case has no contract; import it first (--what contracts)")
    name, product, position = _which(book, wish.contract, now.date())
    told = _judged(position, product, wish, now.date())
    found = {"case": reference, "contract": name, "product": product.code} | told
    if told["allowed"]:
        kept = {
            key: value for key, value in found.items() if key not in ("case", "reasons", "most")
        }
        await store.database.write(people.note, case_id, "offer", person(), kept, now)
    return found


def _which(book: CaseBook, name: str, today: date) -> tuple[str, Product, Position]:
    known = {one.reference: one for one in book.contracts}
    if not name and len(known) > 1:
        raise BadValue(f"the case has several contracts; say --contract: {', '.join(known)}")
    chosen = name or next(iter(known))
    if chosen not in known:
        raise NotFound(f"the case has no contract {chosen}{nearest(chosen, known)}")
    place = [one.reference for one in book.contracts].index(chosen)
    return chosen, book.product_of(known[chosen]), book.positions(today)[place]


def _judged(position: Position, product: Product, wish: Wish, today: date) -> Json:
    owed, dpd = position.balance, position.dpd if position.dpd is not None else 0
    role = _role(product, wish.role)
    ask = _ask(owed, wish.reduce)
    first = judge_reduction(ask, owed, dpd, wish.role, product.limits)
    reasons, able = list(first.reasons), [first.approver]
    plan: tuple[Instalment, ...] = ()
    if wish.months and not any(r.startswith("more_than_owed") for r in reasons):
        rest = (owed - ask).total
        on = day_of(wish.first_on) if wish.first_on else today
        plan = offer(rest, wish.months, on, product.rounding, _number(wish.first_share))
        second = judge_offer(plan, rest, dpd, wish.role, product.limits)
        reasons += [one for one in second.reasons if one not in reasons]
        able.append(second.approver)
    return {
        "role": wish.role,
        "dpd": dpd,
        "owed": _parts(owed),
        "ask": _parts(ask),
        "most": _parts(largest_reduction(owed, dpd, role, product.rounding)),
        "plan": [{"due_on": one.due_on.isoformat(), "amount": str(one.total)} for one in plan],
        "allowed": not reasons,
        "reasons": reasons,
        "approver": _highest(product, able),
    }


def _role(product: Product, name: str) -> Limits:
    known = {one.role: one for one in product.limits}
    if not known:
        raise NotFound(f"product {product.code or 'of this case'} lets nobody reduce anything")
    if name not in known:
        told = f"{nearest(name, known)}; there are {', '.join(known)}"
        raise NotFound(f"product {product.code} knows no role {name}{told}")
    return known[name]


def _highest(product: Product, able: Sequence[str | None]) -> str | None:
    """Who may grant both: the higher of the two; None when nobody may grant one of them."""
    order = [one.role for one in product.limits]
    if None in able:
        return None
    return max((one for one in able if one is not None), key=order.index)


def _ask(owed: Balance, given: Sequence[str]) -> Balance:
    parts: dict[Component, Decimal] = {}
    known = [part.value for part in Component]
    for one in given:
        name, _, amount = one.partition("=")
        if name not in known:
            raise BadValue(
                f"a reduction is PART=AMOUNT, and there is no part {name}{nearest(name, known)}"
            )
        parts[Component(name)] = _number(amount)
    return balance_of(owed.currency, parts)


def _number(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not (found.is_finite() and found >= 0):
        raise BadValue("an amount is a number such as 12.50")
    return found


def _parts(balance: Balance) -> Json:
    parts = {part.value: str(balance[part]) for part in Component if balance[part]}
    return parts | {"total": str(balance.total), "currency": balance.currency}
