"""How long agents still need."""

from __future__ import annotations

import numpy as np
import pytest

from dialer_engine.pacing.spells import SpellPrior, Spells, free_by, talks, wrap_ups

NONE = np.zeros(0)


def learn(spells: Spells, mean: float, seconds: float = 40_000.0, group: int | None = None) -> None:
    """Five agents whose spells follow each other, exponential with this mean."""
    rng = np.random.default_rng(7)
    ends = rng.exponential(mean, 5)
    ages = np.zeros(5)
    marks = None if group is None else np.full(5, group)
    for _ in range(int(seconds)):
        ages = ages + 1.0
        over = ages >= ends
        ended = ends[over]
        ages[over] = 0.0
        ends[over] = rng.exponential(mean, int(over.sum()))
        spells.see(ages, marks, ended, None if group is None else np.full(len(ended), group), 1.0)
    spells.refresh()


def test_the_prior_holds_before_anything_was_seen() -> None:
    assert talks(SpellPrior(90.0, 0.5)).mean_s() == pytest.approx(90.0, rel=0.05)


def test_the_mean_is_learned() -> None:
    # Without drift: what is tested is the mean, not how quickly it is forgotten.
    spells = talks()
    spells.drift = 0.001
    learn(spells, 60.0, 20_000.0)
    assert spells.mean_s() == pytest.approx(60.0, rel=0.12)


def test_a_group_with_longer_talks_has_a_level_of_its_own() -> None:
    spells = talks()
    learn(spells, 60.0, 15_000.0, group=0)
    learn(spells, 240.0, 15_000.0, group=1)
    assert spells.mean_s(1) > 1.8 * spells.mean_s(0)


def test_free_soon_grows_with_the_horizon() -> None:
    talk, wrap = free_by(talks(), wrap_ups(), np.array([2.0, 6.0, 12.0, 27.0]))
    for table in (talk, wrap):
        assert (np.diff(table, axis=1) >= -1e-9).all()
        assert ((table >= 0.0) & (table <= 1.0)).all()


def test_who_wraps_up_is_free_before_who_talks() -> None:
    talk, wrap = free_by(talks(), wrap_ups(), np.array([10.0]))
    assert wrap[5, 0] > talk[5, 0]


def test_memory_comes_back() -> None:
    spells, other = talks(), talks()
    learn(spells, 60.0, 5_000.0)
    other.restore(spells.memory())
    assert other.mean_s() == pytest.approx(spells.mean_s(), rel=1e-3)
