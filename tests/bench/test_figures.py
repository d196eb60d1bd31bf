"""The arithmetic of the bench."""

from __future__ import annotations

import math
from itertools import islice

import pytest

from tools.bench.figures import quantile, ratio, spread
from tools.bench.people import RAMP, numbers
from tools.lab.mix import CODES


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)]
)
def test_a_quantile_is_a_value_that_was_there(share: float, expected: float) -> None:
    assert quantile([float(i) for i in range(100, 0, -1)], share) == expected


def test_nothing_has_no_quantile() -> None:
    assert math.isnan(quantile([], 0.5))


def test_a_spread_is_in_milliseconds() -> None:
    assert spread([0.001, 0.002, 0.003]) == {"n": 3, "p50": 2.0, "p99": 3.0, "max": 3.0}


def test_a_ratio_needs_something_to_divide_by() -> None:
    assert (ratio(3, 2), ratio(3, 0)) == (1.5, None)


def test_both_sides_meet_the_same_people_once_each() -> None:
    dialled = list(islice(numbers(RAMP), 5000))
    assert len(set(dialled)) == len(dialled)
    assert dialled == list(islice(numbers(RAMP), 5000))
    assert [one[4:6] for one in dialled[: len(RAMP)]] == [CODES[kind] for kind in RAMP]
