"""Whatever a policy does, nothing is lost: calls in are calls out, and agents' times add up."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer_engine.pacing.snapshot import CallEnd, Snapshot
from dialer_engine.sim.floor import (
    Absence,
    Amd,
    Break,
    CallList,
    Day,
    Floor,
    Law,
    PartTime,
    exponential,
)
from dialer_engine.sim.floor import columns as col


@st.composite
def _days(draw: st.DrawFn) -> Day:
    length_s = draw(st.sampled_from([500.0, 1800.0, 4000.0]))
    maybe = st.booleans()
    return Day(
        agents=draw(st.integers(1, 6)),
        answer_rate=draw(st.sampled_from([0.05, 0.5, 1.0])),
        length_s=length_s,
        wait_limit_s=draw(st.sampled_from([0.1, 2.0, 20.0])),
        patience=exponential(3.0) if draw(maybe) else None,
        trunks=draw(st.sampled_from([4, 1000])),
        amd=Amd(person_lost=0.3, machine_passed=0.3) if draw(maybe) else None,
        talk_curve=((100.0, 1.0), (100.0, 0.3), (1500.0, 2.0)),
        lists=(CallList(0.5, 50.0, 100.0, 200.0),) if draw(maybe) else (),
        arrive_within_s=draw(st.sampled_from([0.0, 200.0])),
        breaks=(Break(150.0, 60.0, 100.0), Break(400.0, 90.0, 200.0)) if draw(maybe) else (),
        breaks_end=draw(st.sampled_from(["full", "schedule"])),
        absences=(Absence(0.5, 200.0, 400.0),) if draw(maybe) else (),
        part_time=(PartTime(0.5, 100.0, 450.0, 50.0),) if draw(maybe) else (),
        outages=((120.0, 140.0),) if draw(maybe) else (),
        wrap=draw(st.sampled_from([Law(20.0, 0.5), Law(0.0, 0.0, "constant")])),
    )


@settings(max_examples=60, deadline=None)
@given(day=_days(), seed=st.integers(0, 2**40), tick_s=st.sampled_from([0.25, 3.0, 40.0]))
def test_calls_and_time_are_conserved(day: Day, seed: int, tick_s: float) -> None:
    floor, chance = Floor(day, seed), np.random.default_rng(seed)
    ends, talks, left = np.zeros(len(CallEnd), dtype=np.int64), 0, 0
    for now in np.arange(0.0, day.length_s + 60.0, tick_s):
        floor.advance(float(now))
        news, seen = floor.news(), floor.snapshot()
        ends += np.bincount(np.asarray(news.call_end, dtype=np.int64), minlength=len(CallEnd))
        talks, left = talks + len(news.talk_s), left + news.left
        _balanced(floor, seen, ends, talks)
        if len(seen.ringing) and chance.random() < 0.1:
            floor.cancel((int(chance.integers(len(seen.ringing))),))
            ends += np.bincount(floor.news().call_end, minlength=len(CallEnd))
        floor.originate(int(chance.integers(0, 6)))
    assert left == floor.counts().left


def _balanced(floor: Floor, seen: Snapshot, ends: np.ndarray, talks: int) -> None:
    day, counts = floor.day, floor.counts()
    off = int(floor._world.agent_links[col.OFF, 2])
    assert seen.staffed + seen.away + off == day.agents
    assert counts.attempts == ends.sum() + len(seen.ringing) + len(seen.classifying)
    assert list(ends) == list(counts.ends.values())
    assert counts.live == ends[CallEnd.LIVE] == seen.live
    assert counts.live == counts.connected + counts.abandoned + len(seen.waiting)
    assert counts.connected == talks + len(seen.talking)
    assert not (seen.idle and len(seen.waiting))
    assert len(seen.ringing) + len(seen.talking) + len(seen.waiting) <= day.trunks
    series = floor.series()
    assert np.isclose(series[:, : col.AGENT_0].sum(), day.agents * min(floor.now, day.length_s))
    assert series[:, col.S_ATTEMPTS].sum() == counts.attempts
    for ages in (seen.talking, seen.wrapping, seen.ringing, seen.waiting, seen.classifying):
        assert np.all(np.diff(ages) <= 1e-9)
        assert np.all(np.asarray(ages) >= 0.0)
    assert np.all(np.asarray(seen.waiting) <= day.wait_limit_s + 1e-9)
    assert np.all(np.asarray(seen.ringing) <= day.ring_timeout_s + 1e-9)
