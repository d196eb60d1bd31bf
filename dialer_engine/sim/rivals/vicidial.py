"""VICIdial's adaptive modes (`AST_VDadapt.pl`, `AST_VDauto_dial.pl`).

A dial level, moved each 15 s by the share of agents who were ready less the calls that waited, and cut
when too many calls were dropped. It has no model of talks, rings or answers.
"""

from __future__ import annotations

from enum import Enum

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import News, Snapshot
from dialer_engine.sim.rivals.base import Beat, Rival, Window, floored, half_up

_SAMPLE_S, _DIAL_S, _ADAPT_S, _STATS_S = 1.0, 2.5, 15.0, 60.0
_SAMPLES = 15
_MAX_LEVEL = 3.0
# More calls than this in the last minute, more than half of them dropped: the level is halved.
_BUSY_MINUTE, _WORST_SHARE = 20, 0.5
_CALLS_BEFORE_JUDGING = 50


class Mode(Enum):
    """What happens while the day's drops are above the limit."""

    HARD_LIMIT = "hard-limit"
    AVERAGE = "average"
    TAPERED = "tapered"


class Vicidial(Rival):
    """`new = round(L * N) - lines in use` each 2.5 s; N: agents ready or in a call.

    intensity: I, in percent. starts_h, day_h: the shift, for TAPERED only.
    """

    why = "dial level times agents ready or in a call, less lines in use"
    tick_s = 0.5  # all of its clocks are multiples of this
    deaf = True

    def __init__(
        self,
        settings: PacingSettings,
        mode: Mode,
        *,
        intensity: float = 0.0,
        diff_target: int = 0,
        max_level: float = _MAX_LEVEL,
        starts_h: float = 9.0,
        day_h: float = 8.0,
    ) -> None:
        super().__init__(settings)
        self.mode, self.intensity, self.diff_target = mode, intensity, diff_target
        self.max_level, self.starts_h, self.ends_h = max_level, starts_h, starts_h + day_h
        self.level = 1.0
        self._sample, self._dial = Beat(_SAMPLE_S), Beat(_DIAL_S)
        self._adapt, self._stats = Beat(_ADAPT_S), Beat(_STATS_S)
        self._seen = Window(_SAMPLES, 3)
        self._opened: float | None = None
        self._calls = 0
        # As of the last refresh: calls and drops of the last minute, calls, drops, answers of the day.
        self._minute = (0, 0)
        self._today = (0, 0, 0)

    def rests_until(self) -> float:
        """See `Rival`; it looks at its clocks only, but for the time of its start."""
        return min(one.next for one in (self._sample, self._dial, self._adapt, self._stats))

    def learn(self, news: News) -> None:
        """Counts the calls that ended."""
        self._calls += len(news.call_end)

    def wanted(self, snapshot: Snapshot) -> int:
        """See the class."""
        at = snapshot.at
        if self._opened is None:
            self._opened = at
        if self._sample.due(at):
            logged_in = snapshot.staffed + snapshot.away
            self._seen.push(snapshot.idle, len(snapshot.waiting), logged_in)
        if self._stats.due(at):
            self._refresh(snapshot)
        if self._adapt.due(at):
            self._move_level(at - self._opened)
        return self._lines(snapshot) if self._dial.due(at) else 0

    def _lines(self, snapshot: Snapshot) -> int:
        in_call = len(snapshot.talking) + snapshot.connecting
        agents = snapshot.idle + in_call + self.diff_target
        in_use = len(snapshot.ringing) + len(snapshot.waiting) + len(snapshot.classifying) + in_call
        return half_up(self.level * agents) - in_use

    def _refresh(self, snapshot: Snapshot) -> None:
        calls, drops, _ = self._today
        self._minute = (self._calls - calls, snapshot.abandoned - drops)
        self._today = (self._calls, snapshot.abandoned, snapshot.live)

    def _move_level(self, opened_s: float) -> None:
        ready, waiting, agents = self._seen.sums
        if not agents:
            return
        share = (ready - waiting + self.diff_target * len(self._seen)) / agents
        tuned = self.intensity / 100
        share *= abs(tuned - 1) if share < 0 else 1 + tuned
        level = min(self.max_level, max(1.0, round(self.level * (1 + share), 3)))
        self.level = max(1.0, self._punished(level, opened_s))

    def _punished(self, level: float, opened_s: float) -> float:
        calls, drops = self._minute
        if calls > _BUSY_MINUTE and drops > _WORST_SHARE * calls:
            level /= 2
        if not self._over_limit():
            return level
        if self.mode is Mode.HARD_LIMIT:
            return 1.0
        if self.mode is Mode.AVERAGE:
            return level / 2
        return level * min(1.0, self._taper(opened_s))

    def _over_limit(self) -> bool:
        calls, drops, answers = self._today
        return calls > _CALLS_BEFORE_JUDGING and drops > self.settings.target * answers

    def _taper(self, opened_s: float) -> float:
        """End of the shift less now, both written HHMM and subtracted as numbers, over 1000."""
        return (_hhmm(self.ends_h) - _hhmm(self.starts_h + opened_s / 3600)) / 1000


def _hhmm(hour: float) -> int:
    minutes = floored(hour * 60)
    return minutes // 60 * 100 + minutes % 60
