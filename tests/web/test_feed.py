from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dialer_engine.web.app import build_app
from dialer_engine.web.feed import encode
from tests.web.fake_api import FakeEngineApi


class Listener:
    """A client at the ASGI level: httpx's transport would wait for the end of the stream."""

    def __init__(self, fake: FakeEngineApi, query: str, keep_alive_s: float = 60.0) -> None:
        self.app = build_app(fake, keep_alive_s=keep_alive_s)
        self.got: asyncio.Queue[bytes] = asyncio.Queue()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.gone = asyncio.Event()
        self.blocked = asyncio.Event()
        self.blocked.set()
        self._query = query.encode()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.blocked.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            self.got.put_nowait(message.get("body", b""))

    async def run(self) -> None:
        scope: dict[str, Any] = {
            "type": "http", "method": "GET", "path": "/api/v1/events", "raw_path": b"",
            "query_string": self._query, "headers": [], "http_version": "1.1", "scheme": "http",
            "server": None, "client": None, "root_path": "",
        }  # fmt: skip
        await self.app(scope, self.receive, self.send)


@pytest.fixture
async def group() -> AsyncIterator[asyncio.TaskGroup]:
    async with asyncio.TaskGroup() as tasks:
        yield tasks


async def listening(
    fake: FakeEngineApi, group: asyncio.TaskGroup, query: str = "", keep_alive_s: float = 60.0
) -> tuple[Listener, asyncio.Task[None]]:
    listener = Listener(fake, query, keep_alive_s)
    task = group.create_task(listener.run())
    assert (await listener.got.get()).startswith(b": connected\nretry: ")
    while not fake.listeners:
        await asyncio.sleep(0)
    return listener, task


async def test_messages_become_events(fake: FakeEngineApi, group: asyncio.TaskGroup) -> None:
    listener, task = await listening(fake, group, "topics=calls,agent/1001")
    assert fake.asked == [("subscribe", ("calls", "agent/1001"))]
    assert listener.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in listener.headers
    fake.publish("agents", agent="1001")
    fake.publish("calls", phase="ringing", text="两\n行")
    head, data = (await listener.got.get()).split(b"data: ")
    assert head == b"id: 2\nevent: calls\n"
    assert data.endswith(b"\n\n")
    assert data.count(b"\n") == 2
    assert json.loads(data) == {"topic": "calls", "seq": 2, "phase": "ringing", "text": "两\n行"}
    listener.gone.set()
    await task


async def test_all_topics_without_query(fake: FakeEngineApi, group: asyncio.TaskGroup) -> None:
    listener, task = await listening(fake, group)
    assert fake.asked == [("subscribe", ("calls", "agents", "campaigns", "alarms"))]
    listener.gone.set()
    await task


async def test_a_gap_is_told(fake: FakeEngineApi, group: asyncio.TaskGroup) -> None:
    listener, task = await listening(fake, group)
    fake.lose(17)
    fake.publish("calls", phase="ringing")
    fake.publish("calls", phase="talking")
    gap, event, end = (await listener.got.get()).split(b"\n\n")
    assert gap == b'event: lost\ndata: {"lost":17}'
    assert event.startswith(b"id: 1\nevent: calls\n")
    assert end == b""
    assert b"lost" not in await listener.got.get()
    listener.gone.set()
    await task


async def test_silence_is_kept_alive(fake: FakeEngineApi, group: asyncio.TaskGroup) -> None:
    listener, task = await listening(fake, group, keep_alive_s=0.01)
    assert await listener.got.get() == b": still here\n\n"
    assert await listener.got.get() == b": still here\n\n"
    listener.gone.set()
    await task


async def test_who_leaves_is_unsubscribed(fake: FakeEngineApi, group: asyncio.TaskGroup) -> None:
    listener, task = await listening(fake, group)
    listener.gone.set()
    await task
    assert (fake.unsubscribed, fake.listeners) == (1, set())


async def test_end_of_the_feed_ends_the_answer(
    fake: FakeEngineApi, group: asyncio.TaskGroup
) -> None:
    listener, task = await listening(fake, group)
    fake.end_feed()
    await task
    assert await listener.got.get() == b""


async def test_slow_reader_holds_back_only_itself(
    fake: FakeEngineApi, group: asyncio.TaskGroup
) -> None:
    """The stream takes one message at a time, so that the rest waits (and is shed) in the feed."""
    slow, slow_task = await listening(fake, group)
    slow.blocked.clear()
    for number in range(100):
        fake.publish("calls", number=number)
    for _ in range(20):
        await asyncio.sleep(0)
    (queue,) = fake.listeners
    assert queue.qsize() >= 98
    slow.blocked.set()
    slow.gone.set()
    await slow_task


def test_encode_keeps_a_topic_on_one_line() -> None:
    assert encode({"topic": "a\nb: c\r"}).startswith(b"id: \nevent: a b: c \ndata: ")
