"""The raw configuration: trees of text whose every leaf knows where it was written.

Rules: text stays text until its key's type is known (so that 08:00 is a time and `no` a name where a name is wanted);
layers are merged key by key, a list is replaced as a whole; nothing stops at the first problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
ENV_PREFIX = "DIALER_"
ENV_SEPARATOR = "__"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written. rank: position among the layers, the higher wins. line: 1-based, 0 outside files."""

    name: str
    rank: int
    line: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.line}" if self.line else self.name


DEFAULT = Origin("default", -1)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, with its place and its key (empty when a whole file is wrong)."""

    origin: Origin
    key: str
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.origin), self.key, self.text) if part)


@dataclass(slots=True)
class Leaf:
    """A scalar as it was written. quoted: it cannot mean null."""

    text: str
    origin: Origin
    quoted: bool = False

    @property
    def is_null(self) -> bool:
        return not self.quoted and self.text in NULLS


@dataclass(slots=True)
class Branch:
    """A mapping; `places` says where each key was written."""

    origin: Origin
    nodes: dict[str, Node] = field(default_factory=dict)
    places: dict[str, Origin] = field(default_factory=dict)

    def put(self, key: str, node: Node, place: Origin) -> None:
        """Set a key, over what a lower layer said."""
        self.nodes[key] = node
        self.places[key] = place


@dataclass(slots=True)
class Items:
    """A list."""

    origin: Origin
    nodes: list[Node] = field(default_factory=list)


Node = Leaf | Branch | Items


# -- files -----------------------------------------------------------------------------------------


def read_file(path: Path, rank: int, problems: list[Problem]) -> Branch:
    """One YAML file as a tree. What is wrong with it goes to `problems`; an unusable file is an empty tree."""
    place = Origin(str(path), rank)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        problems.append(Problem(place, "", f"is not UTF-8 (byte {error.start})"))
        return Branch(place)
    except OSError as error:
        problems.append(Problem(place, "", f"cannot be read: {error.strerror}"))
        return Branch(place)
    return read_text(text, place, problems)


def read_text(text: str, place: Origin, problems: list[Problem]) -> Branch:
    """YAML text as a tree; see `read_file`."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 0
        problems.append(
            Problem(Origin(place.name, place.rank, line), "", f"is not YAML: {error.problem}")
        )
        return Branch(place)
    except yaml.YAMLError as error:
        problems.append(Problem(place, "", f"is not YAML: {str(error).splitlines()[0]}"))
        return Branch(place)
    if node is None:
        return Branch(place)
    tree = _convert(node, place, "", problems)
    if isinstance(tree, Branch):
        return tree
    if not (isinstance(tree, Leaf) and tree.is_null):
        problems.append(Problem(tree.origin, "", "must be sections with keys, such as `store:`"))
    return Branch(place)


def _convert(node: yaml.Node, place: Origin, key: str, problems: list[Problem]) -> Node:
    origin = Origin(place.name, place.rank, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return Leaf(str(node.value), origin, quoted=node.style is not None)
    if isinstance(node, yaml.SequenceNode):
        return Items(
            origin, [_convert(n, place, f"{key}[{i}]", problems) for i, n in enumerate(node.value)]
        )
    assert isinstance(node, yaml.MappingNode)
    branch = Branch(origin)
    for key_node, value_node in node.value:
        name = str(key_node.value)
        where = Origin(place.name, place.rank, key_node.start_mark.line + 1)
        full = join(key, name)
        if name in branch.nodes:
            problems.append(
                Problem(where, full, f"is already set in line {branch.places[name].line}")
            )
            continue
        branch.put(name, _convert(value_node, place, full, problems), where)
    return branch


def join(key: str, name: str) -> str:
    """The key of a member of a section."""
    return f"{key}.{name}" if key else name


# -- layers ----------------------------------------------------------------------------------------


def merge(low: Branch, high: Branch) -> None:
    """Lay `high` over `low`, in place. An empty section (`redis:` alone) changes nothing."""
    for name, node in high.nodes.items():
        mine = low.nodes.get(name)
        if isinstance(mine, Branch) and isinstance(node, Branch):
            merge(mine, node)
        elif isinstance(mine, Branch | Items) and isinstance(node, Leaf) and node.is_null:
            continue
        else:
            low.put(name, node, high.places[name])


def lay_environment(
    tree: Branch,
    env: Mapping[str, str],
    rank: int,
    problems: list[Problem],
    whole: frozenset[str] = frozenset(),
) -> None:
    """Lay `DIALER_<SECTION>__<KEY>` variables over the tree.

    A variable without the double underscore is ours only when it names a top-level list (`whole`): DIALER_TRUNKS.
    """
    for variable in sorted(env):
        name = variable.removeprefix(ENV_PREFIX).lower()
        if variable.startswith(ENV_PREFIX) and (ENV_SEPARATOR in name or name in whole):
            leaf = Leaf(env[variable], Origin(f"environment {variable}", rank))
            _lay(tree, name.split(ENV_SEPARATOR), leaf, problems)


def lay_settings(tree: Branch, settings: Iterable[str], rank: int, problems: list[Problem]) -> None:
    """Lay `key=value` settings of the command line over the tree."""
    for setting in settings:
        key, equals, value = setting.partition("=")
        place = Origin(f"--set {key}", rank)
        path = [p for p in re.split(r"\.|\[|\]", key.strip()) if p]
        if not equals or not path:
            problems.append(Problem(place, "", "must be key=value, such as --set pacing.ratio=1.5"))
            continue
        _lay(tree, path, Leaf(value, place), problems)


def _lay(tree: Branch, path: list[str], leaf: Leaf, problems: list[Problem]) -> None:
    """Put a leaf at a path; a list's member is named by its number or by its `name`."""
    here: Branch = tree
    for position, step in enumerate(path[:-1]):
        child = here.nodes.get(step)
        following = path[position + 1]
        if isinstance(child, Leaf) or child is None:
            child = Items(leaf.origin) if following.isdigit() else Branch(leaf.origin)
            here.put(step, child, leaf.origin)
        if isinstance(child, Items):
            found = _member(child, following, leaf.origin)
            if found is None or position + 2 >= len(path):
                problems.append(
                    Problem(leaf.origin, ".".join(path), f"there is no {step} {following!r}")
                )
                return
            _lay(found, path[position + 2 :], leaf, problems)
            return
        here = child
    here.put(path[-1], leaf, leaf.origin)


def _member(items: Items, step: str, origin: Origin) -> Branch | None:
    """The member with this number (the first free number makes a new one) or name."""
    if step.isdigit() and int(step) == len(items.nodes):
        items.nodes.append(Branch(origin))
    for number, node in enumerate(items.nodes):
        name = node.nodes.get("name") if isinstance(node, Branch) else None
        if step == str(number) or (isinstance(name, Leaf) and name.text == step):
            return node if isinstance(node, Branch) else None
    return None
