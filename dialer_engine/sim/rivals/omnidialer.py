"""OMniDialer, each second: agents free or expected, less answers expected, times a gain that falls
with the drop rate; 1:1 when that stays high.
"""

from __future__ import annotations

import numpy as np

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import Ages, CallEnd, News, Snapshot
from dialer_engine.sim.rivals.base import Beat, Rival, floored

_TICK_S = 1.0
_ALPHA = 0.1
_HIT_FLOOR = 0.05
_RING_S, _AMD_S = 15.0, 5.0
# Of the limit (3 %): the gain falls from 1.5 % on; 1:1 ends below 2.4 %.
_FREE_BELOW, _CALM_BELOW = 0.5, 0.8
_LEAST_GAIN = 0.2
_TICKS_TO_FALL_BACK = 5
_WARM_UP_ANSWERS = 50


def gain(drops: float, limit: float, boost: float) -> float:
    """`boost` up to half the limit, then linear down to 0.2 at the limit."""
    low = _FREE_BELOW * limit
    if drops <= low:
        return boost
    if drops >= limit:
        return _LEAST_GAIN
    return boost + (_LEAST_GAIN - boost) * (drops - low) / (limit - low)


def expected_free(talking: Ages, mean_s: float) -> float:
    """Agents expected free within a ring and a detection: sum of 1 - exp(-20 / max(1, mu - t))."""
    if not len(talking):
        return 0.0
    left = np.maximum(1.0, mean_s - np.asarray(talking, dtype=np.float64))
    return float(np.sum(1 - np.exp(-(_RING_S + _AMD_S) / left)))


class OmniDialer(Rival):
    """`C = max(0, floor((free + expected - ringing * p) / p * g))`."""

    why = "agents free and expected, less answers expected, times the gain"
    tick_s = _TICK_S
    needs_ages = True

    def __init__(self, settings: PacingSettings, *, boost: float = 1.0) -> None:
        super().__init__(settings)
        self.boost = boost
        self.hit_rate, self.drop_rate = 1.0, 0.0
        self.careful = False
        self._tick = Beat(_TICK_S)
        self._bad_ticks = 0
        self._counted = (0, 0)
        self._talks, self._talk_s = 0, 0.0

    def rests_until(self) -> float:
        """See `Rival`."""
        return self._tick.next

    def learn(self, news: News) -> None:
        """The answer rate, and the mean talk."""
        for end in news.call_end:
            self.hit_rate += _ALPHA * ((end == CallEnd.LIVE) - self.hit_rate)
        if len(news.talk_s):
            self._talks += len(news.talk_s)
            self._talk_s += float(sum(news.talk_s))

    def wanted(self, snapshot: Snapshot) -> int:
        """See the class."""
        if not self._tick.due(snapshot.at):
            return 0
        self._count_drops(snapshot)
        self._judge()
        in_flight = len(snapshot.ringing) + len(snapshot.classifying) + len(snapshot.waiting)
        if self.careful or snapshot.live < _WARM_UP_ANSWERS:
            return snapshot.idle - in_flight
        hit_rate = max(_HIT_FLOOR, self.hit_rate)
        mean = self._talk_s / self._talks if self._talks else 0.0
        free = snapshot.idle + expected_free(snapshot.talking, mean)
        room = free - (len(snapshot.ringing) + len(snapshot.classifying)) * hit_rate
        return floored(room / hit_rate * gain(self.drop_rate, self.settings.target, self.boost))

    def _count_drops(self, snapshot: Snapshot) -> None:
        live, abandoned = self._counted
        self._counted = (snapshot.live, snapshot.abandoned)
        drops = snapshot.abandoned - abandoned
        for _ in range(max(0, snapshot.live - live - drops)):
            self.drop_rate -= _ALPHA * self.drop_rate
        for _ in range(drops):
            self.drop_rate += _ALPHA * (1 - self.drop_rate)

    def _judge(self) -> None:
        limit = self.settings.target
        self._bad_ticks = self._bad_ticks + 1 if self.drop_rate >= limit else 0
        if self._bad_ticks >= _TICKS_TO_FALL_BACK:
            self.careful = True
        elif self.drop_rate < _CALM_BELOW * limit:
            self.careful = False
