"""Keeps one link up: connect, greet, log in, watch, wait, again.

Rules: one task, one connection at a time, and whatever ends a session ends its connection. Refusals
that only a person can end wait long; everything else backs off and tries again for ever. Only
cancellation ends the keeper.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, NoReturn, Protocol, cast

from structlog.typing import FilteringBoundLogger

from dialer_engine.ami._backoff import Backoff
from dialer_engine.ami._config import AmiConfig, LinkState, LinkStatus
from dialer_engine.ami._login import check_banner, log_in
from dialer_engine.ami._pending import AmiList
from dialer_engine.ami._pump import place_of
from dialer_engine.ami._stats import LinkStats
from dialer_engine.ami.wire import AmiMessage, FieldValue
from dialer_engine.domain.errors import (
    ActionTimeout,
    LinkLost,
    LoginRefused,
    PbxError,
    TlsRefused,
    WrongPeer,
)

_REFUSALS: Final = (LoginRefused, WrongPeer, TlsRefused)
# What the network and the PBX can do to a session; anything else is a fault of ours. TimeoutError
# is an OSError.
_EXPECTED: Final = (PbxError, OSError)


class Connection(Protocol):
    """What the keeper needs of a connection. `greeting` gets the first line, `ended` the error that
    ended it."""

    greeting: asyncio.Future[str]
    ended: asyncio.Future[PbxError]
    last_read: float

    def end(self, error: PbxError) -> None:
        """End it at once."""


class Line(Protocol):
    """What the keeper moves: the link's connections, one after the other."""

    tell: Callable[[LinkStatus], None]

    def new_connection(self) -> Connection:
        """A connection that is not open yet."""

    async def connect(self) -> None:
        """Open it. Raises `OSError`, `TimeoutError`, `TlsRefused`."""

    async def ask(self, action: Mapping[str, FieldValue], timeout: float) -> AmiMessage | AmiList:
        """Send an action over it, logged in or not."""

    def gate(self, closed: bool) -> None:
        """Stop the delivery of events, or start it."""


class Keeper:
    """The life of one link: `run` until cancelled."""

    def __init__(
        self,
        line: Line,
        config: AmiConfig,
        stats: LinkStats,
        backoff: Backoff,
        log: FilteringBoundLogger,
    ) -> None:
        self._line = line
        self._config = config
        self._stats = stats
        self._backoff = backoff
        self._log = log
        self._was_up = False

    async def run(self) -> None:
        """Session after session."""
        while True:
            self._line.tell(LinkStatus(LinkState.CONNECTING))
            status = self._judge(await self._session())
            self._line.tell(status)
            await asyncio.sleep(status.retry_in or 0.0)

    async def _session(self) -> Exception:
        """One session, and the error that ended it."""
        self._was_up = False
        connection = self._line.new_connection()
        self._line.gate(True)
        try:
            await self._line.connect()
            await self._enter(connection)
            await self._watch(connection)
        except Exception as error:
            return error
        finally:
            connection.end(
                LinkLost("the link to the PBX was closed; what was under way is unknown")
            )
            self._line.gate(False)

    async def _enter(self, connection: Connection) -> None:
        """Greeting and login, both within the login timeout."""
        limit = self._config.login_timeout
        try:
            async with asyncio.timeout(limit):
                # The end is waited for too: a connection that is cut must not wait for its
                # greeting.
                waits: set[asyncio.Future[str] | asyncio.Future[PbxError]]
                waits = {connection.greeting, connection.ended}
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                if connection.ended.done():
                    raise connection.ended.result()
                check_banner(connection.greeting.result())
                await log_in(self._ask_for_login, self._config)
        except TimeoutError:
            raise ActionTimeout(f"the PBX did not greet and let us in within {limit:g} s") from None
        self._stats.connects += 1
        self._was_up = True
        self._log.info("AMI link up")
        self._line.tell(LinkStatus(LinkState.UP))
        self._line.gate(False)

    async def _ask_for_login(self, action: Mapping[str, FieldValue]) -> AmiMessage:
        return cast(AmiMessage, await self._line.ask(action, self._config.login_timeout))

    async def _watch(self, connection: Connection) -> NoReturn:
        """Ping until the connection ends; always raises the error that ended it."""
        loop = asyncio.get_running_loop()
        stable = loop.call_later(self._config.stable_after, self._backoff.reset)
        missed = 0
        try:
            while True:
                await asyncio.wait({connection.ended}, timeout=self._config.ping_interval)
                if connection.ended.done():
                    raise connection.ended.result()
                missed = await self._ping(connection, missed)
        finally:
            stable.cancel()

    async def _ping(self, connection: Connection, missed: int) -> int:
        """Ping once; how many answers in a row are missing. Raises `LinkLost` for a half-open link.

        A PBX that still sends events is slow, not gone: it gets more tries than a silent one.
        """
        asked = asyncio.get_running_loop().time()
        try:
            await self._line.ask({"Action": "Ping"}, self._config.ping_deadline)
        except ActionTimeout:
            self._stats.pongs_missed += 1
            missed += 1
            if connection.last_read > asked and missed < self._config.missed_pongs:
                return missed
            self._stats.half_open += 1
            raise LinkLost("the PBX answers no Ping: the link is half open and was cut") from None
        return 0

    def _judge(self, error: Exception) -> LinkStatus:
        """Count and log the end of a session, and settle when to try again."""
        if isinstance(error, _REFUSALS):
            self._stats.logins_refused += 1
            wait = self._backoff.after_refusal()
            self._log.error("AMI link refused", reason=str(error), retry_in=round(wait, 1))
            return LinkStatus(LinkState.REFUSED, error, wait)
        if self._was_up:
            self._stats.links_lost += 1
        else:
            self._stats.connect_failures += 1
        wait = self._backoff.after_failure()
        event = "AMI link lost" if self._was_up else "AMI link cannot be opened"
        if isinstance(error, _EXPECTED):
            self._log.warning(
                event, reason=str(error) or type(error).__name__, retry_in=round(wait, 1)
            )
        else:
            self._log.error(
                "AMI link failed by a fault of its own",
                error=type(error).__name__,
                where=place_of(error),
            )
        return LinkStatus(LinkState.WAITING, error, wait)
