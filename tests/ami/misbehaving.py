"""A manager that misbehaves as a test tells it to.

A test gives one script for each connection, in order (the last one serves all that follow); a script reads like a
transcript: `await pbx.let_in()`, `action = await pbx.read()`, `await pbx.answer(action)`, `await pbx.silence()`. Every
action that ever arrived, on any connection, is in `Misbehaving.actions`.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
SECRET = "correct horse"
CHALLENGE = "840415273"

Action = dict[str, list[str]]
Script = Callable[["Pbx"], Awaitable[None]]


def block(*headers: tuple[str, Any]) -> bytes:
    """The bytes of one message."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\n"


def event(name: str, **headers: Any) -> bytes:
    """The bytes of one event."""
    return block(("Event", name), ("Privilege", "call,all"), *headers.items())


class Pbx:
    """One connection, as the script sees it."""

    def __init__(
        self, server: Misbehaving, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer

    async def read(self) -> Action:
        """The next action, each header with all its values under its lower-case name."""
        raw = await self.reader.readuntil(b"\r\n\r\n")
        action: Action = {}
        for line in raw.decode().split("\r\n")[:-2]:
            name, _, value = line.partition(": ")
            action.setdefault(name.lower(), []).append(value)
        self.server.actions.append(action)
        return action

    async def send(self, *parts: bytes, pause: float = 0.0) -> None:
        """Send the parts, each in a segment of its own if there is a pause."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            if len(parts) > 1:
                await asyncio.sleep(pause)

    async def answer(self, action: Action, response: str = "Success", **headers: Any) -> None:
        """Answer an action."""
        await self.send(
            block(("Response", response), ("ActionID", action["actionid"][0]), *headers.items())
        )

    async def let_in(self) -> None:
        """Greet, and accept the right secret, given plainly or by challenge."""
        await self.send(BANNER)
        action = await self.read()
        if action["action"] == ["Challenge"]:
            await self.answer(action, Challenge=CHALLENGE)
            action = await self.read()
        key = hashlib.md5((CHALLENGE + SECRET).encode(), usedforsecurity=False).hexdigest()
        if action.get("key") == [key] or action.get("secret") == [SECRET]:
            await self.answer(action, Message="Authentication accepted")
        else:
            await self.answer(action, "Error", Message="Authentication failed")
            self.cut()

    async def obey(self) -> None:
        """Let in, then answer everything with success until the client goes."""
        await self.let_in()
        await self.serve()

    async def serve(self) -> None:
        """Answer everything with success until the client goes."""
        while True:
            action = await self.read()
            await self.answer(action, Message="Pong" if action["action"] == ["Ping"] else "OK")

    async def silence(self) -> None:
        """Read and keep silent for ever: the half-open link, without a FIN."""
        while True:
            await self.read()

    def cut(self) -> None:
        """Drop the connection."""
        self.writer.transport.abort()


class Misbehaving:
    """The server. `async with Misbehaving(script, …) as server`."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.scripts = scripts
        self.tls = tls
        self.actions: list[Action] = []
        self.connections = 0
        self.faults: list[BaseException] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def named(self, name: str) -> list[Action]:
        """The actions of that name that ever arrived."""
        return [action for action in self.actions if action["action"] == [name]]

    async def __aenter__(self) -> Misbehaving:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if kind is None and self.faults:
            raise self.faults[0]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await script(Pbx(self, reader, writer))
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            # The client went, or the test is over.
            pass
        except Exception as fault:
            # A script's own assertion must fail its test.
            self.faults.append(fault)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
