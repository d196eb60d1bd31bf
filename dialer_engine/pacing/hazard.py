"""How often something ends, by its age: the one estimator of the room.

Rules: a rate is events over exposure, so that what still runs counts for as long as it has run
(censoring, as in Nelson-Aalen's estimator); what was seen long ago is forgotten by halves; a prior of
stated weight stands in until there are data; a level over the whole curve follows quick changes.

The level is a Poisson count with a drifting log-rate: with variance v of the log-level, E events expected
and x seen, 1/v' = 1/v + E and m' = m + v'(x - E) (one Newton step of the posterior, West & Harrison,
Bayesian Forecasting and Dynamic Models, 2nd ed., ch. 14).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(slots=True)
class Level:
    """A factor on a rate, known up to a variance. log: its logarithm. variance: of the logarithm.
    drift: variance that an hour adds. surprise: how far the last counts were off, in events, with the
    variance that was to be expected beside it.
    """

    log: float = 0.0
    variance: float = 0.25
    drift: float = 0.1
    surprise: float = 0.0
    expected: float = 0.0

    @property
    def factor(self) -> float:
        return math.exp(self.log)

    def update(self, seen: float, expected: float, dt_s: float) -> None:
        """`expected` events at the present level in dt_s seconds, and `seen` came."""
        self.variance = min(_MAX_VARIANCE, self.variance + self.drift * dt_s / 3600.0)
        if expected <= 0.0 and seen <= 0.0:
            return
        self._watch(seen, expected)
        self.variance = 1.0 / (1.0 / self.variance + expected)
        step = self.variance * (seen - expected)
        self.log = min(_MAX_LOG, max(-_MAX_LOG, self.log + min(1.0, max(-1.0, step))))

    def _watch(self, seen: float, expected: float) -> None:
        """A jump shows as counts that no small drift explains: then doubt grows at once."""
        fade = math.exp(-expected / _WATCHED)
        self.surprise = self.surprise * fade + seen - expected
        self.expected = self.expected * fade + expected
        if self.expected > 1.0 and self.surprise**2 > _JUMP**2 * self.expected:
            self.variance = min(_MAX_VARIANCE, self.variance + _JUMP_VARIANCE)
            self.surprise, self.expected = self.surprise * 0.5, self.expected * 0.5


# The log-level of a rate of answers lies between a thousandth and a thousandfold.
_MAX_LOG = 7.0
_MAX_VARIANCE = 1.0
# A jump is three standard deviations over the last twenty or so expected events; it adds doubt of
# a quarter of the level.
_WATCHED = 12.0
_JUMP = 3.0
_JUMP_VARIANCE = 0.06


@dataclass(slots=True)
class Curve:
    """Rates by age, bins of `edges` (seconds, n + 1 of them; the last bin is open to the right).

    prior: rate a second in each bin; prior_s: the seconds of exposure in each bin that it counts for.
    half_life_s: of what was seen. smooth: weights of neighbouring bins. events, exposure: decayed counts
    and seconds for each bin.
    """

    edges: Array
    prior: Array
    prior_s: Array
    half_life_s: float
    smooth: Array
    events: Array = field(default_factory=lambda: np.zeros(0))
    exposure: Array = field(default_factory=lambda: np.zeros(0))
    _pending: float = 0.0

    def __post_init__(self) -> None:
        # A rate is never 0/0, not even where the prior hardly reaches.
        self.prior_s = np.maximum(self.prior_s, _LEAST_PRIOR * self.prior_s.max())
        if not len(self.events):
            self.events = np.zeros(len(self.prior))
            self.exposure = np.zeros(len(self.prior))

    def see(self, events: Array | None, exposure: Array, dt_s: float) -> None:
        """Add what was seen in dt_s seconds: events and seconds of exposure for each bin."""
        self.fade(dt_s)
        if events is not None:
            self.events += events
        self.exposure += exposure

    def fade(self, dt_s: float) -> None:
        """So many seconds went by."""
        self._pending += dt_s
        if self._pending > self.half_life_s / 64.0:
            fade = 0.5 ** (self._pending / self.half_life_s)
            self.events *= fade
            self.exposure *= fade
            self._pending = 0.0

    def rate(self) -> Array:
        """Ends a second, in each bin: data smoothed over neighbouring ages, shrunk to the prior."""
        events = self.smooth @ self.events
        exposure = self.smooth @ self.exposure
        return np.asarray((events + self.prior_s * self.prior) / (exposure + self.prior_s))

    def memory(self) -> dict[str, Any]:
        """Plain data for `restore`."""
        return {
            "edges": [round(float(edge), 3) for edge in self.edges],
            "events": [round(float(one), 4) for one in self.events],
            "exposure": [round(float(one), 2) for one in self.exposure],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what `memory` gave; other bins are ignored (the prior stands)."""
        edges = np.asarray(data.get("edges", ()), dtype=float)
        if edges.shape == self.edges.shape and np.allclose(edges, self.edges, atol=1e-2):
            self.events = np.asarray(data["events"], dtype=float)
            self.exposure = np.asarray(data["exposure"], dtype=float)


_LEAST_PRIOR = 0.01


def kernel(edges: Array, near_s: float, near_share: float) -> Array:
    """Weights that smooth neighbouring bins: a bell of width max(near_s, near_share * age). Rows are
    scaled so that a bin weighs 1 for itself: counts stay counts.
    """
    middle = _middles(edges)
    width = np.maximum(near_s, near_share * middle)
    bell = np.exp(-0.5 * ((middle[:, None] - middle[None, :]) / width[:, None]) ** 2)
    return np.asarray(bell)


def _middles(edges: Array) -> Array:
    last = edges[-2] + (edges[-2] - edges[-3])
    return np.asarray(0.5 * (edges[:-1] + np.append(edges[1:-1], last)))


def lognormal_rate(edges: Array, mean_s: float, cv: float) -> Array:
    """The rate by age of a lognormal duration: density over survivors, averaged over each bin."""
    sigma = math.sqrt(math.log(1.0 + cv * cv))
    mu = math.log(mean_s) - 0.5 * sigma * sigma
    ends = np.append(edges[:-1], edges[-2] + (edges[-2] - edges[-3]))
    alive = np.array([_survival(end, mu, sigma) for end in ends])
    alive = np.maximum(alive, _TINY)
    width = np.diff(ends)
    return np.asarray(np.log(alive[:-1] / alive[1:]) / width)


def _survival(t: float, mu: float, sigma: float) -> float:
    return 1.0 if t <= 0 else 0.5 * math.erfc((math.log(t) - mu) / (sigma * math.sqrt(2.0)))


_TINY = 1e-12


def exposed(edges: Array, rate: Array, things: float) -> Array:
    """Seconds that so many things which end at this rate spend in each bin on average."""
    width = widths(edges)
    alive = np.exp(-np.concatenate(([0.0], np.cumsum(rate * width))))
    ending = -np.diff(alive)
    inside = np.divide(ending, rate, out=alive[:-1] * width, where=rate > _TINY)
    return np.asarray(things * inside)


def widths(edges: Array) -> Array:
    """Seconds in each bin, the open one as wide as its neighbour."""
    width = np.diff(edges)
    width[-1] = width[-2]
    return np.asarray(width)
