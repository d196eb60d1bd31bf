"""What counts as growth, and what does not."""

from __future__ import annotations

import random

import pytest

from tools.soak.trend import Allowance, trend

TIMES = [10.0 * i for i in range(360)]
NONE = Allowance(2.0)


def _noise(seed: int, size: float) -> list[float]:
    rng = random.Random(seed)
    return [rng.gauss(0.0, size) for _ in TIMES]


def test_a_steady_leak_is_growth() -> None:
    values = [100 + t / 3600 * 12 + n for t, n in zip(TIMES, _noise(1, 1.0), strict=True)]
    found = trend(TIMES, values, NONE)
    assert found is not None
    assert found.grows
    assert found.per_hour == pytest.approx(12, abs=2)


def test_what_fills_up_once_is_no_growth() -> None:
    values = [100 + min(t, 900) / 900 * 40 for t in TIMES]
    found = trend(TIMES, values, NONE)
    assert found is not None
    assert not found.grows
    assert found.per_hour == 0


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_growth(seed: int) -> None:
    found = trend(TIMES, [40 + n for n in _noise(seed, 10.0)], NONE)
    assert found is not None
    assert not found.grows


def test_a_wild_moment_does_not_bend_it() -> None:
    values = [20.0] * 300 + [500.0] * 10 + [20.0] * 50
    found = trend(TIMES, values, NONE)
    assert found is not None
    assert found.per_hour == 0


def test_growth_within_the_allowance_is_none() -> None:
    values = [100 + t / 3600 * 3 for t in TIMES]
    within = trend(TIMES, values, Allowance(2.0, share=0.04))
    above = trend(TIMES, values, Allowance(2.0))
    assert within is not None
    assert above is not None
    assert not within.grows
    assert above.grows


def test_too_few_points_say_nothing() -> None:
    assert trend(TIMES[:14], [1.0] * 14, NONE) is None
