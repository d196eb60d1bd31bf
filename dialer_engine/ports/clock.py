"""Time and chance, as the engine needs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dialer_engine.domain.units import AttemptId, LegId, Moment


class Alarm(Protocol):
    """A call that will be made later."""

    def cancel(self) -> None:
        """Not any more."""
        ...


class Clock(Protocol):
    """The one source of time, alarms and fresh ids."""

    def now(self) -> Moment:
        """This instant on both clocks."""
        ...

    def later(self, seconds: float, call: Callable[[], None]) -> Alarm:
        """Call `call` once, after `seconds` on the clock that never steps."""
        ...

    def attempt_id(self) -> AttemptId:
        """A new id; sorts by time."""
        ...

    def leg_id(self) -> LegId:
        """A new id; sorts by time."""
        ...
