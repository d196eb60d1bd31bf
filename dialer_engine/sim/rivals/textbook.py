"""The textbook's rule: as many answers within a ring as agents who come free within it."""

from __future__ import annotations

import math

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import CallEnd, News, Snapshot
from dialer_engine.sim.rivals.base import Rival, floored

# Nothing is known at the start: careful until so many calls and talks were seen.
_CALLS_FIRST, _TALKS_FIRST = 20, 5


class Textbook(Rival):
    """`new = (idle + soon - waiting) / p - ringing`; soon: the sum of 1 - exp(-h / mu) over agents who
    talk (mu: mean talk) or wrap up (mu: mean wrap-up).

    h: mean time to an answer; p: answer rate; all of the day so far.
    """

    why = "answers expected within a ring are to equal agents expected free"

    def __init__(self, settings: PacingSettings) -> None:
        super().__init__(settings)
        self._calls, self._answers, self._ring_s = 0, 0, 0.0
        self._talks, self._talk_s = 0, 0.0
        self._wraps, self._wrap_s = 0, 0.0

    def learn(self, news: News) -> None:
        """Means over the day."""
        for end, after_s in zip(news.call_end, news.call_ring_s, strict=True):
            self._calls += 1
            if end == CallEnd.LIVE:
                self._answers += 1
                self._ring_s += float(after_s)
        if len(news.talk_s):
            self._talks += len(news.talk_s)
            self._talk_s += float(sum(news.talk_s))
        if len(news.wrap_s):
            self._wraps += len(news.wrap_s)
            self._wrap_s += float(sum(news.wrap_s))

    def wanted(self, snapshot: Snapshot) -> int:
        """See the class."""
        in_flight = len(snapshot.ringing) + len(snapshot.classifying)
        if self._calls < _CALLS_FIRST or self._talks < _TALKS_FIRST or not self._answers:
            return snapshot.idle - in_flight - len(snapshot.waiting)
        ring = self._ring_s / self._answers
        soon = len(snapshot.talking) * _done(ring, self._talk_s / self._talks)
        soon += len(snapshot.wrapping) * _done(ring, self._wrap_s / max(1, self._wraps))
        free = snapshot.idle + soon - len(snapshot.waiting)
        return floored(free * self._calls / self._answers) - in_flight


def _done(within_s: float, mean_s: float) -> float:
    """The chance that something exponential of this mean ends within that time."""
    return 1 - math.exp(-within_s / mean_s) if mean_s > 0 else 1.0
