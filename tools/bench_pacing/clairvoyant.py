"""A policy that knows how each call will end and when, and not how long talks will last: what a perfect
forecast of answers would be worth.

It is a bound in practice and not a proof: no dialer knows this much, but a cleverer clairvoyant could do
a little better than this one.

Rules: calls that nobody will answer are dialled at once, as far as lines allow, so that one that will be
answered is always next. That one is dialled when the abandonments that it adds (its own, and those of
answers after it) are at most a price. Their chances come from agents free now, the law of talk and wrap-up
given age for each busy one, and the known times of the answers. The price follows the abandonments that
the target still allows.
"""

from __future__ import annotations

import bisect
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dialer_engine.pacing.snapshot import Decision, News, Snapshot
from dialer_engine.sim.floor import Day, DayResult, Law, draws, run_day
from dialer_engine.sim.floor.columns import D_LIVE, D_RING
from dialer_engine.sim.floor.scenario import value_at

Floats = NDArray[np.float64]

# Grid of the tables, seconds: ages up to 40 minutes, horizons up to a ring and a wait.
_STEP_S, _AGE_STEP_S, _LONGEST_S = 0.5, 2.0, 2400.0
_BLOCK = 4096
# The price at which nothing is owed, and how it moves with each abandonment that is owed (chosen on
# steady days of 3, 10 and 30 agents; the utilization is flat around them).
_PRICE, _STEEPNESS = 0.1, 0.2
_LOWEST, _HIGHEST = 1e-4, 0.9
_LOOK_S = 1.0


def survival(law: Law, at: Floats) -> Floats:
    """The chance that the duration is longer than each of `at`."""
    if law.kind == "constant" or law.mean == 0.0:
        return (at < law.mean).astype(np.float64)
    if law.kind == "exponential":
        result: Floats = np.exp(-at / law.mean)
        return result
    spread = math.sqrt(math.log1p(law.cv**2))
    middle = math.log(law.mean) - spread**2 / 2
    scaled = (np.log(np.maximum(at, 1e-12)) - middle) / (spread * math.sqrt(2))
    return np.array([0.5 * math.erfc(one) for one in scaled])


class Outlook:
    """The chance that an agent is free within a horizon, given the age of the talk or wrap-up."""

    def __init__(self, day: Day, longest_s: float) -> None:
        self.steps = math.ceil(longest_s / _STEP_S) + 1
        at: Floats = np.arange(0, _LONGEST_S + (self.steps + 2) * _STEP_S, _STEP_S)
        whole = sum(kind.share for kind in day.talks)
        talk = np.zeros(len(at))
        for kind in day.talks:
            talk += kind.share / whole * survival(kind.law, at)
        middles = (np.arange(self.steps, dtype=np.float64) + 0.5) * _STEP_S
        wrap_middle = survival(day.wrap, middles)
        starts = np.arange(0, round(_LONGEST_S / _STEP_S), round(_AGE_STEP_S / _STEP_S))
        self.talking = self._talking(talk, wrap_middle, starts)
        self.wrapping = self._wrapping(survival(day.wrap, at), starts)

    def _talking(self, talk: Floats, wrap_middle: Floats, starts: NDArray[np.int64]) -> Floats:
        """P(talk + wrap-up <= a + h | talk > a): a talk that ends at a + u leaves h - u for the wrap-up."""
        ended = -np.diff(talk)
        table = np.zeros((len(starts), self.steps))
        for horizon in range(1, self.steps):
            busy = talk[starts + horizon]
            for past in range(horizon):
                busy = busy + ended[starts + past] * wrap_middle[horizon - 1 - past]
            table[:, horizon] = 1 - busy / np.maximum(talk[starts], 1e-300)
        result: Floats = np.clip(table, 0.0, 1.0)
        return result

    def _wrapping(self, wrap: Floats, starts: NDArray[np.int64]) -> Floats:
        ages = starts[:, None] + np.arange(self.steps)[None, :]
        left = wrap[np.minimum(ages, len(wrap) - 1)] / np.maximum(wrap[starts], 1e-300)[:, None]
        result: Floats = np.clip(1 - left, 0.0, 1.0)
        return result

    def free_within(
        self, table: Floats, ages: Any, horizon_s: float, stretch: float
    ) -> list[float]:
        """One chance an agent. stretch: how much longer the durations are now than the law says."""
        rows = (np.asarray(ages) / (stretch * _AGE_STEP_S)).astype(np.int64)
        column = min(self.steps - 1, int(horizon_s / (stretch * _STEP_S)))
        chances: list[float] = table[np.minimum(rows, len(table) - 1), column].tolist()
        return chances


def fewer_than(needed: int, chances: list[float]) -> float:
    """P(fewer than `needed` of independent events happen)."""
    if needed <= 0:
        return 0.0
    if needed > len(chances):
        return 1.0
    law = [1.0] + [0.0] * (needed - 1)
    for chance in chances:
        stay = 1.0 - chance
        for place in range(needed - 1, 0, -1):
            law[place] = law[place] * stay + law[place - 1] * chance
        law[0] *= stay
    return sum(law)


class Clairvoyant:
    """A pacer that was told the fates of a day's calls; for one run of one day."""

    def __init__(self, day: Day, seed: int, target: float) -> None:
        self.day, self.seed, self.target = day, seed, target
        longest = min(day.ring_timeout_s, 60.0) + self._wait_s()
        self.outlook = Outlook(day, longest)
        self._answers: list[float] = []
        self._next, self._first = 0, 0
        self._looked = -math.inf
        self._fates: Floats = draws.calls(day, seed, 0, _BLOCK)

    def learn(self, news: News) -> None:
        """It knows already."""

    def rests_until(self) -> float:
        """With nothing new it looks again after a second, as the controller does."""
        return self._looked + _LOOK_S

    def memory(self) -> dict[str, Any]:
        """Nothing that another day could use."""
        return {}

    def decide(self, snapshot: Snapshot) -> Decision:
        """See the module."""
        now, day = snapshot.at, self.day
        self._looked = now
        del self._answers[: bisect.bisect_right(self._answers, now)]
        lines = int(day.max_ringing_per_agent * snapshot.staffed) - len(snapshot.ringing)
        if snapshot.staffed == 0 or day.outage_at(now):
            return Decision(0, "")
        rate, new = day.rate_at(now, day.list_at(now)), 0
        price = self._price(snapshot)
        while new < lines:
            live, ring_s = self._fate()
            if live < rate:
                if self._loss(snapshot, ring_s) > price:
                    break
                bisect.insort(self._answers, now + ring_s)
            new += 1
            self._next += 1
        return Decision(new, "")

    def _price(self, snapshot: Snapshot) -> float:
        owed = self.target * snapshot.live - snapshot.abandoned
        return min(_HIGHEST, max(_LOWEST, _PRICE * math.exp(_STEEPNESS * owed)))

    def _fate(self) -> tuple[float, float]:
        if self._next - self._first == len(self._fates):
            self._first = self._next
            self._fates = draws.calls(self.day, self.seed, self._first, _BLOCK)
        fate = self._fates[self._next - self._first]
        return float(fate[D_LIVE]), float(fate[D_RING])

    def _loss(self, snapshot: Snapshot, ring_s: float) -> float:
        """Abandonments to be expected more if the next call is dialled: its own, and those of calls that
        are answered after it and would have had its agent.
        """
        before = bisect.bisect_right(self._answers, snapshot.at + ring_s)
        needed = len(snapshot.waiting) + before + 1 - snapshot.idle
        loss = self._lost(snapshot, needed, ring_s)
        for place in range(before, len(self._answers)):
            later_s = self._answers[place] - snapshot.at
            needed = len(snapshot.waiting) + place + 1 - snapshot.idle
            loss += self._lost(snapshot, needed + 1, later_s)
            loss -= self._lost(snapshot, needed, later_s)
        return loss

    def _lost(self, snapshot: Snapshot, needed: int, answer_s: float) -> float:
        """The chance that fewer than `needed` of the busy agents are free in time for that answer."""
        if needed <= 0:
            return 0.0
        horizon = answer_s + self._wait_s()
        stretch = value_at(self.day.talk_curve, snapshot.at)
        view = self.outlook
        chances = view.free_within(view.talking, snapshot.talking, horizon, stretch)
        chances += view.free_within(view.wrapping, snapshot.wrapping, horizon, 1.0)
        return fewer_than(needed, chances)

    def _wait_s(self) -> float:
        return self.day.wait_limit_s if math.isfinite(self.day.wait_limit_s) else 2.0


def clairvoyant_day(day: Day, seed: int, target: float, trace_every: int = 0) -> DayResult:
    """The day under the clairvoyant. It does not know of AMD's errors."""
    return run_day(day, Clairvoyant(day, seed, target), seed, trace_every=trace_every)
