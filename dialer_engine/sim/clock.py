"""Time that passes only when somebody lets it: `VirtualClock`, and an event loop that lives by it.

Rules: alarms go off in the order of their times, those of one time in the order in which they were set;
while one goes off the clock stands at its time; ids are counted, not drawn, so that a run repeats itself
to the letter.
"""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple, Unpack

from dialer_engine.domain.units import AttemptId, LegId, Moment, attempt_id, leg_id

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
# A Monday at ten in the morning in London (winter, so UTC): inside every window of calling hours.
MONDAY_AT_TEN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
# Not zero, so that a forgotten moment of zero is noticed.
_FIRST_MONO = 1000.0
_ID_BYTES = 10
# How long to wait for a thread before looking again.
_REAL_LOOK_S = 0.05


@dataclass(order=True, slots=True)
class VirtualAlarm:
    """An alarm of a virtual clock; see `ports.clock.Alarm`."""

    at: float
    serial: int
    call: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        """Not any more."""
        self.call = None


class VirtualClock:
    """`ports.clock.Clock` without a clock. start: the UTC time at which it begins."""

    def __init__(self, start: datetime = MONDAY_AT_TEN) -> None:
        self._start = start
        self._alarms: list[VirtualAlarm] = []
        self._serial = 0
        self._ids = 0
        self.mono = _FIRST_MONO

    def now(self) -> Moment:
        """See the port."""
        return Moment(self.mono, self._start + timedelta(seconds=self.mono - _FIRST_MONO))

    def later(self, seconds: float, call: Callable[[], None]) -> VirtualAlarm:
        """See the port."""
        self._serial += 1
        alarm = VirtualAlarm(self.mono + max(0.0, seconds), self._serial, call)
        heapq.heappush(self._alarms, alarm)
        return alarm

    def attempt_id(self) -> AttemptId:
        """See the port."""
        return attempt_id(*self._id_parts())

    def leg_id(self) -> LegId:
        """See the port."""
        return leg_id(*self._id_parts())

    @property
    def alarms(self) -> int:
        """How many alarms are set."""
        return sum(alarm.call is not None for alarm in self._alarms)

    @property
    def next_at(self) -> float | None:
        """When the next alarm goes off, None when none is set."""
        while self._alarms and self._alarms[0].call is None:
            heapq.heappop(self._alarms)
        return self._alarms[0].at if self._alarms else None

    def advance(self, seconds: float) -> None:
        """Let so much time pass; what is due on the way goes off."""
        end = self.mono + seconds
        while (at := self.next_at) is not None and at <= end:
            self._ring(at)
        self.mono = max(self.mono, end)

    def jump(self, limit_s: float | None = None) -> bool:
        """To the next alarm, at most `limit_s` ahead. False when there is nothing to wait for."""
        at = self.next_at
        if limit_s is not None and (at is None or at > self.mono + limit_s):
            self.mono += limit_s
            return True
        if at is None:
            return False
        self._ring(at)
        return True

    def _ring(self, at: float) -> None:
        alarm = heapq.heappop(self._alarms)
        self.mono = max(self.mono, at)
        call, alarm.call = alarm.call, None
        if call is not None:
            call()

    def _id_parts(self) -> tuple[int, bytes]:
        self._ids += 1
        milliseconds = int(self.now().utc.timestamp() * 1000)
        return milliseconds, self._ids.to_bytes(_ID_BYTES, "big")


class _Jumping(selectors.DefaultSelector):
    """Where a loop would sleep, its clock jumps. working: threads that have something to tell yet."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock
        self.working = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.working or not self._clock.jump(timeout):
            # Only a thread, or a signal, can change anything now, and that takes real time.
            return super().select(_REAL_LOOK_S)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a virtual clock: `asyncio.sleep` and timeouts pass at once and in order. Virtual
    time stands still while a thread works for the loop.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self._jumping = _Jumping(clock)
        super().__init__(self._jumping)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As ever; the clock waits for it."""
        self._jumping.working += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._worked)
        return future

    def _worked(self, future: object) -> None:
        self._jumping.working -= 1

    def time(self) -> float:
        """The clock's steady time."""
        return self.clock.mono


def run(clock: VirtualClock, main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on a virtual clock."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main)
