"""The innermost loops of the controller, in numpy.

A simulation, which decides a million times where a dialer decides once, may give compiled ones instead
(`dialer_engine.sim.floor.swift`); they do the same, to the rounding of the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
# Up to so many calls are taken one by one.
FEW_CALLS = 40
# Stands for 0 where a logarithm is taken.
LEAST = 1e-12


class Circle(NamedTuple):
    """The points of half a transform: turn = exp(-2 pi i k / size), step = turn - 1, back = 1 / turn - 1."""

    turn: Complex
    step: Complex
    back: Complex


_ONCE: Array = np.ones(1)


class Lines(NamedTuple):
    """Calls, or agents. table: their chances by bin and horizon; counts: how many by bin; factors: on the
    chances, of which each makes a law of its own.
    """

    table: Array
    counts: Array
    factors: Array = _ONCE

    def many(self) -> bool:
        """Whether they are taken together."""
        return float(self.counts.sum()) > FEW_CALLS

    def each(self) -> Array:
        """The chances of each thing, one row each."""
        busy = np.flatnonzero(self.counts)
        return self.table[np.repeat(busy, self.counts[busy].astype(np.int64))]


@lru_cache(maxsize=16)
def circle(size: int) -> Circle:
    """Of a transform of `size` points."""
    turn: Complex = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    return Circle(turn, turn - 1.0, turn.conj() - 1.0)


class Loops:
    """See the module."""

    def law(
        self, lines: Lines, agents: Sequence[Lines], turned: Complex, weights: Complex
    ) -> tuple[Complex, Array]:
        """The transform of answers less free agents, shape (factors, horizons, points), and what the
        weights (its size, columns) make of it. turned: the transform of what is certain.
        """
        points = circle(2 * len(turned) - 2)
        each = np.concatenate([one.each() for one in agents])
        rest: Complex = np.multiply.reduce(1.0 + each[:, :, None] * points.back, axis=0) * turned
        if lines.many():
            product = alike(lines, points.step) * rest
        else:
            chances = np.minimum(1.0, lines.factors[:, None, None] * lines.each())
            one_by_one = np.multiply.reduce(1.0 + chances[..., None] * points.step, axis=1)
            product = one_by_one * rest
        return product, np.asarray((product.ravel() @ weights).real)

    def count(self, ages: Array, edges: Array) -> Array:
        """How many ages lie in each bin; edges: those between two bins."""
        places = np.searchsorted(edges, ages, side="right")
        return np.bincount(places, minlength=len(edges) + 1).astype(np.float64)

    def count_even(self, ages: Array, width_s: float, bins: int) -> Array:
        """The same where all bins are as wide, and the last one is open."""
        places = np.minimum((ages * (1.0 / width_s)).astype(np.int64), bins - 1)
        return np.bincount(places, minlength=bins).astype(np.float64)


def alike(lines: Lines, step: Complex) -> Complex:
    """The transform of the binomial law that has the mean and the variance of all calls."""
    busy = np.flatnonzero(lines.counts)
    chances = np.minimum(1.0, lines.factors[:, None, None] * lines.table[busy])
    weighed = chances * lines.counts[busy, None]
    mean = weighed.sum(axis=1)
    chance = np.maximum((weighed * chances).sum(axis=1) / np.maximum(mean, LEAST), LEAST)
    # Its logarithm by real numbers, for which numpy has vector instructions.
    real, imaginary = 1.0 + chance[:, :, None] * step.real, chance[:, :, None] * step.imag
    size_log = 0.5 * np.log(np.maximum(real * real + imaginary * imaginary, LEAST * LEAST))
    angle = np.arctan2(imaginary, real)
    times = (mean / chance)[:, :, None]
    length, angle = np.exp(times * size_log), times * angle
    result = np.empty(length.shape, dtype=np.complex128)
    np.multiply(length, np.cos(angle), out=result.real)
    np.multiply(length, np.sin(angle), out=result.imag)
    return result


NUMPY = Loops()
