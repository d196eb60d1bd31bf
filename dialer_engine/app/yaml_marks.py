"""YAML as nodes that know their line: what strategy and script files are read with.

Rules: only what plain YAML can say (the safe loader); a file has a size, a depth and a number of
values that it may not exceed, aliases unfolded, so that a small file cannot fill the memory; what
is wrong is a BadValue with its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dialer_engine.domain.errors import BadValue
from dialer_engine.strategy.nodes import Node, Pairs, Problem

# Hundred times the largest file that ships.
MAX_BYTES = 2_000_000
_MAX_VALUES = 200_000
_MAX_DEPTH = 40


def read_yaml(file: Path) -> Node:
    """The one document of a file; BadValue when it is no YAML, OSError when it cannot be read."""
    if file.stat().st_size > MAX_BYTES:
        raise BadValue(f"larger than {MAX_BYTES:,} bytes")
    return parse_yaml(file.read_text(encoding="utf-8"))


def parse_yaml(text: str) -> Node:
    """The one document of a text."""
    try:
        loader = yaml.SafeLoader(text)
    except yaml.YAMLError as error:
        raise BadValue(f"no YAML: a character that no text has: {error}") from error
    try:
        root = loader.get_single_node()
        return Node(None, 1, 1) if root is None else _Builder(text, loader).node(root, 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise BadValue(f"{place}no YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError, OverflowError) as error:
        raise BadValue(f"no YAML: {error}") from error
    finally:
        loader.dispose()


def place_of(error: ValueError) -> Problem:
    """What `read_yaml` raised, as a problem at its place."""
    head, _, text = str(error).partition(": ")
    if text and head.startswith("line ") and ", column " in head:
        line, column = head.removeprefix("line ").split(", column ")
        return Problem(int(line), int(column), text)
    return Problem(1, 1, str(error))


class _Builder:
    def __init__(self, text: str, loader: yaml.SafeLoader) -> None:
        self._text = text
        self._loader = loader
        self._count = 0

    def node(self, of: yaml.Node, depth: int) -> Node:
        """One node and all below it."""
        self._count += 1
        line, column = of.start_mark.line + 1, of.start_mark.column + 1
        if depth > _MAX_DEPTH or self._count > _MAX_VALUES:
            what = "too many values, or an alias that holds itself"
            raise BadValue(f"line {line}, column {column}: {what}")
        if isinstance(of, yaml.MappingNode):
            pairs = ((self.node(k, depth + 1), self.node(v, depth + 1)) for k, v in of.value)
            return Node(Pairs(pairs), line, column)
        if isinstance(of, yaml.SequenceNode):
            return Node([self.node(item, depth + 1) for item in of.value], line, column)
        raw = self._text[of.start_mark.index : of.end_mark.index]
        return Node(self._scalar(of, line, column), line, column, raw)

    def _scalar(self, of: yaml.Node, line: int, column: int) -> Any:
        try:
            value = self._loader.construct_object(of)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            raise BadValue(f"line {line}, column {column}: no value: {error}") from error
        # A date, or bytes: said as it was written, so that a text is asked for.
        return value if value is None or isinstance(value, bool | int | float | str) else of.value
