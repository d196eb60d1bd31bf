"""What becomes of a ringing call: learned from invented calls whose law is known."""

from __future__ import annotations

import numpy as np
import pytest

from dialer_engine.pacing.rings import RingPrior, Rings
from dialer_engine.pacing.snapshot import CallEnd

NONE = np.zeros(0)
NO_ENDS = np.zeros(0, dtype=np.int64)
STEP = 0.25


class World:
    """Calls dialled at a steady pace; a share is answered after a lognormal ring, the rest rings out."""

    def __init__(self, rate: float, seed: int = 1, mark: int | None = None) -> None:
        self.rate, self.mark = rate, mark
        self._rng = np.random.default_rng(seed)
        self._ages = np.zeros(0)
        self._ends = np.zeros(0)
        self._live = np.zeros(0, dtype=bool)

    def run(self, rings: Rings, seconds: float, per_s: float = 4.0) -> None:
        for _ in range(round(seconds / STEP)):
            fresh = self._rng.poisson(per_s * STEP)
            live = self._rng.random(fresh) < self.rate
            after = np.where(live, self._rng.lognormal(2.19, 0.47, fresh).clip(0.5, 24.0), 25.0)
            self._ages = np.append(self._ages + STEP, np.zeros(fresh))
            self._ends = np.append(self._ends, after)
            self._live = np.append(self._live, live)
            over = self._ages >= self._ends
            ends = np.where(self._live[over], CallEnd.LIVE, CallEnd.NO_ANSWER).astype(np.int64)
            ring = self._ends[over]
            keep = ~over
            self._ages, self._ends, self._live = (
                self._ages[keep],
                self._ends[keep],
                self._live[keep],
            )
            marks = None if self.mark is None else np.full(len(self._ages), self.mark)
            end_marks = None if self.mark is None else np.full(len(ends), self.mark)
            rings.see(self._ages, marks, ends, ring, end_marks, STEP)
        rings.refresh()


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.7])
def test_the_answer_rate_is_learned(rate: float) -> None:
    rings = Rings(25.0)
    World(rate).run(rings, 2400.0)
    assert rings.answer_rate(0) == pytest.approx(rate, rel=0.15)


def test_the_time_of_the_answer_is_learned() -> None:
    rings = Rings(25.0, RingPrior(answer_s=5.0, answer_cv=0.3))
    World(0.5).run(rings, 2400.0)
    median = float(rings.answer_quantiles(0, np.array([0.5]))[0])
    # The median of the lognormal ring is e^2.19 = 8.9 s.
    assert median == pytest.approx(8.9, abs=0.7)


def test_the_prior_holds_before_anything_was_seen() -> None:
    assert Rings(25.0, RingPrior(answer_rate=0.35)).answer_rate(0) == pytest.approx(0.35, rel=0.1)


def test_calls_that_still_ring_tell_of_a_falling_rate() -> None:
    rings = Rings(25.0)
    world = World(0.5)
    world.run(rings, 1800.0)
    before = rings.answer_rate(0)
    world.rate = 0.1
    world.run(rings, 90.0)
    assert rings.answer_rate(0) < 0.75 * before


def test_each_list_has_its_level() -> None:
    rings = Rings(25.0)
    one, two = World(0.4, mark=0), World(0.1, seed=2, mark=1)
    for _ in range(30):
        one.run(rings, 30.0)
        two.run(rings, 30.0)
    assert rings.answer_rate(0) > 2.0 * rings.answer_rate(1)


def test_an_old_call_is_less_likely_to_be_answered_still() -> None:
    rings = Rings(25.0)
    World(0.3).run(rings, 1200.0)
    ever = rings.outlook(0, np.array([5.0])).ever
    assert ever[2 * 18] < 0.3 * ever[0]
    assert ever[-1] == 0.0


def test_chances_grow_with_the_horizon_and_are_chances() -> None:
    rings = Rings(25.0)
    World(0.3).run(rings, 600.0)
    answer = rings.outlook(0, np.array([1.0, 4.0, 9.0, 20.0])).answer
    assert (np.diff(answer, axis=1) >= -1e-12).all()
    assert ((answer >= 0.0) & (answer <= 1.0)).all()


def test_cancelled_and_congested_calls_say_nothing() -> None:
    rings, same = Rings(25.0), Rings(25.0)
    ends = np.array([CallEnd.CANCELLED, CallEnd.CONGESTION] * 20, dtype=np.int64)
    rings.see(NONE, None, ends, np.full(40, 2.0), None, STEP)
    rings.refresh()
    assert rings.answer_rate(0) == pytest.approx(same.answer_rate(0), rel=0.02)


def test_memory_comes_back() -> None:
    rings, other = Rings(25.0), Rings(25.0)
    World(0.3).run(rings, 900.0)
    other.restore(rings.memory())
    assert other.answer_rate(0) == pytest.approx(rings.answer_rate(0), rel=1e-3)


def test_an_hour_is_remembered() -> None:
    rings = Rings(25.0)
    rings.hour(9)
    rings.of(0).live.log = 1.0
    rings.hour(10)
    rings.of(0).live.log = 0.0
    rings.hour(9)
    assert rings.of(0).live.log == pytest.approx(0.5, abs=0.01)
