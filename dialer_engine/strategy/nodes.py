"""Plain data that remembers where it stood in its file, and what is wrong with it.

Rules: lines and columns count from 1, as editors show them; 0 means that the place is not known
(data that came from no file); a problem always says what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Scalar = None | bool | int | float | str


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a file. value: a scalar, a list of nodes, or `Pairs`. raw: how a text is written
    in the file, to find a word of it again.
    """

    value: Any
    line: int = 0
    column: int = 0
    raw: str = ""


class Pairs(tuple[tuple[Node, Node], ...]):
    """The keys and values of a table, in the order of the file; a key may be there twice."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong at a place of a file. is_warning: it can be used as it is, and should not be."""

    line: int
    column: int
    text: str
    is_warning: bool = False

    def __str__(self) -> str:
        kind = "warning: " if self.is_warning else ""
        return f"line {self.line}, column {self.column}: {kind}{self.text}"


def node_of(data: Any) -> Node:
    """Plain data as nodes without a place."""
    if isinstance(data, Mapping):
        return Node(Pairs((node_of(key), node_of(value)) for key, value in data.items()))
    if isinstance(data, list | tuple):
        return Node([node_of(item) for item in data])
    return Node(data)


def plain(node: Node) -> Any:
    """The data without its places; of a key that is there twice, the last counts."""
    if isinstance(node.value, Pairs):
        return {_key(key): plain(value) for key, value in node.value}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def _key(node: Node) -> Any:
    return node.value if isinstance(node.value, Scalar) else str(plain(node))


def problem(node: Node, text: str, *, is_warning: bool = False) -> Problem:
    """A problem with the node as a whole."""
    return Problem(node.line, node.column, text, is_warning)


def problem_in(node: Node, offset: int, text: str, *, is_warning: bool = False) -> Problem:
    """A problem with one word of a text: the one at `offset` of its value, found again in the way
    that the file writes it.
    """
    line, column = _place(node, offset)
    return Problem(line, column, text, is_warning)


def _place(node: Node, offset: int) -> tuple[int, int]:
    value = str(node.value)
    word = re.compile(r"\w+|\S").match(value, offset)
    if not node.raw or word is None:
        return node.line, node.column + (offset if node.line and "\n" not in value else 0)
    pattern = re.compile(
        rf"(?<!\w){re.escape(word[0])}" if word[0][0].isalnum() else re.escape(word[0])
    )
    before = len(pattern.findall(value, 0, offset))
    found = [match.start() for match in pattern.finditer(node.raw)]
    if before >= len(found):
        return node.line, node.column
    above = node.raw[: found[before]]
    lines = above.count("\n")
    if not lines:
        return node.line, node.column + len(above)
    return node.line + lines, len(above) - above.rfind("\n")


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Those that forbid the use of the file."""
    return [found for found in problems if not found.is_warning]
