"""The bare loop: the same work as the engine's, with nothing around it. A process of its own.

It nails up the agents, originates at the rate that it is told, and sends Bridge as soon as both legs
are in their holding bridges. No law, no store, no pacing, no timers, no recovery, no records: what a
program on the AMI socket must do at the least.

    python -m tools.bench.bare <JSON>      on stdin: `rate <calls a second>`, `stop`
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from typing import Any

_END = b"\r\n\r\n"
_TURN_S = 0.005
_WAIT_S = 8


class Bare(asyncio.Protocol):
    """The whole program. given: host, port, user, secret, phones, recordings, numbers, ring_s."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._numbers = iter(given["numbers"])
        self._run = f"{time.time_ns() // 1000:016d}"
        self._tail = b""
        self._transport: asyncio.Transport | None = None
        self._told: set[str] = set()
        self._free: deque[str] = deque()
        self._waiting: deque[str] = deque()
        self.up = asyncio.Event()
        self.ended = asyncio.Event()
        self.rate = 0.0
        self.sent = self.bridged = 0

    # -- the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Log in and call the agents."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send("Login", Username=self._given["user"], Secret=self._given["secret"])
        for i, phone in enumerate(self._given["phones"]):
            self._send("Originate", f"DE_AGENT={1001 + i}", Channel=phone, ChannelId=self._id("g", i),
                       Context="dialer-agent", Exten="s", Priority=1, Async="true")  # fmt: skip

    def connection_lost(self, exc: Exception | None) -> None:
        """Without the PBX there is nothing to do."""
        self._transport = None
        self.ended.set()

    def data_received(self, data: bytes) -> None:
        """Cut and hand on."""
        *blocks, self._tail = (self._tail + data).split(_END)
        for block in blocks:
            if block.startswith(b"Event: "):
                self._event(dict(_headers(block)))

    def _send(self, action: str, *variables: str, **headers: object) -> None:
        lines = [f"Action: {action}", *(f"{name}: {value}" for name, value in headers.items())]
        lines += [f"Variable: {one}" for one in variables]
        if self._transport is not None:
            self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def _id(self, kind: str, number: int) -> str:
        """Of one length: the PBX compares ids as prefixes."""
        return f"{kind}-{self._run}{number:010d}"

    # -- the work

    def _event(self, event: dict[str, str]) -> None:
        name, channel = event["Event"], event.get("Uniqueid", "")
        if name == "UserEvent" and event["UserEvent"] == "DialerAnswered":
            self._told.add(channel)
        elif name == "BridgeEnter" and event["BridgeTechnology"] == "holding_bridge":
            self._holds(channel)
        elif name == "Hangup":
            self._told.discard(channel)

    def _holds(self, channel: str) -> None:
        if channel.startswith("g-"):
            self._free.append(channel)
            if len(self._free) == len(self._given["phones"]):
                self.up.set()
        elif channel in self._told:
            self._waiting.append(channel)
        while self._free and self._waiting:
            attempt = self._waiting.popleft()
            if attempt in self._told:
                self._told.discard(attempt)
                self.bridged += 1
                leg = self._free.popleft()
                self._send("Bridge", Channel1=attempt, Channel2=leg, Tone="Channel2")

    def originate(self) -> None:
        """One more call."""
        self.sent += 1
        attempt, given = self._id("a", self.sent), self._given
        self._send(
            "Originate", f"DE_ATTEMPT={attempt}", f"DE_REC={given['recordings']}/{attempt}", "DE_AMD=0",
            f"DE_WAIT={_WAIT_S}", 'CHANNEL(hangup_handler_push)="dialer-ended,s,1"',
            Channel=f"PJSIP/{next(self._numbers)}@carrier-a", ChannelId=attempt, Context="dialer-outbound",
            Exten="s", Priority=1, Async="true", Timeout=int(given["ring_s"] * 1000),
        )  # fmt: skip


def _headers(block: bytes) -> list[tuple[str, str]]:
    lines = block.decode("utf-8", "replace").split("\r\n")
    return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]


async def run(given: dict[str, Any]) -> None:
    """Until `stop`."""
    loop = asyncio.get_running_loop()
    bare = Bare(given)
    await loop.create_connection(lambda: bare, given["host"], given["port"])
    await bare.up.wait()
    print("ready", flush=True)
    loop.add_reader(sys.stdin, _command, bare)
    due, last = 0.0, loop.time()
    while not bare.ended.is_set():
        await asyncio.sleep(_TURN_S)
        now = loop.time()
        due, last = due + (now - last) * bare.rate, now
        while due >= 1.0:
            due -= 1.0
            bare.originate()
    print(json.dumps({"sent": bare.sent, "bridged": bare.bridged}), flush=True)


def _command(bare: Bare) -> None:
    word, _, rest = sys.stdin.readline().partition(" ")
    if word == "rate":
        bare.rate = float(rest)
    else:
        bare.ended.set()


if __name__ == "__main__":
    asyncio.run(run(json.loads(sys.stdin.readline())))
