"""The live feed: what screens show while it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol


class Feed(Protocol):
    """Publish and subscribe, in process or over Redis. A slow subscriber loses the oldest messages
    and is told how many; publishing never waits.
    """

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        """topic: `calls`, `agents`, `campaigns`, `alarms`, or `agent/<id>` for the screen of one
        agent.
        """
        ...

    def subscribe(self, topics: tuple[str, ...]) -> AsyncIterator[dict[str, Any]]:
        """Messages of these topics from now on, each with `topic` and `seq`."""
        ...
