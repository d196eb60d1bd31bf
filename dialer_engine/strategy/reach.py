"""Whether any case can come to a segment or a step: a search over the facts that decide it.

Rules: of each fact only values on either side of the constants in the conditions are tried, which
is all of them where every comparison is of one fact with constants; what is found is reachable for
sure; what is not found is unreachable only when the search was complete, else not said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import combinations
from typing import Any

from dialer_engine.domain.collections.facts import FACTS
from dialer_engine.strategy import tree
from dialer_engine.strategy.tree import Node

# Steps of one search: a second or so on a slow machine.
_BUDGET = 30_000
# A text or member that no condition names.
_OTHER = "\x00other"
# Facts that can be below zero; amounts and counts cannot.
_SIGNED = frozenset({"dpd", "promise_due_in_days", "score"})
_MONEY_STEP = Decimal("0.01")


def reachable(wanted: Iterable[Node], excluded: Iterable[Node]) -> bool | None:
    """Whether a case can satisfy all that is wanted and nothing that is excluded; None: not known."""
    conditions = [*wanted, *(tree.negation(node) for node in excluded)]
    values = _values(conditions)
    search = _Search(conditions, values)
    if search.found({}, list(values)):
        return True
    return None if search.spent or not _is_complete(conditions) else False


def _is_complete(conditions: Iterable[Node]) -> bool:
    kinds = ("compare", "in", "empty")
    atoms = [node for root in conditions for node in tree.walk(root) if node.kind in kinds]
    return all(atom.is_plain for atom in atoms)


class _Search:
    def __init__(self, conditions: list[Node], values: Mapping[str, list[Any]]) -> None:
        self._conditions = conditions
        self._values = values
        self._left = _BUDGET
        self.spent = False

    def found(self, known: dict[str, Any], names: list[str]) -> bool:
        """Whether some values of the other facts satisfy everything."""
        self._left -= 1
        if self._left <= 0:
            self.spent = True
            return False
        held = [tree.kleene(node, known) for node in self._conditions]
        if False in held:
            return False
        if None not in held:
            return True
        name, rest = names[0], names[1:]
        return any(self.found({**known, name: value}, rest) for value in self._values[name])


def _values(conditions: Iterable[Node]) -> dict[str, list[Any]]:
    """Facts in the order of their first use, each with the values to try."""
    literals: dict[str, set[Any]] = {}
    for root in conditions:
        for node in tree.walk(root):
            if node.kind in ("compare", "in", "empty", "coalesce"):
                for name in sorted(node.names):
                    literals.setdefault(name, set()).update(_flat(node.literals))
    return {name: _tried(name, found) for name, found in literals.items()}


def _flat(literals: Iterable[Any]) -> Iterable[Any]:
    for literal in literals:
        yield from literal if isinstance(literal, frozenset) else (literal,)


def _tried(name: str, literals: set[Any]) -> list[Any]:
    texts = sorted(value for value in literals if isinstance(value, str))
    if name.endswith("]"):
        return [*texts, _OTHER, None]
    fact = FACTS[name]
    if fact.kind == "set":
        return _sets(texts)
    if fact.kind == "text":
        known = [code.value for code in fact.choices] if fact.choices else [*texts, _OTHER, ""]
        return [*dict.fromkeys([*texts, *known])]
    numbers = sorted(
        v for v in literals if isinstance(v, Decimal | int) and not isinstance(v, bool)
    )
    found = _numbers(numbers, fact.kind == "int")
    if name not in _SIGNED:
        found = [value for value in found if value >= 0]
    return [*found, None] if fact.optional else found


def _numbers(literals: list[Decimal | int], whole: bool) -> list[Decimal]:
    """Each constant, and something on either side of it."""
    step = Decimal(1) if whole else _MONEY_STEP
    found = {Decimal(0)}
    for literal in literals:
        below = Decimal(literal).to_integral_value(ROUND_FLOOR) if whole else Decimal(literal)
        above = Decimal(literal).to_integral_value(ROUND_CEILING) if whole else Decimal(literal)
        found |= {below - step, below, above, above + step}
    return sorted(found)


def _sets(members: list[str]) -> list[frozenset[str]]:
    """The empty set, all members, and every choice of one or two."""
    few = [frozenset(pair) for size in (1, 2) for pair in combinations(members, size)]
    return [frozenset(), frozenset({_OTHER}), *few, frozenset(members)]
