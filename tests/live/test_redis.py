"""The feed over a real Redis, and over one that is away."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from dialer_engine.live import redis as module
from dialer_engine.live.client import connect
from dialer_engine.live.redis import RedisFeed
from dialer_engine.live.ring import Subscription
from dialer_engine.ports.live import Feed
from tests.live.conftest import Server


async def take(subscription: Subscription, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(20):
        return [await anext(subscription) for _ in range(count)]


@contextlib.asynccontextmanager
async def running(*feeds: RedisFeed, wait: bool = True) -> AsyncIterator[None]:
    """Run feeds for the length of the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(feed.run()) for feed in feeds]
        if wait:
            async with asyncio.timeout(20):
                for feed in feeds:
                    await feed.ready.wait()
        yield
        for task in tasks:
            task.cancel()


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_from_one_daemon_to_the_other_and_back_to_itself(redis_server: Server) -> None:
    one, two = RedisFeed(redis_server.url), RedisFeed(redis_server.url)
    port: Feed = one
    async with running(one, two):
        here, there = one.subscribe(("calls",)), two.subscribe(("calls", "alarms"))
        port.publish("calls", {"n": 1})
        port.publish("agents", {"n": 2})
        port.publish("alarms", {"n": 3})
        assert await take(there, 2) == [
            {"topic": "calls", "seq": 1, "lost": 0, "n": 1},
            {"topic": "alarms", "seq": 3, "lost": 0, "n": 3},
        ]
        assert await take(here, 1) == [{"topic": "calls", "seq": 1, "lost": 0, "n": 1}]


async def test_from_now_on(redis_server: Server) -> None:
    early = RedisFeed(redis_server.url)
    async with running(early):
        watcher = early.subscribe(("calls",))
        early.publish("calls", {"n": 0})
        await take(watcher, 1)
        late = RedisFeed(redis_server.url)
        async with running(late):
            subscription = late.subscribe(("calls",))
            early.publish("calls", {"n": 1})
            (message,) = await take(subscription, 1)
            assert (message["n"], message["lost"]) == (1, 0)


async def test_two_publishers_make_one_row(redis_server: Server) -> None:
    one, two = RedisFeed(redis_server.url), RedisFeed(redis_server.url)
    async with running(one, two):
        subscription = one.subscribe(("calls",))
        for number in range(700):
            (one, two)[number % 2].publish("calls", {"n": number})
        got = await take(subscription, 700)
    assert [message["seq"] for message in got] == list(range(1, 701))
    assert sorted(message["n"] for message in got) == list(range(700))


async def test_slow_subscribers_lose_the_oldest_and_are_told(redis_server: Server) -> None:
    feed = RedisFeed(redis_server.url, ring=5)
    async with running(feed):
        slow = feed.subscribe(("calls",))
        for number in range(50):
            feed.publish("calls", {"n": number})
        await until(lambda: feed._seq == 50)
        got = await take(slow, 5)
    assert [message["n"] for message in got] == [45, 46, 47, 48, 49]
    assert [message["lost"] for message in got] == [45, 0, 0, 0, 0]


async def test_a_dead_redis_costs_the_oldest_messages_and_nothing_else(tmp_path: Path) -> None:
    feed = RedisFeed(f"unix://{tmp_path}/nobody.sock", queue=100)
    async with running(feed, wait=False):
        for number in range(1000):
            feed.publish("calls", {"n": number})
        await until(lambda: feed.stats.reconnects >= 2)
        assert len(feed._queue) == 100
        assert feed.stats.dropped == 900
        assert not feed.ready.is_set()


async def test_without_run_the_queue_is_bounded_too() -> None:
    feed = RedisFeed("unix:///nowhere", queue=10)
    for number in range(50):
        feed.publish("calls", {"n": number})
    assert len(feed._queue) == 10
    assert feed.stats.dropped == 40


async def test_it_comes_back_and_tells_what_was_dropped(redis_server: Server) -> None:
    feed = RedisFeed(redis_server.url, queue=10)
    async with running(feed):
        subscription = feed.subscribe(("calls",))
        feed.publish("calls", {"n": "before"})
        await take(subscription, 1)
        # It may be here before the writer is told: what was sent then would come again.
        await until(lambda: feed.stats.published == 1)
        redis_server.kill()
        await until(lambda: feed.stats.reconnects > 0)
        for number in range(25):
            feed.publish("calls", {"n": number})
        redis_server.start()
        got = await take(subscription, 10)
    assert [message["n"] for message in got] == list(range(15, 25))
    # The new server knows nothing of the old one's count.
    assert got[0]["seq"] == 1
    assert sum(message["lost"] for message in got) == 15 == feed.stats.dropped


async def test_a_frozen_redis_blocks_nobody(redis_server: Server) -> None:
    feed = RedisFeed(redis_server.url, queue=50)
    async with running(feed):
        subscription = feed.subscribe(("calls",))
        redis_server.freeze()
        for number in range(500):
            feed.publish("calls", {"n": number})
            if number % 50 == 0:
                await asyncio.sleep(0)
        assert len(feed._queue) <= 50
        redis_server.thaw()
        got = await take(subscription, 1)
        while got[-1]["n"] != 499:
            got += await take(subscription, 1)
    assert len(got) + sum(message["lost"] for message in got) == 500


async def test_the_reader_goes_on_where_it_was(redis_server: Server) -> None:
    feed, other = RedisFeed(redis_server.url), RedisFeed(redis_server.url)
    async with running(other):
        async with running(feed):
            subscription = feed.subscribe(("calls",))
            other.publish("calls", {"n": 0})
            await take(subscription, 1)
        for number in range(1, 6):
            other.publish("calls", {"n": number})
        await until(lambda: other.stats.published == 6)
        async with running(feed):
            got = await take(subscription, 5)
    assert [message["n"] for message in got] == [1, 2, 3, 4, 5]
    assert all(message["lost"] == 0 for message in got)


async def test_what_was_trimmed_before_it_was_read_is_told(redis_server: Server) -> None:
    feed, other = RedisFeed(redis_server.url), RedisFeed(redis_server.url, length=10)
    async with running(other):
        async with running(feed):
            subscription = feed.subscribe(("calls",))
            other.publish("calls", {"n": 0})
            await take(subscription, 1)
        for number in range(1, 1001):
            other.publish("calls", {"n": number})
        await until(lambda: other.stats.published == 1001)
        async with running(feed):
            (message,) = await take(subscription, 1)
            assert message["lost"] == feed.stats.missed > 0
            assert message["n"] == 1 + message["lost"]


async def heard_after_a_loss(feed: RedisFeed, client: Redis) -> dict[str, Any]:
    """The first message after Redis lost its data, with one heard just before."""
    async with running(feed):
        subscription = feed.subscribe(("calls",))
        feed.publish("calls", {"n": 0})
        await take(subscription, 1)
        await client.flushall()
        feed.publish("calls", {"n": 1})
        (message,) = await take(subscription, 1)
        return message


async def test_a_server_that_lost_its_data_begins_anew(redis_server: Server) -> None:
    feed = RedisFeed(redis_server.url)
    client = connect(redis_server.url)
    message = await heard_after_a_loss(feed, client)
    assert (message["n"], message["seq"], message["lost"]) == (1, 1, 0)
    await client.aclose()


async def test_a_clock_that_was_set_back_while_the_data_was_lost_is_no_matter(
    redis_server: Server,
) -> None:
    feed = RedisFeed(redis_server.url)
    client = connect(redis_server.url)
    far_ahead = 2**52
    await client.xadd(
        "{dialer}:feed", {"s": 1, "t": "calls", "m": "{}", "l": 0}, id=f"{far_ahead}-1"
    )
    message = await heard_after_a_loss(feed, client)
    assert (message["n"], message["lost"]) == (1, 0)
    await client.aclose()


async def test_the_same_instant_twice_is_not_taken_for_the_same_message(
    redis_server: Server,
) -> None:
    client = connect(redis_server.url)
    for _ in range(20):
        # Within a millisecond of each other as often as not.
        message = await heard_after_a_loss(RedisFeed(redis_server.url), client)
        assert (message["n"], message["seq"], message["lost"]) == (1, 1, 0)
    await client.aclose()


async def test_the_stream_does_not_outlive_its_use(redis_server: Server) -> None:
    feed, client = RedisFeed(redis_server.url, length=100), connect(redis_server.url)
    async with running(feed):
        for number in range(2000):
            feed.publish("agent/1001", {"n": number})
        await until(lambda: feed.stats.published == 2000)
    # Approximate trimming works by nodes of 100 entries.
    assert await client.xlen("{dialer}:feed") <= 300
    assert 0 < await client.ttl("{dialer}:feed") <= module.STREAM_TTL_S
    await client.aclose()


async def test_installations_do_not_hear_each_other(redis_server: Server) -> None:
    one = RedisFeed(redis_server.url, prefix="one")
    two = RedisFeed(redis_server.url, prefix="two")
    async with running(one, two):
        subscription = one.subscribe(("calls",))
        two.publish("calls", {"n": 2})
        await until(lambda: two.stats.published == 1)
        one.publish("calls", {"n": 1})
        assert (await take(subscription, 1))[0]["n"] == 1


async def test_threads_publish(redis_server: Server) -> None:
    feed = RedisFeed(redis_server.url)
    async with running(feed):
        subscription = feed.subscribe(("calls",))

        def publish() -> None:
            for number in range(100):
                feed.publish("calls", {"n": number})

        threads = [threading.Thread(target=publish) for _ in range(4)]
        for thread in threads:
            thread.start()
        got = await take(subscription, 400)
        for thread in threads:
            thread.join()
    assert [message["seq"] for message in got] == list(range(1, 401))


async def test_what_cannot_be_json_is_counted(tmp_path: Path) -> None:
    feed = RedisFeed(f"unix://{tmp_path}/nobody.sock")
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    feed.publish("calls", cycle)
    assert feed.unfit == 1


async def test_what_is_given_back_stays_in_order_and_within_bounds() -> None:
    feed = RedisFeed("unix:///nowhere", queue=4)
    for number in range(3):
        feed.publish("calls", {"n": number})
    batch, lost = feed._take()
    feed.publish("calls", {"n": 3})
    feed.publish("calls", {"n": 4})
    feed._give_back(batch, lost)
    assert [body for _, body in feed._queue] == [b'{"n":1}', b'{"n":2}', b'{"n":3}', b'{"n":4}']
    assert feed.stats.dropped == 1
    assert feed._take()[1] == 1
