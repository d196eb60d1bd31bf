"""Webitel's predictive ratio, set anew each 30 s from the last hour."""

from __future__ import annotations

import numpy as np

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import CallEnd, News, Snapshot
from dialer_engine.sim.rivals.base import Beat, Rival, Window, half_up

_REVIEW_S, _WINDOW_S = 30.0, 3600.0
_ADJUST_Q = 10.0
_ZERO_MEANS = 0.99  # what a distance of nothing to the target counts as


def overdial(hit_rate: float, current: float, target: float, most: float, q: float) -> float:
    """Lines for each agent: all but `hit_rate` (a share) in percent; at least 1."""
    if not hit_rate or current >= most:
        return 1.0
    over = 1 / hit_rate
    distance = (target - current) or _ZERO_MEANS
    if distance > 0:
        return over * (1 + distance * q / 100)
    return over * (most - current) / most * (100 + q) / 100


class Webitel(Rival):
    """`new = round(over * idle) - in flight`; over from the hit rate and the abandoned share."""

    why = "over-dialling ratio of the last hour times idle agents"

    def __init__(self, settings: PacingSettings, *, q: float = _ADJUST_Q) -> None:
        super().__init__(settings)
        self.q, self.over = q, 1.0
        self._review = Beat(_REVIEW_S)
        self._hour = Window(int(_WINDOW_S / _REVIEW_S), 4)
        self._calls, self._hits = 0, 0
        self._counted = (0, 0)

    def rests_until(self) -> float:
        """See `Rival`."""
        return self._review.next

    def learn(self, news: News) -> None:
        """Calls, and those a person answered."""
        if len(news.call_end):
            self._calls += len(news.call_end)
            self._hits += int(np.count_nonzero(np.asarray(news.call_end) == CallEnd.LIVE))

    def wanted(self, snapshot: Snapshot) -> int:
        """See the class."""
        if self._review.due(snapshot.at):
            self._look_back(snapshot)
        in_flight = len(snapshot.ringing) + len(snapshot.waiting) + len(snapshot.classifying)
        return half_up(self.over * snapshot.idle) - in_flight

    def _look_back(self, snapshot: Snapshot) -> None:
        live, abandoned = self._counted
        self._counted = (snapshot.live, snapshot.abandoned)
        self._hour.push(
            self._calls, self._hits, snapshot.live - live, snapshot.abandoned - abandoned
        )
        self._calls = self._hits = 0
        calls, hits, answers, lost = self._hour.sums
        current = 100 * lost / answers if answers else 0.0
        most = 100 * self.settings.target
        self.over = overdial(hits / calls if calls else 0.0, current, most, most, self.q)
