"""From the text of a leaf to the value that its field's type asks for.

Rules: a `Wrong` says in words what would be right; nothing is guessed (no truthiness, no rounding).
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from datetime import time
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import yaml

from dialer_engine.app._config_fields import Secret
from dialer_engine.app._config_tree import Branch, Items, Leaf, Node, Origin, read_text

_TRUE = frozenset({"true", "yes", "on"})
_FALSE = frozenset({"false", "no", "off"})
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


class Wrong(Exception):
    """A text is not a value of the wanted type; the argument says what is wanted."""


def without_none(kind: Any) -> tuple[Any, bool]:
    """The type without `None`, and whether None was allowed."""
    if get_origin(kind) in (Union, types.UnionType):
        rest = [k for k in get_args(kind) if k is not type(None)]
        return rest[0], len(rest) < len(get_args(kind))
    return kind, False


def parse(kind: Any, node: Node) -> Any:
    """The value of a node for a field of this type. Raises Wrong."""
    kind, optional = without_none(kind)
    if optional and isinstance(node, Leaf) and (node.is_null or not node.text):
        return None
    if get_origin(kind) is tuple:
        return _list(get_args(kind)[0], node)
    if get_origin(kind) in (dict, Mapping):
        return _mapping(get_args(kind)[1], node)
    if not isinstance(node, Leaf):
        raise Wrong("must be one value, not a list or a section")
    return _scalar(kind, node)


def _scalar(kind: Any, leaf: Leaf) -> Any:
    if get_origin(kind) is Literal:
        return _one_of(list(get_args(kind)), leaf.text)
    if issubclass(kind, Enum):
        return kind(_one_of([member.value for member in kind], leaf.text))
    if issubclass(kind, Path) and not leaf.text:
        raise Wrong("must be a path")
    if issubclass(kind, Secret | Path | str):
        return kind("" if leaf.is_null else leaf.text)
    return _PARSERS[kind](leaf.text.strip())


def _one_of(allowed: list[str], text: str) -> str:
    if text not in allowed:
        raise Wrong(f"must be one of {', '.join(allowed)}, not {text!r}")
    return text


def _int(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9][0-9_]*", text):
        raise Wrong(f"must be a whole number, not {text!r}")
    return int(text)


def _float(text: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        raise Wrong(f"must be a number, not {text!r}")
    return float(text)


def _bool(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise Wrong(f"must be true or false, not {text!r}")
    return text.lower() in _TRUE


def _time(text: str) -> time:
    found = _TIME.fullmatch(text)
    if not found:
        raise Wrong(f"must be a time of day such as 08:00, not {text!r}")
    return time(int(found[1]), int(found[2]))


_PARSERS: dict[type, Callable[[str], Any]] = {int: _int, float: _float, bool: _bool, time: _time}


def flow(node: Node) -> Node:
    """A leaf of the environment or the command line that holds `[…]` or `{…}`, read as YAML."""
    if not isinstance(node, Leaf) or node.quoted or not node.text.strip().startswith(("[", "{")):
        return node
    inner: list[Any] = []
    place = Origin(node.origin.name, node.origin.rank)
    tree = read_text(f"value: {node.text}", place, inner)
    if inner or "value" not in tree.nodes:
        raise Wrong("is not a list or mapping in YAML")
    return tree.nodes["value"]


def _list(kind: Any, node: Node) -> tuple[Any, ...]:
    node = flow(node)
    if isinstance(node, Items):
        return tuple(parse(kind, member) for member in node.nodes)
    if isinstance(node, Leaf) and not node.origin.line:
        words = [w.strip() for w in node.text.split(",") if w.strip()]
        return tuple(parse(kind, Leaf(w, node.origin)) for w in words)
    raise Wrong("must be a list, such as [a, b]")


def _mapping(kind: Any, node: Node) -> dict[str, Any]:
    node = flow(node)
    if not isinstance(node, Branch):
        raise Wrong("must be keys and values")
    return {key: parse(kind, member) for key, member in node.nodes.items()}


def show(value: Any) -> str:
    """A value as it would be written in YAML, a secret masked."""
    if isinstance(value, Secret):
        return value.masked
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, tuple):
        return f"[{', '.join(show(v) for v in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {show(v)}" for k, v in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def written(value: Any) -> str:
    """A value as config/dialer.yaml writes it: `show`, quoted where YAML would take it for something else."""
    text = show(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'"{k}": {show(v)}' for k, v in value.items()) + "}"
    if isinstance(value, time):
        return f'"{text}"'
    if isinstance(value, str | Secret | Path) and not isinstance(value, Enum):
        plain = yaml.safe_load(text) if text and not text.startswith(("{", "*", "&")) else None
        return text if plain == text else f'"{text}"'
    return text
