"""What agents are to see: one read for a tick, and nobody waits for a slow one."""

from __future__ import annotations

from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.errors import StoreUnavailable
from dialer_engine.domain.units import AttemptId
from dialer_engine.ports.store import Screen
from tests.engine.house import House, virtual


@virtual
async def test_a_tick_asks_once_for_all_its_screens() -> None:
    house = House()
    await house.campaign(cases=20, mode=DialMode.RATIO, ratio=4.0)
    async with house:
        await house.login(*house.agents(2))
        attempts = await house.dialled(8)
        assert house.store.asked["screens"] == 1
        shown = [house.call_of(one).screen for one in attempts]
        assert [one.attempt for one in shown if one is not None] == attempts


@virtual
async def test_a_slow_store_holds_nobody_up_and_the_screen_comes_late() -> None:
    house = House()
    await house.campaign(cases=1)
    house.store.delays_s["screens"] = 1.5
    async with house:
        await house.login(*house.agents(1))
        await house.wait(2.0)
        (attempt,) = house.flying
        assert house.call_of(attempt).screen is None
        house.pbx.answer(attempt)
        await house.settle()
        assert house.phase(attempt) is CallPhase.TALKING
        await house.wait(2.0)
        shown = house.feed.of("agent/1001", event="call")
        assert [one.get("reference") for one in shown] == [None, "CASE-1"]


@virtual
async def test_calls_leave_without_screens_when_they_cannot_be_read() -> None:
    house = House()
    await house.campaign(cases=2)

    async def broken(wanted: object) -> dict[AttemptId, Screen]:
        raise StoreUnavailable("locked")

    house.store.screens = broken  # type: ignore[method-assign]
    async with house:
        await house.login(*house.agents(2))
        attempts = await house.dialled(2)
        house.pbx.answer(attempts[0])
        await house.settle()
        assert house.phase(attempts[0]) is CallPhase.TALKING
        assert [one.get("reference") for one in house.feed.of("agent/1001", event="call")] == [None]
