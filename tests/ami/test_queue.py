"""The queue between socket and engine: order, bounds, and what is shed first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.ami._queue import EventQueue, Queued
from dialer_engine.ami._stats import LinkStats
from dialer_engine.ami.wire import AmiMessage

STATE = frozenset({"Hangup"})


def message(name: str, number: int = 0, *, size: int = 10, truncated: bool = False) -> AmiMessage:
    return AmiMessage((("Event", name), ("Number", str(number))), truncated, size)


def queue(events: int = 10, size: int = 10_000) -> tuple[EventQueue, LinkStats]:
    stats = LinkStats()
    return EventQueue(stats, STATE, max_events=events, max_bytes=size), stats


def drain(queue: EventQueue) -> list[Queued]:
    drained = []
    while (queued := queue.pop()) is not None:
        drained.append(queued)
    return drained


@given(
    moves=st.lists(st.sampled_from(["Hangup", "DTMFEnd", "pop"]), max_size=300),
    limit=st.integers(1, 20),
)
def test_order_bounds_and_accounts_always_hold(moves: list[str], limit: int) -> None:
    events, stats = queue(limit)
    out: list[Queued] = []
    cheap_before = 0
    for number, move in enumerate(moves):
        lost_state = stats.events_shed_state
        cheap_waits = any(
            queued.message is not None and queued.message.event == "DTMFEnd"
            for queued in events._cheap
        )
        if move == "pop":
            out += [queued] if (queued := events.pop()) is not None else []
        else:
            was_refusing = events._refusing
            events.put(message(move, number), float(number))
            if stats.events_shed_state > lost_state:
                # State is lost only where nothing cheap could go instead, or within a gap.
                assert was_refusing or not cheap_waits
        cheap_before = max(cheap_before, len(events))
        # Gaps are entries too; they never follow each other.
        assert len(events) <= 2 * limit + 1
    out += drain(events)

    numbers = [int(queued.message.get("Number")) for queued in out if queued.message is not None]
    assert numbers == sorted(numbers)
    puts = sum(move != "pop" for move in moves)
    assert puts == len(numbers) + stats.events_shed_cheap + stats.events_shed_state
    gaps = [queued for queued in out if queued.message is None]
    assert len(gaps) == stats.desyncs
    assert bool(gaps) == bool(stats.events_shed_state)


def test_the_oldest_cheap_event_goes_first() -> None:
    events, stats = queue(3)
    for number, name in enumerate(["DTMFEnd", "Hangup", "DTMFEnd", "Hangup", "DTMFEnd"]):
        events.put(message(name, number), 0.0)

    assert [q.message.get("Number") for q in drain(events) if q.message] == ["1", "3", "4"]
    assert (stats.events_shed_cheap, stats.events_shed_state) == (2, 0)


def test_of_cheap_events_the_newest_stay() -> None:
    events, _ = queue(2)
    for number in range(5):
        events.put(message("DTMFEnd", number), 0.0)

    assert [q.message.get("Number") for q in drain(events) if q.message] == ["3", "4"]


def test_a_cheap_event_never_pushes_out_state() -> None:
    events, stats = queue(2)
    for number, name in enumerate(["Hangup", "Hangup", "DTMFEnd"]):
        events.put(message(name, number), 0.0)

    assert [q.message.get("Number") for q in drain(events) if q.message] == ["0", "1"]
    assert (stats.events_shed_cheap, stats.desyncs) == (1, 0)


def test_one_gap_lasts_until_the_queue_is_half_empty() -> None:
    events, stats = queue(10)
    for number in range(15):
        events.put(message("Hangup", number), 0.0)
    for _ in range(4):
        events.pop()
    events.put(message("Hangup", 98), 0.0)
    assert stats.events_shed_state == 6
    for _ in range(3):
        events.pop()
    events.put(message("Hangup", 99), 0.0)

    rest = drain(events)
    assert [q.message.get("Number") if q.message else "gap" for q in rest] == [
        "7", "8", "9", "gap", "99",
    ]  # fmt: skip
    assert stats.desyncs == 1


def test_bytes_are_bounded_too() -> None:
    events, stats = queue(1000, 100)
    for number in range(10):
        events.put(message("DTMFEnd", number, size=30), 0.0)

    assert len(events) == 3
    assert stats.events_shed_cheap == 7
    drain(events)
    events.put(message("DTMFEnd", 10, size=100), 0.0)
    assert len(events) == 1


def test_a_truncated_state_event_is_a_gap_and_a_cheap_one_is_nothing() -> None:
    events, stats = queue()
    events.put(message("DTMFEnd", truncated=True), 0.0)
    assert len(events) == stats.desyncs == 0
    events.put(message("Hangup", truncated=True), 0.0)
    events.put(message("Hangup", truncated=True), 0.0)
    events.put(message("Hangup", 1), 0.0)

    assert [queued.message is None for queued in drain(events)] == [True, False]
    assert (stats.desyncs, stats.events_shed_state, stats.events_shed_cheap) == (1, 2, 1)


def test_invented_names_do_not_grow_the_counters() -> None:
    events, stats = queue(1)
    for number in range(1000):
        events.put(message(f"Invented{number}"), 0.0)

    assert len(stats.shed_by_event) <= 257
    assert sum(stats.shed_by_event.values()) == 999
