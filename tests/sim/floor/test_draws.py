"""What chance gives: the laws, the hash, the roster, the curves."""

from __future__ import annotations

import numpy as np
import pytest

from dialer_engine.pacing.snapshot import CallEnd
from dialer_engine.sim.floor import Law, bimodal, draws, exponential, hard_day, steady_day
from dialer_engine.sim.floor import columns as col
from dialer_engine.sim.floor._roster import roster
from dialer_engine.sim.floor._world import factor_at
from dialer_engine.sim.floor.scenario import HOUR_S, Day, value_at

MANY = 200_000


def test_numbers_are_uniform_and_streams_have_nothing_to_do_with_each_other() -> None:
    one, other = (draws.uniforms(1, stream, 0, MANY) for stream in (0, 1))
    assert one.min() > 0.0
    assert one.max() < 1.0
    counts = np.histogram(one, bins=100)[0]
    assert (
        float(((counts - MANY / 100) ** 2 / (MANY / 100)).sum()) < 160.0
    )  # chi-square, 99 degrees
    for pair in ((one, other), (one[1:], one[:-1]), (one, draws.uniforms(2, 0, 0, MANY))):
        assert abs(float(np.corrcoef(*pair)[0, 1])) < 0.01


@pytest.mark.parametrize("law", [Law(120.0, 0.9), Law(10.0, 0.5), exponential(7.0)])
def test_a_law_has_its_mean_and_spread(law: Law) -> None:
    drawn = draws.durations(law, 1, 0, 0, MANY)
    assert float(drawn.mean()) == pytest.approx(law.mean, rel=0.02)
    assert float(drawn.std() / drawn.mean()) == pytest.approx(law.cv, rel=0.05)


def test_a_call_is_the_same_in_whatever_block_it_is_drawn() -> None:
    day = hard_day(5, 0.3)
    whole = draws.calls(day, 9, 0, 300)
    parts = np.vstack([draws.calls(day, 9, start, 100) for start in (0, 100, 200)])
    assert np.array_equal(whole, parts)


def test_calls_that_fail_do_so_in_the_shares_of_the_issue() -> None:
    drawn = draws.calls(steady_day(1, 0.3), 1, 0, MANY)
    ends = np.bincount(drawn[:, col.D_FAILED_END].astype(int), minlength=7) / MANY
    shares = {
        CallEnd.MACHINE: 0.45,
        CallEnd.NO_ANSWER: 0.35,
        CallEnd.BUSY: 0.1,
        CallEnd.INVALID: 0.1,
    }
    assert {end: ends[end] for end in shares} == pytest.approx(shares, abs=0.005)


def test_answers_come_before_the_time_out_and_not_at_it() -> None:
    drawn = draws.calls(steady_day(1, 0.3), 1, 0, MANY)
    assert float(drawn[:, col.D_RING].max()) < 25.0
    clipped = draws.calls(Day(late_answers="clip"), 1, 0, MANY)[:, col.D_RING]
    # A lognormal of mean 10, cv 0.5 is beyond 25 with probability 0.0147.
    assert float((clipped == 25.0).mean()) == pytest.approx(0.0147, abs=0.001)


def test_short_and_long_talks_keep_the_mean() -> None:
    talks = draws.calls(bimodal(steady_day(1, 0.3), 0.6), 1, 0, MANY)[:, col.D_TALK]
    assert float(talks.mean()) == pytest.approx(120.0, rel=0.02)
    assert float(np.median(talks)) < 40.0


def test_agents_arrive_and_leave_as_the_hard_day_says() -> None:
    arrive, plan = roster(hard_day(1000, 0.3), 1)
    assert arrive.min() > 0.0
    assert arrive.max() < 300.0
    starts = plan[:, :, col.P_AT]
    assert np.all(np.diff(np.where(np.isfinite(starts), starts, 1e9), axis=1) >= 0.0)
    assert int((starts == 3.10 * HOUR_S).sum()) == 400
    lunches = starts[plan[:, :, col.P_FOR] == 1800.0] / HOUR_S
    assert len(lunches) == 1000
    assert lunches.min() > 3.8
    assert lunches.max() < 4.6


def test_the_answer_rate_of_the_hard_day() -> None:
    day = hard_day(10, 0.5)
    hours = {0.0: 0.8, 0.75: 0.9, 1.5: 0.6, 2.49: 0.6, 2.5: 1.3, 3.6: 1.265, 5.49: 0.6035}
    hours |= {5.5: 1.0, 6.5: 1.0, 7.5: 0.7, 8.0: 0.55}
    rates = {hour: day.rate_at(hour * HOUR_S, 0) for hour in hours}
    assert rates == pytest.approx({hour: 0.5 * factor for hour, factor in hours.items()})
    assert day.rate_at(0.0, 1) == pytest.approx(0.2)
    assert [day.list_at(hour * HOUR_S) for hour in (1.2, 1.3, 1.99, 2.0, 7.5)] == [0, 1, 1, 0, 1]
    assert [day.outage_at(hour * HOUR_S) for hour in (5.79, 5.8, 5.85)] == [False, True, False]


@pytest.mark.parametrize("at", [-1.0, 0.0, 4 * HOUR_S - 1, 4 * HOUR_S, 5e4, 6 * HOUR_S])
def test_both_readers_of_a_curve_agree(at: float) -> None:
    for curve in (hard_day(1, 0.3).talk_curve, hard_day(1, 0.3).rate_curve, ((0.0, 2.0),)):
        assert factor_at(np.array(curve), at) == pytest.approx(value_at(curve, at))
