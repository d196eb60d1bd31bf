"""The production engine between virtual people gives the figures of the controller alone on the floor
simulator: the corridor from a decision to a talk costs nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog

from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.outcome import Outcome
from dialer_engine.sim.engine_day import campaign_for, engine_day
from dialer_engine.sim.floor import Amd, Break, CallList, Day, exponential, steady_day
from tools.bench_pacing.corridor import by_engine, by_floor, compare

HOUR_S = 3600.0


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


def short(hours: float = 0.5, agents: int = 5) -> Day:
    return replace(steady_day(agents, 0.3), length_s=hours * HOUR_S)


def test_one_line_for_each_agent_dials_the_same_people_at_the_same_time() -> None:
    # Nothing is random but the persons: the two must agree almost to the call.
    engine, floor = (one(short(), 3, DialMode.PROGRESSIVE) for one in (by_engine, by_floor))
    assert engine.utilization == pytest.approx(floor.utilization, abs=0.01)
    assert engine.attempts == pytest.approx(floor.attempts, rel=0.03)
    assert engine.live == pytest.approx(floor.live, abs=3)
    assert engine.abandonment == floor.abandonment == 0.0
    assert engine.mean_wait_s == pytest.approx(0.0, abs=1e-6)


def test_a_day_repeats_itself() -> None:
    first, again = (by_engine(short(0.2), 1, DialMode.PREDICTIVE) for _ in range(2))
    assert first == again
    assert by_engine(short(0.2), 2, DialMode.PREDICTIVE) != first


def test_breaks_are_kept_and_count_as_away() -> None:
    day = replace(short(), breaks=(Break(600.0, 300.0, 60.0),))
    engine, floor = (one(day, 1, DialMode.PROGRESSIVE) for one in (by_engine, by_floor))
    assert engine.utilization == pytest.approx(floor.utilization, abs=0.02)
    assert engine.attempts == pytest.approx(floor.attempts, rel=0.06)
    assert engine.attempts < by_engine(short(), 1, DialMode.PROGRESSIVE).attempts


def test_a_detector_and_impatient_callers_are_heard() -> None:
    day = replace(
        short(),
        amd=Amd(person_lost=0.2, machine_passed=0.3),
        patience=exponential(0.5),
        answer_rate=0.6,
        max_ringing_per_agent=4.0,
    )
    campaign = replace(campaign_for(day, DialMode.RATIO), ratio=4.0)
    ends = [one.end for one in engine_day(day, 1, campaign).store.attempts.values()]
    told = {end.outcome for end in ends if end is not None}
    assert {Outcome.COMPLETED, Outcome.MACHINE, Outcome.HUNG_UP_EARLY, Outcome.ABANDONED} <= told
    assert all(end is not None for end in ends)


def test_a_day_of_several_lists_is_refused() -> None:
    day = replace(short(), lists=(CallList(0.5, 0.0, 60.0, 120.0),))
    with pytest.raises(BadValue, match="one list"):
        engine_day(day, 1, campaign_for(day))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_corridor_costs_nothing() -> None:
    day = short(2.0, 10)
    pairs = [
        (by_engine(day, seed, DialMode.PREDICTIVE), by_floor(day, seed, DialMode.PREDICTIVE))
        for seed in range(1, 5)
    ]
    rows = {row["figure"]: row for row in compare(pairs)}
    for figure in ("utilization", "abandonment", "mean_wait_s"):
        assert rows[figure]["within"], rows[figure]
    # Not within an interval so wide that anything would be: nobody may lose a point of utilization.
    assert abs(rows["utilization"]["difference"]) < 0.02
    assert abs(rows["abandonment"]["difference"]) < 0.01
