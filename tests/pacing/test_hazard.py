"""Rates by age: levels, curves, priors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.pacing.hazard import Curve, Level, exposed, kernel, lognormal_rate, widths

EDGES = np.append(np.arange(0.0, 60.0, 1.0), np.inf)


def curve(prior: float = 0.1, weight_s: float = 1.0) -> Curve:
    n = len(EDGES) - 1
    return Curve(EDGES, np.full(n, prior), np.full(n, weight_s), 3600.0, np.eye(n))


def test_a_level_finds_the_factor_it_is_shown() -> None:
    level = Level(drift=0.01)
    rng = np.random.default_rng(3)
    for _ in range(400):
        expected = 0.5
        level.update(float(rng.poisson(2.0 * expected)), level.factor * expected, 60.0)
    assert level.factor == pytest.approx(2.0, rel=0.2)
    assert level.variance < 0.05


def test_a_jump_is_followed_within_a_few_dozen_events() -> None:
    level = Level(variance=0.01, drift=0.02)
    rng = np.random.default_rng(5)
    for _ in range(120):
        level.update(float(rng.poisson(0.5 * 2.5)), level.factor * 0.5, 5.0)
    assert level.factor == pytest.approx(2.5, rel=0.3)


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.0, 50.0)), max_size=60))
def test_no_counts_drive_a_level_out_of_its_bounds(counts: list[tuple[int, float]]) -> None:
    level = Level()
    for seen, expected in counts:
        level.update(float(seen), expected, 1.0)
        assert 0.0 < level.variance <= 1.0
        assert math.exp(-7.0) <= level.factor <= math.exp(7.0)


def test_nothing_seen_changes_nothing_but_the_doubt() -> None:
    level = Level(log=0.4, variance=0.1)
    level.update(0.0, 0.0, 3600.0)
    assert level.log == 0.4
    assert level.variance == pytest.approx(0.2)


def test_a_curve_without_data_is_its_prior() -> None:
    assert curve(0.3).rate() == pytest.approx(np.full(60, 0.3))


def test_a_rate_is_events_over_exposure() -> None:
    one = curve(0.1, weight_s=0.001)
    n = len(EDGES) - 1
    events, exposure = np.zeros(n), np.zeros(n)
    events[5], exposure[5] = 40.0, 100.0
    one.see(events, exposure, 1.0)
    assert one.rate()[5] == pytest.approx(0.4, rel=1e-3)
    assert one.rate()[6] == pytest.approx(0.1, rel=1e-3)


def test_what_still_runs_lowers_the_rate() -> None:
    one = curve(0.1, weight_s=10.0)
    one.see(None, np.full(60, 100.0), 1.0)
    assert (one.rate() < 0.02).all()


def test_old_events_are_forgotten_by_halves() -> None:
    one = curve()
    one.see(np.ones(60), np.ones(60), 0.0)
    one.see(None, np.zeros(60), 3600.0)
    assert one.events == pytest.approx(np.full(60, 0.5))


def test_memory_comes_back() -> None:
    one, other = curve(), curve()
    one.see(np.arange(60.0), np.full(60, 7.0), 1.0)
    other.restore(one.memory())
    assert other.rate() == pytest.approx(one.rate(), abs=1e-6)


def test_memory_of_other_bins_is_left_alone() -> None:
    one = curve()
    one.restore({"edges": [0.0, 1.0], "events": [9.0], "exposure": [1.0]})
    assert one.rate() == pytest.approx(np.full(60, 0.1))


@pytest.mark.parametrize(("mean", "cv"), [(10.0, 0.5), (20.0, 0.3), (15.0, 1.2)])
def test_the_lognormal_rate_gives_its_mean_back(mean: float, cv: float) -> None:
    edges = np.append(np.arange(0.0, 400.0, 0.5), np.inf)
    rate = lognormal_rate(edges, mean, cv)
    assert float(exposed(edges, rate, 1.0).sum()) == pytest.approx(mean, rel=0.02)


def test_exposure_of_a_constant_rate_is_its_mean_life() -> None:
    edges = np.append(np.arange(0.0, 300.0, 1.0), np.inf)
    assert float(exposed(edges, np.full(300, 0.1), 5.0).sum()) == pytest.approx(50.0, rel=1e-3)


def test_the_kernel_counts_each_bin_once_for_itself() -> None:
    assert np.diag(kernel(EDGES, 2.0, 0.1)) == pytest.approx(np.ones(60))
    assert (widths(EDGES) == 1.0).all()
