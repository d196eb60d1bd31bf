"""A bank's JSON records as rows of the store.

Rules: a record is checked against `web.records`, then read by the same readers as the files of a bank, so
that a file and the API mean the same; everything that is wrong with a record is told at once; a reason
never repeats the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from dialer_engine.domain.case import Case
from dialer_engine.domain.errors import BadValue
from dialer_engine.store.csv_cases import read_case
from dialer_engine.store.csv_particulars import PARTICULARS, PERSONAL
from dialer_engine.store.csv_source import Record
from dialer_engine.store.exchange import ExchangeRow, Kind, read_exchange
from dialer_engine.store.rows import Layout, Rules
from dialer_engine.web.records import AMOUNT, CLEAN, DATE, KINDS, MOST, NATURAL_KEYS, Field, Form

Json = dict[str, Any]
_NUMBERS = ("mobile", "phone", "home", "work", "contact", "numbers")
_SEPARATORS = re.compile(r"[;；,，/、|]")
_CLEAN, _AMOUNT, _DATE = (re.compile(p.replace("$", r"\Z")) for p in (CLEAN, AMOUNT, DATE))
_NAME = 64
_YEARS = range(1970, 2200)
_FILES = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a record, or with a part of it. field: empty for the whole."""

    field: str
    reason: str


@dataclass(slots=True)
class Taken:
    """A record that was read. reference: what the bank finds it by. row: for the store; None when it is
    refused, and for kinds of which `said`, the checked fields, says all. is_good: it is not refused.
    """

    line: int
    reference: str
    row: Case | ExchangeRow | None
    said: Json
    troubles: list[Trouble]
    is_good: bool = False

    def refuse(self, reason: str) -> None:
        """It is not taken."""
        self.is_good = False
        self.troubles.append(Trouble("", reason))


class _Bad(Exception):
    """A value that cannot be used; the message is the reason."""


def read(kind: str, line: int, data: Any, rules: Rules) -> Taken:
    """One record; what is wrong is in `troubles`."""
    if not isinstance(data, dict):
        return Taken(line, "", None, {}, [Trouble("", "a record is a JSON object")])
    fields, troubles = KINDS[kind], []
    said: Json = {}
    for name in data:
        if name not in fields:
            troubles.append(Trouble(name[:_NAME] if _CLEAN.match(name) else "", "unknown field"))
    for name, field in fields.items():
        try:
            value = _checked(field, data.get(name))
        except _Bad as error:
            troubles.append(Trouble(name, str(error)))
            continue
        if value is not None:
            said[name] = value
        elif field.must:
            troubles.append(Trouble(name, "this must not be empty"))
    made = Taken(line, _known_by(kind, said), None, said, troubles)
    if troubles:
        return made
    if kind in _READERS:
        _READERS[kind](kind, made, rules)
    made.is_good = made.row is not None or kind not in _READERS
    return made


def _known_by(kind: str, said: Json) -> str:
    """What the bank finds the record by: never a number."""
    names = [name for name in NATURAL_KEYS[kind] if name not in ("value", "number")]
    return " ".join(str(said[name]) for name in names if name in said)


# -- values ----------------------------------------------------------------------------------------


def _checked(field: Field, value: Any) -> Any:
    """The value; None: nothing is said."""
    return None if value is None else _CHECKS[field.form](field, value)


def _text(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise _Bad("this must be text")
    if field.choices and value not in field.choices:
        raise _Bad(f"choose one of {', '.join(field.choices)}")
    if len(value) > field.longest:
        raise _Bad(f"longer than {field.longest} characters")
    if not _CLEAN.match(value):
        raise _Bad("there is a control character in it")
    return value.strip() or None


def _amount(field: Field, value: Any) -> str:
    if not isinstance(value, str) or not _AMOUNT.match(value):
        raise _Bad('an amount is a text such as "1234.50", with at most four decimals')
    return value


def _date(field: Field, value: Any) -> str:
    if not isinstance(value, str) or not _DATE.match(value):
        raise _Bad('a date is a text such as "2026-01-31"')
    try:
        date.fromisoformat(value)
    except ValueError:
        raise _Bad("there is no such day") from None
    return value


def _time(field: Field, value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.utcoffset() is None or found.year not in _YEARS:
        raise _Bad('a time is a text with a zone, such as "2026-01-31T09:00:00+08:00"')
    return found.astimezone(UTC)


def _whole(field: Field, value: Any) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not field.low <= value <= field.high:
        raise _Bad(f"this must be a whole number from {field.low} to {field.high}")
    return value


def _yes(field: Field, value: Any) -> bool:
    if type(value) is not bool:
        raise _Bad("this must be true or false")
    return value


def _texts(field: Field, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST:
        raise _Bad(f"this must be a list of at most {MOST} texts")
    found = [text for one in value if (text := _text(field, one))]
    if any(_SEPARATORS.search(text) for text in found):
        raise _Bad("one text each; none of ; , / | in it")
    return found


def _object(field: Field, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > MOST:
        raise _Bad(f"this must be an object of at most {MOST} texts")
    for name in value:
        if not 0 < len(name) <= _NAME or not _CLEAN.match(name):
            raise _Bad(
                f"a name in it is empty, too long or has a control character (at most {_NAME})"
            )
    return {name: text for name, one in value.items() if (text := _text(field, one))}


def _schedule(field: Field, value: Any) -> str:
    """As the readers of files take it."""
    if not isinstance(value, list) or len(value) > MOST:
        raise _Bad(f"this must be a list of at most {MOST} instalments")
    parts = []
    for one in value:
        if not isinstance(one, dict) or one.keys() - {"due_on", "principal", "interest"}:
            raise _Bad("an instalment is an object with due_on, principal and perhaps interest")
        amounts = [_amount(field, one[n]) for n in ("principal", "interest") if n in one]
        if "principal" not in one:
            raise _Bad("an instalment has a principal")
        parts.append(":".join([_date(field, one.get("due_on")), *amounts]))
    return "; ".join(parts)


_CHECKS: Mapping[Form, Callable[[Field, Any], Any]] = {
    Form.TEXT: _text,
    Form.AMOUNT: _amount,
    Form.DATE: _date,
    Form.TIME: _time,
    Form.WHOLE: _whole,
    Form.YES: _yes,
    Form.TEXTS: _texts,
    Form.OBJECT: _object,
    Form.SCHEDULE: _schedule,
}


# -- rows ------------------------------------------------------------------------------------------


def _layout(kind: str) -> Layout:
    header = tuple(KINDS[kind])
    fields = {name: place for place, name in enumerate(header)}
    if kind != "cases":
        return Layout(header, fields, (), ())
    numbers = tuple((name, fields[name]) for name in _NUMBERS)
    # As from a file: what says something to collections is on the agent's screen too.
    others = tuple(fields[n] for n in header if n in PARTICULARS and n not in PERSONAL)
    return Layout(header, fields, numbers, others)


_LAYOUTS = {kind: _layout(kind) for kind in KINDS}


def _record(kind: str, made: Taken) -> Record:
    return Record(made.line, [_cell(made.said.get(name)) for name in KINDS[kind]])


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None or isinstance(value, dict) else str(value)


def _case(kind: str, made: Taken, rules: Rules) -> None:
    case, problems = read_case(_record(kind, made), _LAYOUTS[kind], rules)
    if case is not None and "attributes" in made.said:
        case = replace(case, attributes=case.attributes | made.said["attributes"])
    made.row, made.troubles = case, [Trouble(p.column, p.reason) for p in problems]


def _row(kind: str, made: Taken, rules: Rules) -> None:
    try:
        row, problems = read_exchange(Kind(kind), _record(kind, made), _LAYOUTS[kind], rules)
    except BadValue as error:
        made.troubles = [Trouble("", str(error))]
        return
    made.row, made.troubles = row, [Trouble(p.column, p.reason) for p in problems]


_READERS = {"cases": _case, **dict.fromkeys((kind.value for kind in _FILES), _row)}
