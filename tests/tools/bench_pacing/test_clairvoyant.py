"""The clairvoyant's chances against what is known, and a day of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from dialer_engine.sim.floor import Day, Law, TalkKind, exponential, steady_day
from tools.bench_pacing.clairvoyant import Outlook, clairvoyant_day, fewer_than, survival


def test_fewer_than_is_binomial_when_all_chances_are_one() -> None:
    chances = [0.3] * 7
    for needed in range(1, 8):
        whole = sum(math.comb(7, k) * 0.3**k * 0.7 ** (7 - k) for k in range(needed))
        assert fewer_than(needed, chances) == pytest.approx(whole)


def test_fewer_than_at_its_ends() -> None:
    assert fewer_than(0, [0.5]) == 0.0
    assert fewer_than(2, [0.9]) == 1.0
    assert fewer_than(1, []) == 1.0


@pytest.mark.parametrize("law", [Law(120.0, 0.9), exponential(120.0), Law(120.0, 0.0, "constant")])
def test_the_mean_is_the_area_under_the_survival(law: Law) -> None:
    at = np.arange(0.0, 6000.0, 0.25)
    assert survival(law, at).sum() * 0.25 == pytest.approx(120.0, rel=0.01)


def test_exponential_talks_forget_their_age() -> None:
    day = Day(talks=(TalkKind(1.0, exponential(100.0)),), wrap=Law(0.0))
    view = Outlook(day, 30.0)
    chances = view.free_within(view.talking, np.array([0.0, 50.0, 400.0]), 20.0, 1.0)
    assert chances == pytest.approx([1 - math.exp(-0.2)] * 3, abs=0.005)


def test_talk_and_wrap_up_come_one_after_the_other() -> None:
    day = Day(talks=(TalkKind(1.0, exponential(100.0)),), wrap=exponential(20.0))
    view = Outlook(day, 30.0)
    # Of the sum of two exponentials: 1 - (100 e^-h/100 - 20 e^-h/20) / 80
    expected = 1 - (100 * math.exp(-0.2) - 20 * math.exp(-1.0)) / 80
    found = view.free_within(view.talking, np.array([60.0]), 20.0, 1.0)
    assert found == pytest.approx([expected], abs=0.01)
    wrapping = view.free_within(view.wrapping, np.array([6.0]), 20.0, 1.0)
    assert wrapping == pytest.approx([1 - math.exp(-1.0)], abs=0.01)


def test_a_day_is_far_above_one_to_one_and_near_the_target() -> None:
    day = replace(steady_day(10, 0.3), length_s=3600.0)
    result = clairvoyant_day(day, 1, 0.03, trace_every=240)
    assert result.utilization > 0.90  # 1:1 has 0.74
    assert result.abandonment < 0.06  # of some 230 answers
    assert len(result.trace) == 60
