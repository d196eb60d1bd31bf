"""The shape of a file, said once: it is read, checked, exported as JSON Schema and documented from
the same description.

Rules: a key that is not described is an error that names the nearest one; every number has its
limits; a value of the wrong kind is named with what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from dialer_engine.strategy.conditions import Condition, nearest, parse
from dialer_engine.strategy.nodes import Node, Pairs, Problem, plain, problem, problem_in

# More members than a person writes into one list; the reader's time stays bounded.
MAX_MEMBERS = 500


@dataclass(frozen=True, slots=True)
class Text:
    """A text. choices: the only ones that there are. pattern: what it must match, `shape` in words."""

    choices: tuple[str, ...] = ()
    pattern: str = ""
    shape: str = "a text"
    most: int = 4000


@dataclass(frozen=True, slots=True)
class Number:
    """A number between two limits, both included."""

    low: float
    high: float
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Exact:
    """An amount or a rate between two limits, both included: a Decimal of the digits as they are written, in
    quotes or not.
    """

    low: Decimal = Decimal(0)
    high: Decimal = Decimal(10) ** 9


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""


@dataclass(frozen=True, slots=True)
class When:
    """A condition over the facts of a case."""


@dataclass(frozen=True, slots=True)
class Seq:
    """A list. least, most: how many members."""

    of: Spec
    least: int = 0
    most: int = MAX_MEMBERS


@dataclass(frozen=True, slots=True)
class Named:
    """A table whose keys are names. keys: the only ones, or none for any that matches `pattern`."""

    of: Spec
    keys: tuple[str, ...] = ()
    pattern: str = r"[a-z0-9][a-z0-9_.-]{0,63}"


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a table."""

    name: str
    of: Spec
    english: str
    chinese: str = ""
    needed: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Struct:
    """A table with keys that are known. title: what it is called in messages and docs."""

    title: str
    fields: tuple[Field, ...]
    english: str = ""


Spec = Text | Number | Exact | Flag | When | Seq | Named | Struct

NAME = Text(
    pattern=r"[a-z0-9][a-z0-9_.-]{0,63}",
    shape="a name of small letters, digits, - _ and .",
    most=64,
)
CLOCK = Text(pattern=r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", shape='a time such as "09:30"', most=5)


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was read: its values, defaults filled in, and the node of each key given."""

    node: Node
    values: dict[str, Any] = field(default_factory=dict)
    at: dict[str, Node] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def place(self, name: str) -> Node:
        """Where the key's value stands, or the table."""
        return self.at.get(name, self.node)


# What a value is when it could not be read; the problem is in the list.
BROKEN = object()


def read(spec: Spec, node: Node, problems: list[Problem]) -> Any:
    """The value of a node, or BROKEN with what is wrong in `problems`."""
    if isinstance(spec, Struct):
        return _struct(spec, node, problems)
    if isinstance(spec, Named):
        return _named(spec, node, problems)
    if isinstance(spec, Seq):
        return _seq(spec, node, problems)
    if isinstance(spec, When):
        return _when(node, problems)
    if isinstance(spec, Exact):
        return _exact(spec, node, problems)
    told = _scalar_fault(spec, node.value)
    if told:
        problems.append(problem(node, told))
        return BROKEN
    return node.value


def _scalar_fault(spec: Text | Number | Flag, value: Any) -> str:
    if isinstance(spec, Flag):
        return "" if isinstance(value, bool) else "here stands true or false"
    if isinstance(spec, Number):
        return _number_fault(spec, value)
    if not isinstance(value, str) or len(value) > spec.most:
        return f"here stands {spec.shape}" + (
            " in quotes" if isinstance(value, int | float) else ""
        )
    if spec.choices and value not in spec.choices:
        return f"there is no {value[:60]!r}{nearest(value, spec.choices)}; there are {', '.join(spec.choices)}"
    if spec.pattern and not re.fullmatch(spec.pattern, value):
        return f"{value[:60]!r} is not {spec.shape}"
    return ""


def _number_fault(spec: Number, value: Any) -> str:
    kind = int if spec.whole else int | float
    what = f"a {'whole ' if spec.whole else ''}number from {spec.low:g} to {spec.high:g}"
    # YAML's `yes` is a bool, and Python counts that among the numbers.
    if isinstance(value, bool) or not isinstance(value, kind):
        return f"here stands {what}"
    return "" if spec.low <= value <= spec.high else f"{str(value)[:20]} is not {what}"


def _exact(spec: Exact, node: Node, problems: list[Problem]) -> Any:
    # As it is written: what YAML made of 0.1 is no tenth any more.
    text = node.value if isinstance(node.value, str) else node.raw or str(node.value)
    plain_ = re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,12})?", text.strip())
    made = Decimal(plain_[0]) if plain_ and not isinstance(node.value, bool) else None
    if made is not None and spec.low <= made <= spec.high:
        return made
    told = f"here stands a number from {spec.low} to {spec.high:f}, such as 0.05"
    problems.append(problem(node, told))
    return BROKEN


def _when(node: Node, problems: list[Problem]) -> Any:
    if isinstance(node.value, bool):
        node = Node(str(node.value).lower(), node.line, node.column)
    if not isinstance(node.value, str):
        problems.append(problem(node, "here stands a condition, such as dpd >= 1"))
        return BROKEN
    made, faults = parse(node.value)
    problems += [problem_in(node, fault.offset, fault.text) for fault in faults]
    return made if isinstance(made, Condition) else BROKEN


def _seq(spec: Seq, node: Node, problems: list[Problem]) -> Any:
    if not isinstance(node.value, list) or not spec.least <= len(node.value) <= spec.most:
        problems.append(problem(node, f"here stands a list of {spec.least} to {spec.most} members"))
        return BROKEN
    found = [read(spec.of, item, problems) for item in node.value]
    return BROKEN if BROKEN in found else found


def _entries(node: Node, what: str, problems: list[Problem]) -> Iterator[tuple[str, Node, Node]]:
    if not isinstance(node.value, Pairs) or len(node.value) > MAX_MEMBERS:
        problems.append(problem(node, f"here stands {what}, a table of at most {MAX_MEMBERS} keys"))
        return
    seen: dict[str, Node] = {}
    for key, value in node.value:
        name = str(plain(key)) if not isinstance(key.value, bool) else str(key.value).lower()
        if name in seen:
            problems.append(
                problem(key, f"{name[:60]} is here twice, first in line {seen[name].line}")
            )
        seen[name] = key
        yield name, key, value


def _named(spec: Named, node: Node, problems: list[Problem]) -> Any:
    found: dict[str, Any] = {}
    for name, key, value in _entries(node, "names and their values", problems):
        if spec.keys and name not in spec.keys:
            told = f"there is no {name[:60]!r}{nearest(name, spec.keys)}; there are {', '.join(spec.keys)}"
            problems.append(problem(key, told))
            continue
        if not spec.keys and not re.fullmatch(spec.pattern, name):
            problems.append(problem(key, f"{name[:60]!r} is not {NAME.shape}"))
            continue
        made = read(spec.of, value, problems)
        if made is not BROKEN:
            found[name] = made
    return found if isinstance(node.value, Pairs) else BROKEN


def _struct(spec: Struct, node: Node, problems: list[Problem]) -> Any:
    known = {f.name: f for f in spec.fields}
    table = Table(node)
    broken = not isinstance(node.value, Pairs)
    for name, key, value in _entries(node, f"a {spec.title}", problems):
        if name not in known:
            told = f"a {spec.title} has no key {name[:60]!r}{nearest(name, known)}"
            problems.append(problem(key, f"{told}; there are {', '.join(known)}"))
            continue
        table.at[name] = value
        table.values[name] = read(known[name].of, value, problems)
        broken |= table.values[name] is BROKEN
    for name, made in known.items():
        if made.needed and name not in table.values and isinstance(node.value, Pairs):
            problems.append(
                problem(node, f"this {spec.title} needs the key {name}: {made.english}")
            )
            broken = True
        table.values.setdefault(name, made.default)
    return BROKEN if broken else table


# -- JSON Schema -----------------------------------------------------------------------------------


def json_schema(spec: Struct, title: str, identity: str) -> dict[str, Any]:
    """The description as JSON Schema (draft 2020-12), for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identity,
        "title": title,
        **_schema(spec),
    }


def _schema(spec: Spec) -> dict[str, Any]:
    if isinstance(spec, Struct):
        properties = {f.name: {**_schema(f.of), **_described(f)} for f in spec.fields}
        needed = [f.name for f in spec.fields if f.needed]
        found = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**found, "required": needed} if needed else found
    if isinstance(spec, Named):
        names: dict[str, Any] = (
            {"enum": list(spec.keys)} if spec.keys else {"pattern": f"^({spec.pattern})$"}
        )
        return {"type": "object", "propertyNames": names, "additionalProperties": _schema(spec.of)}
    if isinstance(spec, Seq):
        return {
            "type": "array",
            "items": _schema(spec.of),
            "minItems": spec.least,
            "maxItems": spec.most,
        }
    return _scalar_schema(spec)


def _scalar_schema(spec: Text | Number | Exact | Flag | When) -> dict[str, Any]:
    if isinstance(spec, Flag):
        return {"type": "boolean"}
    if isinstance(spec, When):
        return {
            "type": ["string", "boolean"],
            "description": "a condition over the facts of a case",
        }
    if isinstance(spec, Exact):
        return {"type": ["number", "string"]}
    if isinstance(spec, Number):
        kind = "integer" if spec.whole else "number"
        return {"type": kind, "minimum": spec.low, "maximum": spec.high}
    found: dict[str, Any] = {"type": "string", "maxLength": spec.most}
    if spec.choices:
        found["enum"] = list(spec.choices)
    return {**found, "pattern": f"^({spec.pattern})$"} if spec.pattern else found


def _described(made: Field) -> Mapping[str, Any]:
    told = {"description": f"{made.english} {made.chinese}".strip()}
    if made.default is None:
        return told
    usual = str(made.default) if isinstance(made.default, Decimal) else made.default
    return {**told, "default": usual}
