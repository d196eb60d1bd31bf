"""Events over the link: in order, bounded, shed by choice, and no handler can hurt it."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections import Counter
from dataclasses import replace

import pytest

from dialer_engine.ami import STATE_BEARING, AmiMessage
from tests.ami.conftest import PATIENCE, QUICK, linked, until
from tests.ami.misbehaving import Pbx, event

PING = {"Action": "Ping"}


def flood(count: int, state_every: int) -> bytes:
    """`count` events, one in `state_every` a Hangup, the others DTMFEnd; numbered."""
    return b"".join(
        event("DTMFEnd" if number % state_every else "Hangup", Number=number, Padding="x" * 200)
        for number in range(count)
    )


async def _flood_then_serve(pbx: Pbx, data: bytes) -> None:
    await pbx.let_in()
    await pbx.read()
    pbx.server.actions.pop()
    await pbx.send(*(data[at : at + 65536] for at in range(0, len(data), 65536)))
    await pbx.serve()


async def test_events_arrive_in_order_with_their_time_byte_by_byte() -> None:
    async def drip(pbx: Pbx) -> None:
        await pbx.let_in()
        data = b"".join(event("UserEvent", Number=n, Name="空号 🙂") for n in range(5))
        await pbx.send(*(data[i : i + 1] for i in range(len(data))))
        await pbx.silence()

    async with linked(drip) as (link, _, told):
        began = asyncio.get_running_loop().time()
        await until(lambda: len(told.events) == 5)

    assert [message.get("Number") for message in told.events] == list("01234")
    assert {message.get("Name") for message in told.events} == {"空号 🙂"}
    assert told.received == sorted(told.received)
    assert told.received[-1] >= began
    assert link.stats.garbage == 0


async def test_a_handler_that_raises_costs_its_event_only() -> None:
    seen: list[str] = []

    def handler(message: AmiMessage, received: float) -> None:
        seen.append(message.get("Number"))
        if message.get("Number") in ("1", "3"):
            raise KeyError("+447700900123")

    async def burst(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.send(b"".join(event("Hangup", Number=n) for n in range(6)))
        await pbx.serve()

    async with linked(burst, on_event=handler) as (link, server, _):
        await until(lambda: len(seen) == 6)
        assert (await link.send(PING)).is_success
        assert (link.stats.handler_errors, server.connections) == (2, 1)

    assert seen == list("012345")


async def test_the_log_of_a_failing_handler_has_no_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def handler(message: AmiMessage, received: float) -> None:
        raise KeyError(message.get("CallerIDNum"))

    async def burst(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.send(event("Hangup", CallerIDNum="+447700900123") * 1000)
        await pbx.serve()

    async with linked(burst, on_event=handler) as (link, _, _):
        await until(lambda: link.stats.handler_errors == 1000)

    logged = capsys.readouterr()
    text = logged.out + logged.err
    assert "An event handler failed" in text
    assert "KeyError" in text
    assert "447700900123" not in text
    # 1, 2, 4, … 512: a flood of errors is no flood of lines.
    assert text.count("An event handler failed") == 10


async def test_unwanted_events_are_counted_not_delivered() -> None:
    async def noisy(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.send((event("VarSet") + event("RTCPSent")) * 50 + event("Hangup"))
        await pbx.silence()

    async with linked(noisy) as (link, _, told):
        await until(lambda: told.events)

    assert link.stats.events_filtered == 100
    assert (link.stats.events_in, link.stats.events_delivered) == (1, 1)


async def test_garbage_in_the_stream_is_skipped() -> None:
    async def garbage(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.send(b"\xff\xfe\0\r\n\r\nno colon here\r\n\r\n: \r\n\r\n" + event("Hangup"))
        await pbx.serve()

    async with linked(garbage) as (link, server, told):
        await until(lambda: told.events)
        assert (await link.send(PING)).is_success
        assert (link.stats.garbage, server.connections) == (3, 1)


async def test_a_flood_loses_nothing_for_a_quick_consumer() -> None:
    data = flood(100_000, 10)
    async with linked(lambda pbx: _flood_then_serve(pbx, data)) as (link, _, told):
        await asyncio.gather(link.send(PING, timeout=0.01), return_exceptions=True)
        await until(lambda: len(told.events) == 100_000)

    assert [int(message.get("Number")) for message in told.events] == list(range(100_000))
    assert link.stats.events_shed_cheap == link.stats.events_shed_state == 0


async def test_a_flood_for_a_stopped_consumer_is_bounded_and_state_survives() -> None:
    data = flood(100_000, 100)
    config = replace(QUICK, queue_events=5_000)
    async with linked(lambda pbx: _flood_then_serve(pbx, data), config=config) as (link, _, told):
        link.hold()
        await asyncio.gather(link.send(PING, timeout=0.01), return_exceptions=True)
        await until(lambda: link.stats.events_in == 100_000)

        assert link.queued == link.stats.queue_peak == 5_000
        assert told.events == []
        # Answers get through while events wait.
        assert (await link.send(PING)).is_success

        link.release()
        await until(lambda: link.queued == 0)

    got = Counter(message.event for message in told.events)
    assert got == {"Hangup": 1_000, "DTMFEnd": 4_000}
    numbers = [int(message.get("Number")) for message in told.events]
    assert numbers == sorted(numbers)
    assert link.stats.events_shed_cheap == link.stats.shed_by_event["DTMFEnd"] == 95_000
    assert link.stats.events_shed_state == link.stats.desyncs == 0
    assert not link.desynchronised


async def test_memory_under_flood_is_bounded_by_bytes_too() -> None:
    data = flood(40_000, 100)
    limit = 500_000
    config = replace(QUICK, queue_bytes=limit)
    async with linked(lambda pbx: _flood_then_serve(pbx, data), config=config) as (link, _, _):
        link.hold()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            await asyncio.gather(link.send(PING, timeout=0.01), return_exceptions=True)
            await until(lambda: link.stats.events_in == 40_000)
            held = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()

    assert link.queued * 250 < limit
    # A parsed message is some times its wire size; the whole flood would be 10 MB on the wire.
    assert held < 12 * limit


async def test_when_state_overflows_the_link_says_so_at_its_place() -> None:
    data = flood(10_000, 1)
    config = replace(QUICK, queue_events=1_000)
    async with linked(lambda pbx: _flood_then_serve(pbx, data), config=config) as (link, _, told):
        link.hold()
        await asyncio.gather(link.send(PING, timeout=0.01), return_exceptions=True)
        await until(lambda: link.stats.events_in == 10_000)

        assert link.queued <= 1_001
        assert link.desynchronised
        assert told.gaps == []

        link.release()
        await until(lambda: told.gaps)
        assert told.gaps == [1]
        assert told.order[-1] == "gap 1"
        assert [int(m.get("Number")) for m in told.events] == list(range(1_000))
        assert link.stats.events_shed_state == 9_000

        link.resynchronised(1)
        assert not link.desynchronised


async def test_answers_get_through_a_slow_consumer() -> None:
    def slow(message: AmiMessage, received: float) -> None:
        until_then = asyncio.get_running_loop().time() + 0.001
        while asyncio.get_running_loop().time() < until_then:
            pass

    data = flood(2_000, 100)
    async with linked(lambda pbx: _flood_then_serve(pbx, data), on_event=slow) as (link, _, _):
        await asyncio.gather(link.send(PING, timeout=0.01), return_exceptions=True)
        await until(lambda: link.stats.events_in == 2_000)
        assert (await link.send(PING, timeout=PATIENCE)).is_success
        assert link.queued > 0


async def test_events_that_came_with_the_login_follow_the_news_that_it_is_up() -> None:
    async def at_once(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.send(event("FullyBooted", Status="Fully Booted") + event("Hangup"))
        await pbx.silence()

    async with linked(at_once) as (_, _, told):
        await until(lambda: len(told.events) == 2)

    assert told.order[:4] == ["connecting", "up", "FullyBooted", "Hangup"]


async def test_no_event_after_close() -> None:
    data = flood(1_000, 1)
    async with linked(lambda pbx: _flood_then_serve(pbx, data)) as (link, _, told):
        link.hold()
        await asyncio.gather(link.send(PING, timeout=0.01), return_exceptions=True)
        await until(lambda: link.queued == 1_000)
        await link.close()
        link.release()
        await asyncio.sleep(0.02)

    assert told.events == []
    assert told.order[-1] == "closed"


def test_the_events_that_state_hangs_on() -> None:
    assert {"Hangup", "OriginateResponse", "UserEvent", "BridgeEnter", "BridgeLeave", "Newstate",
            "FullyBooted", "Shutdown"} == STATE_BEARING  # fmt: skip
