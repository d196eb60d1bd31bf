"""The one observer of both sides: a link of its own to the PBX, and what its events say by the PBX's
clock.

Rules: while something is measured it only gathers bytes; they are read afterwards, so that it takes
next to nothing from the two cores that are measured.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType

from tools.lab.ami import parse
from tools.lab.lab import Lab

# The PBX cuts a listener off that does not read for five seconds (writetimeout in manager.conf).
_PAUSE_S = 0.02
_PIECE = 1 << 18
_LOGIN_S = 5.0
_END = b"\r\n\r\n"
_ATTEMPT = "a-"


@dataclass(slots=True)
class Seen:
    """One attempt, in seconds since 1970 by the PBX's clock. seen: its first event. up: answered.
    told: UserEvent DialerAnswered. held: in its holding bridge, from when it may be bridged.
    bridged: both legs in one bridge. ended: hung up.
    """

    seen: float
    up: float | None = None
    told: float | None = None
    held: float | None = None
    bridged: float | None = None
    ended: float | None = None


@dataclass
class Story:
    """What was seen in a stretch of time. older: attempts that had begun before. events: all that
    the link brought.
    """

    older: frozenset[str] = frozenset()
    attempts: dict[str, Seen] = field(default_factory=dict)
    events: int = 0
    _bridges: dict[str, list[str]] = field(default_factory=dict)

    def take(self, message: dict[str, str]) -> None:
        """One event."""
        self.events += 1
        channel, at = message.get("Uniqueid", ""), float(message.get("Timestamp", 0.0))
        kind = message.get("Event")
        if kind == "BridgeEnter" and message.get("BridgeTechnology") != "holding_bridge":
            self._bridge(message["BridgeUniqueid"], channel, at)
        if not channel.startswith(_ATTEMPT):
            return
        one = self.attempts.setdefault(channel, Seen(at))
        one.seen = min(one.seen, at)
        if kind == "Newstate" and message.get("ChannelState") == "6":
            one.up = one.up or at
        elif kind == "UserEvent" and message.get("UserEvent") == "DialerAnswered":
            one.told = one.told or at
        elif kind == "BridgeEnter" and message.get("BridgeTechnology") == "holding_bridge":
            one.held = one.held or at
        elif kind == "Hangup":
            one.ended = at

    def _bridge(self, bridge: str, channel: str, at: float) -> None:
        members = self._bridges.setdefault(bridge, [])
        members.append(channel)
        if len(members) == 2:
            for member in members:
                if member.startswith(_ATTEMPT) and member in self.attempts:
                    one = self.attempts[member]
                    one.bridged = one.bridged or at

    def begun(self, start: float, end: float) -> int:
        """Attempts that began in this stretch."""
        return sum(start <= at < end for at in self._begins())

    def first(self, start: float, end: float) -> float | None:
        """When the first attempt began that did in this stretch."""
        return min((at for at in self._begins() if start <= at < end), default=None)

    def _begins(self) -> Iterator[float]:
        return (one.seen for name, one in self.attempts.items() if name not in self.older)

    def answered(self, start: float, end: float) -> list[Seen]:
        """Attempts that were answered in this stretch."""
        return [one for one in self.attempts.values() if one.up and start <= one.up < end]


class Observer:
    """Gathers. Use as a context manager."""

    def __init__(self, lab: Lab) -> None:
        self._link = socket.create_connection((lab.ami_host, lab.ami_port), _LOGIN_S)
        login = f"Action: Login\r\nUsername: {lab.ami_user}\r\nSecret: {lab.ami_secret}\r\n\r\n"
        self._link.sendall(login.encode())
        self._pieces: list[bytes] = []
        self._older: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._gather, name="observer", daemon=True)

    def __enter__(self) -> Observer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._link.close()

    def story(self) -> Story:
        """What came since the last time."""
        with self._lock:
            data = b"".join(self._pieces)
            whole, _, rest = data.rpartition(_END)
            self._pieces = [rest]
        story = Story(self._older)
        for message in _messages(whole):
            story.take(message)
        # What has ended is not seen again.
        ended = {name for name, one in story.attempts.items() if one.ended}
        self._older = (self._older | story.attempts.keys()) - ended
        return story

    def _gather(self) -> None:
        while not self._ended.wait(_PAUSE_S):
            while select.select([self._link], [], [], 0)[0]:
                piece = self._link.recv(_PIECE)
                if not piece:
                    return
                with self._lock:
                    self._pieces.append(piece)


def _messages(data: bytes) -> Iterator[dict[str, str]]:
    for block in data.split(_END):
        if block.startswith(b"Event: "):
            yield parse(block.decode("utf-8", "replace"))
