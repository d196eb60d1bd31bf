"""One daemon for each campaign."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dialer_engine.domain.campaign import CampaignState
from dialer_engine.domain.errors import CampaignHeld
from dialer_engine.domain.units import CampaignName
from tests.engine.house import LOANS, House, settings, virtual

CARDS = CampaignName("cards")


@virtual
async def test_started_and_paused_campaigns_go_on_after_a_start_and_stopped_ones_do_not() -> None:
    house = House()
    await house.campaign()
    await house.campaign(CARDS, state=CampaignState.PAUSED)
    await house.campaign(CampaignName("old"), state=CampaignState.STOPPED)
    async with house:
        assert set(house.engine.dialling.running) == {LOANS, CARDS}
        assert set(house.engine.dialling.campaigns) == {LOANS, CARDS, "old"}


@virtual
async def test_a_campaign_of_another_daemon_is_left_alone() -> None:
    house = House()
    await house.campaign(cases=5)
    now = house.clock.now().utc
    await house.store.take_lease(LOANS, "daemon-2", now + timedelta(seconds=60), now)
    async with house:
        assert not house.engine.dialling.running
        with pytest.raises(CampaignHeld, match="daemon-2"):
            await house.engine.leases.take(await house.campaign())
        await house.login(*house.agents(2))
        await house.wait(5.0)
        assert not house.pbx.dialled


@virtual
async def test_a_crashed_daemon_gets_its_own_lease_back_at_once() -> None:
    house = House()
    await house.campaign()
    async with house:
        await house.die()
        again = House(settings(), store=house.store, pbx=house.pbx)
        async with again:
            assert set(again.engine.dialling.running) == {LOANS}


@virtual
async def test_leases_are_extended_and_given_back() -> None:
    house = House(settings(lease_s=30.0))
    await house.campaign()
    async with house:
        await house.wait(100.0)
        holder, until, _ = house.store.leases[LOANS]
        assert holder == "daemon-1"
        assert until > house.clock.now().utc + timedelta(seconds=15)
        running = house.engine.dialling.running[LOANS]
        # Ours never ends after the store's.
        left = (until - house.clock.now().utc).total_seconds()
        assert running.lease_until - house.clock.mono <= left + 1e-6
    assert LOANS not in house.store.leases


@virtual
async def test_a_lease_that_cannot_be_extended_runs_out_and_dialling_stops() -> None:
    house = House(settings(lease_s=30.0))
    await house.campaign(cases=50)
    async with house:
        await house.wait(1.0)
        house.store.down = "locked"
        await house.wait(40.0)
        assert house.engine.dialling.obstacle(house.engine.dialling.running[LOANS]) == (
            "the lease of the campaign has run out"
        )
        house.store.down = ""
        await house.wait(11.0)
        assert house.engine.dialling.obstacle(house.engine.dialling.running[LOANS]) == ""


@virtual
async def test_a_campaign_that_another_daemon_took_is_dropped_and_its_calls_go_on() -> None:
    house = House()
    await house.campaign(cases=5)
    async with house:
        await house.login(*house.agents(1))
        attempt = (await house.dialled())[0]
        now = house.clock.now().utc
        house.store.leases[LOANS] = ("daemon-2", now + timedelta(seconds=600), 2)
        await house.wait(12.0)
        assert not house.engine.dialling.running
        house.pbx.answer(attempt)
        await house.settle()
        assert house.agent_of("1001").state.attempt == attempt
        house.check()


@virtual
async def test_a_started_campaign_that_nobody_holds_any_more_is_taken() -> None:
    """Its daemon died under another name; somebody must go on."""
    house = House()
    await house.campaign(cases=1)
    now = house.clock.now().utc
    await house.store.take_lease(LOANS, "another daemon", now + timedelta(seconds=60), now)
    async with house:
        assert LOANS not in house.engine.dialling.running
        await house.wait(120.0)
        assert LOANS in house.engine.dialling.running


@virtual
async def test_open_attempts_of_a_campaign_that_another_daemon_runs_are_not_settled() -> None:
    """Two daemons share the store: the second must not bury what the first one talks on."""
    house = House()
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        second = House(settings(instance="second"), store=house.store)
        async with second:
            await second.wait(40.0)
            assert attempt not in second.engine.registry.calls
            assert [one.id for one in await house.store.open_attempts()] == [attempt]
        house.pbx.end(attempt)
        await house.wait(3.0)
