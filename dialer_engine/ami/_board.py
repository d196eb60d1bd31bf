"""Where the state of a link is written, read and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dialer_engine.ami._config import LinkState, LinkStatus
from dialer_engine.domain.errors import NotConnected

OnState = Callable[[LinkStatus], None]


class StateBoard:
    """The status of the moment. `CLOSED` is final. `announce` is called with each change."""

    def __init__(self, announce: OnState) -> None:
        self._announce = announce
        self._changed = asyncio.Event()
        self.status = LinkStatus(LinkState.IDLE)

    @property
    def is_up(self) -> bool:
        """True while actions can be sent."""
        return self.status.state is LinkState.UP

    @property
    def is_closed(self) -> bool:
        """True for ever after the link was closed."""
        return self.status.state is LinkState.CLOSED

    def tell(self, status: LinkStatus) -> None:
        """Write a change, wake those who wait, announce it."""
        if self.is_closed:
            return
        self.status = status
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        self._announce(status)

    async def wait_up(self, timeout: float) -> None:
        """Return when the link is up; the errors are those of `AmiLink.wait_up`."""
        try:
            async with asyncio.timeout(timeout):
                while not self.is_up:
                    self._raise_if_hopeless()
                    await self._changed.wait()
        except TimeoutError:
            raise NotConnected(f"no link to the PBX within {timeout:g} s") from self.status.reason

    def _raise_if_hopeless(self) -> None:
        if self.is_closed:
            raise NotConnected("the link is closed")
        if self.status.state is LinkState.REFUSED and self.status.reason is not None:
            raise self.status.reason
