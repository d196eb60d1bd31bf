"""What the rivals share: the caps, a beat of their own, a sum over the last minutes."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import Decision, News, Snapshot

_NOTHING = Decision(0, "its formula asks for nothing")
_HAIR = 1e-9  # so that 0.1 * 30 is three lines in floating point too


def half_up(value: float) -> int:
    """The nearest whole number, .5 upwards: what `round` means in these programs."""
    return math.floor(value + 0.5 + _HAIR)


def floored(value: float) -> int:
    """The whole number below."""
    return math.floor(value + _HAIR)


class Beat:
    """True once in each `period_s`: at the first look at or after each beat."""

    __slots__ = ("_next", "period_s")

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self._next = -math.inf

    @property
    def next(self) -> float:
        """When the next beat is."""
        return self._next

    def due(self, at: float) -> bool:
        """Whether a beat came since the last look."""
        if at < self._next - _HAIR:
            return False
        # In step with the first beat, however late the look; beats that were slept through are lost.
        late = 0.0 if self._next == -math.inf else (at + _HAIR - self._next) % self.period_s
        self._next = at - late + self.period_s
        return True


class Window:
    """Sums of the last `beats` pushes of a row of counts."""

    __slots__ = ("_rows", "_size", "sums")

    def __init__(self, beats: int, width: int) -> None:
        self._size = beats
        self._rows: deque[tuple[float, ...]] = deque()
        self.sums = [0.0] * width

    def push(self, *row: float) -> None:
        """One more row; the oldest falls out of the sums once there are more than `beats`."""
        self._rows.append(row)
        gone = self._rows.popleft() if len(self._rows) > self._size else (0.0,) * len(row)
        for place, value in enumerate(row):
            self.sums[place] += value - gone[place]

    def __len__(self) -> int:
        return len(self._rows)


class Rival:
    """A rule that asks for `wanted` calls; here it is held to what every dialer is held to.

    tick_s: how often a simulation need ask it, because of its own clocks.
    """

    why = "its formula"
    tick_s = 0.25
    # Whether the formula looks at ages, or only counts.
    needs_ages = False
    # Whether it does nothing between its beats, whatever happens.
    deaf = False

    def __init__(self, settings: PacingSettings) -> None:
        self.settings = settings

    def wanted(self, snapshot: Snapshot) -> int:
        """New calls by the formula; may be negative."""
        raise NotImplementedError

    def rests_until(self) -> float:
        """Before then nothing is asked for, unless something happens: the formula's next beat."""
        return math.inf

    def decide(self, snapshot: Snapshot) -> Decision:
        """`wanted`, within the room of the trunks and the cap on ringing lines."""
        new = self.wanted(snapshot)
        if new <= 0:
            return _NOTHING
        cap = floored(self.settings.max_ringing_per_agent * snapshot.staffed)
        new = min(new, snapshot.room, cap - len(snapshot.ringing))
        return Decision(new, self.why) if new > 0 else _NOTHING

    def learn(self, news: News) -> None:
        """Most of these rules learn nothing."""

    def memory(self) -> dict[str, Any]:
        """None of these programs keeps what it measured over a restart."""
        return {}
