"""What becomes of a call that rings: how likely it is answered by a person, and when.

Rules: causes compete (cause-specific hazards: a person answers, or anything else ends it); the shape by
ring age is learned slowly and is common to all lists; each list has a level of its own, which follows
quick changes; calls that still ring count as exposure. A level is held for each list, and for each list
and hour of the day what it used to be at that hour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dialer_engine.pacing.hazard import Array, Curve, Level, exposed, kernel, lognormal_rate
from dialer_engine.pacing.loops import NUMPY, Loops
from dialer_engine.pacing.news import kinds
from dialer_engine.pacing.snapshot import CallEnd

# An hour's level is the mean of about the last three such hours.
_HOUR_GAIN = 0.3
_HOUR_VARIANCE = 0.02
# Half a second: the finest that PBX timing and ring tones make meaningful.
BIN_S = 0.5


@dataclass(frozen=True, slots=True)
class RingPrior:
    """What is believed of a list before anything was seen: share of calls that a person answers, seconds
    until the answer (mean, coefficient of variation), and how other calls end. weight: answers that this
    belief counts for.
    """

    answer_rate: float = 0.2
    answer_s: float = 10.0
    answer_cv: float = 0.6
    other_s: float = 14.0
    other_cv: float = 0.9
    weight: float = 12.0


@dataclass(slots=True)
class _List:
    """One list. live, other: levels over the common curves. counts: calls ringing by age bin."""

    live: Level
    other: Level
    counts: Array
    ends_live: float = 0.0
    ends_other: float = 0.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """Of a call by its age bin: `answer[b, k]` the chance of a live answer within `horizon_s[k]`;
    `ever[b]` before the timeout.
    """

    answer: Array
    ever: Array


@dataclass(slots=True)
class Rings:
    """The estimator. Times in seconds."""

    timeout_s: float
    prior: RingPrior = field(default_factory=RingPrior)
    drift: float = 0.12
    half_life_s: float = 4 * 3600.0
    loops: Loops = NUMPY
    edges: Array = field(init=False)
    live: Curve = field(init=False)
    other: Curve = field(init=False)
    lists: dict[int, _List] = field(default_factory=dict)
    hours: dict[tuple[int, int], float] = field(default_factory=dict)
    _cached: tuple[Array, Array] = field(init=False, repr=False)
    _before: Array = field(init=False, repr=False)
    _course: dict[int, tuple[float, float, Array, Array]] = field(default_factory=dict, repr=False)
    _hour: int | None = None

    def __post_init__(self) -> None:
        bins = max(4, round(self.timeout_s / BIN_S)) + 1
        self.edges = np.append(np.arange(bins) * BIN_S, np.inf)
        prior = self.prior
        smooth = kernel(self.edges, 1.0, 0.08)
        shape_live = lognormal_rate(self.edges, prior.answer_s, prior.answer_cv)
        shape_other = lognormal_rate(self.edges, prior.other_s, prior.other_cv)
        live, other = _compete(shape_live, shape_other, prior.answer_rate)
        calls = prior.weight / prior.answer_rate
        ring_s = exposed(self.edges, live + other, calls)
        self.live = Curve(self.edges, live, ring_s, self.half_life_s, smooth)
        self.other = Curve(
            self.edges, other, ring_s, self.half_life_s, kernel(self.edges, 0.3, 0.03)
        )
        self.refresh()

    @property
    def bins(self) -> int:
        return len(self.edges) - 1

    def of(self, mark: int) -> _List:
        """One list, made with the mean of the others when it is new."""
        found = self.lists.get(mark)
        if found is None:
            level = np.mean([one.live.log for one in self.lists.values()]) if self.lists else 0.0
            # A new list may well answer half or twice as often as the others.
            found = _List(Level(float(level), 0.4, self.drift), Level(0.0, 0.1, self.drift),
                          np.zeros(self.bins))  # fmt: skip
            self.lists[mark] = found
        return found

    def see(
        self,
        ages: NDArray[np.float64],
        marks: NDArray[np.int64] | None,
        ends: NDArray[np.int64],
        ring_s: NDArray[np.float64],
        end_marks: NDArray[np.int64] | None,
        dt_s: float,
    ) -> None:
        """What rings now, and what stopped ringing in the last dt_s seconds."""
        known = {0} if marks is None and end_marks is None else set(self.lists)
        for given in (marks, end_marks):
            if given is not None and len(given):
                known |= kinds(given)
        for mark in known:
            mine = ages if marks is None else ages[marks == mark]
            if end_marks is None:
                my_ends, my_ring = ends, ring_s
            else:
                chosen = end_marks == mark
                my_ends, my_ring = ends[chosen], ring_s[chosen]
            self._see_list(self.of(mark), mine, my_ends, my_ring, dt_s)

    def _see_list(
        self,
        one: _List,
        ages: NDArray[np.float64],
        ends: NDArray[np.int64],
        ring_s: NDArray[np.float64],
        dt_s: float,
    ) -> None:
        before, one.counts = one.counts, self._count(ages)
        self.live.fade(dt_s)
        self.other.fade(dt_s)
        seen_live = seen_other = 0.0
        if len(ends):
            seen_live, seen_other = self._see_ends(ends, ring_s)
        factor = dt_s * one.live.factor
        one.live.update(seen_live, factor * float(self._cached[0] @ before), dt_s)
        self.live.exposure += before * factor
        factor = dt_s * one.other.factor
        one.other.update(seen_other, factor * float(self._before @ before), dt_s)
        self.other.exposure += before * (dt_s * one.other.factor)

    def _count(self, ages: Array) -> Array:
        """How many by age bin."""
        if not len(ages):
            return np.zeros(self.bins)
        return self.loops.count_even(ages, BIN_S, self.bins)

    def _see_ends(self, ends: NDArray[np.int64], ring_s: Array) -> tuple[float, float]:
        """How many were answered, and how many ended otherwise before the timeout: that ends what is
        left by itself, and says nothing about the rate before it.
        """
        is_live = ends == CallEnd.LIVE
        is_other = ~is_live & (ends != CallEnd.CANCELLED) & (ends != CallEnd.CONGESTION)
        live, other = self._count(ring_s[is_live]), self._count(ring_s[is_other])
        self.live.events += live
        self.other.events += other
        return float(live.sum()), float(other[:-1].sum())

    def counts(
        self, ages: NDArray[np.float64], marks: NDArray[np.int64] | None
    ) -> dict[int, Array]:
        """Calls by age bin, for each list."""
        chosen = {0: ages} if marks is None else {
            int(mark): ages[marks == mark] for mark in np.unique(marks)
        }  # fmt: skip
        return {mark: self._count(some) for mark, some in chosen.items()}

    def hour(self, hour: int) -> None:
        """The hour of the day. At its turn the levels of the hour that ends are kept, and those of the hour
        that begins move half-way to what they used to be.
        """
        if hour == self._hour:
            return
        for mark, one in self.lists.items():
            if self._hour is not None:
                before = self.hours.get((mark, self._hour), one.live.log)
                self.hours[mark, self._hour] = before + _HOUR_GAIN * (one.live.log - before)
                used = self.hours.get((mark, hour))
                if used is not None:
                    one.live.log += 0.5 * (used - self.hours[mark, self._hour])
                    one.live.variance += _HOUR_VARIANCE
        self._hour = hour

    def _rates(self) -> tuple[Array, Array]:
        return self._cached

    def refresh(self) -> None:
        """Take the curves anew from what was seen."""
        self._cached = self.live.rate(), self.other.rate()
        self._before = self._cached[1].copy()
        self._before[-1] = 0.0
        self._course.clear()

    def survive(self, mark: int) -> tuple[Array, Array]:
        """Share still ringing, and share answered by then, at each edge but the last (bins + 1 values; from
        the timeout on nothing changes).
        """
        one = self.of(mark)
        known = self._course.get(mark)
        if known is not None and known[:2] == (one.live.log, one.other.log):
            return known[2:]
        rate_live, rate_other = self._rates()
        live, other = rate_live * one.live.factor, rate_other * one.other.factor
        both = live[:-1] + other[:-1]
        still = np.exp(-np.concatenate(([0.0], np.cumsum(both) * BIN_S)))
        share = np.divide(live[:-1], both, out=np.zeros_like(both), where=both > 0)
        answered = np.concatenate(([0.0], np.cumsum(share * -np.diff(still))))
        self._course[mark] = one.live.log, one.other.log, still, answered
        return still, answered

    def outlook(self, mark: int, horizon_s: Array) -> Outlook:
        """See Outlook; the last bin (at the timeout) has nothing to come."""
        still, answered = self.survive(mark)
        middle = np.arange(self.bins - 1) * BIN_S + 0.5 * BIN_S
        grid = np.arange(self.bins) * BIN_S
        at = np.interp(middle, grid, answered)
        left = np.maximum(np.interp(middle, grid, still), 1e-9)
        then = np.interp((middle[:, None] + horizon_s[None, :]).ravel(), grid, answered)
        answer = (then.reshape(len(middle), -1) - at[:, None]) / left[:, None]
        ever = (answered[-1] - at) / left
        zero = np.zeros((1, len(horizon_s)))
        return Outlook(
            np.clip(np.vstack((answer, zero)), 0.0, 1.0), np.clip(np.append(ever, 0.0), 0.0, 1.0)
        )

    def fresh(self, mark: int, horizon_s: Array) -> Array:
        """The chance that a call originated now is answered within each horizon."""
        _, answered = self.survive(mark)
        return np.interp(horizon_s, np.arange(self.bins) * BIN_S, answered)

    def answer_rate(self, mark: int) -> float:
        """Share of the calls of a list that a person will answer."""
        return float(self.survive(mark)[1][-1])

    def answer_quantiles(self, mark: int, shares: Array) -> Array:
        """Seconds until the answer, of those who answer."""
        _, answered = self.survive(mark)
        grid = np.arange(self.bins) * BIN_S
        return np.asarray(np.interp(shares * answered[-1], answered, grid))

    def memory(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "live": self.live.memory(),
            "other": self.other.memory(),
            "lists": {
                str(mark): {"live": one.live.log, "other": one.other.log}
                for mark, one in self.lists.items()
            },
            "hours": {f"{mark}/{hour}": log for (mark, hour), log in self.hours.items()},
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what `memory` gave."""
        self.live.restore(data.get("live", {}))
        self.other.restore(data.get("other", {}))
        for mark, levels in data.get("lists", {}).items():
            one = self.of(int(mark))
            one.live.log, one.other.log = float(levels["live"]), float(levels["other"])
        for key, log in data.get("hours", {}).items():
            mark, hour = key.split("/")
            self.hours[int(mark), int(hour)] = float(log)
        self.refresh()


def _compete(live: Array, other: Array, rate: float) -> tuple[Array, Array]:
    """The two rates by age when a share `rate` of calls is answered by the shape `live` and the rest ends
    by `other`: with F and G their distribution functions, rate f / (rate (1-F) + (1-rate)(1-G)).
    """
    widths = np.full(len(live), BIN_S)
    still_live = np.exp(-np.concatenate(([0.0], np.cumsum(live * widths))))
    still_other = np.exp(-np.concatenate(([0.0], np.cumsum(other * widths))))
    left = rate * still_live[:-1] + (1.0 - rate) * still_other[:-1]
    left = np.maximum(left, 1e-9)
    return (
        rate * -np.diff(still_live) / widths / left,
        (1.0 - rate) * -np.diff(still_other) / widths / left,
    )
