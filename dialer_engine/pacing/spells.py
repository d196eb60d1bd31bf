"""How long agents still need: talks and wrap-ups by their age.

Rules: one curve of rates by age for talks and one for wrap-ups, common to all groups, with a level for
each group over it, which follows changes of talk times within minutes and is worth little when its
group has few talks (so groups are shrunk to the common curve); running talks count as exposure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dialer_engine.pacing.hazard import Array, Curve, Level, exposed, kernel, lognormal_rate
from dialer_engine.pacing.loops import NUMPY, Loops
from dialer_engine.pacing.news import kinds


@dataclass(frozen=True, slots=True)
class SpellPrior:
    """What is believed of a duration before anything was seen: mean in seconds, coefficient of variation;
    weight: how many durations this belief counts for.
    """

    mean_s: float
    cv: float
    weight: float = 15.0


TALK_PRIOR = SpellPrior(120.0, 0.9)
WRAP_PRIOR = SpellPrior(20.0, 0.6)


def _edges(fine_s: float, fine_until_s: float, growth: float, until_s: float) -> Array:
    """Bins of equal width at first, then growing."""
    edges = list(np.arange(0.0, fine_until_s, fine_s))
    while edges[-1] < until_s:
        edges.append(max(edges[-1] + fine_s, edges[-1] * growth))
    return np.append(np.array(edges), np.inf)


@dataclass(slots=True)
class Spells:
    """One kind of duration."""

    prior: SpellPrior
    edges: Array
    drift: float = 0.06
    half_life_s: float = 6 * 3600.0
    loops: Loops = NUMPY
    curve: Curve = field(init=False)
    groups: dict[int, Level] = field(default_factory=dict)
    counts: dict[int, Array] = field(default_factory=dict)
    rates: Array = field(init=False, repr=False)
    _inner: Array = field(init=False, repr=False)
    _places: dict[tuple[float, int], tuple[NDArray[np.int64], Array]] = field(
        default_factory=dict, repr=False
    )

    def __post_init__(self) -> None:
        self._inner = np.ascontiguousarray(self.edges[1:-1])
        rate = lognormal_rate(self.edges, self.prior.mean_s, self.prior.cv)
        near = 0.1 * self.prior.mean_s
        self.curve = Curve(
            self.edges,
            rate,
            exposed(self.edges, rate, self.prior.weight),
            self.half_life_s,
            kernel(self.edges, near, 0.2),
        )
        self.refresh()

    def refresh(self) -> None:
        """Take the curve anew from what was seen."""
        self.rates = self.curve.rate()

    def of(self, group: int) -> Level:
        """The level of one group."""
        return self.groups.setdefault(group, Level(0.0, 0.05, self.drift))

    def see(
        self,
        ages: NDArray[np.float64],
        marks: NDArray[np.int64] | None,
        ended_s: NDArray[np.float64],
        end_marks: NDArray[np.int64] | None,
        dt_s: float,
    ) -> None:
        """What runs now, and what ended in the last dt_s seconds."""
        if marks is None and end_marks is None and self.groups.keys() <= _ONE:
            self._see_group(0, ages, ended_s, dt_s)
            return
        known = {0} | set(self.groups)
        for given in (marks, end_marks):
            if given is not None and len(given):
                known |= kinds(given)
        for group in known:
            running, ended = _of_group(ages, marks, group), _of_group(ended_s, end_marks, group)
            self._see_group(group, running, ended, dt_s)

    def _see_group(
        self, group: int, ages: NDArray[np.float64], ended: NDArray[np.float64], dt_s: float
    ) -> None:
        before = self.counts.get(group)
        self.counts[group] = self.loops.count(ages, self._inner)
        # Known from the first look on: who makes tables for the groups must know all that are counted.
        level = self.of(group)
        if before is None:
            return
        self.curve.fade(dt_s)
        if len(ended):
            self.curve.events += self.loops.count(ended, self._inner)
        level.update(float(len(ended)), level.factor * dt_s * float(self.rates @ before), dt_s)
        self.curve.exposure += before * (dt_s * level.factor)

    def steps(self, group: int, step_s: float, count: int) -> Array:
        """Share ended by `step_s`, 2 `step_s` … (count of them) from now, for each age bin:
        shape (bins, count + 1), the first column is 0.
        """
        grid = self._grid()
        total = np.concatenate(([0.0], np.cumsum(self.rates * np.diff(grid))))
        low, part = self._placed(step_s, count)
        hazard = total[low]
        hazard += part * np.diff(total)[low]
        factor = self.groups[group].factor if group in self.groups else 1.0
        hazard -= hazard[:, :1].copy()
        hazard *= -factor
        return np.asarray(1.0 - np.exp(hazard))

    def _grid(self) -> Array:
        return np.append(self.edges[:-1], self.edges[-2] * 1.5 + 1e4)

    def _placed(self, step_s: float, count: int) -> tuple[NDArray[np.int64], Array]:
        """In which bin, and how far in it, each age bin's middle is after each number of steps."""
        found = self._places.get((step_s, count))
        if found is None:
            if len(self._places) > _PLACES:
                self._places.clear()
            start = 0.5 * (self.edges[:-1] + np.append(self.edges[1:-1], self.edges[-2] * 1.1))
            grid = self._grid()
            ages = start[:, None] + step_s * np.arange(count + 1)[None, :]
            low = np.searchsorted(grid, ages, side="right") - 1
            low = np.minimum(low, len(grid) - 2).astype(np.int64)
            part = np.minimum(1.0, (ages - grid[low]) / np.diff(grid)[low])
            found = self._places[step_s, count] = low, part
        return found

    def mean_s(self, group: int = 0) -> float:
        """The mean duration, as learned."""
        factor = self.groups[group].factor if group in self.groups else 1.0
        return float(exposed(self.edges, self.rates * factor, 1.0).sum())

    def memory(self) -> dict[str, Any]:
        """Plain data."""
        levels = {str(group): level.log for group, level in self.groups.items()}
        return {"curve": self.curve.memory(), "groups": levels}

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what `memory` gave."""
        self.curve.restore(data.get("curve", {}))
        for group, log in data.get("groups", {}).items():
            self.of(int(group)).log = float(log)
        self.refresh()


_ONE = frozenset((0,))
# Steps and counts differ little from table to table.
_PLACES = 64


def _of_group(
    values: NDArray[np.float64], marks: NDArray[np.int64] | None, group: int
) -> NDArray[np.float64]:
    """Those of a group; what has no marks is of group 0 (and where nothing is, no marks are either)."""
    if marks is None:
        return values if group == 0 else values[:0]
    return np.asarray(values[marks == group])


def talks(prior: SpellPrior = TALK_PRIOR, loops: Loops = NUMPY) -> Spells:
    """Talks: bins of 2 s up to a minute, then 6 % wider each, up to an hour."""
    return Spells(prior, _edges(2.0, 60.0, 1.06, 3600.0), loops=loops)


def wrap_ups(prior: SpellPrior = WRAP_PRIOR, loops: Loops = NUMPY) -> Spells:
    """Wrap-ups: bins of 1 s up to a minute, then 10 % wider each, up to half an hour."""
    return Spells(prior, _edges(1.0, 60.0, 1.1, 1800.0), loops=loops)


def free_by(
    talk: Spells, wrap: Spells, horizon_s: Array, step_s: float = 1.0, group: int = 0
) -> tuple[Array, Array]:
    """The chance that an agent is free within each horizon, by age bin: while talking (talk and wrap-up
    have to end), and while wrapping up.
    """
    count = int(np.ceil(horizon_s[-1] / step_s))
    grid: Array = step_s * np.arange(count + 1, dtype=np.float64)
    ended = talk.steps(group, step_s, count)
    wrapped = wrap.steps(group, step_s, count)
    # A wrap-up that begins now: age bin 0, from its beginning.
    fresh = wrapped[0]
    ends = np.diff(ended, axis=1)
    # Talk ends in step i (in its middle), the wrap-up has the rest: j - i - 1/2 steps until step j.
    halves = np.concatenate((np.zeros(count), 0.5 * (fresh[:-1] + fresh[1:])))
    after_talk = ends @ _at(halves[_lags(count)], grid, horizon_s)
    return after_talk, _at(wrapped, grid, horizon_s)


@lru_cache(maxsize=128)
def _lags(count: int) -> NDArray[np.int64]:
    """Where the rest from step i to step j stands among the halves."""
    lags = np.arange(count + 1)[None, :] - np.arange(count)[:, None]
    return np.asarray(np.maximum(lags + count - 1, 0), dtype=np.int64)


def _at(table: Array, grid: Array, horizon_s: Array) -> Array:
    """Columns of a table at other times, linearly between its own."""
    place = horizon_s / (grid[1] - grid[0])
    low = np.minimum(place.astype(int), len(grid) - 2)
    part = place - low
    return np.asarray(table[:, low] * (1.0 - part) + table[:, low + 1] * part)
