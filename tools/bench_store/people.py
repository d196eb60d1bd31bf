"""Invented debtors, each from the seed and a number alone.

Rules: the same index is the same person, whoever asks and in whatever order; numbers of the file are of
Ofcom's ranges for fiction (20,000 of them, used in turn, because the import insists on a numbering plan),
numbers of the bulk path have the country code 999, which nobody has (so that ten million are different);
names are syllables.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from dialer_engine.store.csv_cases import layout

SEED = 20261122
DAY = date(2026, 11, 23)
PRIORITIES = 5
# Shares in 1,024.
NOW_DUE, DONE, TWO_NUMBERS, CALLED, HELD, LISTED, ADDRESS, WRONG = (
    256,
    154,
    256,
    51,
    10,
    10,
    102,
    20,
)
# https://www.ofcom.org.uk/phones-and-broadband/phone-numbers/numbers-for-drama
_FICTION = (
    "+447700900", "+441134960", "+441144960", "+441154960", "+441164960", "+441174960", "+441184960",
    "+441214960", "+441314960", "+441414960", "+441514960", "+441614960", "+442079460", "+441914980",
    "+442896496", "+442920180", "+441632960", "+448081570", "+449098790", "+443069990",
)  # fmt: skip
_PER_RANGE = 1000
_SYLLABLES = (
    "ka",
    "lo",
    "mi",
    "ren",
    "sa",
    "tu",
    "vel",
    "wo",
    "yn",
    "zar",
    "be",
    "dor",
    "fi",
    "gul",
    "hes",
    "ju",
)
_CREDITORS = ("Bank A", "Bank B", "Telco C", "Utility D")
_PRODUCTS = ("card", "consumer", "mobile", "water")
_REGIONS = ("North", "South", "East", "West", "Centre", "Isles")
_OCCUPATIONS = ("white_collar", "factory_worker", "freelancer", "retired")
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Invented:
    """chance: 64 bits that everything about this person is taken from. cents: of the balance."""

    index: int
    chance: int

    @property
    def reference(self) -> str:
        return f"LN-{self.index:09d}"

    @property
    def name(self) -> str:
        c = self.chance
        parts = [_SYLLABLES[c >> shift & 15] for shift in (4, 8, 12, 16)]
        return f"{parts[0]}{parts[1]} {parts[2]}{parts[3]}".title()

    @property
    def cents(self) -> int:
        return 1_000 + (self.chance >> 20) % 5_000_000

    @property
    def interest(self) -> int:
        """Cents; the rest is principal."""
        return self.cents % 97

    @property
    def days_past_due(self) -> int:
        return (self.chance >> 24) % 400

    @property
    def oldest_due(self) -> date:
        return DAY - timedelta(self.days_past_due)

    @property
    def priority(self) -> int:
        return (self.chance >> 33) % PRIORITIES

    @property
    def creditor(self) -> str:
        return _CREDITORS[self.chance >> 40 & 3]

    @property
    def product(self) -> str:
        return _PRODUCTS[self.chance >> 40 & 3]

    @property
    def region(self) -> str:
        return _REGIONS[(self.chance >> 42) % len(_REGIONS)]

    @property
    def occupation(self) -> str:
        return _OCCUPATIONS[self.chance >> 45 & 3]

    @property
    def score(self) -> float:
        return 300 + (self.chance >> 28) % 550

    @property
    def numbers(self) -> int:
        """How many the case has."""
        return 1 + self.has(TWO_NUMBERS, 1)

    def has(self, share: int, salt: int) -> bool:
        """True for `share` of 1,024; salts are independent of each other."""
        return mixed(self.chance + salt) & 1023 < share


def mixed(value: int) -> int:
    """SplitMix64's output function (Steele, Lea, Flood 2014)."""
    value = (value * 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & _MASK
    return value ^ value >> 31


def person(index: int, seed: int = SEED) -> Invented:
    """The person of this index."""
    return Invented(index, mixed(index + seed))


def fiction(index: int) -> str:
    """A number for fiction in E.164."""
    block, place = divmod(index % (len(_FICTION) * _PER_RANGE), _PER_RANGE)
    return f"{_FICTION[block]}{place:03d}"


def unassigned(index: int, rank: int) -> str:
    """A number of country code 999: ITU-T has it as spare."""
    return f"+999{rank}{index:010d}"


HEADER = (
    "reference", "name", "id_number", "date_of_birth", "mobile", "home", "balance", "principal", "interest", "penalty",
    "fees", "currency", "due_date", "days_past_due", "priority", "creditor", "product", "debt_type",
    "jurisdiction", "region", "occupation", "score", "branch", "account_manager",
)  # fmt: skip


# The columns that an import keeps as attributes.
_OTHERS = layout(HEADER).others


def cells(one: Invented) -> list[str]:
    """A row of a creditor's file."""
    i, rest = one.index, one.interest
    second = fiction(i * 7 + 3) if one.numbers > 1 else ""
    return [
        one.reference, one.name, f"X{i:017d}", _born(one).isoformat(), fiction(i), second,
        f"{one.cents / 100:.2f}", f"{(one.cents - rest) / 100:.2f}", f"{rest / 100:.2f}", "0.00", "0.00", "CNY",
        one.oldest_due.isoformat(), str(one.days_past_due), str(one.priority), one.creditor, one.product,
        "credit_card", "CN", one.region, one.occupation, str(one.score), f"branch {i % 300}", f"desk {i % 40}",
    ]  # fmt: skip


def _born(one: Invented) -> date:
    return date(1950 + one.chance % 55, 1 + one.chance % 12, 1 + one.chance % 28)


def personal(one: Invented) -> str:
    """What the import would close of this person, as JSON; nothing in it needs escaping."""
    row = cells(one)
    others = ",".join(f'"{HEADER[c]}":"{row[c]}"' for c in _OTHERS)
    return f'{{"name":"{row[1]}","id_number":"{row[2]}","born_on":"{row[3]}","attributes":{{{others}}}}}'


def write_file(path: Path, indexes: Iterable[int], seed: int = SEED) -> Path:
    """A CSV file of these people."""
    with path.open("w", encoding="utf-8", newline="") as target:
        rows = csv.writer(target)
        rows.writerow(HEADER)
        rows.writerows(_rows(indexes, seed))
    return path


def _rows(indexes: Iterable[int], seed: int) -> Iterator[list[str]]:
    return (cells(person(index, seed)) for index in indexes)
