"""A row of somebody's table, and its cells as values.

Rules: a value is read in one way or not at all: a date or an amount that could be two is refused, never
guessed; a reason never repeats the value, which may be somebody's; what is wrong is noted with the line
and the column; what comes out of here fits the columns of both databases, so that one bad row is a reject
and never a batch that fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TypeVar
from zoneinfo import available_timezones

from dialer_engine.domain.errors import BadValue
from dialer_engine.store._types import ten_thousandths
from dialer_engine.store.csv_source import Record

T = TypeVar("T")

_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
_GROUPED = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?\Z")
_CURRENCY_SIGNS = "¥￥$€£元"
# Longer ones are no amounts, and a billion digits take Python minutes.
_LONGEST = 40
# Year first, or not read: 01/02/2026 is two days.
_DATE = re.compile(r"([0-9]{4})[-/.年]?([0-9]{1,2})[-/.月]?([0-9]{1,2})日?(?:[ T]00:00(:00)?)?\Z")
# What the columns of the database hold: Integer, SmallInteger.
_INT_MAX = 2**31 - 1
_SMALL_MAX = 2**15 - 1
# Fourteen digits: the four parts of one debt add up within an `Amount`.
_MOST = Decimal(10) ** 14
# The years that dates of birth, contracts and promises have, as in `web.records`; a day more or less of
# them, or a grace, is a date too.
_YEARS = range(1900, 2200)
# Of what a row is found by: PostgreSQL indexes no text beyond 2,704 bytes, and a character has four at most.
_LONGEST_KEY = 256
_KEYS = frozenset({"reference", "case", "contract", "reverses", "owner"})
# PostgreSQL holds no NUL, and neither database half a character (`\ud800` in JSON).
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class BadCell(ValueError):
    """A value that cannot be used; the message is the reason, without the value."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row, or one number of it, is not in. column: its name in the file, or empty."""

    line: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column of the file is what. fields: column by field. numbers: (label, column) in the
    order in which they are tried. others: columns that become attributes.
    """

    header: tuple[str, ...]
    fields: Mapping[str, int]
    numbers: tuple[tuple[str, int], ...]
    others: tuple[int, ...]

    def described(self) -> dict[str, str]:
        """Field to column name, for people."""
        named = {name: self.header[column] for name, column in self.fields.items()}
        return named | {label: self.header[column] for label, column in self.numbers}


@dataclass(frozen=True, slots=True)
class Rules:
    """region: for numbers without country code (ISO 3166, `CN`). currency: for amounts without
    one.
    """

    region: str
    currency: str


@dataclass(slots=True)
class Reading:
    """One row that is being read: its cells and what was wrong with them."""

    record: Record = field(repr=False)
    layout: Layout
    problems: list[Problem] = field(default_factory=list)
    failed: bool = False

    def cell(self, name: str) -> str:
        """The text of a field; empty when the file has no such column or cell."""
        column = self.layout.fields.get(name)
        return "" if column is None else self.at(column)

    def at(self, column: int) -> str:
        """The text of a column; rows may end early."""
        return self.record.fields[column] if column < len(self.record.fields) else ""

    def is_storable(self) -> bool:
        """No cell has a character that a database refuses, and no key is longer than an index takes; else
        what is wrong is noted, and the row is out.
        """
        for column, text in enumerate(self.record.fields):
            if _UNSTORABLE.search(text):
                self._out(column, "there is a character in it that cannot be stored (NUL)")
        for name in _KEYS & self.layout.fields.keys():
            if len(self.cell(name)) > _LONGEST_KEY:
                self._out(
                    self.layout.fields[name], f"this is longer than {_LONGEST_KEY} characters"
                )
        return not self.failed

    def _out(self, column: int, reason: str) -> None:
        self.failed = True
        self.blame(self.layout.header[column], reason)

    def blame(self, column: str, reason: str) -> None:
        """Note what is wrong."""
        self.problems.append(Problem(self.record.line, column, reason))

    def parsed(self, name: str, read: Callable[[str], T], default: T) -> T:
        """A field's value; on failure the row is out, and the default goes on."""
        text = self.cell(name)
        if not text:
            return default
        try:
            return read(text)
        except (BadCell, BadValue) as error:
            self.failed = True
            self.blame(self.layout.header[self.layout.fields[name]], str(error))
            return default


def read_amount(text: str) -> Decimal:
    """`1234.5`, `1,234.50`, `￥1,234.50元`; BadCell for what could be read in two ways."""
    bare = text.strip(_CURRENCY_SIGNS + " ")
    if len(bare) > _LONGEST:
        raise BadCell("the amount has more than four decimals or is too large")
    if _GROUPED.match(bare):
        bare = bare.replace(",", "")
    if not _AMOUNT.match(bare):
        raise BadCell("the amount is not a number such as 1234.50 or 1,234.50")
    try:
        amount = Decimal(bare)
        ten_thousandths(amount)
    except (InvalidOperation, BadValue):
        raise BadCell("the amount has more than four decimals or is too large") from None
    if abs(amount) >= _MOST:
        raise BadCell("the amount has more than four decimals or is too large")
    return amount


def read_whole(text: str) -> int:
    if len(text) > _LONGEST:
        raise BadCell("this number is too large")
    try:
        number = int(text)
    except ValueError:
        raise BadCell("this is not a whole number") from None
    if abs(number) > _INT_MAX:
        raise BadCell("this number is too large")
    return number


def read_small(text: str) -> int:
    """A whole number that a SmallInteger holds."""
    number = read_whole(text)
    if not -_SMALL_MAX <= number <= _SMALL_MAX:
        raise BadCell(f"this is not a whole number up to {_SMALL_MAX}")
    return number


def read_count(text: str) -> int:
    """The same, 0 at least."""
    number = read_small(text)
    if number < 0:
        raise BadCell("this is less than 0")
    return number


# A century: nothing was lent longer ago, and no date of today less so many days overflows.
_MOST_DAYS = 36_600


def read_days(text: str) -> int:
    """A number of days, either way from today; BadCell when it is more than a century."""
    number = read_whole(text)
    if abs(number) > _MOST_DAYS:
        raise BadCell("this is more than a century of days")
    return number


def read_date(text: str) -> date:
    """`2026-01-31`, `2026/1/31`, `20260131`, `2026年1月31日`; BadCell for any other order."""
    found = _DATE.match(text)
    if found is None:
        raise BadCell("a date is written as 2026-01-31, the year first")
    if int(found[1]) not in _YEARS:
        raise BadCell(f"the year is not from {_YEARS[0]} to {_YEARS[-1]}")
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        raise BadCell("there is no such day") from None


def read_currency(text: str) -> str:
    code = text.upper()
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise BadCell("a currency has three letters (ISO 4217), such as CNY")
    return code


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def read_zone(text: str) -> str:
    if text not in _zones():
        raise BadCell("there is no such time zone; write it as Asia/Shanghai")
    return text
