"""Events a second: our wire, our whole link, and stock panoramisk, fed with the same bytes.

    python -m tools.bench.wire [events]

`compare()` gives the figures as a dictionary, for `make bench`. No socket takes part: bytes go in by `data_received` in
pieces of 64 KiB, as asyncio would give them. A timing is never pass or fail.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from panoramisk import Manager

from dialer_engine.ami import AmiConfig, AmiMessage, link
from dialer_engine.ami.wire import Framer

EVENTS = 100_000
CHUNK = 65536
WANTED = frozenset({"Newstate", "Hangup"})
BANNER = b"Asterisk Call Manager/11.0.0\r\n"
ROUNDS = 3


def event(name: str, **headers: object) -> bytes:
    """An event as Asterisk writes it."""
    lines = [f"Event: {name}", "Privilege: call,all", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def stream(events: int, wanted_of_ten: int) -> bytes:
    """Newstate events as Asterisk 22 writes them, between VarSet events that nobody wants."""
    channel = {
        "Channel": "PJSIP/carrier-a-00000001",
        "ChannelState": 6,
        "ChannelStateDesc": "Up",
        "CallerIDNum": "+447700900123",
        "CallerIDName": "<unknown>",
        "ConnectedLineNum": "<unknown>",
        "ConnectedLineName": "<unknown>",
        "Language": "en",
        "AccountCode": "",
        "Context": "dialer-outbound",
        "Exten": "s",
        "Priority": 1,
        "Uniqueid": "a-01JD0000000000000000000000",
        "Linkedid": "a-01JD0000000000000000000000",
    }
    wanted = event("Newstate", Timestamp="1795296165.894240", **channel)
    other = event("VarSet", Timestamp="1795296165.894240", **channel, Variable="X", Value="1")
    ten = wanted * wanted_of_ten + other * (10 - wanted_of_ten)
    return ten * (events // 10)


def _pieces(data: bytes) -> list[bytes]:
    return [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]


def _rate(feed: Callable[[bytes], Any], data: bytes, events: int) -> float:
    pieces = _pieces(data)
    began = time.perf_counter()
    for piece in pieces:
        feed(piece)
    return events / (time.perf_counter() - began)


def _wire(data: bytes, events: int) -> float:
    return _rate(Framer(WANTED, expect_banner=False).feed, data, events)


def _link(data: bytes, events: int) -> float:
    """The whole way, from `data_received` to `on_event`."""
    got = 0

    def on_event(message: AmiMessage, received: float) -> None:
        nonlocal got
        got += 1

    config = AmiConfig("127.0.0.1", "bench", "", wanted=WANTED)
    ours = link.AmiLink(config, on_event=on_event)
    manager = link._Manager(config, ours.stats, ours._queue, ours._pump, ours._board)
    connection = manager.new_connection()
    connection.data_received(BANNER)
    rate = _rate(connection.data_received, data, events)
    assert got + ours.queued + ours.stats.events_filtered == events
    return rate


def _stock(data: bytes, events: int) -> float:
    """panoramisk as it comes, with one handler for '*'."""
    got = 0

    def on_event(manager: Any, message: Any) -> None:
        nonlocal got
        got += 1

    manager = Manager(loop=asyncio.get_running_loop())
    manager.register_event("*", on_event)
    protocol = manager.config["protocol_factory"]()
    protocol.connection_made(None)
    protocol.factory = manager
    protocol.encoding = "utf8"
    rate = _rate(protocol.data_received, data, events)
    assert got >= events - 1
    return rate


async def _compare(events: int) -> dict[str, dict[str, float]]:
    figures: dict[str, dict[str, float]] = {}
    for name, wanted_of_ten in (("all_wanted", 10), ("one_in_ten_wanted", 1)):
        data = stream(events, wanted_of_ten)
        ways = {"wire": _wire, "link": _link, "panoramisk": _stock}
        rates = {
            way: round(max(run(data, events) for _ in range(ROUNDS))) for way, run in ways.items()
        }
        ratio = rates["link"] / rates["panoramisk"]
        figures[name] = {**rates, "link_to_panoramisk": round(ratio, 2)}
    return figures


def compare(events: int = EVENTS) -> dict[str, dict[str, float]]:
    """Events a second for each way, best of three, and the ratio of our link to stock panoramisk."""
    return asyncio.run(_compare(events))


if __name__ == "__main__":
    print(json.dumps(compare(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS), indent=2))
