"""Campaigns and the lease of the one daemon that runs one."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from dialer_engine.domain.campaign import Campaign, CampaignState, DialMode
from dialer_engine.domain.errors import CampaignHeld, NotFound
from dialer_engine.domain.units import CampaignName
from dialer_engine.store import SqlStore
from tests.store.building import CARDS, LOANS, NOW, at, case, draft_for, due, fill


async def test_a_campaign_comes_back_as_it_was(store: SqlStore) -> None:
    campaign = Campaign(
        LOANS, DialMode.RATIO, 2.5, 30.0, 1.5, 12.0, True, "english", "gentle", CampaignState.PAUSED
    )
    await store.save_campaign(campaign)
    assert await store.campaigns() == [campaign]


async def test_saving_again_replaces_the_settings(store: SqlStore) -> None:
    await store.save_campaign(Campaign(LOANS))
    await store.save_campaign(Campaign(CARDS))
    await store.save_campaign(Campaign(LOANS, ratio=3.0))
    assert await store.campaigns() == [Campaign(CARDS), Campaign(LOANS, ratio=3.0)]


async def test_the_state_changes_alone(store: SqlStore) -> None:
    await store.save_campaign(Campaign(LOANS, ratio=3.0))
    await store.set_campaign_state(LOANS, CampaignState.STARTED)
    assert await store.campaigns() == [Campaign(LOANS, ratio=3.0, state=CampaignState.STARTED)]


async def test_an_unknown_campaign_is_not_found(store: SqlStore) -> None:
    nobody = CampaignName("nobody")
    with pytest.raises(NotFound):
        await store.set_campaign_state(nobody, CampaignState.STARTED)
    with pytest.raises(NotFound):
        await due(store, campaign=nobody)
    with pytest.raises(NotFound):
        await store.take_lease(nobody, "a", at(30), NOW)


async def test_a_lease_is_held_until_it_lapses(store: SqlStore, other: SqlStore) -> None:
    await store.save_campaign(Campaign(LOANS))
    first = await store.take_lease(LOANS, "a", at(30), NOW)
    with pytest.raises(CampaignHeld, match="a runs campaign 'loans'"):
        await other.take_lease(LOANS, "b", at(40), at(10))
    assert await store.take_lease(LOANS, "a", at(45), at(15)) == first
    with pytest.raises(CampaignHeld):
        await other.take_lease(LOANS, "b", at(70), at(40))
    assert await other.take_lease(LOANS, "b", at(80), at(45)) > first


async def test_a_released_lease_is_free_and_its_token_grows(store: SqlStore) -> None:
    await store.save_campaign(Campaign(LOANS))
    first = await store.take_lease(LOANS, "a", at(30), NOW)
    await store.release_lease(LOANS, "b")
    with pytest.raises(CampaignHeld):
        await store.take_lease(LOANS, "b", at(30), NOW)
    await store.release_lease(LOANS, "a")
    second = await store.take_lease(LOANS, "b", at(30), NOW)
    await store.release_lease(LOANS, "b")
    third = await store.take_lease(LOANS, "a", at(30), NOW)
    assert first < second < third


async def test_of_many_who_ask_at_once_one_gets_the_lease(store: SqlStore, other: SqlStore) -> None:
    await store.save_campaign(Campaign(LOANS))
    asked = [
        who.take_lease(LOANS, f"daemon-{index}", at(30), NOW)
        for index, who in enumerate((store, other) * 5)
    ]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, int) for answer in answers) == 1
    assert sum(isinstance(answer, CampaignHeld) for answer in answers) == 9


async def test_who_lost_the_lease_writes_no_attempt(store: SqlStore, other: SqlStore) -> None:
    """A daemon that slept through its lease and wakes up with a batch in its hands."""
    await fill(store, [case(1), case(2)])
    await store.take_lease(LOANS, "sleeper", at(30), NOW)
    found = await due(store)
    assert await store.begin_attempts([draft_for(found[0])]) == {}
    await other.take_lease(LOANS, "next", NOW + timedelta(minutes=2), at(31))
    with pytest.raises(CampaignHeld, match="next runs campaign"):
        await store.begin_attempts([draft_for(found[1])])
    assert len(await store.open_attempts()) == 1
    assert await other.begin_attempts([draft_for(found[1])]) == {}
