"""The real clock: the loop's steady time, the system's UTC, and fresh ids."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

from dialer_engine.domain.units import AttemptId, LegId, Moment, attempt_id, leg_id
from dialer_engine.ports.clock import Alarm

_RANDOM_BYTES = 10


class SystemClock:
    """Made inside a running loop; its steady time is the loop's, so that alarms and stamps
    agree.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def now(self) -> Moment:
        """This instant on both clocks."""
        return Moment(self._loop.time(), datetime.now(UTC))

    def later(self, seconds: float, call: Callable[[], None]) -> Alarm:
        """Call once, after `seconds`."""
        return self._loop.call_later(max(0.0, seconds), call)

    def attempt_id(self) -> AttemptId:
        """A new id; sorts by time."""
        return attempt_id(time.time_ns() // 1_000_000, secrets.token_bytes(_RANDOM_BYTES))

    def leg_id(self) -> LegId:
        """A new id; sorts by time."""
        return leg_id(time.time_ns() // 1_000_000, secrets.token_bytes(_RANDOM_BYTES))
