"""The debtors of the demonstration: invented, with a contract each, in every segment of the strategy.

Rules: numbers are those of `tools.rig.people`, which nobody has; the first ones force the world's behaviours
and owe so that the strategy calls them early; the same seed gives the same people; days past due are kept
away from the edges of buckets, because the day at the debtor may be another than here.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tools.rig.people import noon_zone, numbers

CREDITOR = "样例银行 Example Bank"
_NAMES = ("张", "王", "李", "赵", "陈", "Ash", "Birch", "Elm", "Oak", "Rowan")
_CASES = (
    "reference", "name", "mobile", "phone2", "currency", "timezone", "language", "creditor", "product",
    "debt_type", "jurisdiction", "ability", "willingness", "reason", "score", "tags",
)  # fmt: skip
_CONTRACTS = (
    "case", "contract", "product", "currency", "as_of", "oldest_due", "principal", "interest", "penalty",
)  # fmt: skip
_SPARE_EVERY = 5


@dataclass(frozen=True)
class Kind:
    """How many in a hundred, days past due from and to, and what is known of them."""

    share: int
    days: tuple[int, int]
    said: Mapping[str, str]


@dataclass(frozen=True)
class People:
    """A campaign's debtors. kinds: shares add up to a hundred; forced: the kind of the special numbers."""

    kinds: tuple[Kind, ...]
    forced: Kind


_UNWILLING = {"ability": "able", "willingness": "unwilling"}
# For strategies/early.yaml: who is called, then who is not: robot's days, hardship (preview only), paid already?
EARLY = People(
    (
        Kind(30, (9, 26), _UNWILLING),
        Kind(25, (7, 12), {}),
        Kind(35, (17, 26), {}),
        Kind(4, (9, 26), {"reason": "hardship", "ability": "unable"}),
        Kind(3, (9, 26), {"reason": "false_overdue"}),
        Kind(3, (40, 55), {}),
    ),
    Kind(0, (9, 26), _UNWILLING),
)
# For strategies/mid.yaml.
MID = People(
    (
        Kind(45, (50, 85), _UNWILLING),
        Kind(45, (34, 57), {}),
        Kind(10, (34, 85), {"reason": "hardship", "ability": "unable"}),
    ),
    Kind(0, (50, 85), _UNWILLING),
)


@dataclass(frozen=True)
class Files:
    """What was written. unwanted: numbers that asked not to be called."""

    cases: Path
    contracts: Path
    unwanted: tuple[str, ...]


def write(
    folder: Path,
    name: str,
    count: int,
    seed: int,
    people: People,
    special: Iterable[str],
    today: date,
) -> Files:
    """The files of one campaign's debtors, for `import` and `import --what contracts`."""
    rng = random.Random(seed)
    pool = list(numbers())
    rng.shuffle(pool)
    first = list(special)
    dialled = [*first, *pool]
    kinds = [people.forced] * len(first) + _drawn(rng, people, count - len(first))
    zone = noon_zone()
    files = Files(
        folder / f"{name}.csv",
        folder / f"{name}-contracts.csv",
        # Every fortieth of those whom the strategy would call.
        tuple(n for i, n in enumerate(dialled[:count]) if i >= len(first) and i % 40 == 0),
    )
    with (
        files.cases.open("w", encoding="utf-8", newline="") as cases_file,
        files.contracts.open("w", encoding="utf-8", newline="") as contracts_file,
    ):
        cases, contracts = csv.writer(cases_file), csv.writer(contracts_file)
        cases.writerow(_CASES)
        contracts.writerow(_CONTRACTS)
        for i, kind in enumerate(kinds):
            reference = f"{name.upper()}-{i:06d}"
            spare = pool[-1 - i] if i % _SPARE_EVERY == 0 and i >= len(first) else ""
            cases.writerow(
                _case(rng, reference, dialled[i], spare, zone, kind, forced=i < len(first))
            )
            contracts.writerow(_contract(rng, reference, kind, today))
    return files


def _drawn(rng: random.Random, people: People, count: int) -> list[Kind]:
    return rng.choices(people.kinds, [kind.share for kind in people.kinds], k=count)


def _case(
    rng: random.Random,
    reference: str,
    number: str,
    spare: str,
    zone: str,
    kind: Kind,
    *,
    forced: bool,
) -> tuple[object, ...]:
    said = kind.said
    return (
        reference, f"{rng.choice(_NAMES)} {rng.randint(100, 999)}", number, spare, "CNY", zone,
        rng.choice(("zh", "en")), CREDITOR, "信用卡 credit card", "credit_card", "CN",
        said.get("ability", ""), said.get("willingness", ""), said.get("reason", ""),
        # The strategy puts the best scores first.
        0.99 if forced else round(0.9 * rng.random(), 2), "demo",
    )  # fmt: skip


def _contract(rng: random.Random, reference: str, kind: Kind, today: date) -> tuple[object, ...]:
    days = rng.randint(*kind.days)
    principal = round(rng.lognormvariate(7.5, 0.9), 2)
    # As on the day before, so that what is paid today is taken off.
    return (
        reference, f"{reference}-C1", "信用卡 credit card", "CNY", today - timedelta(days=1),
        today - timedelta(days=days), f"{principal:.2f}", f"{principal * days * 0.0004:.2f}",
        f"{principal * days * 0.0002:.2f}",
    )  # fmt: skip
