"""The predictive controller with its innermost loops compiled: the same decisions, several times sooner.

For simulations, which decide a hundred thousand times a day. A dialer has time enough and needs no numba.
`tests/sim/floor/test_swift.py` holds the decisions of seeded days against the controller's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from dialer_engine.pacing.loops import NUMPY, Array, Complex, Lines, Loops, alike, circle
from dialer_engine.pacing.predictive import Predictive
from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.sim.floor._world import Floats
from dialer_engine.sim.floor.jit import COMPILED, njit


@njit
def _times(real: Floats, imaginary: Floats, chance: float, x: Floats, y: Floats) -> None:
    """Times 1 + chance (x + i y), at each point."""
    for point in range(real.shape[0]):
        a, b = 1.0 + chance * x[point], chance * y[point]
        keep = real[point]
        real[point] = keep * a - imaginary[point] * b
        imaginary[point] = keep * b + imaginary[point] * a


@njit
def _all(
    table: Floats,
    counts: Floats,
    factor: float,
    horizon: int,
    real: Floats,
    imaginary: Floats,
    x: Floats,
    y: Floats,
) -> None:
    """Times the transforms of all of them."""
    for place in range(counts.shape[0]):
        for _ in range(int(counts[place])):
            chance = factor * table[place, horizon]
            _times(real, imaginary, min(1.0, chance), x, y)


@njit
def _law(
    ring: Floats,
    calls: Floats,
    factors: Floats,
    talk: Floats,
    talking: Floats,
    wrap: Floats,
    wrapping: Floats,
    x: Floats,
    y: Floats,
    turned: Complex,
    weights: Complex,
    product: Complex,
    usual: Floats,
) -> None:
    """product comes as the transform of calls that are taken together, or ones. An agent's step on the
    circle is a call's, turned back.
    """
    points = x.shape[0]
    back = -y
    rest = np.empty((2, points))
    own = np.empty((2, points))
    for horizon in range(ring.shape[1]):
        rest[0], rest[1] = turned.real, turned.imag
        _all(talk, talking, 1.0, horizon, rest[0], rest[1], x, back)
        _all(wrap, wrapping, 1.0, horizon, rest[0], rest[1], x, back)
        for of in range(factors.shape[0]):
            own[0], own[1] = rest[0], rest[1]
            _all(ring, calls, factors[of], horizon, own[0], own[1], x, y)
            row = (of * ring.shape[1] + horizon) * points
            for point in range(points):
                value = product[of, horizon, point] * complex(own[0, point], own[1, point])
                product[of, horizon, point] = value
                for column in range(usual.shape[0]):
                    weight = weights[row + point, column]
                    usual[column] += value.real * weight.real - value.imag * weight.imag


@njit
def _count(ages: Floats, edges: Floats, counts: Floats) -> None:
    for place in range(ages.shape[0]):
        age, low, high = ages[place], 0, edges.shape[0]
        while low < high:
            middle = (low + high) // 2
            if edges[middle] <= age:
                low = middle + 1
            else:
                high = middle
        counts[low] += 1.0


@njit
def _count_even(ages: Floats, per_s: float, counts: Floats) -> None:
    last = counts.shape[0] - 1
    for place in range(ages.shape[0]):
        counts[min(last, int(ages[place] * per_s))] += 1.0


_NO_CALLS: Array = np.zeros(0)


@lru_cache(maxsize=16)
def _circle(size: int) -> tuple[Complex, Array, Array]:
    step = circle(size).step
    return step, np.ascontiguousarray(step.real), np.ascontiguousarray(step.imag)


class Swift(Loops):
    """See the module."""

    def law(
        self, lines: Lines, agents: Sequence[Lines], turned: Complex, weights: Complex
    ) -> tuple[Complex, Array]:
        """As it is there."""
        step, x, y = _circle(2 * len(turned) - 2)
        many, usual = lines.many(), np.zeros(weights.shape[1])
        shape = (len(lines.factors), lines.table.shape[1], len(turned))
        product = alike(lines, step) if many else np.ones(shape, dtype=np.complex128)
        one_by_one = _NO_CALLS if many else lines.counts
        talk, wrap = agents
        _law(
            lines.table, one_by_one, lines.factors, talk.table, talk.counts, wrap.table,
            wrap.counts, x, y, turned, weights, product, usual,
        )  # fmt: skip
        return product, usual

    def count(self, ages: Array, edges: Array) -> Array:
        """As it is there."""
        counts = np.zeros(len(edges) + 1)
        _count(ages, edges, counts)
        return counts

    def count_even(self, ages: Array, width_s: float, bins: int) -> Array:
        """As it is there."""
        counts = np.zeros(bins)
        _count_even(ages, 1.0 / width_s, counts)
        return counts


LOOPS: Loops = Swift() if COMPILED else NUMPY


def swift(settings: PacingSettings) -> Predictive:
    """The controller, as fast as this machine can have it."""
    return Predictive(settings, loops=LOOPS)
