"""The live feed as server-sent events (WHATWG HTML, section 9.2).

Rules: one event for each message, named by its topic, with the feed's `seq` as id; a gap becomes an
event `lost` with how many; a comment keeps the connection alive through silence. A client that
reads slowly holds back only its own subscription, which then loses the oldest and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

# Proxies and NAT commonly drop a connection after 30-60 s of silence; 15 s is what the HTML standard
# itself advises ("every 15 seconds or so").
KEEP_ALIVE_S = 15.0
# How soon a browser comes back after the daemon restarted.
_RETRY_MS = 2000


def encode(message: dict[str, Any]) -> bytes:
    """One message as an event, and before it, when `lost` is not 0, the event of the gap. JSON has
    no line breaks, so one data line is enough.
    """
    rest = {key: value for key, value in message.items() if key != "lost"}
    name = _one_line(str(message.get("topic", "message")))
    event = f"id: {message.get('seq', '')}\nevent: {name}\ndata: ".encode()
    lost = message.get("lost", 0)
    gap = b"event: lost\ndata: " + orjson.dumps({"lost": lost}) + b"\n\n" if lost else b""
    return gap + event + orjson.dumps(rest) + b"\n\n"


def _one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ")


class EventStream(Response):
    """An endless answer: ends when the client leaves, the feed ends, or `closing` is set."""

    media_type = "text/event-stream"

    def __init__(
        self,
        messages: AsyncIterator[dict[str, Any]],
        closing: asyncio.Event,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._messages = messages
        self._closing = closing
        self._keep_alive_s = keep_alive_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whichever of the five ends first ends the others."""
        lock = asyncio.Lock()

        async def write(chunk: bytes, more: bool = True) -> None:
            async with lock:
                await send({"type": "http.response.body", "body": chunk, "more_body": more})

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await write(f": connected\nretry: {_RETRY_MS}\n\n".encode())
        try:
            async with asyncio.TaskGroup() as group:
                jobs = (self._pump(write), self._ping(write), _gone(receive), self._closing.wait())
                tasks = [group.create_task(job) for job in jobs]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
        finally:
            await _close(self._messages)
        await write(b"", more=False)

    async def _pump(self, write: Any) -> None:
        async for message in self._messages:
            await write(encode(message))

    async def _ping(self, write: Any) -> None:
        while True:
            await asyncio.sleep(self._keep_alive_s)
            await write(b": still here\n\n")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _close(messages: AsyncIterator[dict[str, Any]]) -> None:
    """An async generator unsubscribes when it is closed; other iterators need nothing."""
    close = getattr(messages, "aclose", None)
    if close is not None:
        await close()
