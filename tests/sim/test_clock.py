"""Time that passes when somebody lets it."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from dialer_engine.sim.clock import MONDAY_AT_TEN, VirtualClock, run


def test_both_clocks_advance_together_and_ids_are_counted() -> None:
    clock = VirtualClock()
    assert clock.now().utc == MONDAY_AT_TEN
    clock.advance(90.0)
    assert clock.now().utc == MONDAY_AT_TEN + timedelta(seconds=90)
    first, second = clock.attempt_id(), clock.attempt_id()
    assert first < second
    assert clock.leg_id().startswith("g-")
    assert VirtualClock().attempt_id() == VirtualClock().attempt_id()


def test_alarms_go_off_in_order_at_their_own_times() -> None:
    clock = VirtualClock()
    seen: list[tuple[str, float]] = []

    def note(name: str) -> None:
        seen.append((name, clock.mono - start))

    def first() -> None:
        note("first")
        clock.later(0.5, lambda: note("set on the way"))

    start = clock.mono
    clock.later(2.0, lambda: note("second"))
    clock.later(1.0, first)
    clock.later(2.0, lambda: note("third"))
    clock.later(9.0, lambda: note("never")).cancel()
    clock.advance(10.0)
    assert seen == [("first", 1.0), ("set on the way", 1.5), ("second", 2.0), ("third", 2.0)]
    assert clock.mono == start + 10.0
    assert clock.alarms == 0


def test_a_jump_goes_to_the_next_alarm_and_no_further() -> None:
    clock = VirtualClock()
    assert not clock.jump()
    start = clock.mono
    clock.later(5.0, lambda: None)
    assert clock.jump(1.0)
    assert clock.mono == start + 1.0
    assert clock.jump(100.0)
    assert clock.mono == start + 5.0


def test_a_loop_sleeps_for_an_hour_in_no_time() -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        async def after(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            seen.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(after(3600.0, "late"))
            group.create_task(after(60.0, "early"))
        return seen

    began = time.monotonic()
    clock = VirtualClock()
    assert run(clock, main()) == ["early", "late"]
    assert time.monotonic() - began < 5.0
    assert clock.now().utc == MONDAY_AT_TEN + timedelta(hours=1)


def test_timeouts_are_virtual_too() -> None:
    async def main() -> None:
        async with asyncio.timeout(10.0):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run(VirtualClock(), main())


def test_the_clock_stands_still_while_a_thread_works() -> None:
    async def main() -> float:
        before = asyncio.get_running_loop().time()
        asyncio.get_running_loop().call_later(0.001, lambda: None)
        await asyncio.to_thread(time.sleep, 0.05)
        return asyncio.get_running_loop().time() - before

    assert run(VirtualClock(), main()) <= 0.001
