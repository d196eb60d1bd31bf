"""One queue, one consumer."""

from __future__ import annotations

import asyncio

from dialer_engine.domain import events as ev
from dialer_engine.domain.units import AttemptId, Moment
from dialer_engine.engine.inbox import Event, Inbox
from dialer_engine.sim.clock import VirtualClock
from tests.engine.house import virtual


def event(index: int) -> ev.CallRinging:
    return ev.CallRinging(AttemptId(f"a-{index}"))


async def test_events_are_handled_in_the_order_in_which_they_came() -> None:
    inbox, seen = Inbox(VirtualClock().now), list[Event]()
    for index in range(3):
        inbox.put(event(index))
    inbox.drain(lambda e, at: seen.append(e))
    assert seen == [event(0), event(1), event(2)]
    assert (inbox.handled, inbox.depth, inbox.deepest) == (3, 0, 3)


async def test_a_handler_that_fails_costs_its_own_event_only() -> None:
    inbox, seen = Inbox(VirtualClock().now), list[Event]()

    def handle(one: Event, at: Moment) -> None:
        if one == event(1):
            raise RuntimeError("on purpose")
        seen.append(one)

    for index in range(3):
        inbox.put(event(index))
    inbox.drain(handle)
    assert seen == [event(0), event(2)]
    assert inbox.failures == 1


async def test_what_a_handler_puts_comes_after_what_was_there() -> None:
    inbox, seen = Inbox(VirtualClock().now), list[Event]()

    def handle(one: Event, at: Moment) -> None:
        seen.append(one)
        if one == event(0):
            inbox.put(event(9))

    inbox.put(event(0))
    inbox.put(event(1))
    while inbox.depth:
        inbox.drain(handle)
    assert seen == [event(0), event(1), event(9)]


async def test_the_time_of_the_teller_wins_over_the_time_of_arrival() -> None:
    clock = VirtualClock()
    inbox, at = Inbox(clock.now), list[Moment]()
    then = clock.now()
    clock.advance(5.0)
    inbox.put(event(0), then)
    inbox.put(event(1))
    inbox.drain(lambda e, moment: at.append(moment))
    assert at == [then, clock.now()]


@virtual
async def test_what_a_link_read_is_handled_before_it_reads_on() -> None:
    inbox, seen = Inbox(VirtualClock().now), list[Event]()
    inbox.take(event(0))
    assert (seen, inbox.depth) == ([], 1)
    consumer = asyncio.get_running_loop().create_task(inbox.consume(lambda e, at: seen.append(e)))
    await asyncio.sleep(0)
    inbox.take(event(1))
    assert (seen, inbox.depth, inbox.handled) == ([event(0), event(1)], 0, 2)
    inbox.put(event(2))
    inbox.take(event(3))
    assert inbox.depth == 2
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == [event(0), event(1), event(2), event(3)]
    consumer.cancel()
    await asyncio.wait({consumer})
    inbox.take(event(4))
    assert inbox.depth == 1


@virtual
async def test_an_event_is_never_handled_within_another() -> None:
    inbox, seen = Inbox(VirtualClock().now), list[str]()

    def handle(one: Event, at: Moment) -> None:
        seen.append("begin")
        if one == event(0):
            inbox.take(event(1))
        seen.append("end")

    consumer = asyncio.get_running_loop().create_task(inbox.consume(handle))
    await asyncio.sleep(0)
    inbox.take(event(0))
    for _ in range(3):
        await asyncio.sleep(0)
    assert seen == ["begin", "end"] * 2
    consumer.cancel()


@virtual
async def test_what_fails_at_once_costs_its_own_event_only() -> None:
    inbox, seen = Inbox(VirtualClock().now), list[Event]()

    def handle(one: Event, at: Moment) -> None:
        if one == event(0):
            raise RuntimeError("on purpose")
        seen.append(one)

    consumer = asyncio.get_running_loop().create_task(inbox.consume(handle))
    await asyncio.sleep(0)
    inbox.take(event(0))
    inbox.take(event(1))
    assert (seen, inbox.failures, inbox.handled) == ([event(1)], 1, 2)
    consumer.cancel()


@virtual
async def test_a_flood_lets_others_run_between_batches() -> None:
    inbox = Inbox(VirtualClock().now)
    order: list[str] = []
    for index in range(1000):
        inbox.put(event(index))
    consumer = asyncio.get_running_loop().create_task(
        inbox.consume(lambda e, at: order.append("event"))
    )
    while "event" not in order:
        await asyncio.sleep(0)
    order.append("other")
    while inbox.depth:
        await asyncio.sleep(0)
    consumer.cancel()
    assert 0 < order.index("other") < 1000
    assert order.count("event") == 1000


def test_a_flood_makes_the_links_hold_and_its_end_lets_them_go() -> None:
    """The queue itself drops nothing, so it must say when enough is enough."""
    told: list[bool] = []
    inbox = Inbox(VirtualClock().now)
    inbox.on_pressure = told.append
    for _ in range(10_000):
        inbox.put(event(0))
    assert told == [True]
    while inbox.depth:
        inbox.drain(lambda event, at: None)
    assert told == [True, False]
    assert inbox.handled == 10_000
