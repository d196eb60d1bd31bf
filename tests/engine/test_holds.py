"""A payment or a hold stops what is on the way to the debtor, within a second, and no talk."""

from __future__ import annotations

import asyncio

from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CaseId
from dialer_engine.engine.holds import LOOK_S
from tests.engine.house import LOANS, House, virtual


async def _house(cases: int = 3) -> House:
    house = House()
    await house.campaign(cases=cases)
    return house


async def _dialling(house: House) -> CaseId:
    await house.login(*house.agents(1))
    (attempt,) = await house.dialled()
    return house.call_of(attempt).candidate.case_id


@virtual
async def test_a_payment_cancels_a_call_that_nobody_has_answered() -> None:
    house = await _house()
    async with house:
        case = await _dialling(house)
        (attempt,) = house.flying
        assert house.engine.holds.payment_arrived(case) == 1
        await house.settle()
        assert f"hang_up {attempt}" in house.transcript
        assert house.engine.holds.payment_arrived(case) == 0


@virtual
async def test_what_is_booked_elsewhere_stops_calls_within_a_second() -> None:
    house = await _house()
    house.store.case_events.append((CaseId(1), "payment"))
    async with house:
        case = await _dialling(house)
        (attempt,) = house.flying
        await asyncio.sleep(2 * LOOK_S)
        assert house.phase(attempt) is not CallPhase.HANGING_UP, "an old payment stopped a call"
        house.store.case_events.append((case, "hold"))
        began = house.clock.now().mono
        while f"hang_up {attempt}" not in house.transcript:
            await asyncio.sleep(0.01)
        assert house.clock.now().mono - began < 1.0


@virtual
async def test_a_talk_goes_on_and_its_agent_is_told() -> None:
    house = await _house()
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        case = house.call_of(attempt).candidate.case_id
        assert house.engine.holds.payment_arrived(case) == 0
        await house.settle()
        assert house.phase(attempt) is CallPhase.TALKING
        (told,) = house.feed.of("agent/1001", event="case_changed")
        assert (told["attempt"], told["why"]) == (attempt, "payment")


@virtual
async def test_a_case_that_is_held_ready_is_not_dialled() -> None:
    house = await _house()
    async with house:
        first = await _dialling(house)
        queue = house.engine.dialling.running[LOANS].queue
        ready = queue[0][0].case_id
        assert ready != first
        house.engine.holds.held(ready)
        assert ready not in [one.case_id for one, _ in queue]


@virtual
async def test_a_store_that_is_away_is_asked_again_and_nothing_is_skipped() -> None:
    house = await _house()
    async with house:
        case = await _dialling(house)
        (attempt,) = house.flying
        await asyncio.sleep(LOOK_S)
        house.store.down = "gone"
        house.store.case_events.append((case, "payment"))
        await asyncio.sleep(3 * LOOK_S)
        house.store.down = ""
        await asyncio.sleep(2 * LOOK_S)
        await house.settle()
        assert f"hang_up {attempt}" in house.transcript
        assert house.outcome(attempt) in (Outcome.CANCELLED, None)
