"""The chance that a call which is answered in s seconds finds no agent.

Rules: let A be the people who answer before it, F the agents who become free until its patience ends, and
i the idle agents; it is lost when D = A - F >= i. A and F are sums of independent yes-or-no events with
known chances (a Poisson-binomial law), so D's characteristic function is a product, its logarithm a sum
over the age bins, and one small matrix product with the counts gives it. Small floors: the exact law by
inverse Fourier transform (Hong 2013, Computational Statistics & Data Analysis 59). Large floors: three
cumulants and Edgeworth's correction (Kolassa 2006, Series Approximation Methods in Statistics, ch. 3). The
doubt about the answer rate is a common factor on A, gamma distributed with the variance of the level.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dialer_engine.pacing.hazard import Array
from dialer_engine.pacing.loops import LEAST, NUMPY, Complex, Lines, Loops, circle


@dataclass(frozen=True, slots=True)
class Tables:
    """Chances by age bin and horizon, shape (bins, horizons). answer: for each list, of a live answer;
    fresh: of a call originated now, shape (horizons,). talk, wrap: for each group, of being free; doubt: variance of
    the answer rate's logarithm.
    """

    answer: dict[int, Array]
    fresh: Array
    talk: dict[int, Array]
    wrap: dict[int, Array]
    doubt: float


@dataclass(slots=True)
class Load:
    """What is in flight: counts by age bin, for each list and group; waiting: answered, without an agent;
    idle: agents free now; classifying: calls on which AMD listens, counted with their chance to be a
    person.
    """

    ringing: dict[int, Array]
    talking: dict[int, Array]
    wrapping: dict[int, Array]
    waiting: int
    idle: int
    classifying: float = 0.0


class Law(Protocol):
    """The law of D at each horizon, for one load and so many calls more."""

    def losses(self, more: NDArray[np.int64]) -> Array:
        """For each number of other new calls: the chance of loss, mean over the horizons, shape (len(more),)."""
        ...

    def first(self) -> list[float]:
        """`losses` of 0, 1 and 2 others: what most decisions need."""
        ...

    def near(self) -> float:
        """With no other new call, mean over the first half of the horizons."""
        ...


class Exact:
    """Small floors. size: points of the transform; D must lie in [-size/4, 3 size/4).

    Agents are taken one by one. Calls too, as long as they are few; more of them by the binomial law of the
    same mean and variance, which is so close to their own that nobody could tell (Ehm 1991, Statistics &
    Probability Letters 11). The doubt is a factor of two values on the chances of an answer.
    """

    def __init__(self, tables: Tables, size: int, loops: Loops = NUMPY) -> None:
        self.size, self.loops = size, loops
        self.horizons = len(tables.fresh)
        self._ring = Stack(tables.answer, self.horizons)
        self._talk, self._wrap = (Stack(one, self.horizons) for one in (tables.talk, tables.wrap))
        doubt = np.sqrt(min(tables.doubt, _MOST_DOUBT))
        self.factors = np.array((1.0 - doubt, 1.0 + doubt) if doubt > _NO_DOUBT else (1.0,))
        chances = np.minimum(1.0, self.factors[:, None] * tables.fresh)
        self._fresh: Complex = _yes(chances, size)
        # Its powers, one for each number of new calls: (calls, factors, horizons, points).
        self._powers: Complex = np.ones((1, *self._fresh.shape), dtype=np.complex128)
        self._weights: dict[int, Complex] = {}

    def at(self, load: Load) -> Law:
        """The law for what is in flight now."""
        product, usual = self.loops.law(
            Lines(self._ring.table, self._ring.counts(load.ringing), self.factors),
            (
                Lines(self._talk.table, self._talk.counts(load.talking)),
                Lines(self._wrap.table, self._wrap.counts(load.wrapping)),
            ),
            circle(self.size).turn ** (load.waiting + load.classifying),
            self._weighed(load.idle),
        )
        return _ExactLaw(self, product, usual, load.idle)

    def _weighed(self, idle: int) -> Complex:
        weights = self._weights.get(idle)
        if weights is None:
            weights = self._weights[idle] = self._weigh(idle)
        return weights

    def _weigh(self, idle: int) -> Complex:
        """What makes P(D >= idle) of a transform: with 0, 1 and 2 new calls, and with 0 over the first half
        of the horizons. One column each: the powers, the inverse transform and the mean, in one.
        """
        share = _tail(self.size, idle) / (len(self.factors) * self.horizons)
        columns = np.empty((4, *self._fresh.shape), dtype=np.complex128)
        np.multiply(self.powers(2)[:3], share, out=columns[:3])
        near = self.horizons // 2
        columns[3] = 0.0
        if near:
            columns[3, :, :near] = share * (self.horizons / near)
        return np.ascontiguousarray(columns.reshape(4, -1).T)

    def powers(self, most: int) -> Complex:
        """Of the transform of one new call: the powers 0 to `most` at least."""
        while len(self._powers) <= most:
            more = self._powers[: max(1, len(self._powers) - 1)]
            self._powers = np.concatenate((self._powers, more * (self._powers[-1] * self._fresh)))
        return self._powers

    def losses(self, product: Complex, more: NDArray[np.int64], idle: int) -> Array:
        """The chance that D >= idle, for each number of new calls, mean over horizons."""
        weighed = product * (_tail(self.size, idle) / (len(self.factors) * self.horizons))
        if more[-1] <= _LADDER:
            grown = self.powers(int(more[-1]))[more]
        else:
            grown = np.exp(more[:, None, None, None] * np.log(self._fresh))
        # Not by BLAS, which would wake its threads for so little.
        chance: Array = np.einsum("kx,x->k", grown.reshape(len(more), -1), weighed.ravel()).real
        return np.minimum(np.maximum(chance, 0.0), 1.0)


class _ExactLaw:
    def __init__(self, exact: Exact, product: Complex, usual: Array, idle: int) -> None:
        self._exact, self._product, self._idle = exact, product, idle
        self._usual: list[float] = np.minimum(np.maximum(usual, 0.0), 1.0).tolist()

    def losses(self, more: NDArray[np.int64]) -> Array:
        return self._exact.losses(self._product, more, self._idle)

    def first(self) -> list[float]:
        return self._usual[:3]

    def near(self) -> float:
        return self._usual[3]


@lru_cache(maxsize=4096)
def _tail(size: int, idle: int) -> Complex:
    """Weights that make P(D >= idle) of the characteristic function: the inverse transform, summed over
    the tail up to 3 size / 4.
    """
    points = np.arange(size // 2 + 1)
    values = np.arange(max(idle, -(size // 4)), size - size // 4)
    weight = np.exp(2j * np.pi * np.outer(points, values) / size).sum(axis=1)
    # The other half of the circle is the complex conjugate of this one.
    twice = np.where((points == 0) | (points == size // 2), 1.0, 2.0)
    return np.asarray(twice * weight / size)


def _yes(chance: Array, size: int) -> Complex:
    """Of a yes-or-no event for each chance: shape (..., points); never exactly 0."""
    value: Complex = 1.0 + chance[..., None] * circle(size).step
    return np.where(np.abs(value) < LEAST, LEAST, value)


class Stack:
    """The tables of several lists or groups as one, and counts in the same order."""

    def __init__(self, tables: dict[int, Array], horizons: int) -> None:
        self._marks = tuple(tables)
        self._blank = {mark: np.zeros(len(one)) for mark, one in tables.items()}
        parts = list(tables.values()) or [np.zeros((0, horizons))]
        self.table: Array = np.ascontiguousarray(
            parts[0] if len(parts) == 1 else np.concatenate(parts), dtype=np.float64
        )

    def counts(self, held: dict[int, Array]) -> Array:
        """Of things by age bin, one list or group after the other."""
        if len(self._marks) == 1 and len(held) == 1:
            return held[self._marks[0]]
        if not held.keys() <= self._blank.keys():
            raise KeyError("counted, and not in the tables")
        parts = [held.get(mark, self._blank[mark]) for mark in self._marks]
        return np.concatenate(parts) if parts else np.zeros(0)


class Moments:
    """Large floors."""

    def __init__(self, tables: Tables) -> None:
        self.horizons = len(tables.fresh)
        self._doubt = tables.doubt
        self._ring = {mark: _cumulants(chance) for mark, chance in tables.answer.items()}
        self._talk = {mark: _cumulants(chance) for mark, chance in tables.talk.items()}
        self._wrap = {mark: _cumulants(chance) for mark, chance in tables.wrap.items()}
        self._fresh = _cumulants(tables.fresh[None, :]).reshape(3, -1)

    def at(self, load: Load) -> Law:
        """The law for what is in flight now."""
        ring = self._sum(self._ring, load.ringing)
        free = self._sum(self._talk, load.talking) + self._sum(self._wrap, load.wrapping)
        free[0] -= load.waiting + load.classifying
        return _MomentLaw(ring, free, self._fresh, self._doubt, load.idle)

    def _sum(self, tables: dict[int, Array], counts: dict[int, Array]) -> Array:
        total = np.zeros(3 * self.horizons)
        for mark, count in counts.items():
            total += count @ tables[mark]
        return total.reshape(3, -1)


@dataclass(slots=True)
class _MomentLaw:
    ring: Array
    free: Array
    fresh: Array
    doubt: float
    idle: int

    def first(self) -> list[float]:
        found: list[float] = self.losses(_FIRST).tolist()
        return found

    def near(self) -> float:
        return float(self._each(_FIRST[:1])[:, : self.ring.shape[1] // 2].mean())

    def losses(self, more: NDArray[np.int64]) -> Array:
        return np.asarray(self._each(more).mean(axis=1))

    def _each(self, more: NDArray[np.int64]) -> Array:
        answers = self.ring[None] + more[:, None, None] * self.fresh[None]
        mean = answers[:, 0] - self.free[0]
        # A common gamma factor of mean 1 and variance v adds v m^2, and 2 v^2 m^3 + 3 v m k2 to the third.
        by = self.doubt * answers[:, 0]
        spread = answers[:, 1] + by * answers[:, 0] + self.free[1]
        third = answers[:, 2] + by * (2.0 * by * answers[:, 0] + 3.0 * answers[:, 1]) - self.free[2]
        spread = np.maximum(spread, 1e-6)
        deviation = np.sqrt(spread)
        x = (self.idle - 0.5 - mean) / deviation
        density = np.exp(-0.5 * x * x) * _ROOT
        tail = 1.0 - _normal(x) + density * third / (6.0 * spread * deviation) * (x * x - 1.0)
        return np.asarray(np.minimum(np.maximum(tail, 0.0), 1.0))


_ROOT = 1.0 / np.sqrt(2.0 * np.pi)
# A doubt that moves chances by less than a hundredth moves no decision.
_NO_DOUBT = 1e-2
_MOST_DOUBT = 0.3
# Powers up to this are kept, since most decisions stay far below; beyond it they are computed when asked for.
_LADDER = 64
_FIRST: NDArray[np.int64] = np.arange(3, dtype=np.int64)


def _cumulants(chance: Array) -> Array:
    """The first three of a yes-or-no event for each bin: shape (bins, 3 * horizons)."""
    spread = chance * (1.0 - chance)
    return np.concatenate((chance, spread, spread * (1.0 - 2.0 * chance)), axis=1)


# Phi on a grid of a thousandth: linear between, the error is below 1e-7.
_GRID = np.linspace(-8.0, 8.0, 16001)
_PHI = np.concatenate(
    (
        [0.0],
        np.cumsum(
            0.5 * (np.exp(-0.5 * _GRID[1:] ** 2) + np.exp(-0.5 * _GRID[:-1] ** 2)) * _ROOT * 1e-3
        ),
    )
)


def _normal(x: Array) -> Array:
    return np.interp(x.ravel(), _GRID, _PHI).reshape(x.shape)
