"""Whether a series grows: the slope of its second half, against what is allowed.

Rules: pure. The slope is Theil and Sen's, the median of the slopes of all pairs, which a few wild
points do not bend. It counts as growth when it is above the allowance and more than chance: Mann
and Kendall's test of trend, one-sided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# Mann-Kendall z above which a trend is not chance: one-sided 0.1 %.
_Z = 3.09
_LEAST_POINTS = 8


@dataclass(frozen=True, slots=True)
class Allowance:
    """Growth in an hour that is still none: the larger of `absolute` and `share` of the median."""

    absolute: float
    share: float = 0.0

    def of(self, middle: float) -> float:
        """In the unit of the series."""
        return max(self.absolute, self.share * abs(middle))


@dataclass(frozen=True, slots=True)
class Trend:
    """per_hour: slope of the second half. allowed: slope that would still pass. z: how sure."""

    first: float
    last: float
    middle: float
    highest: float
    per_hour: float
    allowed: float
    z: float

    @property
    def grows(self) -> bool:
        """More than allowed, and not by chance."""
        return self.per_hour > self.allowed and self.z > _Z


def trend(times_s: Sequence[float], values: Sequence[float], allowance: Allowance) -> Trend | None:
    """Of the second half; None when there are too few points to say anything."""
    half = len(values) // 2
    times, late = list(times_s[half:]), list(values[half:])
    if len(late) < _LEAST_POINTS:
        return None
    slopes = [
        (late[j] - late[i]) / (times[j] - times[i])
        for i in range(len(late))
        for j in range(i + 1, len(late))
        if times[j] > times[i]
    ]
    middle = median(late)
    per_hour = median(slopes) * 3600 if slopes else 0.0
    return Trend(
        values[0], values[-1], middle, max(values), per_hour, allowance.of(middle), _kendall(late)
    )


def _kendall(values: Sequence[float]) -> float:
    """z of Mann and Kendall's S, with the correction for ties."""
    n = len(values)
    s = sum(
        (values[j] > values[i]) - (values[j] < values[i]) for i in range(n) for j in range(i + 1, n)
    )
    ties = [values.count(one) for one in set(values)]
    spread = n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)
    if spread <= 0 or s == 0:
        return 0.0
    return (s - math.copysign(1, s)) / math.sqrt(spread / 18)
