"""Champion and challenger: who is in which arm, and whether their difference is more than chance.

Rules: an arm is a hash of experiment and case reference, so it needs no memory and two experiments
are independent; before a difference is read, the sizes of the arms are compared with their shares,
since a mismatch means that the comparison itself is broken; intervals are at 95 % unless asked.

Sources: Wilson (1927) for the interval of a proportion; Newcombe (1998), method 10, for the
difference of two; Pearson's chi-square for the sizes, with the threshold 0.001 that is usual for
sample ratio mismatch (Fabijan et al., KDD 2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from statistics import NormalDist

from dialer_engine.domain.errors import BadValue
from dialer_engine.strategy.model import Arm, Experiment

CONFIDENCE = 0.95
_MISMATCH = 0.001
_BYTES = 8


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of an arm: cases in it, and how many of them had the result asked for."""

    cases: int
    results: int

    def __post_init__(self) -> None:
        if not 0 <= self.results <= self.cases:
            raise BadValue("an arm has at least as many cases as results, and none below zero")


@dataclass(frozen=True, slots=True)
class Difference:
    """An arm against the champion. rates and difference are proportions; low and high its interval.
    is_clear: the interval does not hold zero.
    """

    arm: str
    rate: float
    rate_low: float
    rate_high: float
    difference: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """More than chance, at the confidence asked for."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Report:
    """champion: its rate and interval, difference 0. mismatch_p: how likely sizes like these are when
    the assignment works. is_sound: the sizes agree with the shares.
    """

    champion: Difference
    others: tuple[Difference, ...]
    mismatch_p: float

    @property
    def is_sound(self) -> bool:
        """Whether the differences may be read at all."""
        return self.mismatch_p >= _MISMATCH


def position(experiment: str, reference: str) -> float:
    """Where a case stands in an experiment, from 0 up to 1, the same for ever."""
    digest = sha256(f"{experiment}\n{reference}".encode()).digest()
    # 53 bits are what a float holds exactly, so that 1 is never reached.
    return (int.from_bytes(digest[:_BYTES], "big") >> 11) / (1 << 53)


def arm_of(experiment: Experiment, reference: str) -> Arm:
    """The arm of a case: the shares laid end to end, the champion first."""
    total = sum(arm.share for arm in experiment.arms)
    at, reached = position(experiment.id, reference) * total, 0.0
    for arm in experiment.arms:
        reached += arm.share
        if at < reached:
            return arm
    return experiment.arms[-1]


def report(
    experiment: Experiment, tallies: Mapping[str, Tally], confidence: float = CONFIDENCE
) -> Report:
    """The arms compared. tallies: by arm; an arm without one has no cases."""
    if not 0.5 <= confidence < 1:
        raise BadValue("a confidence is from 0.5 up to 1")
    counted = [tallies.get(arm.id, Tally(0, 0)) for arm in experiment.arms]
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    first = counted[0]
    rows = [
        _difference(arm.id, tally, first, z)
        for arm, tally in zip(experiment.arms, counted, strict=True)
    ]
    p = mismatch([tally.cases for tally in counted], [arm.share for arm in experiment.arms])
    low, high = wilson(first, z)
    champion = Difference(experiment.arms[0].id, _rate(first), low, high, 0.0, 0.0, 0.0)
    return Report(champion, tuple(rows[1:]), p)


def _rate(tally: Tally) -> float:
    return tally.results / tally.cases if tally.cases else 0.0


def wilson(tally: Tally, z: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion; 0 to 1 when there are no cases."""
    n = tally.cases
    if n == 0:
        return 0.0, 1.0
    p, zz = tally.results / n, z * z
    middle = p + zz / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + zz / (4 * n * n))
    # At the ends the formula is exact; rounding would leave 1e-17 there.
    low = 0.0 if tally.results == 0 else (middle - half) / (1 + zz / n)
    high = 1.0 if tally.results == n else (middle + half) / (1 + zz / n)
    return low, high


def _difference(name: str, arm: Tally, champion: Tally, z: float) -> Difference:
    low, high = wilson(arm, z)
    champion_low, champion_high = wilson(champion, z)
    p, q = _rate(arm), _rate(champion)
    if not arm.cases or not champion.cases:
        return Difference(name, p, low, high, 0.0, -1.0, 1.0)
    down = math.hypot(p - low, champion_high - q)
    up = math.hypot(high - p, q - champion_low)
    return Difference(name, p, low, high, p - q, p - q - down, p - q + up)


def mismatch(sizes: list[int], shares: list[float]) -> float:
    """The chance of sizes at least as far from the shares as these."""
    total = sum(sizes)
    if total == 0:
        return 1.0
    whole = sum(shares)
    expected = [total * share / whole for share in shares]
    chi = sum((n - e) ** 2 / e for n, e in zip(sizes, expected, strict=True))
    return _chi_square_tail(chi, len(sizes) - 1)


def _chi_square_tail(chi: float, freedom: int) -> float:
    """The upper tail of chi-square in closed form (Abramowitz and Stegun 26.4.4, 26.4.5)."""
    half = chi / 2
    if freedom % 2 == 0:
        term = total = math.exp(-half)
        for k in range(1, freedom // 2):
            term *= half / k
            total += term
        return min(1.0, total)
    total = math.erfc(math.sqrt(half))
    term = math.exp(-half) * math.sqrt(half) / math.gamma(1.5)
    for k in range(1, (freedom + 1) // 2):
        total += term
        term *= half / (k + 0.5)
    return min(1.0, total)
