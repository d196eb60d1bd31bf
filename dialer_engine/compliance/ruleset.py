"""Books of rules from plain data: read, checked, put together, and hashed.

Rules: everything wrong is found at once, each with file, line, key and the nearest known name; a key
that is not known is an error, never ignored; two books that hold the same rules have the same hash,
whatever order and spelling their files have. Reading files is not done here: `app/compliance.py`
hands over the data with the line of each key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from difflib import get_close_matches
from enum import Enum
from typing import Any, Final

from dialer_engine.compliance import counting
from dialer_engine.compliance._rule_reader import BookReader, Problem
from dialer_engine.compliance.calendar_ import Calendar, Overrides
from dialer_engine.compliance.rules import CountSpec, Kind, Rule
from dialer_engine.compliance.zones import ZonePolicy
from dialer_engine.domain.errors import BadValue, ConfigError

Path = tuple[str | int, ...]
_STATED_ONLY: Final = ZonePolicy(stated_only=True)


@dataclass(frozen=True, slots=True)
class Document:
    """A file as data. lines: the line of each key and list item, by its path; 1 when not known."""

    file: str
    data: Any
    lines: Mapping[Path, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RuleBook:
    """Rules that are asked together. calendars: by place. policy: which zones count."""

    name: str = ""
    rules: tuple[Rule, ...] = ()
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    policy: ZonePolicy = _STATED_ONLY

    @property
    def active(self) -> tuple[Rule, ...]:
        """Rules that the gate asks: switched on, and not about retention."""
        return tuple(r for r in self.rules if r.enabled and r.kind is not Kind.RETENTION)

    @property
    def counted(self) -> tuple[CountSpec, ...]:
        """What the active rules count."""
        return tuple(r.spec for r in self.active if isinstance(r.spec, CountSpec))

    @property
    def units(self) -> frozenset[str]:
        """The units that have counters."""
        return frozenset(spec.unit.value for spec in self.counted)

    def horizon(self, now: datetime) -> datetime | None:
        """How far back a history must reach; None: for ever."""
        return counting.horizon(self.counted, now)

    def rule(self, id: str) -> Rule:
        """The rule of this id; BadValue names the nearest."""
        for one in self.rules:
            if one.id == id:
                return one
        raise BadValue(f"no rule {id!r}{nearest(id, [r.id for r in self.rules])}")

    def calendar_of(self, rule: Rule) -> Calendar | None:
        """The calendar of a rule's jurisdiction: the region's, else the country's."""
        place = rule.jurisdiction
        return self.calendars.get(place) or self.calendars.get(place.partition("-")[0])

    @property
    def hash(self) -> str:
        """SHA-256 of all rules and of how zones are chosen, in one canonical form."""
        content = {
            "rules": sorted((plain(rule) for rule in self.rules), key=lambda rule: str(rule["id"])),
            "policy": plain(self.policy),
            "calendars": sorted(self.calendars),
        }
        return hashlib.sha256(canonical(content)).hexdigest()


NO_BOOK: Final = RuleBook()


def canonical(content: Any) -> bytes:
    """The one spelling of JSON data."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def plain(value: Any) -> Any:
    """A rule, or a part of one, as JSON data."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset | set):
        return sorted(plain(one) for one in value)
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, date):
        return value.isoformat()
    return value


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?` when a known name is near, else nothing."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def read_book(
    documents: Sequence[Document],
    overrides: Mapping[str, Overrides] | None = None,
    make_calendar: Callable[[str, Overrides | None], Calendar] = Calendar,
) -> RuleBook:
    """All documents as one book. overrides: of calendars, by place. ConfigError lists everything that is
    wrong, a line each: `file:line: key: text`.
    """
    readers = [BookReader(doc.file, doc.data, doc.lines) for doc in documents]
    problems = [problem for reader in readers for problem in reader.problems]
    problems += _duplicates(readers)
    if problems:
        raise ConfigError("\n".join(str(problem) for problem in problems))
    places = {reader.calendar for reader in readers if reader.calendar}
    given = overrides or {}
    return RuleBook(
        name="+".join(reader.name for reader in readers),
        rules=tuple(rule for reader in readers for rule in reader.rules),
        calendars={place: make_calendar(place, given.get(place)) for place in sorted(places)},
        policy=_policy(readers),
    )


def _duplicates(readers: Sequence[BookReader]) -> list[Problem]:
    seen: dict[str, str] = {}
    found = []
    for reader in readers:
        for rule in reader.rules:
            if rule.id in seen:
                line = reader.line_of_rule(rule.id)
                found.append(
                    Problem(reader.file, line, "rules[].id", f"{rule.id!r} is in {seen[rule.id]}")
                )
            seen[rule.id] = reader.file
    return found


def _policy(readers: Sequence[BookReader]) -> ZonePolicy:
    """The strictest of all: one file that denies the unknown denies it for all."""
    official = {place: names for reader in readers for place, names in reader.official.items()}
    deny = any(reader.unknown_zone == "deny" for reader in readers)
    return ZonePolicy(
        unknown="deny" if deny else "country", official=tuple(sorted(official.items()))
    )
