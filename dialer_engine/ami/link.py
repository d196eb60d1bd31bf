"""The AMI link: one connection to one PBX node, kept up, and the only door to panoramisk.

Rules:
- An action is sent once or not at all. Nothing is queued while there is no link (`NotConnected`),
  and nothing is ever sent again: an action without an answer is 'unknown' (`LinkLost`,
  `ActionTimeout`), and recovery asks the PBX what lives.
- Every wait has an end. Ping finds the half-open link; a lost link ends every action that waits.
- Neither a handler that raises nor anything the PBX sends ends the daemon or a connection that
  still makes sense.
- A wrong secret, certificate or peer is not tried again quickly, and is told to the operator in
  those words.
- Logged are constant messages, names of actions and events, and counts; never values of headers.

panoramisk 1.4 gives the base: its Manager holds the settings and the sending front, its AMIProtocol
the connection. What is overridden, and why: reading (loses split characters, dies of a handler that
raises), matching (dies of duplicate headers and of lists), sending (no check of values), closing
and losing (sends actions again), connecting (no server name, comes back after close), dispatch (no
bound, no order between coroutines).
"""

from __future__ import annotations

import asyncio
import random
import secrets
import ssl
from collections.abc import Coroutine, Mapping
from typing import Any, Final, cast

import structlog
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from structlog.typing import FilteringBoundLogger

from dialer_engine.ami._backoff import Backoff
from dialer_engine.ami._board import OnState, StateBoard
from dialer_engine.ami._config import STATE_BEARING, AmiConfig, LinkState, LinkStatus
from dialer_engine.ami._keeper import Keeper
from dialer_engine.ami._pending import AmiList, Answer, PendingActions
from dialer_engine.ami._pump import EventPump, OnDesync, OnEvent
from dialer_engine.ami._queue import EventQueue
from dialer_engine.ami._stats import LinkStats
from dialer_engine.ami._tls import client_side, tls_refusal
from dialer_engine.ami.wire import AmiMessage, FieldValue, Framer, serialise
from dialer_engine.domain.errors import (
    DialerError,
    LinkCongested,
    LinkLost,
    NotConnected,
    PbxError,
    WrongPeer,
)

# How long close() waits for the farewell to leave before it cuts.
_FAREWELL_SECONDS: Final = 1.0
_NO_LINK: Final = "there is no link to the PBX; nothing was sent"


class _Connection(AMIProtocol):  # type: ignore[misc]
    """One TCP or TLS connection, from its greeting to its end. It is never used again."""

    def __init__(self, manager: _Manager) -> None:
        loop = asyncio.get_running_loop()
        config, self.stats = manager.settings, manager.stats
        self.factory = manager
        self.settings = config
        self.transport: asyncio.Transport | None = None
        self.closed = self.leaving = False
        self.framer = Framer(config.wanted, max_message=config.max_message)
        self.pending = PendingActions(
            self.stats, max_items=config.max_list_items, max_bytes=config.queue_bytes
        )
        self.greeting: asyncio.Future[str] = loop.create_future()
        self.ended: asyncio.Future[PbxError] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        self.last_read = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, unless the link was closed while it connected."""
        if self.closed:
            cast(asyncio.Transport, transport).abort()
            return
        manager = self.factory
        super().connection_made(transport)
        # The base resets it and leaves it to Manager.connection_made, which would log in by itself.
        self.factory = manager

    def data_received(self, data: bytes) -> None:
        """Answers to their actions, events to the queue."""
        self.last_read = asyncio.get_running_loop().time()
        framer, stats = self.framer, self.stats
        dropped, oversized = framer.dropped, framer.oversized
        try:
            messages = framer.feed(data)
        except WrongPeer as error:
            self.end(error)
            return
        stats.bytes_in += len(data)
        stats.events_filtered += framer.dropped - dropped
        stats.oversized += framer.oversized - oversized
        if framer.banner and not self.greeting.done():
            self.greeting.set_result(framer.banner)
        for message in messages:
            self.handle_message(message)
        self.factory.pump.deliver()

    def handle_message(self, message: AmiMessage) -> None:
        """Match a message with its action, or pass it on."""
        if message.action_id and self.pending.answer(message):
            return
        if message.event:
            self.factory.dispatch(message, self.last_read)
        elif message.response:
            self.stats.late_answers += 1
        else:
            self.stats.garbage += 1

    def send(self, action: dict[str, FieldValue], as_list: bool = False) -> asyncio.Future[Answer]:
        """Write one action. Its ActionID is the caller's; raises if nothing was sent."""
        action_id = str(action.pop("ActionID"))
        data = serialise(action_id, action)
        if self.closed or self.transport is None or self.transport.is_closing():
            raise NotConnected(_NO_LINK)
        # A Ping must find out whether a link that takes nothing is alive.
        if action.get("Action") != "Ping" and self._is_congested():
            raise LinkCongested("the link to the PBX is congested; nothing was sent")
        future = self.pending.add(action_id, is_list=as_list)
        self.stats.actions_sent += 1
        self.stats.bytes_out += len(data)
        self.transport.write(data)
        return future

    def _is_congested(self) -> bool:
        if self.transport is None or len(self.pending) >= self.settings.max_pending:
            return True
        return self.transport.get_write_buffer_size() > self.settings.max_write_buffer

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        why = f": {type(exc).__name__}" if exc is not None else ""
        self.end(LinkLost(f"the link to the PBX broke{why}; what was under way is unknown"))
        if not self.gone.done():
            self.gone.set_result(None)

    def end(self, error: PbxError) -> None:
        """End this connection at once: every action that waits learns that its fate is unknown."""
        self.closed = True
        if not self.ended.done():
            self.ended.set_result(error)
            # Before the actions fail: who is told that one is unknown must not find the link up.
            self.factory.lost(error)
        self.pending.lose_all()
        if not self.leaving:
            self.cut()

    def cut(self) -> None:
        """Drop the socket without waiting for anything."""
        if self.transport is not None:
            self.transport.abort()

    def close(self) -> None:
        """Say goodbye and let the bytes leave; `gone` tells when they have."""
        if self.transport is not None and not self.closed:
            self.transport.write(serialise("bye", {"Action": "Logoff"}))
            self.transport.close()
        self.leaving = self.closed = True


class _Manager(Manager):  # type: ignore[misc]
    """The settings, the connection of the moment, what is sent over it, where its events go."""

    def __init__(
        self,
        settings: AmiConfig,
        stats: LinkStats,
        queue: EventQueue,
        pump: EventPump,
        board: StateBoard,
    ) -> None:
        # From Python 3.12 on it must be built where a loop runs.
        super().__init__(loop=asyncio.get_running_loop(), host=settings.host, port=settings.port)
        self.settings = settings
        self.stats = stats
        self.queue = queue
        self.pump = pump
        self.board = board
        self.tell = board.tell
        self.protocol: _Connection | None = None
        # Unique across restarts of the daemon: an answer to a former run's action is no answer to
        # ours.
        self.run_id = secrets.token_hex(6)
        self.sent = 0

    def new_connection(self) -> _Connection:
        """The next connection, not open yet. The one before has ended."""
        self.protocol = _Connection(self)
        return self.protocol

    async def connect(self) -> None:
        """Open the connection made last. Raises `OSError`, `TimeoutError` or `TlsRefused`."""
        context, name = client_side(self.settings.tls, self.settings.host)
        host, port = self.config["host"], self.config["port"]
        try:
            async with asyncio.timeout(self.settings.connect_timeout):
                await self.loop.create_connection(
                    lambda: self.protocol, host, port, ssl=context, server_hostname=name
                )
        except ssl.SSLEOFError:
            # Hung up in the middle of the handshake: a network's fault, not the certificate's.
            raise
        except ssl.SSLError as error:
            raise tls_refusal(error) from error

    def lost(self, error: PbxError) -> None:
        """The connection of the moment has ended."""
        if self.board.is_up:
            self.board.tell(LinkStatus(LinkState.LOST, error))

    def gate(self, closed: bool) -> None:
        """Stop the delivery of events, or start it."""
        self.pump.gated = closed
        if not closed:
            self.pump.deliver()

    def ask(
        self,
        action: Mapping[str, FieldValue],
        timeout: float,
        *,
        tag: str = "",
        is_list: bool = False,
    ) -> Coroutine[Any, Any, Answer]:
        """Send one action over the connection of the moment; what waits for its answer."""
        connection = self.protocol
        if connection is None:
            raise NotConnected(_NO_LINK)
        self.sent += 1
        action_id = f"de-{self.run_id}-{self.sent}" + (f"/{tag}" if tag else "")
        future = self.send_action({"ActionID": action_id, **action}, as_list=is_list)
        return connection.pending.wait(action_id, future, timeout)

    def dispatch(self, event: AmiMessage, received: float) -> None:
        """Queue an event; one that belongs to an answer nobody waits for is dropped."""
        wanted = self.settings.wanted
        if wanted is not None and event.event not in wanted:
            self.stats.late_answers += 1
            return
        self.stats.events_in += 1
        self.queue.put(event, received)

    async def send_awaiting_actions(self, *_: Any) -> None:
        """Never: what was not answered is unknown, and would be done twice."""


class AmiLink:
    """A link to one PBX node that keeps itself up.

    `on_event(message, received)` gets every wanted event in order, with the loop time of its
    arrival; it is synchronous and cheap. `on_state(status)` is told of each change; `UP` comes
    before the first event of its session, events that came before a loss can follow the news of it.
    `on_desync(gap)` comes at the place in the order where state-bearing events were lost: ask the
    PBX what lives, then call `resynchronised(gap)`. None of the three may raise; if one does, it is
    counted and the link goes on. All run in the loop that called `start`.
    """

    def __init__(
        self,
        config: AmiConfig,
        *,
        on_event: OnEvent,
        on_state: OnState | None = None,
        on_desync: OnDesync | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.config = config
        self.stats = LinkStats()
        self._on_state = on_state
        self._on_desync = on_desync
        self._rng = rng or random.Random()
        self._log: FilteringBoundLogger = structlog.get_logger(__name__).bind(node=config.node)
        self._queue = EventQueue(
            self.stats, STATE_BEARING, max_events=config.queue_events, max_bytes=config.queue_bytes
        )
        self._pump = EventPump(self._queue, self.stats, on_event, self._desync, self._log)
        self._manager: _Manager | None = None
        self._task: asyncio.Task[None] | None = None
        self._board = StateBoard(self._announce)
        self._resynchronised = 0

    # -- what the link is ------------------------------------------------------------------------

    @property
    def status(self) -> LinkStatus:
        """The state of the moment, and why."""
        return self._board.status

    @property
    def is_up(self) -> bool:
        """True while actions can be sent."""
        return self._board.is_up

    @property
    def desynchronised(self) -> bool:
        """True from a loss of state-bearing events until the engine has asked the PBX anew."""
        return self.stats.desyncs > self._resynchronised

    @property
    def pending(self) -> int:
        """Actions that wait for their answer."""
        connection = self._connection
        return 0 if connection is None else len(connection.pending)

    @property
    def queued(self) -> int:
        """Events that wait for the engine."""
        return len(self._queue)

    @property
    def _connection(self) -> _Connection | None:
        return None if self._manager is None else self._manager.protocol

    # -- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect, and keep connected until `close`. Needs a running loop."""
        if self._task is not None or self._board.is_closed:
            return
        config = self.config
        self._manager = _Manager(config, self.stats, self._queue, self._pump, self._board)
        backoff = Backoff(
            config.reconnect_first, config.reconnect_cap, config.refused_retry, self._rng
        )
        keeper = Keeper(self._manager, config, self.stats, backoff, self._log)
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(keeper.run(), name=f"ami-link-{config.node}")

    async def close(self) -> None:
        """Log off, cut and stay closed. Queued events are not delivered any more."""
        was_up, connection = self.is_up, self._connection
        self._pump.stop()
        self._board.tell(LinkStatus(LinkState.CLOSED))
        if was_up and connection is not None:
            connection.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if was_up and connection is not None:
            await asyncio.wait({connection.gone}, timeout=_FAREWELL_SECONDS)
            connection.cut()

    async def wait_up(self, timeout: float) -> None:
        """Return when it is up. Raises the refusal, or `NotConnected` after `timeout` seconds."""
        await self._board.wait_up(timeout)

    def _announce(self, status: LinkStatus) -> None:
        if self._on_state is not None:
            self._pump.guard(self._on_state, status)

    # -- events ----------------------------------------------------------------------------------

    def hold(self) -> None:
        """Stop the delivery of events; they queue up, and are shed by choice."""
        self._pump.held = True

    def release(self) -> None:
        """Deliver again."""
        self._pump.held = False
        if self._task is not None:
            self._pump.deliver()

    def resynchronised(self, gap: int) -> None:
        """The engine has asked the PBX what lives, after the gap that `on_desync` named."""
        self._resynchronised = max(self._resynchronised, gap)

    def _desync(self, gap: int) -> None:
        self._log.error(
            "AMI events were lost; the engine asks the PBX what lives",
            gap=gap,
            lost=self.stats.events_shed_state,
        )
        if self._on_desync is not None:
            self._on_desync(gap)

    # -- actions ---------------------------------------------------------------------------------

    async def send(
        self, action: Mapping[str, FieldValue], timeout: float = 5.0, *, tag: str = ""
    ) -> AmiMessage:
        """Send one action and return the PBX's response, be it success or error (`is_success`).

        `timeout` in seconds. `tag` becomes part of the ActionID, which events such as
        OriginateResponse repeat (`wire.action_tag`). Not sent: `NotConnected`, `LinkCongested`,
        `InjectionRefused`, `BadValue`. Sent, fate unknown: `LinkLost`, `ActionTimeout`,
        `AnswerTooLarge`.
        """
        return cast(AmiMessage, await self._send(action, timeout, tag, is_list=False))

    def post(
        self, action: Mapping[str, FieldValue], timeout: float = 5.0
    ) -> Coroutine[Any, Any, AmiMessage]:
        """As `send`, but sent before this returns: the answer is to be awaited, and raises whatever
        `send` raises.
        """
        try:
            answer = self._enter(action, timeout, "", is_list=False)
        except (DialerError, ValueError) as error:
            answer = _failed(error)
        return cast(Coroutine[Any, Any, AmiMessage], answer)

    async def send_list(
        self, action: Mapping[str, FieldValue], timeout: float = 30.0, *, tag: str = ""
    ) -> AmiList:
        """Send an action that answers with a list of events. Raises as `send` does."""
        return cast(AmiList, await self._send(action, timeout, tag, is_list=True))

    async def _send(
        self, action: Mapping[str, FieldValue], timeout: float, tag: str, *, is_list: bool
    ) -> Answer:
        return await self._enter(action, timeout, tag, is_list=is_list)

    def _enter(
        self, action: Mapping[str, FieldValue], timeout: float, tag: str, *, is_list: bool
    ) -> Coroutine[Any, Any, Answer]:
        """Send it; what waits for the answer."""
        try:
            if not self.is_up or self._manager is None:
                # A value that may not be sent is an error of the caller, link or no link.
                serialise("unsent", action)
                raise NotConnected(_NO_LINK)
            return self._manager.ask(action, timeout, tag=tag, is_list=is_list)
        except (NotConnected, ValueError):
            self.stats.actions_refused_here += 1
            raise


async def _failed(error: Exception) -> Answer:
    """An answer that cannot come."""
    raise error
