"""Webitel's ratio, by hand."""

from __future__ import annotations

import pytest

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import CallEnd, News, Snapshot
from dialer_engine.sim.rivals.webitel import Webitel, overdial


@pytest.mark.parametrize(
    ("hits", "current", "target", "over"),
    [
        (0.25, 1.0, 3.0, 4.8),  # 4 * (1 + 2 * 0.1)
        (0.25, 3.0, 3.0, 1.0),
        (0.25, 2.0, 2.0, 4.396),  # a distance of 0 counts as 0.99
        (0.25, 2.0, 1.0, 4 / 3 * 1.1),  # 4 * (3 - 2) / 3 * 1.1
        (0.0, 0.0, 3.0, 1.0),
    ],
)
def test_over(hits: float, current: float, target: float, over: float) -> None:
    assert overdial(hits, current, target, 3.0, 10.0) == pytest.approx(over)


def test_the_ratio_is_reviewed_each_half_minute() -> None:
    pacer = Webitel(PacingSettings())
    pacer.learn(
        News(call_end=(CallEnd.LIVE,) * 25 + (CallEnd.BUSY,) * 75, call_ring_s=(9.0,) * 100)
    )
    # hit rate 1/4, 1 % abandoned: 4.8 lines for each of 5 idle agents
    first = Snapshot(0.0, 5, ringing=(1.0,) * 4, live=100, abandoned=1)
    assert pacer.decide(first).originate == 20
    worse = Snapshot(29.75, 5, ringing=(1.0,) * 4, live=200, abandoned=50)
    assert pacer.decide(worse).originate == 20
    assert pacer.decide(Snapshot(30.0, 5, ringing=(), live=200, abandoned=50)).originate == 5


def test_abandonment_of_more_than_an_hour_ago_is_forgotten() -> None:
    pacer = Webitel(PacingSettings())
    pacer.decide(Snapshot(0.0, 5, live=100, abandoned=50))
    assert pacer.over == 1.0
    for review in range(1, 121):
        if review == 120:
            pacer.learn(News(call_end=(CallEnd.LIVE, CallEnd.BUSY), call_ring_s=(9.0, 3.0)))
        pacer.decide(Snapshot(30.0 * review, 5, live=200, abandoned=50))
    assert pacer.over == pytest.approx(2 * 1.3)
