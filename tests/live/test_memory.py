"""The ring, the hub and the feed of one process."""

from __future__ import annotations

import asyncio
import gc
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer_engine.live.memory import MemoryFeed
from dialer_engine.live.ring import Item, Subscription
from dialer_engine.ports.live import Feed


async def take(subscription: Subscription, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        return [await anext(subscription) for _ in range(count)]


def test_it_is_the_port() -> None:
    port: Feed = MemoryFeed()
    port.publish("calls", {})


async def test_messages_of_these_topics_from_now_on() -> None:
    feed = MemoryFeed()
    feed.publish("calls", {"n": 0})
    subscription = feed.subscribe(("calls", "alarms"))
    feed.publish("calls", {"n": 1})
    feed.publish("agents", {"n": 2})
    feed.publish("alarms", {"n": 3})
    assert await take(subscription, 2) == [
        {"topic": "calls", "seq": 2, "lost": 0, "n": 1},
        {"topic": "alarms", "seq": 4, "lost": 0, "n": 3},
    ]


async def test_what_nobody_would_see_is_not_made_but_counted() -> None:
    feed = MemoryFeed()
    made: list[str] = []

    class Word:
        def __str__(self) -> str:
            made.append("made")
            return "word"

    feed.publish("agent/1001", {"n": Word()})
    assert not made
    screen, other = feed.subscribe(("agent/1001",)), feed.subscribe(("agent/1002", "calls"))
    feed.publish("agent/1001", {"n": Word()})
    feed.publish("calls", {"n": 3})
    assert await take(screen, 1) == [{"topic": "agent/1001", "seq": 2, "lost": 0, "n": "word"}]
    assert [message["seq"] for message in await take(other, 1)] == [3]
    del screen
    gc.collect()
    feed.publish("agent/1001", {"n": Word()})
    assert made == ["made"]


async def test_one_who_waits_is_woken() -> None:
    feed = MemoryFeed()
    subscription = feed.subscribe(("calls",))
    asyncio.get_running_loop().call_later(0.01, feed.publish, "calls", {"n": 1})
    assert (await take(subscription, 1))[0]["n"] == 1


async def test_a_slow_one_loses_the_oldest_and_is_told() -> None:
    feed = MemoryFeed(ring=3)
    slow, fast = feed.subscribe(("calls",)), feed.subscribe(("calls",))
    for number in range(10):
        feed.publish("calls", {"n": number})
        assert (await take(fast, 1))[0]["lost"] == 0
    got = await take(slow, 3)
    assert [message["n"] for message in got] == [7, 8, 9]
    assert [message["lost"] for message in got] == [7, 0, 0]


@given(st.lists(st.one_of(st.just("publish"), st.just("read")), max_size=60), st.integers(1, 5))
@settings(deadline=None)
def test_read_and_lost_are_all_that_was_published(steps: list[str], ring: int) -> None:
    async def play() -> None:
        feed, published, accounted = MemoryFeed(ring=ring), 0, 0
        subscription = feed.subscribe(("calls",))
        waiting = 0
        for step in steps:
            if step == "publish":
                published += 1
                feed.publish("calls", {"n": published})
                waiting = min(waiting + 1, ring)
            elif waiting:
                (message,) = await take(subscription, 1)
                waiting -= 1
                accounted += 1 + message["lost"]
                assert message["n"] == accounted
        for message in await take(subscription, waiting):
            accounted += 1 + message["lost"]
        assert accounted == published

    asyncio.run(play())


async def test_nobody_sees_anothers_changes() -> None:
    feed = MemoryFeed()
    one, two = feed.subscribe(("calls",)), feed.subscribe(("calls",))
    message: dict[str, Any] = {"deep": {"n": 1}}
    feed.publish("calls", message)
    message["deep"]["n"] = 2
    (first,) = await take(one, 1)
    first["deep"]["n"] = 3
    assert (await take(two, 1))[0]["deep"] == {"n": 1}


async def test_topic_seq_and_lost_are_the_feeds_own() -> None:
    feed = MemoryFeed()
    subscription = feed.subscribe(("calls",))
    feed.publish("calls", {"topic": "forged", "seq": 99, "lost": 5})
    assert await take(subscription, 1) == [{"topic": "calls", "seq": 1, "lost": 0}]


async def test_what_json_does_not_know_becomes_text_and_nothing_raises() -> None:
    feed = MemoryFeed()
    subscription = feed.subscribe(("calls",))
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    feed.publish("calls", cycle)
    odd: dict[Any, Any] = {"at": datetime(2026, 11, 21, tzinfo=UTC), "set": {1}, 5: "key"}
    feed.publish("calls", odd)
    (message,) = await take(subscription, 1)
    assert message["at"] == "2026-11-21T00:00:00+00:00"
    assert message["set"] == "{1}"
    assert message["5"] == "key"
    assert feed.unfit == 1


async def test_replay_is_asked_for() -> None:
    feed = MemoryFeed(replay=2)
    for number in range(4):
        feed.publish("calls", {"n": number})
        feed.publish("alarms", {"n": number})
    got = await take(feed.subscribe(("alarms", "calls"), replay=9), 4)
    assert [(message["topic"], message["n"]) for message in got] == [
        ("calls", 2),
        ("alarms", 2),
        ("calls", 3),
        ("alarms", 3),
    ]
    one = await take(feed.subscribe(("calls",), replay=1), 1)
    assert one[0]["n"] == 3
    fresh = feed.subscribe(("calls",))
    feed.publish("calls", {"n": 4})
    assert (await take(fresh, 1))[0]["n"] == 4


async def test_screens_of_agents_are_not_kept() -> None:
    feed = MemoryFeed(replay=5)
    feed.publish("agent/1001", {"name": "somebody"})
    later = feed.subscribe(("agent/1001",), replay=5)
    feed.publish("agent/1001", {"n": 2})
    assert (await take(later, 1))[0]["n"] == 2


async def test_the_number_of_kept_topics_is_bounded() -> None:
    feed = MemoryFeed(replay=1)
    for number in range(500):
        feed.publish(f"topic-{number}", {})
    assert len(feed._hub._kept) == 100


async def test_closing_lets_a_waiting_reader_go() -> None:
    feed = MemoryFeed()
    subscription = feed.subscribe(("calls",))
    asyncio.get_running_loop().call_later(0.01, feed.close)
    assert [message async for message in subscription] == []
    feed.publish("calls", {})
    with pytest.raises(StopAsyncIteration):
        await anext(subscription)


async def test_a_cancelled_read_loses_nothing() -> None:
    feed = MemoryFeed()
    subscription = feed.subscribe(("calls",))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(subscription)
    feed.publish("calls", {"n": 1})
    assert (await take(subscription, 1))[0]["n"] == 1


async def test_a_forgotten_subscriber_costs_nothing() -> None:
    feed = MemoryFeed()
    for _ in range(50):
        feed.subscribe(("calls",))
    gc.collect()
    assert len(feed._hub._subscriptions) == 0


def test_a_subscriber_whose_loop_is_over_harms_nobody() -> None:
    feed, kept = MemoryFeed(), []

    async def subscribe() -> None:
        kept.append(feed.subscribe(("calls",)))

    thread = threading.Thread(target=lambda: asyncio.run(subscribe()))
    thread.start()
    thread.join()
    for _ in range(3):
        feed.publish("calls", {})
    assert kept


async def test_many_threads_publish_and_seq_is_one_row() -> None:
    feed = MemoryFeed(ring=10_000)
    subscription = feed.subscribe(("calls",))

    def publish(thread: int) -> None:
        for number in range(500):
            feed.publish("calls", {"thread": thread, "n": number})

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    got = await take(subscription, 4000)
    for thread in threads:
        thread.join()
    assert [message["seq"] for message in got] == list(range(1, 4001))
    for number in range(8):
        own = [message["n"] for message in got if message["thread"] == number]
        assert own == list(range(500))


async def test_what_was_lost_on_the_way_is_told_to_all() -> None:
    feed = MemoryFeed(ring=1)
    calls, alarms = feed.subscribe(("calls",)), feed.subscribe(("alarms",))
    feed._hub.deliver(Item("calls", 10, b"{}", lost=4))
    feed._hub.deliver(Item("alarms", 11, b"{}"))
    feed._hub.deliver(Item("calls", 12, b"{}"))
    assert (await take(calls, 1))[0]["lost"] == 5
    assert (await take(alarms, 1))[0]["lost"] == 4
