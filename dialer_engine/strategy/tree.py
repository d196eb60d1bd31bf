"""What a condition means: a small tree over facts, evaluated without the parser.

Rules: a tree is built by `conditions` only, from a text that the expression library has parsed and
typed; values are Decimal or int, str, sets of str and None, so that amounts compare exactly;
evaluating never raises over facts of the right type; a comparison with None is refused when the
text is checked, so unknown facts are never ordered by accident.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Any]
Value = Callable[[Facts], Any]

_ORDER: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
}
SIGNS = {
    "eq": "==", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "add": "+", "sub": "-", "mul": "*",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """One part of a condition. kind: const, fact, item, coalesce, sum, negate, compare, in, length,
    empty, not, and, or. text: as it is shown in explanations. value: what it is over given facts.
    names: facts it reads; an item of a map is `attributes[key]`. literals: constants in it.
    """

    kind: str
    text: str
    value: Value
    parts: tuple[Node, ...] = ()
    names: frozenset[str] = frozenset()
    literals: tuple[Any, ...] = ()

    @property
    def is_plain(self) -> bool:
        """It compares one fact with constants, with no sum or length in between: then a few values
        of that fact stand for all of them.
        """
        return len(self.names) <= 1 and not any(n.kind in ("sum", "length") for n in walk(self))


def walk(node: Node) -> list[Node]:
    """The node and everything below it."""
    return [node, *(below for part in node.parts for below in walk(part))]


def _joined(parts: tuple[Node, ...]) -> tuple[frozenset[str], tuple[Any, ...]]:
    names = frozenset(name for part in parts for name in part.names)
    return names, tuple(value for part in parts for value in part.literals)


def _over(kind: str, text: str, value: Value, *parts: Node) -> Node:
    names, literals = _joined(parts)
    return Node(kind, text, value, parts, names, literals)


def const(value: Any) -> Node:
    """A constant of the text. A list becomes a frozenset: only membership is ever asked of it."""
    members = tuple(value) if isinstance(value, frozenset) else (value,)
    return Node("const", _told(value), lambda facts: value, literals=members)


def _told(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(_told(member) for member in value)) + "}"
    return f'"{value}"' if isinstance(value, str) else f"{value}"


def fact(name: str) -> Node:
    """A fact."""
    return Node("fact", name, operator.itemgetter(name), names=frozenset({name}))


def item(name: str, key: str) -> Node:
    """One value of a map, None when it is not there."""
    text = f'{name}&["{key}"]'
    return Node(
        "item", text, lambda facts: facts[name].get(key), names=frozenset({f"{name}[{key}]"})
    )


def coalesce(left: Node, right: Node) -> Node:
    """`left`, or `right` where it is None."""
    first, second = left.value, right.value

    def value(facts: Facts) -> Any:
        found = first(facts)
        return second(facts) if found is None else found

    return _over("coalesce", f"({left.text} ?? {right.text})", value, left, right)


def binary(kind: str, sign: str, left: Node, right: Node) -> Node:
    """A comparison or a sum, by the operator's name as in `SIGNS`."""
    apply, first, second = _ORDER[sign], left.value, right.value
    text = f"{left.text} {SIGNS[sign]} {right.text}"
    text = f"({text})" if kind == "sum" else text
    return _over(kind, text, lambda facts: apply(first(facts), second(facts)), left, right)


def negate(right: Node) -> Node:
    """The number with the other sign."""
    inner = right.value
    return _over("sum", f"-{right.text}", lambda facts: -inner(facts), right)


def member(left: Node, container: Node) -> Node:
    """Whether the one is among the other."""
    first, second = left.value, container.value
    text = f"{left.text} in {container.text}"
    return _over("in", text, lambda facts: first(facts) in second(facts), left, container)


def length(of: Node) -> Node:
    """How many members a set has."""
    inner = of.value
    return _over("length", f"{of.text}.length", lambda facts: len(inner(facts)), of)


def empty(of: Node) -> Node:
    """Whether a set has no members."""
    inner = of.value
    return _over("empty", f"{of.text}.is_empty", lambda facts: not inner(facts), of)


def negation(of: Node) -> Node:
    """Not."""
    inner = of.value
    return _over("not", f"not ({of.text})", lambda facts: not inner(facts), of)


def both(left: Node, right: Node) -> Node:
    """And; the right side is asked only when the left holds."""
    first, second = left.value, right.value

    def value(facts: Facts) -> bool:
        return bool(first(facts) and second(facts))

    return _over("and", f"{left.text} and {_bracket(right)}", value, left, right)


def either(left: Node, right: Node) -> Node:
    """Or."""
    first, second = left.value, right.value

    def value(facts: Facts) -> bool:
        return bool(first(facts) or second(facts))

    return _over("or", f"({left.text} or {right.text})", value, left, right)


def _bracket(node: Node) -> str:
    return f"({node.text})" if node.kind == "and" else node.text


def kleene(node: Node, known: Facts) -> bool | None:
    """Whether the condition holds when only some facts are known: None for undecided."""
    if node.kind in ("and", "or"):
        return _kleene_joined(node, known)
    if node.kind == "not":
        inner = kleene(node.parts[0], known)
        return None if inner is None else not inner
    if not node.names <= known.keys():
        return None
    return bool(node.value(_unfolded(known)))


def _kleene_joined(node: Node, known: Facts) -> bool | None:
    settles = node.kind == "or"
    found = [kleene(part, known) for part in node.parts]
    if settles in found:
        return settles
    return None if None in found else not settles


def _unfolded(known: Facts) -> Facts:
    """Facts with the items `attributes[key]` put back into their maps."""
    folded = [name for name in known if name.endswith("]")]
    if not folded:
        return known
    facts: dict[str, Any] = dict(known)
    for name in folded:
        of, key = name[:-1].split("[", 1)
        given = known[name]
        facts[of] = {**facts.get(of, {}), **({} if given is None else {key: given})}
    return facts


def because(node: Node, facts: Facts) -> list[tuple[str, bool]]:
    """Each comparison with what it came to, in the order of the text; what `and` or `or` need not
    ask any more is left out.
    """
    if node.kind not in ("and", "or"):
        return [(node.text, bool(node.value(facts)))]
    told: list[tuple[str, bool]] = []
    for part in node.parts:
        told += because(part, facts)
        if bool(part.value(facts)) is (node.kind == "or"):
            break
    return told
