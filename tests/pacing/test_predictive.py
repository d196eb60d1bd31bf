"""The controller, asked about single moments."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer_engine.pacing.predictive import Predictive
from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import CallEnd, News, Snapshot

DAY = 28_800.0


def pacer(**changes: float) -> Predictive:
    return Predictive(replace(PacingSettings(), **changes))


def calm(idle: int = 1, at: float = 0.0, **changes: object) -> Snapshot:
    """Ten agents, most of whom talk."""
    base = Snapshot(
        at=at, idle=idle, talking=tuple(60.0 + 5.0 * n for n in range(10 - idle)), period_left_s=DAY
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_nobody_at_work_no_calls_and_what_rings_is_stopped() -> None:
    decision = pacer().decide(Snapshot(at=0.0, idle=0, ringing=(3.0, 9.0)))
    assert decision.originate == 0
    assert decision.cancel == (0, 1)


def test_an_idle_agent_gets_at_least_one_call() -> None:
    assert pacer().decide(calm()).originate >= 1


def test_more_idle_agents_more_calls() -> None:
    few = pacer().decide(calm(2)).originate
    many = pacer().decide(calm(8)).originate
    # Surprises even out: four times the agents bear more than four times the lines.
    assert many > 4 * few


def test_calls_in_flight_are_counted() -> None:
    free = pacer().decide(calm(5)).originate
    busy = pacer().decide(calm(5, ringing=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0))).originate
    assert busy < free


def test_an_agent_about_to_be_free_is_dialled_for() -> None:
    none = pacer().decide(Snapshot(at=0.0, idle=0, talking=(1.0,) * 10, period_left_s=DAY))
    soon = pacer().decide(
        Snapshot(at=0.0, idle=0, talking=(1.0,) * 4, wrapping=(40.0,) * 6, period_left_s=DAY)
    )
    assert soon.originate > none.originate


def test_people_who_wait_already_come_first() -> None:
    assert pacer().decide(calm(0, waiting=(1.0, 0.5))).originate == 0


@pytest.mark.parametrize("room", [0, 1, 3])
def test_the_trunks_room_is_kept(room: int) -> None:
    assert pacer().decide(calm(9, room=room)).originate <= room


def test_lines_for_each_agent_are_kept() -> None:
    decision = pacer(max_ringing_per_agent=1.0).decide(calm(10))
    assert decision.originate <= 10


def test_over_the_target_means_fewer_calls() -> None:
    good, bad = pacer(), pacer()
    for n in range(1, 200):
        good.decide(calm(5, at=float(n), live=5 * n, abandoned=n // 10))
        bad.decide(calm(5, at=float(n), live=5 * n, abandoned=n // 3))
    after = calm(5, at=500.0, live=995, abandoned=0)
    assert (
        bad.decide(replace(after, abandoned=66)).originate
        < good.decide(replace(after, abandoned=19)).originate
    )


def test_calls_past_their_minimum_are_stopped_when_nobody_will_be_free() -> None:
    ringing = (*(16.0 + n for n in range(8)), 3.0)
    decision = pacer().decide(Snapshot(at=0.0, idle=0, talking=(2.0, 3.0, 4.0), ringing=ringing))
    assert decision.originate == 0
    assert decision.cancel == tuple(range(8))


def test_young_calls_are_left_alone_as_long_as_agents_stay() -> None:
    decision = pacer().decide(Snapshot(at=0.0, idle=0, talking=(2.0, 3.0), ringing=(2.0,) * 12))
    assert decision.cancel == ()


def test_young_calls_are_stopped_when_agents_vanish() -> None:
    one = pacer()
    one.decide(Snapshot(at=0.0, idle=10, ringing=(1.0,) * 60))
    decision = one.decide(Snapshot(at=1.0, idle=0, talking=(1.0, 2.0), ringing=(2.0,) * 60))
    assert len(decision.cancel) >= 15


def test_it_learns_that_few_people_answer() -> None:
    eager, shy = pacer(), pacer()
    for n in range(400):
        news = News(call_end=(CallEnd.NO_ANSWER,) * 4, call_ring_s=(25.0,) * 4)
        shy.learn(news)
        shy.decide(calm(3, at=float(n), ringing=tuple(np.arange(24.0))))
        eager.decide(calm(3, at=float(n)))
    shot = calm(3, at=401.0)
    assert shy.decide(shot).originate > eager.decide(shot).originate


def test_large_floors_and_small_ones_agree_where_they_meet() -> None:
    def at(agents: int) -> int:
        talking = tuple(np.linspace(1.0, 300.0, agents - 4))
        return (
            pacer().decide(Snapshot(at=0.0, idle=4, talking=talking, period_left_s=DAY)).originate
        )

    assert at(41) == pytest.approx(at(40), abs=3)


def test_memory_is_plain_and_comes_back() -> None:
    one = pacer()
    for n in range(100):
        one.learn(
            News(call_end=(CallEnd.LIVE, CallEnd.BUSY), call_ring_s=(8.0, 3.0), talk_s=(50.0,))
        )
        one.decide(calm(3, at=float(n), ringing=tuple(np.arange(20.0))))
    other = Predictive(PacingSettings(), json.loads(json.dumps(one.memory())))
    assert other.rings.answer_rate(0) == pytest.approx(one.rings.answer_rate(0), rel=0.01)
    assert other.talk.mean_s() == pytest.approx(one.talk.mean_s(), rel=0.01)


def test_a_quiet_moment_is_not_computed_again() -> None:
    one = pacer()
    first = one.decide(calm(1, ringing=()))
    again = one.decide(calm(1, at=0.25, ringing=(0.25,) * first.originate))
    assert again.originate == 0
    assert again.numbers == first.numbers


ages = st.lists(st.floats(0.0, 3000.0), max_size=40)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 50), ages, ages, st.lists(st.floats(0.0, 30.0), max_size=200), ages,
       st.integers(0, 30), st.integers(0, 3000), st.integers(0, 500))  # fmt: skip
def test_whatever_it_sees_the_answer_can_be_carried_out(
    idle: int, talking: list[float], wrapping: list[float], ringing: list[float], waiting: list[float],
    room: int, live: int, abandoned: int,
) -> None:  # fmt: skip
    shot = Snapshot(
        at=5.0, idle=idle, talking=tuple(talking), wrapping=tuple(wrapping), ringing=tuple(ringing),
        waiting=tuple(waiting), room=room, live=live, abandoned=min(live, abandoned), period_left_s=DAY,
    )  # fmt: skip
    decision = pacer().decide(shot)
    assert 0 <= decision.originate <= room
    assert decision.originate + len(ringing) <= max(len(ringing), 12 * shot.staffed)
    assert set(decision.cancel) <= set(range(len(ringing)))
    assert decision.why
