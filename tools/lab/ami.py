"""A small blocking AMI client for the laboratory and its tests; the daemon has its own (dialer_engine/ami).

It keeps every event it has seen, so that a test can look for one that came while it was doing something else.
"""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable
from types import TracebackType

from tools.lab.errors import AmiError

Message = dict[str, str]


def parse(block: str) -> Message:
    """One AMI message; a header that comes twice keeps its values joined by newlines."""
    message: Message = {}
    for line in block.split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            value = value.removeprefix(" ")
            message[name] = f"{message[name]}\n{value}" if name in message else value
    return message


class Ami:
    """A logged-in AMI link.

    Raises AmiError on refusal and on a closed link, TimeoutError when waiting in vain.
    """

    def __init__(self, host: str, port: int, user: str, secret: str, timeout: float = 5.0) -> None:
        """Connect and log in."""
        self.timeout = timeout
        self.events: list[Message] = []
        self._replies: dict[str, Message] = {}
        self._ids = itertools.count(1)
        self._buffer = b""
        self._socket = socket.create_connection((host, port), timeout)
        self._banner()
        self.ask("Login", Username=user, Secret=secret)

    def __enter__(self) -> Ami:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the link."""
        self._socket.close()

    def send(self, action: str, variables: dict[str, str] | None = None, **headers: object) -> str:
        """Send an action without waiting; returns its ActionID.

        Underscores in header names become hyphens.
        """
        action_id = str(next(self._ids))
        lines = [f"Action: {action}", f"ActionID: {action_id}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [f"Variable: {name}={value}" for name, value in (variables or {}).items()]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return action_id

    def ask(
        self, action: str, variables: dict[str, str] | None = None, **headers: object
    ) -> Message:
        """Send an action and wait for its response. Raises AmiError when it is `Response: Error`."""
        action_id = self.send(action, variables, **headers)
        deadline = time.monotonic() + self.timeout
        while action_id not in self._replies:
            self._receive(deadline)
        reply = self._replies.pop(action_id)
        if reply.get("Response") == "Error":
            raise AmiError(f"{action}: {reply.get('Message', 'refused')}")
        return reply

    def wait(
        self, event: str, timeout: float | None = None, since: int = 0, **headers: str
    ) -> Message:
        """The first event from index `since` with this name and these headers.

        Hyphens of header names are written as underscores (Cause_txt). Raises TimeoutError.
        """

        def wanted(message: Message) -> bool:
            return message.get("Event") == event and all(
                message.get(name.replace("_", "-")) == value for name, value in headers.items()
            )

        return self.wait_for(wanted, timeout, since)

    def wait_for(
        self, wanted: Callable[[Message], bool], timeout: float | None = None, since: int = 0
    ) -> Message:
        """The first event from index `since` that `wanted` accepts.

        Raises TimeoutError, naming what came instead.
        """
        deadline = time.monotonic() + (timeout or self.timeout)
        looked = since
        while True:
            for message in self.events[looked:]:
                looked += 1
                if wanted(message):
                    return message
            try:
                self._receive(deadline)
            except TimeoutError:
                last = "\n".join(str(message) for message in self.events[-8:])
                raise TimeoutError(f"no such event; the last ones were:\n{last}") from None

    def drain(self, seconds: float) -> list[Message]:
        """Listen for a while; returns what came meanwhile."""
        first = len(self.events)
        deadline = time.monotonic() + seconds
        while True:
            try:
                self._receive(deadline)
            except TimeoutError:
                return self.events[first:]

    def _banner(self) -> None:
        deadline = time.monotonic() + self.timeout
        while b"\r\n" not in self._buffer:
            self._read(deadline)
        self._buffer = self._buffer.partition(b"\r\n")[2]

    def _receive(self, deadline: float) -> None:
        while b"\r\n\r\n" not in self._buffer:
            self._read(deadline)
        block, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        message = parse(block.decode("utf-8", "replace"))
        if "Event" in message:
            self.events.append(message)
        elif "Response" in message:
            self._replies[message.get("ActionID", "")] = message

    def _read(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("AMI: nothing came in time")
        self._socket.settimeout(left)
        data = self._socket.recv(65536)
        if not data:
            raise AmiError("the PBX closed the AMI link")
        self._buffer += data
