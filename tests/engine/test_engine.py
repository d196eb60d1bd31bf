"""The life of an engine: start, drain, stop."""

from __future__ import annotations

import pytest

from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.errors import StoreUnavailable
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.trunk import TrunkLimits
from dialer_engine.domain.units import NodeName, TrunkName
from tests.engine.house import LOANS, PBX, House, settings, virtual


@virtual
async def test_a_store_that_fails_at_the_start_starts_nothing() -> None:
    house = House()
    house.store.down = "no such table"
    with pytest.raises(StoreUnavailable):
        await house.engine.start()
    assert len(house.engine.tasks) == 0
    assert not house.pbx.connected


@virtual
async def test_the_links_are_opened_after_the_books_were_read() -> None:
    house = House()
    await house.campaign(cases=1)
    async with house:
        assert house.store.asked["open_attempts"] >= 1
        assert house.store.asked["agents_at_work"] == 1
        assert house.transcript[0] == "channels"
        assert PBX in house.engine.dialling.ready


@virtual
async def test_drain_cancels_what_rings_and_waits_for_talks() -> None:
    house = House()
    await house.campaign(cases=5)
    async with house:
        await house.login(*house.agents(1))
        talk = await house.talking()
        await house.login(house.agent("1002"))
        ringing = (await house.dialled())[0]

        house.clock.later(30.0, lambda: house.pbx.end(talk))
        began = house.clock.mono
        assert await house.engine.drain(60.0)
        assert 29.0 < house.clock.mono - began < 31.0
        await house.wait(0.5)
        assert house.outcome(ringing) is Outcome.CANCELLED
        assert house.outcome(talk) is Outcome.COMPLETED
        assert len(house.pbx.dialled) == 2
        house.check_books()


@virtual
async def test_drain_gives_up_at_its_limit_and_leaves_the_talk_to_the_pbx() -> None:
    house = House()
    await house.campaign(cases=5)
    async with house:
        await house.login(*house.agents(1))
        talk = await house.talking()
        assert not await house.engine.drain(10.0)
        assert house.phase(talk) is CallPhase.TALKING
    assert talk in house.pbx.living
    assert house.store.open_ones() == [talk]


@virtual
async def test_stop_writes_what_is_queued_and_gives_the_campaigns_back() -> None:
    house = House()
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        house.store.delays_s["end_attempts"] = 1.0
        house.pbx.end(attempt)
        await house.settle()
    assert house.outcome(attempt) is Outcome.COMPLETED
    assert LOANS not in house.store.leases
    assert len(house.engine.tasks) == 0
    assert len(house.engine.timers) == 0


@virtual
async def test_stop_does_not_wait_for_a_dead_store_for_ever() -> None:
    house = House()
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        house.store.down = "disk full"
        house.pbx.end(attempt)
        await house.settle()
        began = house.clock.mono
    assert house.clock.mono - began < 10.0
    assert house.store.open_ones() == [attempt]


@virtual
async def test_no_alarm_is_left_after_a_stop_in_the_middle_of_everything() -> None:
    house = House()
    await house.campaign(cases=10, wrap_up_s=30.0)
    async with house:
        await house.login(*house.agents(3))
        for one in list(house.pbx.dialled):
            house.pbx.answer(one.attempt)
        await house.settle()
        # What the links still tell while they are being closed.
        for leg in list(house.pbx.living):
            house.pbx.end(leg)
    assert len(house.engine.timers) == 0
    assert house.clock.alarms <= 3


@virtual
async def test_what_repeats_goes_on_after_a_failure() -> None:
    house = House()
    await house.campaign(cases=2)
    async with house:
        faults = 3
        real = house.engine.dialling.look

        def faulty(*args: object) -> object:
            nonlocal faults
            if faults:
                faults -= 1
                raise RuntimeError("on purpose")
            return real(*args)  # type: ignore[arg-type]

        house.engine.dialling.look = faulty  # type: ignore[method-assign,assignment]
        await house.login(*house.agents(2))
        await house.wait(3.0)
        assert len(house.pbx.dialled) == 2


@virtual
async def test_an_agent_lives_on_the_node_that_is_named_else_on_the_first() -> None:
    house = House(nodes=(PBX, NodeName("pbx-2")))
    assert house.engine.home_of("pbx-2") == "pbx-2"
    assert house.engine.home_of("") == PBX
    assert house.engine.home_of("unheard-of") == PBX


@virtual
async def test_each_node_dials_for_its_own_agents() -> None:
    other = NodeName("pbx-2")
    limits = (
        TrunkLimits(TrunkName("one"), PBX, 9, 50.0),
        TrunkLimits(TrunkName("two"), other, 9, 50.0),
    )
    house = House(settings(trunks=limits), nodes=(PBX, other))
    await house.campaign(cases=20)
    async with house:
        await house.login(house.agent("1001"), house.agent("1002", node=other))
        await house.login(house.agent("1003", node=other))
        await house.wait(2.0)
        assert [len(pbx.dialled) for pbx in house.pbxs] == [1, 2]
        house.pbxs[1].lose_link()
        await house.wait(1.0)
        house.pbxs[0].end(house.pbxs[0].dialled[0].attempt, 17, 486)
        await house.wait(2.0)
        assert [len(pbx.dialled) for pbx in house.pbxs] == [2, 2]
        house.check()


@virtual
async def test_a_reload_leaves_the_wrap_up_of_a_talk_to_its_campaign() -> None:
    house = House()
    await house.campaign(cases=1, wrap_up_s=7.0)
    async with house:
        (agent,) = house.agents(1)
        await house.login(agent)
        await house.talking()
        house.engine.apply(house.engine.settings)
        assert house.engine.registry.agents[agent].state.policy.wrap_up_s == 7.0
