"""Conditions over the facts of a case: `dpd >= 1 and (score ?? 0) < 0.4 and holds.is_empty`.

The one door to rule-engine, which parses and types a text; nothing else imports it. No text is ever
run as Python: what the library has parsed is admitted node by node and turned into `tree`, which
knows nothing but comparisons. Tests compare the two evaluations.

Rules: a fact that may be unknown must say what unknown means, `(age ?? 0) > 60`, before it is
ordered; no function, clock, chance, regular expression, division or power; a code fact is compared
with codes that exist; numbers are Decimal; every fault has the offset at which it is.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import rule_engine
from rule_engine import ast, errors

from dialer_engine.domain.collections.facts import FACTS, CaseFacts, Fact
from dialer_engine.domain.errors import BadValue
from dialer_engine.strategy import tree
from dialer_engine.strategy.tree import Facts, Node

# Longer than any condition that a person can read; the parser's time grows with it.
MAX_LENGTH = 2000
# Each bracket and each `and` is a level of the tree, and Python's stack holds about a thousand.
_MAX_DEPTH = 60
_NUMBER_KINDS = frozenset({"int", "float", "money"})
_KEYWORDS = frozenset({"and", "or", "not", "in", "true", "false", "null"})
_PROPERTIES = frozenset({"is_empty", "length"})
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<text>"[^"\\\n]*"|'[^'\\\n]*')(?![A-Za-z0-9_])
      | (?P<number>[0-9]{1,18}(?:\.[0-9]{1,12})?)(?![A-Za-z0-9_.])
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*+)(?!["'])
      | (?P<property>\.[a-z_]+)
      | (?P<sign>==|!=|>=|<=|\?\?|&\[|\*(?!\*)|[<>()\[\]{},+-])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a condition, and at which character of it."""

    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was checked. text: as written. root: what it means."""

    text: str
    root: Node

    def holds(self, facts: Facts) -> bool:
        """Whether it holds over `fact_map` of a case."""
        return bool(self.root.value(facts))

    def because(self, facts: Facts) -> list[tuple[str, bool]]:
        """Each comparison that decided it, with what it came to."""
        return tree.because(self.root, facts)


ALWAYS = Condition("true", tree.const(True))


def fact_map(facts: CaseFacts) -> dict[str, Any]:
    """Facts as conditions compare them: numbers of float become the Decimal that is written."""
    found = facts.as_dict()
    if found["score"] is not None:
        found["score"] = Decimal(repr(found["score"]))
    return found


def condition(text: str) -> Condition:
    """A condition, or BadValue with every fault in it."""
    made, faults = parse(text)
    if made is None:
        told = "; ".join(f"column {fault.offset + 1}: {fault.text}" for fault in faults)
        raise BadValue(f"condition {text[:80]!r}: {told}")
    return made


def parse(text: str) -> tuple[Condition | None, tuple[Fault, ...]]:
    """A condition, or None and what is wrong with its text. Raises nothing."""
    if not text.strip() or len(text) > MAX_LENGTH:
        return None, (Fault(0, f"a condition has 1 to {MAX_LENGTH} characters"),)
    tokens, faults = _tokens(text)
    if faults:
        return None, tuple(faults)
    try:
        root = _meaning(_library(text))
    except _Refused as refused:
        return None, (_placed(text, tokens, refused),)
    wrong = tuple(_wrong_codes(root, text))
    return (None, wrong) if wrong else (Condition(text, root), ())


class _Refused(Exception):
    """A text that the library refuses, or a node that is not admitted. offset: where, if known."""

    def __init__(self, text: str, offset: int | None = None) -> None:
        super().__init__(text)
        self.offset = offset


# -- words -----------------------------------------------------------------------------------------


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean …?`, or nothing when no known name is like it."""
    lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.5)
    return f"; did you mean {lower[found[0]]}?" if found else ""


def _tokens(text: str) -> tuple[list[re.Match[str]], list[Fault]]:
    tokens: list[re.Match[str]] = []
    faults: list[Fault] = []
    at = depth = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            faults.append(_stranger(text, at))
            return tokens, faults
        at = found.end()
        if found.lastgroup != "space":
            tokens.append(found)
            faults += _word(found)
            depth += found[0] in ("(", "[", "{", "&[", "and", "or", "not", "-", "+", "*", "??")
    if depth > _MAX_DEPTH:
        faults.append(Fault(0, f"it has more than {_MAX_DEPTH} parts; make two segments of it"))
    return tokens, faults


def _stranger(text: str, at: int) -> Fault:
    word = re.compile(r"[A-Za-z0-9_]+|[^\w\s]+|.").match(text, at)
    shown = word[0][:20] if word else text[at]
    if text[at] in "\"'":
        return Fault(at, "a text begins here that does not end, or has a backslash in it")
    if text[at] == "=":
        return Fault(at, "a comparison is written ==")
    return Fault(at, f"conditions know no {shown!r}")


def _word(token: re.Match[str]) -> Iterator[Fault]:
    name = token[0]
    if token.lastgroup == "property" and name[1:] not in _PROPERTIES:
        yield Fault(
            token.start(),
            f"there is no {name}{nearest(name[1:], _PROPERTIES)}; there are .is_empty and .length",
        )
    if token.lastgroup != "name" or name in _KEYWORDS:
        return
    if token.string[token.end() :].lstrip()[:1] == "(":
        yield Fault(token.start(), f"conditions have no functions such as {name}()")
    elif name not in FACTS:
        yield Fault(token.start(), f"no fact is called {name}{nearest(name, FACTS)}")


# -- the library -----------------------------------------------------------------------------------


def _type_of(fact: Fact) -> Any:
    kinds = rule_engine.DataType
    types = {
        "text": kinds.STRING,
        "set": kinds.SET(kinds.STRING),
        "map": kinds.MAPPING(kinds.STRING, kinds.NULLABLE(kinds.STRING)),
    }
    found = kinds.FLOAT if fact.kind in _NUMBER_KINDS else types[fact.kind]
    return kinds.NULLABLE(found) if fact.optional else found


def _context() -> Any:
    types = {name: _type_of(fact) for name, fact in FACTS.items()}
    return rule_engine.Context(
        type_resolver=types, mapping_attribute_lookup=False, default_timezone="utc"
    )


_CONTEXT = _context()


def _library(text: str) -> Any:
    """The library's tree of a text; _Refused with its words."""
    try:
        return rule_engine.Rule(text, context=_CONTEXT).statement.expression
    except errors.RuleSyntaxError as error:
        token = getattr(error, "token", None)
        where = len(text) if token is None else token.lexpos
        raise _Refused("the condition cannot be read from here", where) from error
    except errors.EngineError as error:
        raise _Refused(_plain_words(str(getattr(error, "message", "") or error))) from error
    # What the library lets through of its own parser is about this text, whatever its type.
    except (ValueError, TypeError, ArithmeticError, LookupError, RecursionError) as error:
        raise _Refused("the condition cannot be read") from error


def _plain_words(message: str) -> str:
    if "nullable" in message:
        return "this fact may be unknown: say what that means, as in (age ?? 0) > 60"
    if "mismatch" in message:
        return "a number is compared with a text, or a set with a single value"
    return message


def _placed(text: str, tokens: list[re.Match[str]], refused: _Refused) -> Fault:
    """Where a refusal is: the library tells no place for types, so parts between and/or are tried."""
    if refused.offset is not None:
        return Fault(refused.offset, str(refused))
    start = 0
    for part_start, part_end in _pieces(text, tokens):
        try:
            _meaning(_library(text[part_start:part_end].strip()))
        except _Refused as inner:
            if inner.offset is None:
                start = part_start
                break
    stripped = len(text[start:]) - len(text[start:].lstrip())
    return Fault(start + stripped, str(refused))


def _pieces(text: str, tokens: list[re.Match[str]]) -> Iterator[tuple[int, int]]:
    start = depth = 0
    for token in tokens:
        depth += (token[0] in ("(", "[", "{", "&[")) - (token[0] in (")", "]", "}"))
        if depth == 0 and token[0] in ("and", "or"):
            yield start, token.start()
            start = token.end()
    yield start, len(text)


# -- from the library's tree to ours ---------------------------------------------------------------


def _meaning(expression: Any) -> Node:
    node = _node(expression)
    _assert_truth(node)
    return node


_TRUTHS = frozenset({"compare", "in", "empty", "not", "and", "or"})


def _assert_truth(node: Node) -> Node:
    if node.kind not in _TRUTHS and not (
        node.kind == "const" and node.literals in ((True,), (False,))
    ):
        raise _Refused(f"{node.text} is no comparison")
    return node


def _node(expression: Any) -> Node:
    make = _ADMITTED.get(type(expression))
    if make is None:
        raise _Refused("conditions know comparisons, and, or, not, in, ??, +, - and * only")
    return make(expression)


def _literal(expression: Any) -> Node:
    value = expression.evaluate(None)
    if isinstance(value, list | tuple | set):
        if not all(isinstance(member, str | Decimal) for member in value):
            raise _Refused("a list holds texts or numbers")
        return tree.const(frozenset(value))
    return tree.const(value)


def _logic(expression: Any) -> Node:
    left, right = (_assert_truth(_node(part)) for part in (expression.left, expression.right))
    return (tree.both if expression.type == "and" else tree.either)(left, right)


def _comparison(expression: Any) -> Node:
    left, right = _node(expression.left), _node(expression.right)
    types = {_kind(expression.left), _kind(expression.right)}
    if len(types - {"NULL"}) > 1:
        raise _Refused(f"{left.text} and {right.text} are of different types: this never holds")
    if not types <= {"FLOAT", "STRING", "SET", "NULL"}:
        raise _Refused("only numbers, texts and sets are compared")
    if expression.type not in ("eq", "ne") and types != {"FLOAT"}:
        raise _Refused("only numbers have an order; compare texts with ==, != or in")
    return tree.binary("compare", expression.type, left, right)


def _kind(expression: Any) -> str:
    """The library's name of a type, without its mark of what may be unknown."""
    return str(rule_engine.DataType.NULLABLE.unwrap(expression.result_type).name)


def _sum(expression: Any) -> Node:
    left, right = _node(expression.left), _node(expression.right)
    if _kind(expression) != "FLOAT" or expression.type not in tree.SIGNS:
        raise _Refused("only numbers are added, subtracted and multiplied")
    return tree.binary("sum", expression.type, left, right)


def _unary(expression: Any) -> Node:
    inner = _node(expression.right)
    return tree.negation(_assert_truth(inner)) if expression.type == "not" else tree.negate(inner)


def _contains(expression: Any) -> Node:
    container, asked = _node(expression.container), _node(expression.member)
    if _kind(expression.container) not in ("SET", "ARRAY"):
        raise _Refused(f"`in` asks a list or a set, not {container.text}")
    kind = {"FLOAT": Decimal | int, "STRING": str}.get(_kind(expression.member))
    if kind is None:
        raise _Refused(f"`in` asks for a number or a text, not {asked.text}")
    if container.kind == "const" and not all(isinstance(m, kind) for m in container.literals):
        raise _Refused(f"{container.text} holds something that {asked.text} never is")
    if container.kind != "const" and kind is not str:
        raise _Refused(f"{container.text} holds texts")
    return tree.member(asked, container)


def _property(expression: Any) -> Node:
    of = _node(expression.object)
    if _kind(expression.object) != "SET":
        raise _Refused(f"only a set has .{expression.name}")
    return (tree.empty if expression.name == "is_empty" else tree.length)(of)


def _item(expression: Any) -> Node:
    of, key = _node(expression.container), _node(expression.item)
    if of.kind != "fact" or key.kind != "const" or not isinstance(key.literals[0], str):
        raise _Refused('a value of a map is written attributes&["name"]')
    if not expression.safe:
        raise _Refused(f'it may be missing: write {of.text}&["{key.literals[0]}"]')
    return tree.item(of.text, key.literals[0])


_ADMITTED: Mapping[type, Callable[[Any], Node]] = {
    ast.LogicExpression: _logic,
    ast.ComparisonExpression: _comparison,
    ast.ArithmeticComparisonExpression: _comparison,
    ast.AddExpression: _sum,
    ast.SubtractExpression: _sum,
    ast.ArithmeticExpression: _sum,
    ast.UnaryExpression: _unary,
    ast.ContainsExpression: _contains,
    ast.CoalesceExpression: lambda e: tree.coalesce(_node(e.left), _node(e.right)),
    ast.GetAttributeExpression: _property,
    ast.GetItemExpression: _item,
    ast.SymbolExpression: lambda e: tree.fact(e.name),
    ast.StringExpression: _literal,
    ast.FloatExpression: _literal,
    ast.BooleanExpression: _literal,
    ast.NullExpression: _literal,
    ast.ArrayExpression: _literal,
    ast.SetExpression: _literal,
}


# -- codes -----------------------------------------------------------------------------------------


def _wrong_codes(root: Node, text: str) -> Iterator[Fault]:
    """Texts that a code fact is compared with and that are no codes of it."""
    for node in tree.walk(root):
        if node.kind not in ("compare", "in") or len(node.names) != 1:
            continue
        fact = FACTS.get(next(iter(node.names)))
        known = [code.value for code in fact.choices] if fact and fact.choices else []
        for literal in node.literals:
            if known and isinstance(literal, str) and literal not in known:
                where = re.search(rf"[\"']{re.escape(literal)}[\"']", text)
                told = f"{fact.name if fact else ''} is never {literal!r}{nearest(literal, known)}"
                yield Fault(where.start() if where else 0, told)
