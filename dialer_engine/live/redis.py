"""The live feed between daemons, over one Redis stream. The twin of `memory`.

Rules
- `publish` puts into a bounded queue and returns; `run` carries it to Redis in batches. A Redis that
  is dead or slow costs messages, the oldest first, never time or memory: they are counted
  (`dropped`) and subscribers are told (`lost`).
- One stream carries every topic; one reader in each daemon tails it and hands on through the same
  rings as in process. So what a daemon publishes comes back to its own subscribers by way of Redis.
- `seq` is given by Redis, for all daemons; a gap in it is what the stream was trimmed by before it
  was read. It begins anew when Redis lost its data, as a new life of the stream; a reader that hears
  nothing looks whether one has begun below the id it waits behind (the clock may have been set back).
- After a broken link the reader goes on where it was: the stream is the memory.

Limits: while Redis is away feeds stand still. One server or Sentinel, not a cluster (the script
uses two keys). A batch whose answer was lost may come twice. `agent/…` messages hold personal data
and are in the stream until it is trimmed, `STREAM_TTL_S` after the last message at the latest: that
Redis needs the same protection as the store, and no disk snapshots that outlive it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dialer_engine.live.client import ask, connect
from dialer_engine.live.ring import RING, Hub, Item, Subscription, freeze

log = structlog.get_logger(__name__)

# Some seconds of a busy centre; Redis may be restarted in less.
QUEUE: Final = 5000
BATCH: Final = 200
# Approximately: Redis trims whole nodes (XADD MAXLEN ~).
STREAM_LENGTH: Final = 20_000
STREAM_TTL_S: Final = 3600
READ: Final = 1000
# How long one XREAD waits; shorter than the client's timeout.
BLOCK_MS: Final = 2000
RETRY_FIRST_S: Final = 0.1
RETRY_MOST_S: Final = 5.0

# KEYS: stream, its life. ARGV: length, ttl, then topic, body, lost for each message.
# An entry's id is <life>-<seq>. A life begins when Redis has no memory of one, at the microsecond of
# its clock, and above whatever the stream holds: so no id comes twice, whatever was lost.
_PUBLISH: Final = """
if redis.call('EXISTS', KEYS[2]) == 0 then
  local now = redis.call('TIME')
  local life = now[1] * 1000000 + now[2]
  local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  if newest then
    life = math.max(life, tonumber(string.match(newest[1], '^%d+')) + 1)
  end
  redis.call('HSET', KEYS[2], 'life', string.format('%.0f', life))
end
local life = redis.call('HGET', KEYS[2], 'life')
for i = 3, #ARGV, 3 do
  local seq = redis.call('HINCRBY', KEYS[2], 'seq', 1)
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], life .. '-' .. seq,
             's', seq, 't', ARGV[i], 'm', ARGV[i + 1], 'l', ARGV[i + 2])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2] * 2)
return 1
"""


@dataclass(slots=True)
class RedisFeedStats:
    """published: taken by Redis. dropped: never got there. missed: were trimmed before this daemon
    read them. reconnects: of writer and reader.
    """

    published: int = 0
    dropped: int = 0
    missed: int = 0
    reconnects: int = 0


class RedisFeed:
    """Implements `ports.live.Feed`. `run` must be running; `ready` is set when messages flow.

    url: `redis://`, `rediss://` or `unix://`. prefix: of the keys, so that several installations
    can share a server.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "dialer",
        ring: int = RING,
        replay: int = 0,
        queue: int = QUEUE,
        length: int = STREAM_LENGTH,
    ) -> None:
        self._url, self._length = url, length
        # One hash tag, should the server be a cluster's: both keys are then in one slot.
        self._stream, self._life = f"{{{prefix}}}:feed", f"{{{prefix}}}:feed:life"
        self._hub = Hub(ring=ring, replay=replay)
        self._queue: deque[tuple[str, bytes]] = deque()
        self._most, self._unreported = queue, 0
        self._lock = threading.Lock()
        self._waker: Callable[[], None] | None = None
        self._seq = 0
        self._last_id = ""
        self.ready = asyncio.Event()
        self.stats = RedisFeedStats()
        self.unfit = 0

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        """See the port. For any thread. Never raises."""
        try:
            body = freeze(message)
        except (TypeError, ValueError) as error:
            self.unfit += 1
            log.error("feed_message_unfit", topic=topic, error=type(error).__name__)
            return
        with self._lock:
            if len(self._queue) >= self._most:
                self._queue.popleft()
                self._drop(1)
            self._queue.append((topic, body))
            waker = self._waker if len(self._queue) == 1 else None
        if waker:
            # A loop that is just closing needs no waking.
            with contextlib.suppress(RuntimeError):
                waker()

    def subscribe(self, topics: tuple[str, ...], *, replay: int = 0) -> Subscription:
        """See the port. replay: of what this daemon has seen since it runs."""
        return self._hub.subscribe(topics, replay)

    async def run(self) -> None:
        """Carry messages both ways until cancelled. Errors of Redis are waited out."""
        loop, wake = asyncio.get_running_loop(), asyncio.Event()

        def wake_up() -> None:
            loop.call_soon_threadsafe(wake.set)

        self._waker = wake_up
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._again(lambda client: self._write(client, wake)))
                group.create_task(self._again(self._read))
        finally:
            self._waker = None
            self.ready.clear()

    def close(self) -> None:
        """End every subscription."""
        self._hub.close()

    # -- both ways

    async def _again(self, work: Callable[[Redis], Awaitable[None]]) -> None:
        """Do `work` with a client of its own, again after every failure, waiting longer each time
        until it has held for a while.
        """
        loop, wait = asyncio.get_running_loop(), RETRY_FIRST_S
        while True:
            began = loop.time()
            client = connect(self._url)
            try:
                await work(client)
            except (RedisError, OSError) as error:
                self.stats.reconnects += 1
                log.warning("feed_redis_lost", error=type(error).__name__, again_in_s=wait)
            finally:
                with contextlib.suppress(RedisError, OSError):
                    await client.aclose()
            wait = RETRY_FIRST_S if loop.time() - began > RETRY_MOST_S else wait
            await asyncio.sleep(wait)
            wait = min(wait * 2, RETRY_MOST_S)

    # -- to Redis

    async def _write(self, client: Redis, wake: asyncio.Event) -> None:
        await ask(client.ping())
        while True:
            wake.clear()
            batch, lost = self._take()
            if not batch:
                await wake.wait()
                continue
            try:
                await self._send(client, batch, lost)
            except BaseException:
                self._give_back(batch, lost)
                raise
            self.stats.published += len(batch)

    async def _send(self, client: Redis, batch: list[tuple[str, bytes]], lost: int) -> None:
        arguments: list[Any] = [self._length, STREAM_TTL_S]
        for topic, body in batch:
            arguments += [topic, body, lost]
            lost = 0
        await ask(client.eval(_PUBLISH, 2, self._stream, self._life, *arguments))

    def _take(self) -> tuple[list[tuple[str, bytes]], int]:
        with self._lock:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            lost, self._unreported = (self._unreported, 0) if batch else (0, self._unreported)
        return batch, lost

    def _give_back(self, batch: list[tuple[str, bytes]], lost: int) -> None:
        """In front again, as far as there is room: what has come meanwhile is newer."""
        with self._lock:
            room = max(0, self._most - len(self._queue))
            kept = batch[len(batch) - room :] if room < len(batch) else batch
            self._drop(len(batch) - len(kept))
            self._unreported += lost
            self._queue.extendleft(reversed(kept))

    def _drop(self, count: int) -> None:
        self.stats.dropped += count
        self._unreported += count

    # -- from Redis

    async def _read(self, client: Redis) -> None:
        if not self._last_id:
            self._last_id = await self._newest(client)
        self.ready.set()
        try:
            while True:
                answer = await ask(client.xread({self._stream: self._last_id}, READ, BLOCK_MS))
                if not answer and _order(await self._newest(client)) < _order(self._last_id):
                    self._last_id, self._seq = "0-0", 0
                for _, entries in answer or []:
                    for name, fields in entries:
                        self._last_id = name.decode()
                        self._deliver(fields)
        finally:
            self.ready.clear()

    async def _newest(self, client: Redis) -> str:
        """The id after which new messages come, fixed now and not at the first read."""
        entries = await ask(client.xrevrange(self._stream, count=1))
        if entries:
            return str(entries[0][0].decode())
        return "0-0"

    def _deliver(self, fields: dict[bytes, bytes]) -> None:
        seq = int(fields[b"s"])
        missed = seq - self._seq - 1 if 0 < self._seq < seq else 0
        self._seq = seq
        self.stats.missed += missed
        item = Item(fields[b"t"].decode(), seq, fields[b"m"], int(fields[b"l"]) + missed)
        self._hub.deliver(item)


def _order(entry_id: str) -> tuple[int, int]:
    """What Redis orders the ids of a stream by."""
    life, _, seq = entry_id.partition("-")
    return int(life), int(seq)
