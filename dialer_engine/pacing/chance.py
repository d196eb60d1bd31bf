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

Complex = NDArray[np.complex128]


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

    def losses(self, more: NDArray[np.int64], horizons: int | None = None) -> Array:
        """For each number of other new calls: the chance of loss, mean over the first `horizons` (None:
        all), shape (len(more),).
        """
        ...


class Exact:
    """Small floors. size: points of the transform; D must lie in [-size/4, 3 size/4).

    Agents are taken one by one. Calls too, as long as they are few; more of them by the binomial law of the
    same mean and variance, which is so close to their own that nobody could tell (Ehm 1991, Statistics &
    Probability Letters 11). The doubt is a factor of two values on the chances of an answer.
    """

    def __init__(self, tables: Tables, size: int) -> None:
        self.size = size
        self._tables = tables
        self._turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
        self._step = self._turn - 1.0
        self._back = self._turn.conj() - 1.0
        doubt = np.sqrt(min(tables.doubt, _MOST_DOUBT))
        self._factors = (1.0 - doubt, 1.0 + doubt) if doubt > _NO_DOUBT else (1.0,)
        self._fresh = [
            np.log(self._yes(np.minimum(1.0, factor * tables.fresh))) for factor in self._factors
        ]

    def _yes(self, chance: Array) -> Complex:
        """Of a yes-or-no event for each chance: shape (…, points); never exactly 0."""
        value: Complex = 1.0 + chance[..., None] * self._step
        return np.where(np.abs(value) < _LEAST, _LEAST, value)

    def at(self, load: Load) -> Law:
        """The law for what is in flight now."""
        chances = _items(self._tables.answer, load.ringing, len(self._tables.fresh))
        free = np.concatenate(
            (
                _items(self._tables.talk, load.talking, len(self._tables.fresh)),
                _items(self._tables.wrap, load.wrapping, len(self._tables.fresh)),
            )
        )
        rest = np.multiply.reduce(1.0 + free[:, :, None] * self._back, axis=0)
        rest = rest * self._turn ** (load.waiting + load.classifying)
        ring = [self._answers(np.minimum(1.0, factor * chances)) * rest for factor in self._factors]
        return _ExactLaw(self, ring, load.idle)

    def _answers(self, chances: Array) -> Complex:
        if len(chances) <= _FEW_CALLS:
            product: Complex = np.multiply.reduce(1.0 + chances[:, :, None] * self._step, axis=0)
            return product
        mean = chances.sum(axis=0)
        alike = np.maximum((chances * chances).sum(axis=0) / np.maximum(mean, _LEAST), _LEAST)
        matched: Complex = np.exp((mean / alike)[:, None] * np.log(self._yes(alike)))
        return matched

    def losses(
        self, ring: list[Complex], more: NDArray[np.int64], idle: int, horizons: int | None
    ) -> Array:
        """The chance that D >= idle, for each number of new calls, mean over horizons."""
        mixed: Complex = np.zeros((1, 1), dtype=np.complex128)
        for base, fresh in zip(ring, self._fresh, strict=True):
            if len(more) == 1 and more[0] == 0:
                mixed = mixed + base[None, :horizons].mean(axis=1)
            else:
                grown = np.exp(more[:, None, None] * fresh[None, :horizons])
                grown *= base[None, :horizons]
                mixed = mixed + grown.mean(axis=1)
        chance: Array = (mixed @ _tail(self.size, idle)).real / len(ring)
        return np.clip(chance, 0.0, 1.0)


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


class _ExactLaw:
    def __init__(self, exact: Exact, ring: list[Complex], idle: int) -> None:
        self._exact, self._ring, self._idle = exact, ring, idle

    def losses(self, more: NDArray[np.int64], horizons: int | None = None) -> Array:
        return self._exact.losses(self._ring, more, self._idle, horizons)


def _items(tables: dict[int, Array], counts: dict[int, Array], horizons: int) -> Array:
    """The chances of each thing, one row each."""
    rows = []
    for mark, count in counts.items():
        busy = np.flatnonzero(count)
        if len(busy):
            rows.append(tables[mark][np.repeat(busy, count[busy].astype(np.int64))])
    if not rows:
        return np.zeros((0, horizons))
    return rows[0] if len(rows) == 1 else np.concatenate(rows)


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

    def losses(self, more: NDArray[np.int64], horizons: int | None = None) -> Array:
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
        return np.asarray(np.clip(tail, 0.0, 1.0)[:, :horizons].mean(axis=1))


_ROOT = 1.0 / np.sqrt(2.0 * np.pi)
# A doubt that moves chances by less than a hundredth moves no decision.
_NO_DOUBT = 1e-2
_MOST_DOUBT = 0.3
_FEW_CALLS = 40
_LEAST = 1e-12


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
