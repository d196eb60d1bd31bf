"""Invented debtors with numbers that nobody has: Ofcom's ranges for drama
(https://www.ofcom.org.uk, "Telephone numbers for use in TV and radio drama programmes"). Names are
drawn from two short lists; seeded, so that a run can be repeated.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

# Area codes of the drama ranges, each with a thousand numbers behind it.
_RANGES = (
    "+447700900", "+442079460", "+441134960", "+441144960", "+441154960", "+441164960", "+441174960",
    "+441184960", "+441214960", "+441314960", "+441414960", "+441514960", "+441614960", "+441914960",
    "+442920180", "+442896496",
)  # fmt: skip
_FAMILY = (
    "Ash",
    "Birch",
    "Cedar",
    "Elm",
    "Fir",
    "Hazel",
    "Larch",
    "Maple",
    "Oak",
    "Pine",
    "Rowan",
    "Willow",
)
_GIVEN = (
    "Ada",
    "Bo",
    "Cai",
    "Dee",
    "Eli",
    "Fay",
    "Gus",
    "Ivo",
    "Kit",
    "Lou",
    "Max",
    "Nan",
    "Pip",
    "Ray",
    "Sol",
)
_HEADER = (
    "reference",
    "name",
    "mobile",
    "phone2",
    "balance",
    "currency",
    "days_past_due",
    "timezone",
    "priority",
)
_NOON = 12


def numbers() -> Iterator[str]:
    """Every number there is: 16,000 of them."""
    for prefix in _RANGES:
        for rest in range(1000):
            yield f"{prefix}{rest:03d}"


def noon_zone() -> str:
    """A zone in which it is about noon now, so that a demonstration keeps the law at any hour of
    the day.
    """
    ahead = _NOON - datetime.now(UTC).hour
    # POSIX names count the other way round: Etc/GMT-3 is three hours ahead of UTC.
    return "Etc/GMT" if ahead == 0 else f"Etc/GMT{-ahead:+d}"


def write_cases(
    file: Path, count: int, seed: int, special: Iterable[str] = (), spare: bool = True
) -> int:
    """A CSV of `count` cases. special: numbers that go first (the world's forced behaviours).
    spare: each fifth case has a second number. Returns how many were written.
    """
    rng = random.Random(seed)
    pool = list(numbers())
    rng.shuffle(pool)
    first = [*special, *pool]
    zone = noon_zone()
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(_HEADER)
        for i in range(count):
            second = pool[-1 - i] if spare and i % 5 == 0 and count <= len(pool) // 2 else ""
            rows.writerow(_case(rng, i, first[i], second, zone))
    return count


def _case(rng: random.Random, i: int, number: str, second: str, zone: str) -> tuple[object, ...]:
    name = f"{rng.choice(_GIVEN)} {rng.choice(_FAMILY)}"
    balance = f"{rng.lognormvariate(7.5, 0.9):.2f}"
    return (
        f"DEMO-{i:06d}",
        name,
        number,
        second,
        balance,
        "GBP",
        rng.randint(1, 120),
        zone,
        rng.randint(0, 2),
    )
