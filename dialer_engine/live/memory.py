"""The live feed of one daemon: in process, nothing else needed. Implements `ports.live.Feed`.

Every delivered message has `topic`, `seq` (grows with every message of the feed, so with gaps for a
subscriber of some topics) and `lost` (messages dropped before this one because the subscriber was
slow). Publishing is for any thread.
"""

from __future__ import annotations

import threading
from typing import Any

import structlog

from dialer_engine.live.ring import RING, Hub, Item, Subscription, freeze

log = structlog.get_logger(__name__)


class MemoryFeed:
    """ring: messages that wait for a slow subscriber at most. replay: messages of each topic that
    are kept for new subscribers.
    """

    def __init__(self, *, ring: int = RING, replay: int = 0) -> None:
        self._hub = Hub(ring=ring, replay=replay)
        self._lock = threading.Lock()
        self._seq = 0
        # Messages that could not be made JSON: a fault of the publisher, never its exception.
        self.unfit = 0

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        """See the port. Never raises: the call that it tells of is more important. What nobody would see is
        counted and not made: this is on the way to the bridge.
        """
        if not self._hub.is_wanted(topic):
            with self._lock:
                self._seq += 1
            return
        try:
            body = freeze(message)
        except (TypeError, ValueError) as error:
            self.unfit += 1
            log.error("feed_message_unfit", topic=topic, error=type(error).__name__)
            return
        with self._lock:
            self._seq += 1
            self._hub.deliver(Item(topic, self._seq, body))

    def subscribe(self, topics: tuple[str, ...], *, replay: int = 0) -> Subscription:
        """See the port. replay: how many of the last messages of each topic come first. In a
        running event loop only.
        """
        return self._hub.subscribe(topics, replay)

    def close(self) -> None:
        """End every subscription."""
        self._hub.close()
