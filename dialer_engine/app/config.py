"""The configuration: read, checked, listed with where each value came from, and compared for a reload.

Layers, each over the one before: defaults < `config/dialer.yaml` (or --config) < `conf.d/*.yaml` beside it, by name
< environment (`DIALER_STORE__URL`) < command line (`--set store.url=…`).

Rules: the configuration is immutable; a wrong one is refused as a whole, with every problem in one list, each with
file, line and key; nothing here starts or changes anything.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from dialer_engine.app._config_build import Builder, cross_check, member_type
from dialer_engine.app._config_doc import reference
from dialer_engine.app._config_fields import Secret, SecretUrl, about
from dialer_engine.app._config_pbx import BreakerOptions, Pbx, PbxNode, Tls, TrunkOptions
from dialer_engine.app._config_schema import (
    Agents,
    Amd,
    Api,
    Compliance,
    Config,
    Daemon,
    Exchange,
    ExchangeToken,
    Metrics,
    Pacing,
    RecordingOptions,
    Redis,
    SafeHarbour,
    Store,
)
from dialer_engine.app._config_tree import (
    DEFAULT,
    Branch,
    Origin,
    Problem,
    lay_environment,
    lay_settings,
    merge,
    read_file,
)
from dialer_engine.app._config_values import show
from dialer_engine.domain.errors import ConfigError

__all__ = [
    "Agents",
    "Amd",
    "Api",
    "BreakerOptions",
    "Change",
    "Compliance",
    "Config",
    "Daemon",
    "Exchange",
    "ExchangeToken",
    "Loaded",
    "Metrics",
    "Origin",
    "Pacing",
    "Pbx",
    "PbxNode",
    "RecordingOptions",
    "Redis",
    "Row",
    "SafeHarbour",
    "Secret",
    "SecretUrl",
    "Store",
    "Tls",
    "TrunkOptions",
    "diff",
    "load",
    "reference",
    "search_path",
]

CONF_D = "conf.d"
CONFIG_VARIABLE = "DIALER_CONFIG"
# Tried in order when no file is named.
USUAL_PLACES = (Path("config/dialer.yaml"), Path("/etc/dialer/dialer.yaml"))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `config show`. value: as YAML writes it, secrets masked. live: a reload applies a change."""

    key: str
    value: str
    origin: str
    live: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs between two configurations; before and after as shown, '' when it is not there."""

    key: str
    before: str
    after: str
    live: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration with its history. warnings: what is allowed and unwise, for a person to read."""

    config: Config
    origins: Mapping[str, Origin]
    files: tuple[Path, ...]
    warnings: tuple[str, ...]

    def effective(self) -> list[Row]:
        """Every value in force, in the order of the reference."""
        return [
            Row(leaf.key, show(leaf.value), str(self.origins.get(leaf.key, DEFAULT)), leaf.live)
            for leaf in _leaves(self.config)
        ]


def search_path(env: Mapping[str, str] | None = None) -> Path | None:
    """The file to read when none is named: $DIALER_CONFIG, ./config/dialer.yaml, /etc/dialer/dialer.yaml."""
    env = os.environ if env is None else env
    if named := env.get(CONFIG_VARIABLE):
        return Path(named)
    return next((place for place in USUAL_PLACES if place.is_file()), None)


def load(
    path: Path | None = None,
    *,
    settings: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Loaded:
    """Read and check the configuration.

    path: the main file (None: `search_path`; without any file the defaults hold). settings: `key=value` of the command
    line. env: environment variables (None: the process's own).

    Raises ConfigError with every problem, one a line: `file:line: key: what is wrong`.
    """
    env = os.environ if env is None else env
    problems: list[Problem] = []
    files = _files(path or search_path(env))
    tree = Branch(Origin("defaults", 0))
    for rank, file in enumerate(files, start=1):
        merge(tree, read_file(file, rank, problems))
    lay_environment(tree, env, len(files) + 1, problems, whole=_top_level_lists())
    lay_settings(tree, settings, len(files) + 2, problems)
    builder = Builder(problems)
    config = builder.build(Config, tree)
    _refuse(problems)
    _refuse(list(cross_check(config, lambda key: builder.origins.get(key, DEFAULT))))
    warnings = (*builder.warnings, *_warnings(config))
    return Loaded(config, builder.origins, tuple(files), warnings)


def _top_level_lists() -> frozenset[str]:
    hints = get_type_hints(Config)
    return frozenset(name for name, hint in hints.items() if member_type(hint) is not None)


def _files(main: Path | None) -> list[Path]:
    if main is None:
        return []
    return [main, *sorted((main.parent / CONF_D).glob("*.yaml"))]


def _refuse(problems: list[Problem]) -> None:
    if problems:
        ordered = sorted(problems, key=lambda p: (p.origin.rank, p.origin.line))
        raise ConfigError("\n".join(str(problem) for problem in ordered))


def _warnings(config: Config) -> Iterator[str]:
    if not config.pbx.nodes:
        yield "pbx.nodes is empty: there is nothing to dial with"
    elif not config.trunks:
        yield "trunks is empty: there is nothing to dial over"
    for node in config.pbx.nodes:
        if node.tls.enabled and not node.tls.verify:
            yield f"pbx.nodes[{node.name}].tls.verify is off: anybody in between can take the link over"


# -- listing and comparing -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Leaf:
    key: str
    value: Any
    live: bool


def _leaves(section: Any, key: str = "") -> Iterator[_Leaf]:
    """Every value under a section, members of lists by their name."""
    for field in dataclasses.fields(section):
        value = getattr(section, field.name)
        full = f"{key}.{field.name}" if key else field.name
        if dataclasses.is_dataclass(value):
            yield from _leaves(value, full)
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            for member in value:
                yield from _leaves(member, f"{full}[{member.name}]")
        else:
            yield _Leaf(full, value, about(field).live)


def diff(old: Config, new: Config) -> list[Change]:
    """What a reload from `old` to `new` would change, in the order of the reference.

    A change with `live` false takes effect at the next start only. A list's entry that comes or goes is one change,
    named `trunks[carrier-b]`, live when the list allows it.
    """
    return [*_members_changed(old, new), *_values_changed(old, new)]


def _values_changed(old: Config, new: Config) -> Iterator[Change]:
    before = {leaf.key: leaf for leaf in _leaves(old)}
    for leaf in _leaves(new):
        was = before.get(leaf.key)
        if was is not None and was.value != leaf.value and not _is_list_of_sections(was, leaf):
            yield Change(leaf.key, show(was.value), show(leaf.value), leaf.live)


def _is_list_of_sections(was: _Leaf, now: _Leaf) -> bool:
    return any(
        isinstance(v, tuple) and v and dataclasses.is_dataclass(v[0])
        for v in (was.value, now.value)
    )


def _members_changed(old: Config, new: Config) -> Iterator[Change]:
    """Entries of pbx.nodes and trunks that came or went."""
    lists: list[
        tuple[str, tuple[PbxNode | TrunkOptions, ...], tuple[PbxNode | TrunkOptions, ...], bool]
    ] = [
        ("pbx.nodes", old.pbx.nodes, new.pbx.nodes, _list_is_live(Pbx, "nodes")),
        ("trunks", old.trunks, new.trunks, _list_is_live(Config, "trunks")),
    ]
    for key, olds, news, live in lists:
        before, after = {m.name for m in olds}, {m.name for m in news}
        for name in sorted(before ^ after):
            here = name in after
            yield Change(
                f"{key}[{name}]", "" if here else "present", "present" if here else "", live
            )


def _list_is_live(kind: type[Any], name: str) -> bool:
    return next(about(f).live for f in dataclasses.fields(kind) if f.name == name)


if __name__ == "__main__":
    sys.stdout.write(reference())
