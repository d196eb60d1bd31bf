"""Issabel's predictor, each 5 s: idle agents, and agents who are likely to be done soon.

Its chance of being done is not conditional on the time already talked, so that an agent counts only
after more than 3.5 mean talks.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import CallEnd, News, Snapshot
from dialer_engine.sim.rivals.base import Beat, Rival, Window, half_up

_TICK_S = 5.0
_SURE = 0.97
_ENOUGH_CALLS = 10
_ANSWERS_KEPT, _ANSWER_EXTRA_S = 20, 8.0
_ASR_S, _ASR_FLOOR = 1800.0, 0.2


class Issabel(Rival):
    """`N = max(0, free + soon - waiting) - pending`; with overcommit divided by the answer rate."""

    why = "agents free now or soon, less calls under way"
    tick_s = _TICK_S
    needs_ages = True

    def __init__(self, settings: PacingSettings, *, overcommit: bool = True) -> None:
        super().__init__(settings)
        self.overcommit = overcommit
        self._tick = Beat(_TICK_S)
        self._answer_s: deque[float] = deque(maxlen=_ANSWERS_KEPT)
        self._talks, self._talk_s = 0, 0.0
        self._asr = Window(int(_ASR_S / _TICK_S), 2)
        self._calls, self._answers = 0, 0

    def rests_until(self) -> float:
        """See `Rival`."""
        return self._tick.next

    def learn(self, news: News) -> None:
        """Answer times, talks, and the answer rate."""
        for end, after_s in zip(news.call_end, news.call_ring_s, strict=True):
            self._calls += 1
            if end == CallEnd.LIVE:
                self._answers += 1
                self._answer_s.append(float(after_s))
        if len(news.talk_s):
            self._talks += len(news.talk_s)
            self._talk_s += float(sum(news.talk_s))

    def wanted(self, snapshot: Snapshot) -> int:
        """See the class."""
        if not self._tick.due(snapshot.at):
            return 0
        self._asr.push(self._calls, self._answers)
        self._calls = self._answers = 0
        free = snapshot.idle + self._soon(snapshot) - len(snapshot.waiting)
        new = max(0, free) - len(snapshot.ringing) - len(snapshot.classifying)
        if not self.overcommit:
            return new
        calls, answers = self._asr.sums
        return half_up(new / max(answers / calls if calls else 1.0, _ASR_FLOOR))

    def _soon(self, snapshot: Snapshot) -> int:
        """Busy agents with 1 - exp(-(a + t) / mu) >= 0.97, which is t >= mu * ln(1 / 0.03) - a."""
        if self._talks < _ENOUGH_CALLS or not len(snapshot.talking):
            return 0
        answer = sum(self._answer_s) / max(1, len(self._answer_s)) + _ANSWER_EXTRA_S
        least = -math.log(1 - _SURE) * self._talk_s / self._talks - answer
        return int(np.count_nonzero(np.asarray(snapshot.talking) >= least))
