"""Rule files found, read and put together; what the commands about compliance do.

Rules: the pure room knows what rules mean, this file knows where they are; every function blocks and
is called from no loop; what goes wrong is a DialerError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from zoneinfo import TZPATH

import yaml

from dialer_engine.app.strategies import shipped
from dialer_engine.compliance.calendar_ import Overrides, read_overrides
from dialer_engine.compliance.ruleset import Document, RuleBook, nearest, plain, read_book
from dialer_engine.domain.errors import BadValue, ConfigError

Json = dict[str, Any]
_Lines = dict[tuple[str | int, ...], int]


def shipped_rules() -> Path:
    """The folder of the presets that come with the dialer."""
    return shipped() / "compliance"


def presets() -> list[str]:
    """The names of the shipped presets."""
    return sorted(file.stem for file in shipped_rules().glob("*.yaml"))


def load_book(
    names: Sequence[str], files: Sequence[Path] = (), calendars: Mapping[str, Path] | None = None
) -> RuleBook:
    """Shipped presets and files of one's own as one book. calendars: override files by place.
    ConfigError names file, line, key and the nearest known name.
    """
    known = presets()
    for name in names:
        if name not in known:
            raise ConfigError(f"compliance: no preset {name!r}{nearest(name, known)}")
    places = [shipped_rules() / f"{name}.yaml" for name in names]
    documents = [read_document(file) for file in (*places, *files)]
    overrides = {place: _calendar(file) for place, file in (calendars or {}).items()}
    return read_book(documents, overrides)


def read_document(file: Path) -> Document:
    """A YAML file as data, with the line of every key. ConfigError when it is none."""
    try:
        text = file.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{file}:{line}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise ConfigError(f"{file}: {error}") from None
    lines: _Lines = {}
    if node is not None:
        _note_lines(node, (), lines)
    return Document(str(file), data, lines)


def _note_lines(node: yaml.Node, path: tuple[str | int, ...], lines: _Lines) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            lines[here] = key.start_mark.line + 1
            _note_lines(value, here, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _note_lines(item, (*path, index), lines)


def _calendar(file: Path) -> Overrides:
    data = read_document(file).data
    try:
        return read_overrides(data if isinstance(data, dict) else {})
    except BadValue as error:
        raise ConfigError(f"{file}: {error}") from None


def tzdata_version() -> str:
    """The release of the zone data that Python uses: the system's where there is one, else the
    package's. It is put on record with every decision.
    """
    for folder in TZPATH:
        try:
            with (Path(folder) / "tzdata.zi").open(encoding="ascii") as file:
                first = file.readline().split()
        except (OSError, UnicodeDecodeError):
            continue
        if first[:2] == ["#", "version"]:
            return f"system {first[2]}"
    if any((Path(folder) / "UTC").exists() for folder in TZPATH):
        return "system, release unknown"
    try:
        return f"package {version('tzdata')}"
    except PackageNotFoundError:
        return "unknown"


def describe(book: RuleBook) -> list[Json]:
    """Every rule as the `rules` command shows it."""
    return [
        {
            "id": rule.id,
            "version": rule.version,
            "jurisdiction": rule.jurisdiction,
            "kind": rule.kind.value,
            "enabled": rule.enabled,
            "severity": rule.severity.value,
            "from": plain(rule.effective_from),
            "until": plain(rule.effective_until),
            "overridable": sorted(rule.overridable),
            "source": rule.source.ref,
            "status": rule.source.status.value,
            "note": rule.source.note,
            "text": rule.text,
            "asks": plain(rule.spec),
        }
        for rule in book.rules
    ]


def check_files(files: Iterable[Path]) -> Json:
    """{ok, problems, rules, enabled, hash}: whether these files are sound by themselves and together."""
    try:
        book = load_book([], list(files))
    except ConfigError as error:
        return {
            "ok": False,
            "problems": str(error).splitlines(),
            "rules": 0,
            "enabled": 0,
            "hash": "",
        }
    return {
        "ok": True,
        "problems": [],
        "rules": len(book.rules),
        "enabled": len(book.active),
        "hash": book.hash,
    }
