"""OMniDialer's gain, its expected agents and its ticks, by hand."""

from __future__ import annotations

import math

import pytest

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import CallEnd, News, Snapshot
from dialer_engine.sim.rivals.omnidialer import OmniDialer, expected_free, gain

SETTINGS = PacingSettings()


@pytest.mark.parametrize(
    ("drops", "factor"), [(0.0, 1.5), (0.015, 1.5), (0.0225, 0.85), (0.03, 0.2), (0.5, 0.2)]
)
def test_gain(drops: float, factor: float) -> None:
    assert gain(drops, 0.03, 1.5) == pytest.approx(factor)


def test_expected() -> None:
    # mu = 100: at 60 s, 1 - exp(-20/40); beyond the mean, 1 - exp(-20).
    assert expected_free((60.0, 150.0), 100.0) == pytest.approx(2 - math.exp(-0.5) - math.exp(-20))
    assert expected_free((), 100.0) == 0.0


def warm(hit_rate: float) -> OmniDialer:
    pacer = OmniDialer(SETTINGS)
    pacer.hit_rate = hit_rate
    pacer._counted = (50, 0)
    return pacer


def test_fifty_answers_of_one_to_one() -> None:
    pacer = OmniDialer(SETTINGS)
    pacer.hit_rate = 0.2
    assert pacer.decide(Snapshot(0.0, 4, ringing=(1.0,), live=49)).originate == 3


def test_lines() -> None:
    pacer = warm(0.2)
    # (4 + 0 - 6 * 0.2) / 0.2 = 14
    assert pacer.decide(Snapshot(0.0, 4, ringing=(1.0,) * 6, live=50)).originate == 14
    assert pacer.decide(Snapshot(0.75, 4, live=50)).originate == 0  # each second


def test_the_hit_rate_forgets_and_has_a_floor() -> None:
    pacer = warm(0.5)
    pacer.learn(News(call_end=(CallEnd.LIVE, CallEnd.MACHINE), call_ring_s=(9.0, 9.0)))
    assert pacer.hit_rate == pytest.approx((0.5 * 0.9 + 0.1) * 0.9)
    pacer.hit_rate = 0.01
    assert pacer.decide(Snapshot(0.0, 2, live=50)).originate == 24  # 40 by the floor; 12 an agent


def test_one_drop_means_one_to_one_after_five_ticks_until_enough_connects() -> None:
    pacer = warm(0.5)
    pacer.decide(Snapshot(0.0, 0, talking=(1.0,), live=51, abandoned=1))
    assert pacer.drop_rate == pytest.approx(0.1)
    for tick in range(1, 4):
        pacer.decide(Snapshot(tick, 0, talking=(1.0,), live=51, abandoned=1))
        assert not pacer.careful
    pacer.decide(Snapshot(4.0, 0, talking=(1.0,), live=51, abandoned=1))
    assert pacer.careful
    # 0.1 * 0.9 ** 13 = 0.0254, ** 14 = 0.0229
    pacer.decide(Snapshot(5.0, 0, talking=(1.0,), live=64, abandoned=1))
    assert pacer.careful
    pacer.decide(Snapshot(6.0, 0, talking=(1.0,), live=65, abandoned=1))
    assert not pacer.careful
