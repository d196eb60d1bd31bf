"""The price of an abandoned call: how much chance of a loss is worth an answer, right now.

Rules: what was abandoned is counted against what the target allowed until now; the difference, in calls,
moves the price smoothly (no cliff: a factor e for each `grip` calls), so one unlucky call costs little and
is worked off; the price that holds the balance is learned by integration; the aim lies a little below the
target, by the spread that is left, so that a day ends under it. The grip is loose while there is much of
the accounting period left to work a debt off, and tightens towards its end.

Linear theory: with D calls of debt and price exp(-D/B), D performs an Ornstein-Uhlenbeck motion with
variance B/2, whatever the team's size, and relaxes within B/target answers; so B may grow with what the
target still allows. The aim lies `safety` such deviations below zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Budget:
    """target: share of live answers that may be abandoned. loose: B over the abandoned calls that are
    still allowed until the end. safety: deviations between the aim and the target. base: logarithm of
    the price at which the aim is held. grip: B now.
    """

    target: float
    loose: float = 0.35
    safety: float = 1.7
    base: float = field(default=math.log(0.04))
    integral: float = 0.02
    live: int = 0
    debt: float = 0.0
    grip: float = 2.0
    _answers: float = 0.0
    _seconds: float = 0.0
    _last: float = 0.8
    _margin: float = 0.25
    _at: float | None = None

    def observe(self, at: float, live: int, abandoned: int, period_left_s: float | None) -> None:
        """Totals of the accounting period at a moment."""
        if live < self.live or self._at is None:
            # A new period, or a new start in the middle of one: what was before is no news.
            self.live = live
        fresh = live - self.live
        self.live = live
        self.debt = abandoned - self.target * live
        self._loosen(at, fresh, period_left_s)
        if fresh and self.target > 0.0:
            error = max(-_MOST_ERROR, min(_MOST_ERROR, (self.aim - self.debt) / self.grip))
            # Gain in steps of abandoned calls that the target allows.
            self.base += self.integral * self.target * fresh * error
            self.base = max(_LEAST_BASE, min(_MOST_BASE, self.base))

    def _loosen(self, at: float, fresh: int, period_left_s: float | None) -> None:
        """Answers a second over the last half hour (less at first), and what follows from them."""
        dt = 0.0 if self._at is None else max(0.0, at - self._at)
        self._at = at
        fade = math.exp(-dt / _RATE_S)
        self._answers = self._answers * fade + fresh
        self._seconds = self._seconds * fade + dt
        a_second = self.target * self._answers / max(_SOON_S, self._seconds)
        left = _NO_END_S if period_left_s is None else min(_NO_END_S, period_left_s)
        self._last = max(_LEAST_GRIP, a_second * _END_S)
        self._margin = _MARGIN + _MARGIN * math.sqrt(a_second * _RATE_S)
        # Before the pace of answers is known, that of a small team, if there is a day left for it.
        unknown = math.exp(-self._seconds / _KNOWN_S) * _FIRST_GRIP * min(1.0, left / _FIRST_LEFT_S)
        self.grip = max(self._last, unknown, min(_MOST_GRIP, self.loose * a_second * left))

    @property
    def aim(self) -> float:
        """The debt that is aimed at: below zero by the spread that the end of the period leaves."""
        return -self.safety * math.sqrt(0.5 * self._last) - self._margin

    def price(self) -> float:
        """The chance of a loss that one more answer is worth."""
        if self.target <= 0.0:
            return 0.0
        push = max(_LEAST_PUSH, (self.debt - self.aim) / self.grip)
        return math.exp(max(_LEAST_LOG, min(_MOST_LOG, self.base - push)))

    def memory(self) -> dict[str, Any]:
        """Plain data."""
        return {"base": self.base}

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what `memory` gave."""
        self.base = max(_LEAST_BASE, min(_MOST_BASE, float(data.get("base", self.base))))


# Answers are counted over the last half hour or so.
_RATE_S = 1800.0
# Without an end in sight the grip is that of a day that has eight hours left.
_NO_END_S = 8 * 3600.0
_LEAST_GRIP, _MOST_GRIP = 0.8, 200.0
_FIRST_GRIP, _FIRST_LEFT_S, _KNOWN_S = 4.0, 7200.0, 300.0
_MARGIN = 0.25
_SOON_S = 120.0
_END_S = 150.0
_MOST_ERROR = 2.0
_LEAST_BASE, _MOST_BASE = math.log(0.002), math.log(2.0)
_LEAST_LOG, _MOST_LOG = math.log(1e-4), math.log(2.0)
# A saved-up budget does not open the gates wide: at most twice the base.
_LEAST_PUSH = -0.7
