"""What a simulation leaves out or computes otherwise changes nothing: decisions of seeded days, call by call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dialer_engine.pacing.loops import NUMPY, Complex, Lines, circle
from dialer_engine.pacing.predictive import Predictive
from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import Decision, News, Pacer, Snapshot
from dialer_engine.sim.floor import Amd, Day, bimodal, hard_day, run_day, run_ratio, steady_day
from dialer_engine.sim.floor.swift import LOOPS, swift
from dialer_engine.sim.rivals.base import Rival
from dialer_engine.sim.rivals.issabel import Issabel
from dialer_engine.sim.rivals.omnidialer import OmniDialer
from dialer_engine.sim.rivals.ratio import OneToOne, Ratio
from dialer_engine.sim.rivals.textbook import Textbook
from dialer_engine.sim.rivals.vicidial import Mode, Vicidial
from dialer_engine.sim.rivals.webitel import Webitel

Acts = list[tuple[float, int, tuple[int, ...]]]


class Noted:
    """Keeps what a policy asked for."""

    def __init__(self, pacer: Pacer) -> None:
        self.pacer, self.acts, self.asked = pacer, Acts(), 0
        self.tick_s = getattr(pacer, "tick_s", 0.25)
        self.needs_ages = True

    def learn(self, news: News) -> None:
        self.pacer.learn(news)

    def memory(self) -> dict[str, object]:
        return self.pacer.memory()

    def decide(self, snapshot: Snapshot) -> Decision:
        self.asked += 1
        decision = self.pacer.decide(snapshot)
        if decision.originate or decision.cancel:
            self.acts.append((snapshot.at, decision.originate, decision.cancel))
        return decision


class Resting(Noted):
    """The same, and is not asked while the policy rests, nor told ages when it needs none."""

    def __init__(self, pacer: Pacer) -> None:
        super().__init__(pacer)
        self.rests_until = pacer.rests_until  # type: ignore[attr-defined]
        self.needs_ages = getattr(pacer, "needs_ages", True)
        self.deaf = getattr(pacer, "deaf", False)


SETTINGS = PacingSettings()
DAYS = {
    "small": replace(steady_day(3, 0.1), length_s=1800.0),
    "two lists, an outage": replace(
        hard_day(12, 0.3), length_s=1800.0, outages=((600.0, 660.0),), arrive_within_s=60.0,
        rate_curve=((0.0, 0.6), (900.0, 0.6), (900.0, 1.3)),
    ),
    "many lines": replace(hard_day(30, 0.1), length_s=700.0),
    "amd": replace(steady_day(10, 0.3), length_s=900.0, amd=Amd()),
    "bimodal, few trunks": replace(bimodal(steady_day(8, 0.3)), length_s=900.0, trunks=30),
    "moments": replace(steady_day(60, 0.3), length_s=300.0),
}  # fmt: skip


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS.keys())
def test_a_day_of_the_swift_controller_is_the_controllers(day: Day) -> None:
    plain, quick = Noted(Predictive(SETTINGS)), Resting(swift(SETTINGS))
    one, other = run_day(day, plain, 3), run_day(day, quick, 3)
    assert plain.acts == quick.acts
    assert len(plain.acts) > 10
    assert (one.utilization, one.abandoned, one.live) == (
        other.utilization,
        other.abandoned,
        other.live,
    )
    assert quick.asked <= plain.asked


def test_a_small_floor_is_seldom_asked() -> None:
    plain, quick = Noted(Predictive(SETTINGS)), Resting(swift(SETTINGS))
    for pacer in (plain, quick):
        run_day(DAYS["small"], pacer, 3)
    assert quick.asked < 0.5 * plain.asked


RIVALS: dict[str, Callable[[], Rival]] = {
    "one-to-one": lambda: OneToOne(SETTINGS),
    "ratio": lambda: Ratio(SETTINGS, 2.7),
    "vicidial": lambda: Vicidial(SETTINGS, Mode.AVERAGE),
    "vicidial tapered": lambda: Vicidial(SETTINGS, Mode.TAPERED),
    "issabel": lambda: Issabel(SETTINGS),
    "webitel": lambda: Webitel(SETTINGS),
    "omnidialer": lambda: OmniDialer(SETTINGS),
    "textbook": lambda: Textbook(SETTINGS),
}


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("which", ["small", "two lists, an outage", "amd"])
def test_a_rival_that_rests_does_what_it_does_otherwise(name: str, which: str) -> None:
    day = replace(DAYS[which], length_s=3 * DAYS[which].length_s)
    plain, quick = Noted(RIVALS[name]()), Resting(RIVALS[name]())
    run_day(day, plain, 5, trace_every=7)
    run_day(day, quick, 5, trace_every=7)
    assert plain.acts == quick.acts
    assert plain.acts


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS.keys())
@pytest.mark.parametrize("lines", [1.0, 2.7])
def test_a_compiled_day_of_a_ratio_is_the_rivals(day: Day, lines: float) -> None:
    rival = run_day(day, Ratio(SETTINGS, lines), 4, trace_every=16)
    quick = run_ratio(day, lines, 4, SETTINGS.max_ringing_per_agent, 16)
    assert rival.attempts == quick.attempts > 10
    assert (rival.live, rival.abandoned) == (quick.live, quick.abandoned)
    assert (rival.series == quick.series).all()
    assert (rival.trace == quick.trace).all()


@pytest.mark.parametrize("rival", [OneToOne, Webitel])
def test_the_trace_is_kept_at_its_times_however_seldom_a_policy_is_asked(rival: type) -> None:
    day = DAYS["small"]
    plain = run_day(day, Noted(rival(SETTINGS)), 5, trace_every=240)
    quick = run_day(day, rival(SETTINGS), 5, trace_every=240)
    assert plain.trace.shape == quick.trace.shape
    assert (plain.trace[:, :9] == quick.trace[:, :9]).all()


chances = arrays.arrays(np.float64, (6, 4), elements=st.floats(0.0, 1.0))
numbers = arrays.arrays(np.float64, 6, elements=st.integers(0, 12).map(float))


@given(chances, numbers, chances, numbers, chances, numbers, st.sampled_from([(1.0,), (0.8, 1.2)]))
@settings(deadline=None, max_examples=60)
def test_compiled_loops_are_the_same_to_rounding(
    ring: np.ndarray, calls: np.ndarray, talk: np.ndarray, talking: np.ndarray,
    wrap: np.ndarray, wrapping: np.ndarray, factors: tuple[float, ...],
) -> None:  # fmt: skip
    turned = circle(64).turn ** 2
    weights: Complex = np.arange(len(factors) * 4 * 33 * 2).reshape(-1, 2).astype(np.complex128)
    lines = Lines(ring, calls, np.array(factors))
    agents = (Lines(talk, talking), Lines(wrap, wrapping))
    mine = LOOPS.law(lines, agents, turned, weights)
    for one, other in zip(mine, NUMPY.law(lines, agents, turned, weights), strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-8)


@given(st.lists(st.floats(0.0, 100.0), max_size=30))
@settings(deadline=None)
def test_compiled_counting_is_the_same(ages: list[float]) -> None:
    edges = np.array([0.5, 1.0, 2.0, 30.0])
    some = np.array(ages)
    assert (LOOPS.count(some, edges) == NUMPY.count(some, edges)).all()
    assert (LOOPS.count_even(some, 0.5, 50) == NUMPY.count_even(some, 0.5, 50)).all()
