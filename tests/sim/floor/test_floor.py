"""What a pacer sees and may do on the floor."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from dialer_engine.pacing.pacer import FixedRatio, Progressive
from dialer_engine.pacing.snapshot import CallEnd, Marks, Snapshot
from dialer_engine.sim.floor import (
    Absence,
    Amd,
    Break,
    CallList,
    Day,
    Failure,
    Floor,
    Law,
    PartTime,
    TalkKind,
    hard_day,
    run_day,
    steady_day,
)
from dialer_engine.sim.floor import columns as col
from tests.sim.floor.worlds import Scripted

RING = Law(10.0, 0.0, "constant")
TALK = (TalkKind(1.0, Law(60.0, 0.0, "constant")),)
WRAP = Law(20.0, 0.0, "constant")
# Everybody answers after 10 s, talks 60 s, and the wrap-up takes 20 s.
SURE = Day(agents=2, answer_rate=1.0, length_s=3600.0, talks=TALK, wrap=WRAP, ring=RING)


def _later(floor: Floor, seconds: float) -> Snapshot:
    floor.advance(floor.now + seconds)
    return floor.snapshot()


def _told(marks: Marks | None) -> list[int]:
    assert marks is not None
    return [int(mark) for mark in marks]


def test_a_call_rings_is_answered_talks_and_is_wrapped_up() -> None:
    floor = Floor(SURE, 1)
    assert floor.originate(1) == 1

    assert _later(floor, 4.0).ringing == pytest.approx([4.0])
    seen = _later(floor, 9.0)
    assert (seen.idle, seen.live) == (1, 1)
    assert list(seen.talking) == pytest.approx([3.0])
    assert list(floor.news().call_ring_s) == [10.0]
    assert list(_later(floor, 60.0).wrapping) == pytest.approx([3.0])
    assert list(floor.news().talk_s) == [60.0]
    assert _later(floor, 20.0).idle == 2
    assert list(floor.news().wrap_s) == pytest.approx([20.0])


def test_news_are_told_once() -> None:
    floor = Floor(SURE, 1)
    floor.originate(2)
    floor.advance(11.0)
    assert list(floor.news().call_end) == [CallEnd.LIVE, CallEnd.LIVE]
    assert len(floor.news().call_end) == 0


def test_an_answered_call_without_an_agent_waits_and_is_abandoned_at_the_limit() -> None:
    floor = Floor(SURE, 1)
    floor.originate(3)
    assert list(_later(floor, 11.0).waiting) == pytest.approx([1.0])
    assert floor.snapshot().abandoned == 0
    seen = _later(floor, 1.5)
    assert (len(seen.waiting), seen.abandoned, seen.live) == (0, 1, 3)


def test_who_waits_longest_gets_the_first_free_agent() -> None:
    floor = Floor(replace(SURE, agents=1, wait_limit_s=30.0), 1)
    floor.originate(1)
    floor.advance(75.0)
    floor.originate(1)
    floor.advance(76.0)
    floor.originate(1)
    assert list(_later(floor, 12.0).waiting) == pytest.approx([3.0, 2.0])
    seen = _later(floor, 3.0)  # at 90 s the agent is free
    assert list(seen.waiting) == pytest.approx([5.0])
    assert floor.counts().wait_s == pytest.approx(5.0)


def test_the_agent_who_is_idle_longest_gets_the_call() -> None:
    floor = Floor(replace(SURE, agents=3, arrive_within_s=300.0), 1)
    floor.advance(300.0)
    first = int(np.argmin(floor._arrivals))
    floor.originate(1)
    floor.advance(311.0)
    assert floor._world.agent_links[col.AGENT_0 + first, 2] == col.TALKING


def test_callers_may_hang_up_before_the_limit() -> None:
    floor = Floor(replace(SURE, agents=1, patience=Law(0.5, 0.0, "constant")), 1)
    floor.originate(3)
    floor.advance(11.0)
    assert list(floor.news().patience_s) == [0.5, 0.5]
    assert (floor.counts().abandoned, floor.counts().hung_up) == (2, 2)


def test_lines_are_limited_by_agents_and_trunks() -> None:
    assert Floor(SURE, 1).originate(1000) == 24
    assert Floor(replace(SURE, trunks=5), 1).originate(1000) == 5
    assert Floor(replace(SURE, arrive_within_s=300.0), 1).originate(10) == 0


def test_a_talk_keeps_its_trunk() -> None:
    floor = Floor(replace(SURE, trunks=2), 1)
    floor.originate(1)
    assert _later(floor, 15.0).room == 1
    assert floor.originate(5) == 1


def test_many_lines_fit() -> None:
    floor = Floor(replace(SURE, agents=3, max_ringing_per_agent=2000.0, wait_limit_s=100.0), 1)
    assert floor.originate(6000) == 6000
    seen = _later(floor, 11.0)
    assert (len(seen.waiting), len(seen.talking)) == (5997, 3)
    assert len(floor.news().call_end) == 6000


def test_cancelled_calls_end_at_once_and_the_early_ones_are_counted() -> None:
    floor = Floor(replace(SURE, ring=Law(20.0, 0.0, "constant")), 1)
    floor.originate(2)
    floor.advance(16.0)
    floor.originate(3)
    floor.advance(17.0)
    floor.news()
    floor.cancel((4, 0))
    assert list(floor.snapshot().ringing) == pytest.approx([17.0, 1.0, 1.0])
    news = floor.news()
    assert list(news.call_end) == [CallEnd.CANCELLED] * 2
    assert list(news.call_ring_s) == pytest.approx([17.0, 1.0])
    assert (floor.counts().cancelled, floor.counts().early) == (2, 1)
    floor.advance(100.0)
    assert floor.counts().live == 3


def test_a_place_that_is_not_there_cannot_be_cancelled() -> None:
    floor = Floor(SURE, 1)
    floor.originate(2)
    for places in ((2,), (-1,)):
        with pytest.raises(IndexError):
            floor.cancel(places)
    assert len(floor.snapshot().ringing) == 2


def test_an_agent_finishes_the_talk_before_the_break() -> None:
    day = replace(SURE, agents=1, breaks=(Break(30.0, 100.0),))
    floor = Floor(day, 1)
    floor.originate(1)
    assert len(_later(floor, 85.0).wrapping) == 1
    seen = _later(floor, 6.0)  # the wrap-up ended at 90 s
    assert (seen.away, seen.idle, floor.news().left) == (1, 0, 1)
    assert _later(floor, 98.0).away == 1
    assert _later(floor, 2.0).idle == 1  # a full break
    assert floor.series()[0, col.AWAY] == pytest.approx(100.0)


def test_a_break_may_end_as_planned() -> None:
    day = replace(SURE, agents=1, breaks=(Break(30.0, 100.0),), breaks_end="schedule")
    floor = Floor(day, 1)
    floor.originate(1)
    floor.advance(140.0)
    assert floor.series()[0, col.AWAY] == pytest.approx(40.0)


def test_an_absence_is_not_begun_after_its_end() -> None:
    floor = Floor(replace(SURE, agents=1, absences=(Absence(1.0, 30.0, 80.0),)), 1)
    floor.originate(1)
    floor.advance(3600.0)
    assert floor.counts().left == 0


def test_a_share_of_the_agents_is_absent() -> None:
    floor = Floor(replace(SURE, agents=10, absences=(Absence(0.4, 30.0, 80.0),)), 1)
    assert [_later(floor, 31.0).away, _later(floor, 50.0).away] == [4, 0]


def test_part_timers_come_and_go() -> None:
    floor = Floor(replace(SURE, agents=10, part_time=(PartTime(0.3, 1000.0, 2000.0, 10.0),)), 1)
    assert [_later(floor, at).idle for at in (500.0, 1000.0, 1000.0)] == [7, 10, 7]
    assert floor.snapshot().away == 0


def test_congestion_fails_the_calls_dialled_in_it() -> None:
    floor = Floor(replace(SURE, outages=((100.0, 200.0),)), 1)
    floor.advance(150.0)
    floor.originate(1)
    floor.advance(151.0)
    news = floor.news()
    assert (list(news.call_end), list(news.call_ring_s)) == ([CallEnd.CONGESTION], [0.3])


def test_lists_are_told_before_and_while_their_calls_ring() -> None:
    floor = Floor(replace(SURE, lists=(CallList(0.5, 100.0, 200.0, 200.0),)), 1)
    assert floor.snapshot().next_list == 0
    floor.advance(95.0)
    floor.originate(1)
    floor.advance(100.0)
    assert floor.snapshot().next_list == 1
    floor.originate(1)
    assert _told(floor.snapshot().ringing_list) == [0, 1]
    floor.advance(126.0)
    assert _told(floor.news().call_list) == [0, 1]


@pytest.mark.parametrize(
    ("lost", "live", "told"), [(1.0, 0, CallEnd.MACHINE), (0.0, 1, CallEnd.LIVE)]
)
def test_amd_listens_and_may_lose_a_person(lost: float, live: int, told: CallEnd) -> None:
    amd = Amd(Law(3.0, 0.0, "constant"), person_lost=lost)
    floor = Floor(replace(SURE, amd=amd), 1)
    floor.originate(1)
    assert list(_later(floor, 11.0).classifying) == pytest.approx([1.0])
    assert len(floor.news().call_end) == 0
    floor.advance(14.0)
    news = floor.news()
    assert (list(news.call_end), list(news.amd_s), list(news.call_ring_s)) == (
        [told],
        [3.0],
        [10.0],
    )
    assert (floor.counts().live, floor.counts().people_lost) == (live, 1 - live)


def test_a_machine_that_passes_costs_a_short_talk() -> None:
    amd = Amd(Law(3.0), machine_passed=1.0, machine_talk=Law(8.0, 0.0, "constant"))
    machines = (Failure(1.0, CallEnd.MACHINE, RING),)
    floor = Floor(replace(SURE, answer_rate=0.0, failures=machines, amd=amd), 1)
    floor.originate(1)
    floor.advance(60.0)
    assert list(floor.news().talk_s) == pytest.approx([8.0])
    assert (floor.counts().live, floor.counts().machines_passed) == (1, 1)


def test_groups_are_told_where_there_are_some() -> None:
    floor = Floor(replace(SURE, talks=(TalkKind(1.0, TALK[0].law, 3),)), 1)
    floor.originate(1)
    assert _told(_later(floor, 15.0).talking_group) == [3]
    floor.advance(100.0)
    news = floor.news()
    assert (_told(news.talk_group), _told(news.wrap_group)) == ([3], [3])


def test_after_the_end_nothing_is_dialled_and_calls_in_flight_are_counted() -> None:
    day = replace(SURE, length_s=600.0)
    asked = Scripted(lambda seen: 3 if seen.at >= 595.0 and not len(seen.ringing) else 0)
    result = run_day(day, asked, 1)
    assert (result.attempts, result.live, result.abandoned) == (3, 3, 1)
    assert result.utilization == 0.0  # the talks began after the end of the day
    floor = Floor(day, 1)
    floor.advance(600.0)
    assert floor.originate(1) == 0


def test_a_seed_gives_one_day_and_another_gives_another() -> None:
    day = replace(hard_day(5, 0.4), length_s=2 * 3600.0)
    one, same, other = (run_day(day, FixedRatio(2.0), seed) for seed in (1, 1, 2))
    assert np.array_equal(one.series, same.series)
    assert (one.mean_wait_s, one.attempts) == (same.mean_wait_s, same.attempts)
    assert not np.array_equal(one.series, other.series)


def test_the_same_calls_meet_every_policy() -> None:
    """Call k rings as long and ends in the same way, whenever it is dialled."""
    at_once, one_by_one = Floor(steady_day(10, 0.3), 7), Floor(steady_day(10, 0.3), 7)
    at_once.originate(60)
    at_once.advance(30.0)
    for _ in range(60):
        one_by_one.originate(1)
        one_by_one.advance(one_by_one.now + 30.0)
    fates = [
        sorted(zip(news.call_end, news.call_ring_s, strict=True))
        for news in (at_once.news(), one_by_one.news())
    ]
    assert [end for end, _ in fates[0]] == [end for end, _ in fates[1]]
    assert [ring for _, ring in fates[0]] == pytest.approx([ring for _, ring in fates[1]])


def test_a_policy_may_have_its_own_tick_and_a_day_may_be_traced() -> None:
    pacer = Progressive()
    pacer.tick_s = 2.5  # type: ignore[attr-defined]
    result = run_day(replace(SURE, length_s=100.0), pacer, 1, trace_every=4)
    assert result.decisions == 40
    assert result.trace[:, 0] == pytest.approx(np.arange(10) * 10.0)


def test_the_share_of_each_half_hour_makes_the_day() -> None:
    result = run_day(steady_day(5, 0.3), FixedRatio(2.0), 3)
    parts = result.half_hours()
    assert len(parts["utilization"]) == 16
    assert float(np.mean(parts["utilization"])) == pytest.approx(result.utilization)
    assert int(parts["live"].sum()) == result.live


def test_plain_python_and_compiled_code_tell_the_same_story() -> None:
    story = (
        "from dataclasses import replace\n"
        "from dialer_engine.pacing.pacer import FixedRatio\n"
        "from dialer_engine.sim.floor import Amd, hard_day, run_day, jit\n"
        "day = replace(hard_day(6, 0.5), amd=Amd(), length_s=1800.0)\n"
        "result = run_day(day, FixedRatio(3.0), 5)\n"
        "print(jit.COMPILED, result.attempts, result.live, result.abandoned, result.utilization)\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", story],
            env={**os.environ, "FLOOR_JIT": jit},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for jit in ("0", "1")
    ]
    assert said[0][0] == "False"
    assert said[0][1:4] == said[1][1:4]
    assert math.isclose(float(said[0][4]), float(said[1][4]), rel_tol=1e-9)
