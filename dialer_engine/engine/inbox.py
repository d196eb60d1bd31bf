"""The one queue with the one consumer.

Rules: whoever has something to tell puts it here, from the loop's own thread; the consumer takes
one event at a time, and handling is synchronous, so that no two events ever see a half-made state.
Who reads a link hands its events over with `take`: an answer is then handled in the turn of the loop
that read it, and not behind whatever else is ready. What the link sheds under flood it sheds before
this queue; here nothing is dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from dialer_engine.domain.events import AgentEvent, PbxEvent
from dialer_engine.domain.units import Moment

log = structlog.get_logger(__name__)
Event = PbxEvent | AgentEvent
# Yield to the loop after so many events in a row, or a flood would starve timers, actions and the
# watchdog.
_BATCH = 200
# Some seconds of a very busy PBX: what is held back beyond it is bounded by the links.
_HIGH = 10_000
_LOW = 1_000


class Inbox:
    """depth, deepest: events waiting now and at worst. handled: events so far. failures: handlers
    that raised. on_pressure: told True when so much waits that the links should keep what comes
    (each sheds by choice when its own bounded queue is full), False when it may flow again.
    """

    def __init__(self, now: Callable[[], Moment]) -> None:
        self._now = now
        self._pressed = False
        self.on_pressure: Callable[[bool], None] = lambda pressed: None
        self._queue: deque[tuple[Event, Moment]] = deque()
        self._wake = asyncio.Event()
        self._handle: Callable[[Event, Moment], None] | None = None
        self._busy = False
        self.deepest = 0
        self.handled = 0
        self.failures = 0

    @property
    def depth(self) -> int:
        return len(self._queue)

    def put(self, event: Event, at: Moment | None = None) -> None:
        """at: when it happened, if that is known better than now."""
        self._queue.append((event, at or self._now()))
        self.deepest = max(self.deepest, len(self._queue))
        self._wake.set()
        if not self._pressed and len(self._queue) >= _HIGH:
            self._press(True)

    def take(self, event: Event, at: Moment | None = None) -> None:
        """As put, for who calls with nothing of the engine on the stack: handled at once, unless
        others wait or none is consumed yet. How long it may go on is the caller's to bound.
        """
        if self._handle is None or self._busy or self._queue:
            self.put(event, at)
        else:
            self._one(self._handle, event, at or self._now())

    def _press(self, pressed: bool) -> None:
        self._pressed = pressed
        log.warning("the inbox is under pressure" if pressed else "the inbox flows again")
        self.on_pressure(pressed)

    async def consume(self, handle: Callable[[Event, Moment], None]) -> None:
        """For ever: hand each event to `handle`. What a handler raises is logged; the next event is
        handled all the same.
        """
        self._handle = handle
        try:
            while True:
                await self._wake.wait()
                self.drain(handle)
                await asyncio.sleep(0)
        finally:
            self._handle = None

    def drain(self, handle: Callable[[Event, Moment], None]) -> None:
        """Handle what is there, up to one batch."""
        for _ in range(min(_BATCH, len(self._queue))):
            self._one(handle, *self._queue.popleft())
        if self._pressed and len(self._queue) <= _LOW:
            self._press(False)
        if not self._queue:
            self._wake.clear()

    def _one(self, handle: Callable[[Event, Moment], None], event: Event, at: Moment) -> None:
        self.handled += 1
        self._busy = True
        try:
            handle(event, at)
        except Exception:
            self.failures += 1
            log.exception("an event could not be handled", event_type=type(event).__name__)
        finally:
            self._busy = False
