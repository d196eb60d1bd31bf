"""The live feed of a daemon under test."""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from typing import Any

import httpx

from dialer_engine.cli.client import BASE
from tools.rig.site import Site

Json = dict[str, Any]
# The daemon sends something every 15 s.
_SILENCE_S = 60.0
_PATIENCE_S = 40.0


class Feed:
    """What the daemon tells on some topics, in order. It is told at once and read by a thread, so what
    must come is waited for before it is judged.
    """

    def __init__(self, site: Site, *topics: str) -> None:
        self.messages: list[Json] = []
        self._topics = ",".join(topics)
        transport = httpx.HTTPTransport(uds=os.fspath(site.socket))
        self._http = httpx.Client(transport=transport, timeout=_SILENCE_S)
        self._stands = threading.Event()
        self._thread = threading.Thread(target=self._read, name="feed", daemon=True)
        self._thread.start()
        assert self._stands.wait(_PATIENCE_S), "the feed did not begin"

    def _read(self) -> None:
        url = f"{BASE}/events"
        # However it ends: what was told stands, and what is missing is missed by who asks for it.
        with (
            suppress(httpx.HTTPError, httpx.StreamError),
            self._http.stream("GET", url, params={"topics": self._topics}) as answer,
        ):
            answer.raise_for_status()
            for line in answer.iter_lines():
                # Greeted by a comment: from here on nothing is missed.
                self._stands.set()
                if line.startswith("data: "):
                    self.messages.append(json.loads(line.removeprefix("data: ")))

    def close(self) -> None:
        """Hang up the stream."""
        self._http.close()

    def named(self, event: str) -> list[Json]:
        """Messages of one event."""
        return [one for one in self.messages if one.get("event") == event]
