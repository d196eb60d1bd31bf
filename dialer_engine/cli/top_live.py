"""The live view of `top`: asks for the figures every second, and at once when an event says that
something changed.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from rich.console import Console
from rich.live import Live

from dialer_engine.cli import top_terminal, top_view
from dialer_engine.cli.client import AsyncClient
from dialer_engine.cli.session import Session
from dialer_engine.cli.top_state import Request, TopState
from dialer_engine.domain.errors import DaemonUnreachable, DialerError
from dialer_engine.engine.api import TOPICS

# The figures are asked for this often, and not more often than the second value however many events come.
_POLL_S = 1.0
_AT_MOST_EVERY_S = 0.25
# The eye sees no more than this, and a terminal over a slow line can take no more.
_DRAW_EVERY_S = 0.1


class Top:
    """The live view: four tasks around one state."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.state = TopState()
        self._quit = asyncio.Event()
        self._stale = asyncio.Event()
        self._changed = asyncio.Event()
        self._requests: asyncio.Queue[Request] = asyncio.Queue()

    async def run(self) -> None:
        """Until q. DaemonUnreachable when nobody answers at the start; later that is only shown."""
        client = AsyncClient(self.session.socket_path())
        try:
            await self._ask(client)
            console = Console(highlight=False, emoji=False, markup=False)
            live = Live(console=console, screen=True, auto_refresh=False)
            with top_terminal.signals(self._quit.set), top_terminal.keys(self._key), live:
                await self._until_quit(client, live)
        finally:
            await client.close()

    async def _until_quit(self, client: AsyncClient, live: Live) -> None:
        jobs = (self._poll(client), self._follow(client), self._act(client), self._draw(live))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in jobs]
            await self._quit.wait()
            for task in tasks:
                task.cancel()

    # -- keys
    def _key(self, key: str) -> None:
        request: Request | None = None
        if key in ("q", "Q", "\x03"):
            self._quit.set()
        elif key == "n":
            self.state.next_campaign()
        elif key == "p":
            request = self.state.toggle()
        elif key in ("+", "="):
            request = self.state.turn(+1)
        elif key == "-":
            request = self.state.turn(-1)
        if request is not None:
            self._requests.put_nowait(request)
        self._changed.set()

    # -- tasks
    async def _poll(self, client: AsyncClient) -> None:
        while True:
            await _within(_POLL_S, self._stale)
            try:
                await self._ask(client)
            except DaemonUnreachable:
                self.state.reached = False
            except DialerError as error:
                self.state.message = str(error)
            self._changed.set()
            await asyncio.sleep(_AT_MOST_EVERY_S)

    async def _ask(self, client: AsyncClient) -> None:
        self.state.answered(await client.get("/status"), await client.get("/agents"))

    async def _follow(self, client: AsyncClient) -> None:
        """The feed, again and again: it ends when the daemon restarts."""
        while True:
            with suppress(DialerError):
                async for message in client.events(TOPICS):
                    self.state.events.append(message)
                    self._stale.set()
                    self._changed.set()
            await asyncio.sleep(_POLL_S)

    async def _act(self, client: AsyncClient) -> None:
        while True:
            request = await self._requests.get()
            try:
                await client.send(request.method, request.where, request.body)
                self.state.message = request.told
            except DialerError as error:
                self.state.message = str(error)
            self._stale.set()
            self._changed.set()

    async def _draw(self, live: Live) -> None:
        """When something changed, and every second because times go on."""
        while True:
            width, height = live.console.size
            live.update(top_view.screen(self.session, self.state, width, height), refresh=True)
            await _within(_POLL_S, self._changed)
            await asyncio.sleep(_DRAW_EVERY_S)


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Until the event or the time is over. Not `wait_for`: in Python 3.11 that swallows a cancellation
    which comes together with the event, and `q` would do nothing.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()
