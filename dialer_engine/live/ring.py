"""Subscribers, each with a bounded ring, and the hub that fills them.

Rules: a message is frozen to JSON when it is published and thawed for each subscriber, so nobody
sees another's changes; a full ring drops its oldest message and counts it; the count comes with the
next message as `lost`; publishing takes a lock for microseconds and never waits for a reader; a
subscriber that is forgotten without `aclose` goes with its last reference.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

# Some seconds of a busy centre (20 answers a second, a few messages each) for a screen that hangs.
RING: Final = 1000


@dataclass(frozen=True, slots=True)
class Item:
    """A message on its way. lost: messages that went missing before it reached this process."""

    topic: str
    seq: int
    body: bytes
    lost: int = 0


def freeze(message: dict[str, Any]) -> bytes:
    """The message as JSON; what JSON does not know becomes text. TypeError for what cannot be
    frozen at all (a cycle, a key that is an object).
    """
    return orjson.dumps(message, default=str, option=orjson.OPT_NON_STR_KEYS)


def thaw(item: Item, lost: int) -> dict[str, Any]:
    """The message as a subscriber gets it; `topic`, `seq` and `lost` are the feed's own."""
    message: dict[str, Any] = orjson.loads(item.body)
    return message | {"topic": item.topic, "seq": item.seq, "lost": lost}


class Subscription(AsyncIterator[dict[str, Any]]):
    """Messages of some topics since it was made. Belongs to the event loop in which it was made;
    one task reads it.
    """

    def __init__(self, topics: frozenset[str], size: int) -> None:
        self.topics = topics
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._ring: deque[Item] = deque()
        self._size, self._lost = size, 0
        self._lock = threading.Lock()
        self._wake = asyncio.Event()
        self._closed = False

    def put(self, item: Item) -> None:
        """From any thread. Never waits."""
        with self._lock:
            if self._closed:
                return
            if len(self._ring) >= self._size:
                self._lost += 1 + self._ring.popleft().lost
            self._ring.append(item)
            first = len(self._ring) == 1
        if first:
            self._notify()

    def count_lost(self, lost: int) -> None:
        """Messages that went missing on the way, perhaps of these topics."""
        with self._lock:
            self._lost += lost

    async def __anext__(self) -> dict[str, Any]:
        while True:
            with self._lock:
                if self._ring:
                    item = self._ring.popleft()
                    lost, self._lost = self._lost + item.lost, 0
                    return thaw(item, lost)
                if self._closed:
                    raise StopAsyncIteration
                self._wake.clear()
            await self._wake.wait()

    async def aclose(self) -> None:
        """No more messages; whoever waits for one is let go."""
        self.close()

    def close(self) -> None:
        """As aclose, from any thread."""
        with self._lock:
            self._closed = True
            self._ring.clear()
        self._notify()

    def _notify(self) -> None:
        if threading.get_ident() == self._thread:
            self._wake.set()
            return
        try:
            self._loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:
            # Its loop is over, and so is the subscriber.
            self._closed = True


class Hub:
    """Hands every item to whom it concerns, and remembers the last of each topic for replay.

    replay: items kept for each topic, 0 for none. Topics whose messages are personal data
    (`agent/…`) are never kept. topics: how many are remembered at most, the oldest go first.
    """

    def __init__(self, *, ring: int = RING, replay: int = 0, topics: int = 100) -> None:
        self._ring, self._replay, self._topics = ring, replay, topics
        self._lock = threading.RLock()
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()
        # A hundred screens each have a topic of their own; a message must not ask all of them.
        self._by_topic: dict[str, weakref.WeakSet[Subscription]] = {}
        self._kept: dict[str, deque[Item]] = {}

    def is_wanted(self, topic: str) -> bool:
        """False while nobody would see a message of this topic, now or as a replay."""
        return bool(self._replay) or bool(self._by_topic.get(topic))

    def deliver(self, item: Item) -> None:
        """To every subscriber of its topic; what was lost before it concerns all, since nobody
        knows of which topic it was.
        """
        with self._lock:
            self._keep(item)
            if item.lost:
                for subscription in list(self._subscriptions):
                    if item.topic not in subscription.topics:
                        subscription.count_lost(item.lost)
            listeners = self._by_topic.get(item.topic)
            if listeners:
                for subscription in list(listeners):
                    subscription.put(item)
            elif listeners is not None:
                del self._by_topic[item.topic]

    def subscribe(self, topics: tuple[str, ...], replay: int = 0) -> Subscription:
        """A subscriber from now on, with the last `replay` messages of each topic before."""
        subscription = Subscription(frozenset(topics), self._ring)
        with self._lock:
            kept = [item for topic in subscription.topics for item in self._last(topic, replay)]
            for item in sorted(kept, key=lambda item: item.seq):
                subscription.put(item)
            self._subscriptions.add(subscription)
            for topic in subscription.topics:
                self._by_topic.setdefault(topic, weakref.WeakSet()).add(subscription)
        return subscription

    def close(self) -> None:
        """End every subscription."""
        with self._lock:
            for subscription in list(self._subscriptions):
                subscription.close()

    def _last(self, topic: str, count: int) -> list[Item]:
        return list(self._kept.get(topic, ()))[-count:] if count > 0 else []

    def _keep(self, item: Item) -> None:
        if not self._replay or item.topic.startswith("agent/"):
            return
        if item.topic not in self._kept and len(self._kept) >= self._topics:
            del self._kept[next(iter(self._kept))]
        kept = self._kept.setdefault(item.topic, deque(maxlen=self._replay))
        kept.append(Item(item.topic, item.seq, item.body))
