"""Issabel's predictor, by hand."""

from __future__ import annotations

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import CallEnd, News, Snapshot
from dialer_engine.sim.rivals.issabel import Issabel

SETTINGS = PacingSettings()


def history(live: int, other: int, talks: int = 0) -> News:
    """Answers after 12 s, talks of 100 s."""
    ends = (CallEnd.LIVE,) * live + (CallEnd.NO_ANSWER,) * other
    return News(call_end=ends, call_ring_s=(12.0,) * (live + other), talk_s=(100.0,) * talks)


def test_without_overcommit_a_line_for_each_free_agent() -> None:
    pacer = Issabel(SETTINGS, overcommit=False)
    assert pacer.decide(Snapshot(0.0, 4, ringing=(1.0,))).originate == 3
    assert pacer.decide(Snapshot(4.75, 4)).originate == 0  # each 5 s
    assert pacer.decide(Snapshot(5.0, 4, waiting=(1.0, 1.0))).originate == 2


def test_an_agent_counts_after_three_and_a_half_mean_talks() -> None:
    pacer = Issabel(SETTINGS, overcommit=False)
    pacer.learn(history(live=20, other=0, talks=10))
    # a = 12 + 8; mu = 100; t + 20 >= 100 * 3.5066
    talking = (330.0, 330.7, 900.0)
    assert pacer.decide(Snapshot(0.0, 0, talking=talking)).originate == 2


def test_nine_talks_are_too_few() -> None:
    pacer = Issabel(SETTINGS, overcommit=False)
    pacer.learn(history(live=20, other=0, talks=9))
    assert pacer.decide(Snapshot(0.0, 0, talking=(900.0,))).originate == 0


def test_overcommit_divides_by_the_answer_rate() -> None:
    pacer = Issabel(SETTINGS)
    pacer.learn(history(live=4, other=6))
    # (3 - 1) / 0.4 = 5
    assert pacer.decide(Snapshot(0.0, 3, ringing=(1.0,))).originate == 5


def test_overcommit_is_five_lines_at_most() -> None:
    pacer = Issabel(SETTINGS)
    pacer.learn(history(live=1, other=99))
    assert pacer.decide(Snapshot(0.0, 3)).originate == 15


def test_calls_of_more_than_half_an_hour_ago_are_forgotten() -> None:
    pacer = Issabel(SETTINGS)
    pacer.learn(history(live=4, other=6))
    for tick in range(360):
        pacer.decide(Snapshot(5.0 * tick, 0, talking=(1.0,)))
    pacer.learn(history(live=5, other=5))
    assert pacer.decide(Snapshot(1800.0, 3)).originate == 6
