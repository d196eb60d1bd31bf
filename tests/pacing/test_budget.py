"""The price of an abandoned call."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.pacing.budget import Budget


def run(budget: Budget, scale: float, answers: int = 3000, seed: int = 1) -> float:
    """A day of ten answers a minute, each lost with chance price * scale: the share lost."""
    rng = np.random.default_rng(seed)
    lost = 0
    for n in range(answers):
        lost += rng.random() < min(1.0, budget.price() * scale)
        budget.observe(6.0 * (n + 1), n + 1, lost, 6.0 * (answers - n - 1))
    return lost / answers


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("target", [0.01, 0.03, 0.05])
def test_the_day_ends_at_its_target_whatever_the_chance_is_worth(
    scale: float, target: float
) -> None:
    shares = [run(Budget(target), scale, seed=seed) for seed in range(8)]
    assert max(shares) <= 1.04 * target
    assert np.mean(shares) > 0.85 * target


def test_no_target_no_price() -> None:
    budget = Budget(0.0)
    budget.observe(1.0, 10, 0, None)
    assert budget.price() == 0.0


def test_one_unlucky_call_is_no_cliff() -> None:
    budget = Budget(0.03)
    for n in range(1000):
        budget.observe(6.0 * n, n, round(0.03 * n), 14_400.0)
    before = budget.price()
    budget.observe(6000.0, 1000, 31, 14_400.0)
    assert 0.5 * before < budget.price() < before


def test_a_debt_lowers_the_price_and_a_credit_raises_it_a_little() -> None:
    prices = []
    for lost in (0, 30, 60):
        budget = Budget(0.03)
        for n in range(1, 1001):
            budget.observe(6.0 * n, n, lost * n // 1000, 14_400.0)
        prices.append(budget.price())
    assert prices[0] > prices[1] > prices[2]
    assert prices[0] < 6.0 * prices[1]


def test_a_new_day_begins_without_the_old_ones_debt() -> None:
    budget = Budget(0.03)
    budget.observe(0.0, 500, 40, 10.0)
    budget.observe(1.0, 2, 0, 28_800.0)
    assert budget.debt == pytest.approx(-0.06)


def test_a_restart_in_the_middle_counts_nothing_twice() -> None:
    budget = Budget(0.03)
    budget.observe(100.0, 900, 20, 14_000.0)
    assert budget.debt == pytest.approx(-7.0)
    assert budget.grip < 5.0


def test_memory_comes_back() -> None:
    one, other = Budget(0.03), Budget(0.03)
    run(one, 3.0)
    other.restore(one.memory())
    assert other.base == one.base


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0, 100)), max_size=80))
def test_the_price_is_always_a_price(steps: list[tuple[int, int, float]]) -> None:
    budget = Budget(0.03)
    at, live, lost = 0.0, 0, 0
    for served, gone, dt in steps:
        at, live, lost = at + dt, live + served + gone, lost + gone
        budget.observe(at, live, lost, max(0.0, 5000.0 - at))
        assert 0.0 < budget.price() <= 2.0
