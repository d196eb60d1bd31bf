"""Hands queued events to the engine, a slice at a time.

Rules: events go out in the order they came; a handler that raises costs its event only; delivery
never keeps the loop longer than one slice, so answers and Pings get through a flood. Nothing of an
event's values is logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import PurePath
from typing import Final, TypeVar

from structlog.typing import FilteringBoundLogger

from dialer_engine.ami._queue import EventQueue, Queued
from dialer_engine.ami._stats import LinkStats
from dialer_engine.ami.wire import AmiMessage

OnEvent = Callable[[AmiMessage, float], None]
OnDesync = Callable[[int], None]
T = TypeVar("T")

# So long other work of the loop waits at most for events: a tenth of what `writetimeout` gives a
# listener (100 ms).
SLICE_SECONDS: Final = 0.01


class EventPump:
    """Delivers from `queue` while it is neither held nor gated. The gate is the link's, the hold is
    its user's."""

    def __init__(
        self,
        queue: EventQueue,
        stats: LinkStats,
        on_event: OnEvent,
        on_desync: OnDesync,
        log: FilteringBoundLogger,
    ) -> None:
        self._queue = queue
        self._stats = stats
        self._on_event = on_event
        self._on_desync = on_desync
        self._log = log
        self._gaps = 0
        self._running = False
        self._next: asyncio.Handle | None = None
        self.held = False
        self.gated = False
        self.stopped = False

    def deliver(self) -> None:
        """Deliver one slice now, and the rest in the next turns of the loop."""
        if self._next is None and not self._running:
            self._deliver_slice()

    def stop(self) -> None:
        """Deliver nothing any more."""
        self.stopped = True
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _deliver_slice(self) -> None:
        loop = asyncio.get_running_loop()
        self._next = None
        self._running = True
        until = loop.time() + SLICE_SECONDS
        while self._may_run() and (queued := self._queue.pop()) is not None:
            self._hand_over(queued)
            if loop.time() > until:
                break
        self._running = False
        if self._may_run() and len(self._queue):
            self._next = loop.call_soon(self._deliver_slice)

    def _may_run(self) -> bool:
        return not (self.held or self.gated or self.stopped)

    def _hand_over(self, queued: Queued) -> None:
        if queued.message is None:
            self._gaps += 1
            self.guard(self._on_desync, self._gaps)
            return
        self._stats.events_delivered += 1
        try:
            self._on_event(queued.message, queued.received)
        except Exception as error:
            self._count(error)

    def guard(self, handler: Callable[[T], None], value: T) -> None:
        """Call a handler of the link's user; what it raises is counted and logged, and goes no
        further."""
        try:
            handler(value)
        except Exception as error:
            self._count(error)

    def _count(self, error: Exception) -> None:
        self._stats.handler_errors += 1
        if is_sparse(self._stats.handler_errors):
            self._log.error(
                "An event handler failed",
                error=type(error).__name__,
                where=place_of(error),
                failures=self._stats.handler_errors,
            )


def is_sparse(count: int) -> bool:
    """True for 1, 2, 4, 8, …: what happens with every event of a flood must not flood the log."""
    return count & (count - 1) == 0


def place_of(error: BaseException) -> str:
    """`file:line` where an error was raised. Its text is left out: it can hold what the log must
    not."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (
        ""
        if trace is None
        else f"{PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    )
