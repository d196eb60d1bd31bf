"""One document to rules: every key checked, every problem kept.

Rules: a reader never raises; what it could not read is in `problems` and the rule is left out, so
that a file is told all of its errors at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final, TypeVar

from dialer_engine.compliance import counting
from dialer_engine.compliance.rules import (
    CallerIdSpec,
    Channel,
    ConditionSpec,
    ConsentSpec,
    CountSpec,
    DisclosureSpec,
    Event,
    Hours,
    Kind,
    Limit,
    PacingSpec,
    PartySpec,
    RetentionSpec,
    Rule,
    Scope,
    Severity,
    Source,
    Span,
    Spec,
    Status,
    SuppressionSpec,
    Unit,
    WindowSpec,
)
from dialer_engine.domain.collections.codes import DebtType, PartyType, PointKind, Role

E = TypeVar("E", bound=StrEnum)
Path = tuple[str | int, ...]
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKEND: Final = ("saturday", "sunday")
_TIME: Final = re.compile(r"([01]\d|2[0-4]):([0-5]\d)\Z")
_DAY_S: Final = 86400
_ID: Final = re.compile(r"[a-z][a-z0-9_]{1,62}\Z")
_PLACE: Final = re.compile(r"([A-Z]{2}(-[A-Z0-9]{1,3})?|EU|)\Z")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file."""

    file: str
    line: int
    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.text}"


class _Wrong(ValueError):
    """Ends the reading of one value; the problem is noted already."""


class BookReader:
    """Reads at once; the results are its attributes."""

    def __init__(self, file: str, data: Any, lines: Mapping[Path, int]) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.rules: list[Rule] = []
        self.name = ""
        self.calendar = ""
        self.unknown_zone = "country"
        self.official: dict[str, tuple[str, ...]] = {}
        self._lines = lines
        self._jurisdiction = ""
        self._rule_lines: dict[str, int] = {}
        with suppress(_Wrong):
            self._read(data)

    def line_of_rule(self, id: str) -> int:
        """Where a rule begins."""
        return self._rule_lines.get(id, 1)

    # -- noting

    def _wrong(self, path: Path, text: str) -> _Wrong:
        key = ".".join(str(part) for part in path) or "(file)"
        shorter = path
        while shorter and shorter not in self._lines:
            shorter = shorter[:-1]
        self.problems.append(Problem(self.file, self._lines.get(shorter, 1), key, text))
        return _Wrong(text)

    def _map(self, value: Any, path: Path, known: Iterable[str]) -> dict[str, Any]:
        """A mapping with no key but the known ones."""
        if not isinstance(value, dict):
            raise self._wrong(path, "must be a mapping of keys to values")
        names = list(known)
        for key in value:
            if key not in names:
                self._wrong((*path, str(key)), f"unknown key{_near(str(key), names)}")
        return value

    def _one(self, kind: type[E], value: Any, path: Path) -> E:
        names = [member.value for member in kind]
        if value not in names:
            raise self._wrong(
                path, f"{value!r} is not one of {', '.join(names)}{_near(str(value), names)}"
            )
        return kind(value)

    def _names(self, value: Any, path: Path, known: Iterable[str] | None = None) -> frozenset[str]:
        """One name or a list of names."""
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise self._wrong(path, "must be a name or a list of names")
        if known is not None:
            names = list(known)
            for item in items:
                if item not in names:
                    raise self._wrong(path, f"{item!r} is not known{_near(item, names)}")
        return frozenset(items)

    def _int(self, value: Any, path: Path, least: int = 0) -> int:
        if type(value) is not int or value < least:
            raise self._wrong(path, f"must be a whole number of at least {least}")
        return value

    def _date(self, value: Any, path: Path) -> date | None:
        if value is None:
            return None
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self._wrong(path, "must be a date such as 2026-09-01")
        return value

    def _text(self, value: Any, path: Path) -> str:
        if not isinstance(value, str):
            raise self._wrong(path, "must be a text")
        return value

    # -- the document

    def _read(self, data: Any) -> None:
        known = ("schema", "name", "title", "jurisdiction", "calendar", "zones", "rules")
        found = self._map(data, (), known)
        if found.get("schema") != 1:
            raise self._wrong(("schema",), "must be 1")
        self.name = self._text(found.get("name"), ("name",))
        self._jurisdiction = self._place(found.get("jurisdiction", ""), ("jurisdiction",))
        self.calendar = self._place(found.get("calendar", ""), ("calendar",))
        self._zones(found.get("zones", {}))
        rules = found.get("rules")
        if not isinstance(rules, list):
            raise self._wrong(("rules",), "must be a list of rules")
        for index, item in enumerate(rules):
            try:
                self._rule(item, ("rules", index))
            except _Wrong:
                continue

    def _place(self, value: Any, path: Path) -> str:
        if not isinstance(value, str) or not _PLACE.match(value):
            raise self._wrong(
                path, "must be an ISO 3166 country such as CN, a region such as US-MA, or EU"
            )
        return value

    def _zones(self, value: Any) -> None:
        found = self._map(value, ("zones",), ("official", "unknown"))
        self.unknown_zone = found.get("unknown", "country")
        if self.unknown_zone not in ("country", "deny"):
            raise self._wrong(("zones", "unknown"), "must be country or deny")
        for place, names in (found.get("official") or {}).items():
            path = ("zones", "official", place)
            self.official[str(place)] = tuple(sorted(self._names(names, path)))

    _RULE_KEYS = (
        "id", "version", "jurisdiction", "enabled", "severity", "from", "until", "overridable", "scope",
        "source", "text", *(kind.value for kind in Kind),
    )  # fmt: skip

    def _rule(self, item: Any, path: Path) -> None:
        found = self._map(item, path, self._RULE_KEYS)
        id = found.get("id")
        if not isinstance(id, str) or not _ID.match(id):
            raise self._wrong(
                (*path, "id"), "must be small letters, digits and _, such as cn_window"
            )
        self._rule_lines[id] = self._lines.get(path, 1)
        kinds = [kind for kind in Kind if kind.value in found]
        if len(kinds) != 1:
            names = ", ".join(kind.value for kind in Kind)
            raise self._wrong(path, f"{id}: must have exactly one of {names}")
        kind = kinds[0]
        spec = _SPECS[kind](self, found[kind.value], (*path, kind.value))
        if type(found.get("enabled", True)) is not bool:
            raise self._wrong((*path, "enabled"), "must be true or false")
        self.rules.append(
            Rule(
                id=id,
                version=self._int(found.get("version", 1), (*path, "version"), 1),
                jurisdiction=self._place(
                    found.get("jurisdiction", self._jurisdiction), (*path, "jurisdiction")
                ),
                kind=kind,
                spec=spec,
                source=self._source(found.get("source"), (*path, "source")),
                scope=self._scope(found.get("scope", {}), (*path, "scope")),
                severity=self._one(Severity, found.get("severity", "must"), (*path, "severity")),
                enabled=found.get("enabled", True),
                effective_from=self._date(found.get("from"), (*path, "from")),
                effective_until=self._date(found.get("until"), (*path, "until")),
                overridable=self._names(found.get("overridable", []), (*path, "overridable")),
                text=self._text(found.get("text", ""), (*path, "text")),
            )
        )

    def _source(self, value: Any, path: Path) -> Source:
        found = self._map(value, path, ("ref", "status", "note"))
        status = self._one(Status, found.get("status"), (*path, "status"))
        note = self._text(found.get("note", ""), (*path, "note"))
        return Source(self._text(found.get("ref"), (*path, "ref")), status, note)

    _SCOPES: Mapping[str, Iterable[str] | None] = {
        "channels": [channel.value for channel in Channel],
        "debt_types": [code.value for code in DebtType],
        "party_types": [code.value for code in PartyType],
        "roles": [code.value for code in Role],
        "purposes": None,
        "carriers": None,
        "places": [code.value for code in PointKind],
    }

    def _scope(self, value: Any, path: Path) -> Scope:
        found = self._map(value, path, self._SCOPES)
        return Scope(
            **{
                name: self._names(item, (*path, name), self._SCOPES.get(name))
                for name, item in found.items()
                if name in self._SCOPES
            }
        )

    # -- specs

    def _window(self, value: Any, path: Path) -> Spec:
        found = self._map(value, path, ("daily", "weekend", "holiday", *_DAYS))
        daily = self._hours(found.get("daily"), (*path, "daily"))
        days = [daily] * len(_DAYS)
        for index, name in enumerate(_DAYS):
            group = "weekend" if name in _WEEKEND and "weekend" in found else None
            for key in (group, name):
                if key is not None and key in found:
                    days[index] = self._hours(found[key], (*path, key))
        holiday = self._hours(found.get("holiday"), (*path, "holiday"))
        if "holiday" in found and not self.calendar:
            raise self._wrong((*path, "holiday"), "needs `calendar:` of the file, such as CN")
        if not any(days):
            raise self._wrong(path, "is never open; give daily: or days of the week")
        return WindowSpec(tuple(days), holiday, "holiday" in found)

    def _hours(self, value: Any, path: Path) -> Hours | None:
        if value is None or value == "closed":
            return None
        if not isinstance(value, list) or len(value) != 2:
            raise self._wrong(path, 'must be ["08:00", "22:00"] or closed')
        start, end = (self._clock(one, path) for one in value)
        if start >= end:
            raise self._wrong(path, "must end later than it starts")
        return Hours(start, end)

    def _clock(self, value: Any, path: Path) -> int:
        found = _TIME.match(value) if isinstance(value, str) else None
        seconds = int(found[1]) * 3600 + int(found[2]) * 60 if found else _DAY_S + 1
        if seconds > _DAY_S:
            raise self._wrong(
                path, f'{value!r} is no time of day; write "08:00", "24:00" at the most'
            )
        return seconds

    def _cap(self, value: Any, path: Path) -> Spec:
        known = (
            "unit",
            "event",
            "window",
            "window_s",
            "days",
            "max",
            "channels",
            "exclude",
            "unless",
        )
        found = self._map(value, path, known)
        span = self._one(Span, found.get("window"), (*path, "window"))
        length = 0
        if span is Span.MONTH:
            raise self._wrong(
                (*path, "window"), "caps have no months; write fixed_days or rolling_days"
            )
        if span is Span.ROLLING_S:
            length = self._int(found.get("window_s"), (*path, "window_s"), 1)
        elif span in (Span.ROLLING_DAYS, Span.FIXED_DAYS):
            length = self._int(found.get("days"), (*path, "days"), 1)
        limit = self._int(found.get("max"), (*path, "max"))
        return self._count(found, path, span, limit, length)

    def _gap(self, value: Any, path: Path) -> Spec:
        """gap: seconds. cooldown: seconds or local days, the day of the trigger being the first."""
        found = self._map(
            value, path, ("unit", "event", "seconds", "days", "channels", "exclude", "unless")
        )
        if ("seconds" in found) == ("days" in found):
            raise self._wrong(path, "needs either seconds or days")
        if "seconds" in found:
            length = self._int(found["seconds"], (*path, "seconds"), 1)
            return self._count(found, path, Span.ROLLING_S, 1, length)
        length = self._int(found["days"], (*path, "days"), 1)
        return self._count(found, path, Span.ROLLING_DAYS, 1, length)

    def _count(
        self, found: dict[str, Any], path: Path, span: Span, limit: int, length: int
    ) -> Spec:
        return CountSpec(
            unit=self._one(Unit, found.get("unit"), (*path, "unit")),
            event=self._one(Event, found.get("event"), (*path, "event")),
            span=span,
            limit=limit,
            length=length,
            channels=self._names(
                found.get("channels", []), (*path, "channels"), [one.value for one in Channel]
            ),
            exclude=self._names(found.get("exclude", []), (*path, "exclude"), counting.EXCLUDED),
            unless=self._names(found.get("unless", []), (*path, "unless")),
        )

    def _sets(self, value: Any, path: Path, *names: str) -> dict[str, frozenset[str]]:
        found = self._map(value, path, names)
        return {name: self._names(found.get(name, []), (*path, name)) for name in names}

    def _consent(self, value: Any, path: Path) -> Spec:
        return ConsentSpec(**self._sets(value, path, "granted", "not_revoked"))

    def _suppression(self, value: Any, path: Path) -> Spec:
        return SuppressionSpec(**self._sets(value, path, "lists"))

    def _party(self, value: Any, path: Path) -> Spec:
        spec = PartySpec(**self._sets(value, path, "roles", "others_if", "purposes"))
        known = [code.value for code in Role]
        for role in spec.roles:
            if role not in known:
                raise self._wrong((*path, "roles"), f"{role!r} is not known{_near(role, known)}")
        return spec

    def _condition(self, value: Any, path: Path) -> Spec:
        found = self._map(value, path, ("none_of", "all_of", "min_days_past_due"))
        least = found.get("min_days_past_due")
        return ConditionSpec(
            none_of=self._names(found.get("none_of", []), (*path, "none_of")),
            all_of=self._names(found.get("all_of", []), (*path, "all_of")),
            min_days_past_due=None if least is None else self._int(least, path, -3650),
        )

    def _disclosure(self, value: Any, path: Path) -> Spec:
        return DisclosureSpec(**self._sets(value, path, "require"))

    def _pacing(self, value: Any, path: Path) -> Spec:
        found = self._map(value, path, ("limits", "together", "unless", "window", "days"))
        span, length = self._share_window(found, path)
        limits = found.get("limits")
        if not isinstance(limits, dict) or not limits:
            raise self._wrong((*path, "limits"), "must name figures, each with least: or most:")
        unless = self._names(found.get("unless", []), (*path, "unless"))
        read = tuple(
            self._limit(str(name), item, (*path, "limits", str(name)))
            for name, item in limits.items()
        )
        return PacingSpec(read, bool(found.get("together", False)), unless, span, length)

    def _share_window(self, found: dict[str, Any], path: Path) -> tuple[Span | None, int]:
        """Figures are counted from the beginning of a period to its end, and then anew."""
        if "window" not in found:
            return None, 0
        span = self._one(Span, found["window"], (*path, "window"))
        if span not in (Span.DAY, Span.WEEK, Span.MONTH, Span.FIXED_DAYS):
            raise self._wrong((*path, "window"), "must be a day, week, month or fixed_days")
        fixed = span is Span.FIXED_DAYS
        return span, self._int(found.get("days"), (*path, "days"), 1) if fixed else 0

    def _limit(self, name: str, value: Any, path: Path) -> Limit:
        found = self._map(value, path, ("least", "most"))
        given = {key: item for key, item in found.items() if key in ("least", "most")}
        if not given or not all(type(item) in (int, float) for item in given.values()):
            raise self._wrong(path, "needs numbers least: or most:")
        return Limit(name, **{key: float(item) for key, item in given.items()})

    def _caller_id(self, value: Any, path: Path) -> Spec:
        found = self._map(value, path, ("prefixes",))
        prefixes = self._names(found.get("prefixes"), (*path, "prefixes"))
        return CallerIdSpec(tuple(sorted(prefixes)))

    def _retention(self, value: Any, path: Path) -> Spec:
        found = self._map(value, path, ("records", "keep_days", "then"))
        then = found.get("then", "anonymise")
        if then not in ("anonymise", "delete"):
            raise self._wrong((*path, "then"), "must be anonymise or delete")
        records = self._names(found.get("records"), (*path, "records"), RECORDS)
        return RetentionSpec(
            records, self._int(found.get("keep_days"), (*path, "keep_days"), 1), then
        )


# Kinds of record that a retention rule may name.
RECORDS: Final = ("attempts", "recordings", "evidence", "contacts", "suppressions")

_Read = Callable[[BookReader, Any, Path], Spec]
_SPECS: Final[dict[Kind, _Read]] = {
    Kind.WINDOW: BookReader._window,
    Kind.CAP: BookReader._cap,
    Kind.GAP: BookReader._gap,
    Kind.COOLDOWN: BookReader._gap,
    Kind.CONSENT: BookReader._consent,
    Kind.SUPPRESSION: BookReader._suppression,
    Kind.PARTY: BookReader._party,
    Kind.CONDITION: BookReader._condition,
    Kind.DISCLOSURE: BookReader._disclosure,
    Kind.PACING: BookReader._pacing,
    Kind.CALLER_ID: BookReader._caller_id,
    Kind.RETENTION: BookReader._retention,
}


def _near(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
