"""Events between the socket and the engine: bounded, in order, and shed by choice.

Rules:
- Reading is never paused. Asterisk closes a manager session whose socket it cannot write for long
  (`writetimeout` in manager.conf, 100 ms if not set), so pushing back would turn a flood into a lost link.
- When the queue is full, the oldest cheap event goes first. Only when nothing cheap is left is a
  state-bearing event lost.
- Such a loss is a gap. Everything that comes is then lost until the queue is half empty; one gap is
  one resync, and a flood must not cause a thousand. The consumer meets the gap at its place in the
  order: what it asks the PBX from there on is newer than all that was lost.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from dialer_engine.ami._stats import LinkStats
from dialer_engine.ami.wire import AmiMessage

# Asterisk has about 200 kinds of event; a peer that invents more is counted under one name.
_MAX_NAMES: Final = 256


class Queued(NamedTuple):
    """An event with the loop time of its arrival, or a gap (`message` None)."""

    order: int
    message: AmiMessage | None
    received: float


class EventQueue:
    """A queue of at most `max_events` events and `max_bytes` bytes on the wire."""

    def __init__(
        self, stats: LinkStats, state_bearing: frozenset[str], *, max_events: int, max_bytes: int
    ) -> None:
        self._stats = stats
        self._state_bearing = state_bearing
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._state: deque[Queued] = deque()
        self._cheap: deque[Queued] = deque()
        self._order = 0
        self._bytes = 0
        self._refusing = False

    def __len__(self) -> int:
        return len(self._state) + len(self._cheap)

    def put(self, message: AmiMessage, received: float) -> None:
        """Queue an event, or shed one."""
        is_state = message.event in self._state_bearing
        if message.truncated:
            self._lose(message)
            if is_state:
                self._mark_gap(received)
            return
        if self._refusing and not self._may_accept():
            self._lose(message)
            return
        if not self._make_room(message):
            self._lose(message)
            if is_state:
                self._refusing = True
                self._mark_gap(received)
            return
        self._append(self._state if is_state else self._cheap, message, received)

    def pop(self) -> Queued | None:
        """The oldest event or gap; None if there is none."""
        state, cheap = self._state, self._cheap
        if cheap and (not state or cheap[0].order < state[0].order):
            queued = cheap.popleft()
        elif state:
            queued = state.popleft()
        else:
            return None
        if queued.message is not None:
            self._bytes -= queued.message.size
        return queued

    def _append(self, queue: deque[Queued], message: AmiMessage | None, received: float) -> None:
        self._order += 1
        queue.append(Queued(self._order, message, received))
        if message is not None:
            self._bytes += message.size
        self._stats.queue_peak = max(self._stats.queue_peak, len(self))

    def _may_accept(self) -> bool:
        if len(self) * 2 > self._max_events or self._bytes * 2 > self._max_bytes:
            return False
        self._refusing = False
        return True

    def _make_room(self, message: AmiMessage) -> bool:
        while len(self) >= self._max_events or self._bytes + message.size > self._max_bytes:
            if not self._cheap:
                return False
            queued = self._cheap.popleft()
            if queued.message is not None:
                self._bytes -= queued.message.size
                self._lose(queued.message)
        return True

    def _lose(self, message: AmiMessage) -> None:
        name = message.event
        by_event = self._stats.shed_by_event
        by_event[name if name in by_event or len(by_event) < _MAX_NAMES else "other"] += 1
        if name in self._state_bearing:
            self._stats.events_shed_state += 1
        else:
            self._stats.events_shed_cheap += 1

    def _mark_gap(self, received: float) -> None:
        last = self._state[-1] if self._state else None
        if last is not None and last.message is None and last.order == self._order:
            return
        self._stats.desyncs += 1
        self._append(self._state, None, received)
