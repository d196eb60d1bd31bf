"""Facts that are given as plain data (a file, an answer of the API), and invented case books.

Rules: a fact that is not known is named with the nearest one; amounts are best given as texts, a
number is taken as it is written; codes are checked; an invented book is made from a seed and holds
no person.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from dialer_engine.domain.collections import codes as c
from dialer_engine.domain.collections.facts import FACTS, CaseFacts, Fact
from dialer_engine.domain.collections.product import stage_of
from dialer_engine.domain.errors import BadValue
from dialer_engine.strategy.conditions import nearest
from dialer_engine.strategy.outcomes import Chance
from dialer_engine.strategy.simulate import SimCase

# More digits than any amount has; beyond it a text would cost time and no longer be exact.
_MOST_DIGITS = 24


def facts_of(data: Mapping[str, Any]) -> CaseFacts:
    """Facts from plain data; what is left out is unknown, and the stage follows from dpd by the
    common buckets.
    """
    unknown = [name for name in data if name not in FACTS]
    if unknown:
        told = "; ".join(f"no fact is called {name}{nearest(str(name), FACTS)}" for name in unknown)
        raise BadValue(told)
    given = {name: _value(FACTS[name], value) for name, value in data.items()}
    if "stage" not in given and "dpd" in given:
        given["stage"] = stage_of(given["dpd"]).value
    return CaseFacts(**given)


def _value(fact: Fact, value: Any) -> Any:
    if value is None and fact.optional:
        return None
    made = _READERS[fact.kind](value)
    if made is None:
        raise BadValue(f"{fact.name}: here stands {_WORDS[fact.kind]}")
    if fact.choices:
        known = [code.value for code in fact.choices]
        for item in made if isinstance(made, frozenset) else [made]:
            if item not in known:
                raise BadValue(f"{fact.name} is never {item!r}{nearest(str(item), known)}")
    return made


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    text = (
        value if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)
    )
    try:
        made = Decimal(text)
    except InvalidOperation:
        return None
    fits = made.is_finite() and len(text) <= _MOST_DIGITS and abs(made.adjusted()) < _MOST_DIGITS
    return made if fits else None


def _float(value: Any) -> float | None:
    made = _amount(value)
    return None if made is None else float(made)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _set(value: Any) -> frozenset[str] | None:
    if not isinstance(value, list | tuple | set | frozenset):
        return None
    return frozenset(value) if all(isinstance(item, str) for item in value) else None


def _map(value: Any) -> dict[str, str] | None:
    if not isinstance(value, Mapping):
        return None
    return {str(k): v if isinstance(v, str) else str(v) for k, v in value.items()}


_READERS = {
    "int": _whole,
    "money": _amount,
    "float": _float,
    "text": _text,
    "set": _set,
    "map": _map,
}
_WORDS = {
    "int": "a whole number",
    "money": 'an amount such as "1234.50"',
    "float": "a number",
    "text": "a text",
    "set": "a list of texts",
    "map": "a table of texts",
}  # fmt: skip


# -- a book that nobody owes -----------------------------------------------------------------------


def invented(number: int, seed: int, *, currency: str = "CNY") -> list[SimCase]:
    """Cases of no person: days past due from -5 to 300, most of them few; shares of the codes are
    this project's own guesses.
    """
    return [_invented(index, Chance(seed, index), currency) for index in range(number)]


def _invented(index: int, chance: Chance, currency: str) -> SimCase:
    # The cube makes small numbers common: half of the book is less than 40 days past due.
    dpd = int(305 * chance.next() ** 3) - 5
    debt = c.DebtType.CREDIT_CARD if chance.below(0.5) else c.DebtType.CONSUMER_LOAN
    able = chance.below(0.7)
    holds = frozenset({c.HoldKind.DISPUTE.value} if chance.below(0.03) else ())
    reason = c.Reason.HARDSHIP if not able and chance.below(0.5) else c.Reason.ORDINARY
    facts = CaseFacts(
        dpd=dpd,
        stage=stage_of(dpd).value,
        debt_type=debt.value,
        currency=currency,
        balance=Decimal(int(500 + 20_000 * chance.next() ** 2)),
        ability=(c.Ability.ABLE if able else c.Ability.UNABLE).value,
        willingness=(c.Willingness.WILLING if chance.below(0.6) else c.Willingness.UNWILLING).value,
        reason_overdue=reason.value,
        behaviour=(c.Behaviour.PAYS_LATE if chance.below(0.2) else c.Behaviour.UNKNOWN).value,
        holds=holds,
        score=round(chance.next(), 2),
    )
    return SimCase(f"SIM-{index:07}", facts, 1 + chance.below(0.4))
