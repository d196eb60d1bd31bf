"""The law of answers against free agents, beside brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dialer_engine.pacing.chance import Exact, Load, Moments, Tables

Array = NDArray[np.float64]


def poisson_binomial(chances: list[float]) -> Array:
    """By adding one event after the other."""
    law = np.array([1.0])
    for chance in chances:
        law = np.convolve(law, [1.0 - chance, chance])
    return law


def loss(answers: list[float], frees: list[float], waiting: int, idle: int) -> float:
    """P(A + waiting - F >= idle), by summing over all pairs."""
    law_a, law_f = poisson_binomial(answers), poisson_binomial(frees)
    return float(
        sum(
            pa * pf
            for a, pa in enumerate(law_a)
            for f, pf in enumerate(law_f)
            if a + waiting - f >= idle
        )
    )


def tables(
    answer: list[float], talk: list[float], wrap: list[float], fresh: float, doubt: float = 0.0
) -> Tables:
    """One horizon; one age bin for each chance."""
    return Tables(
        answer={0: np.array(answer)[:, None]},
        fresh=np.array([fresh]),
        talk={0: np.array(talk)[:, None]},
        wrap={0: np.array(wrap)[:, None]},
        doubt=doubt,
    )


def load(rings: list[int], talks: list[int], wraps: list[int], waiting: int, idle: int) -> Load:
    return Load(
        {0: np.array(rings, float)},
        {0: np.array(talks, float)},
        {0: np.array(wraps, float)},
        waiting,
        idle,
    )


chances = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2)
counts = st.lists(st.integers(0, 3), min_size=2, max_size=2)


@settings(max_examples=60)
@given(
    chances, chances, chances, counts, counts, counts, st.integers(0, 2), st.integers(0, 4),
    st.floats(0.0, 1.0), st.integers(0, 3),
)  # fmt: skip
def test_the_exact_law_is_the_sum_over_all_cases(
    answer: list[float], talk: list[float], wrap: list[float], rings: list[int], talks: list[int], wraps: list[int],
    waiting: int, idle: int, fresh: float, more: int,
) -> None:  # fmt: skip
    law = Exact(tables(answer, talk, wrap, fresh), 64).at(load(rings, talks, wraps, waiting, idle))
    lost = law.losses(np.array([more]))
    answers = [q for q, n in zip(answer, rings, strict=True) for _ in range(n)] + [fresh] * more
    frees = [q for part, number in ((talk, talks), (wrap, wraps))
             for q, n in zip(part, number, strict=True) for _ in range(n)]  # fmt: skip
    assert lost[0] == pytest.approx(loss(answers, frees, waiting, idle), abs=1e-6)


def test_more_calls_never_lower_the_chance_of_a_loss() -> None:
    law = Exact(tables([0.3, 0.1], [0.2, 0.1], [0.5, 0.9], 0.2), 64).at(
        load([3, 2], [4, 1], [1, 0], 0, 2)
    )
    assert (np.diff(law.losses(np.arange(12))) >= -1e-9).all()


@pytest.mark.parametrize("doubt", [0.0, 0.05])
def test_the_moments_come_near_the_exact_law_on_a_large_floor(doubt: float) -> None:
    given_tables = tables([0.2, 0.05], [0.1, 0.05], [0.6, 0.9], 0.1, doubt)
    loads = load([30, 40], [50, 40], [6, 3], 1, 5)
    more = np.array([0, 5, 10, 20])
    exact = Exact(given_tables, 128).at(loads).losses(more)
    near = Moments(given_tables).at(loads).losses(more)
    assert near == pytest.approx(exact, abs=0.004)


def test_doubt_about_the_answer_rate_widens_the_law() -> None:
    loads = load([20], [0], [0], 0, 6)
    sure = Exact(tables([0.15], [0.0], [0.0], 0.1), 64).at(loads).losses(np.array([0]))
    unsure = Exact(tables([0.15], [0.0], [0.0], 0.1, 0.3), 64).at(loads).losses(np.array([0]))
    assert unsure[0] > sure[0]
