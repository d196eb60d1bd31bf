"""What pacing keeps and asks, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialer_engine.domain.campaign import Campaign, DialMode, Period
from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CampaignName
from dialer_engine.ports.store import ChangeRow, DecisionRow
from dialer_engine.store import SqlStore
from tests.store import building

LOANS, CARDS = CampaignName("loans"), CampaignName("cards")
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def two_campaigns(store: SqlStore) -> None:
    await store.save_campaign(Campaign(LOANS))
    await store.save_campaign(Campaign(CARDS))


def row(seconds: float, name: CampaignName = LOANS, **more: Any) -> DecisionRow:
    given: dict[str, Any] = {
        "node": "pbx-1", "policy": "predictive", "originate": 3, "started": 2, "cancelled": 0,
        "why": "because", "numbers": {"idle": 2.0, "price": 0.0412},
    }  # fmt: skip
    return DecisionRow(name, NOW + timedelta(seconds=seconds), **(given | more))


async def test_every_setting_of_a_campaign_comes_back(store: SqlStore) -> None:
    campaign = Campaign(
        LOANS, mode=DialMode.ROBOT, target=0.01, max_ringing_per_agent=7.5, min_ring_s=12.0, period=Period.MONTH,
        preview_timeout_s=30.0, preview_dials=True, robot_channels=44, robot_cps=2.5, robot_message="ours/one&two",
    )  # fmt: skip
    await store.save_campaign(campaign)
    assert campaign in await store.campaigns()


async def test_the_decision_that_held_then(store: SqlStore) -> None:
    rows = [row(0), row(5, why="later"), row(5, why="the same moment"), row(9, CARDS)]
    await store.save_decisions(rows)
    await store.save_decisions([])
    assert await store.decision_at(LOANS, NOW + timedelta(seconds=4)) == rows[0]
    assert await store.decision_at(LOANS, NOW + timedelta(seconds=60)) == rows[2]
    assert await store.decision_at(LOANS, NOW - timedelta(seconds=1)) is None
    with pytest.raises(NotFound):
        await store.decision_at(CampaignName("none"), NOW)


async def test_old_decisions_go_in_parts(store: SqlStore) -> None:
    await store.save_decisions([row(float(second)) for second in range(10)])
    before = NOW + timedelta(seconds=7)
    assert [await store.forget_decisions(before, 4) for _ in range(3)] == [4, 3, 0]
    assert await store.decision_at(LOANS, NOW + timedelta(seconds=6.5)) is None
    assert await store.decision_at(LOANS, NOW + timedelta(seconds=7)) == row(7.0)


async def test_what_was_learned_replaces_what_was_learned(store: SqlStore) -> None:
    assert await store.memory(LOANS, "predictive") is None
    await store.save_memory(LOANS, "predictive", {"a": [1, 2.5]}, NOW)
    await store.save_memory(LOANS, "predictive", {"b": {"c": None}}, NOW)
    await store.save_memory(CARDS, "predictive", {}, NOW)
    assert await store.memory(LOANS, "predictive") == {"b": {"c": None}}
    assert await store.memory(CARDS, "predictive") == {}
    assert await store.memory(LOANS, "other") is None


async def test_changes_newest_first(store: SqlStore) -> None:
    rows = [
        ChangeRow(LOANS, NOW + timedelta(seconds=i), "ann", "target", str(i), str(i + 1))
        for i in range(3)
    ]
    await store.add_changes(rows)
    await store.add_changes([])
    await store.add_changes([ChangeRow(CARDS, NOW, "bob", "mode", "ratio", "robot")])
    assert await store.changes(LOANS, 2) == [rows[2], rows[1]]
    assert [one.who for one in await store.changes(CARDS, 9)] == ["bob"]


async def test_live_answers_of_a_period(store: SqlStore) -> None:
    """Counted by when they were planned, as reports do; what is still up or was never live is not."""
    planned = [
        (0, Outcome.COMPLETED), (10, Outcome.COMPLETED), (20, Outcome.ABANDONED), (30, Outcome.HUNG_UP_EARLY),
        (40, Outcome.MACHINE), (50, Outcome.MESSAGE), (60, None), (4000, Outcome.ABANDONED),
    ]  # fmt: skip
    for index, (seconds, outcome) in enumerate(planned):
        draft = replace(
            building.draft(index + 1, index), planned_at=NOW + timedelta(seconds=seconds)
        )
        assert await store.begin_attempts([draft]) == {}
        if outcome is not None:
            await store.end_attempts([building.end(draft.id, outcome)], [])
    until = NOW + timedelta(hours=1)
    assert await store.live_answers(LOANS, NOW, until) == (4, 1)
    assert await store.live_answers(LOANS, NOW + timedelta(seconds=15), until) == (2, 1)
    assert await store.live_answers(CARDS, NOW, until) == (0, 0)


async def test_a_case_by_its_reference_due_or_not(store: SqlStore) -> None:
    await building.fill(store, [building.case(1), building.case(2, numbers=2)])
    (first, second) = await building.due(store)
    found = await store.candidate(LOANS, "C2", building.day_of)
    assert found == second
    await store.postpone([building.follow(second.case_id, None, tries=2, rank=1)])
    later = await store.candidate(LOANS, "C2", building.day_of)
    assert (later.tries, later.number_rank) == (2, 1)
    assert later.number != second.number
    for name, reference in ((LOANS, "C9"), (CARDS, first.reference)):
        with pytest.raises(NotFound):
            await store.candidate(name, reference, building.day_of)


async def test_calls_of_a_trunk_and_the_short_ones_among_them(store: SqlStore) -> None:
    """What still rings is a call, and nobody knows yet whether a short one."""
    end = building.end
    planned = [building.draft(index, index) for index in range(1, 6)]
    assert await store.begin_attempts(planned) == {}
    ends = [
        end(planned[0].id, Outcome.NO_ANSWER),
        end(planned[1].id, Outcome.COMPLETED, answered=1, bridged=2),
        end(planned[2].id, Outcome.HUNG_UP_EARLY, answered=1, ended=7),
        end(planned[3].id, Outcome.HUNG_UP_EARLY, answered=1, ended=7.1),
    ]
    await store.end_attempts(ends, [])
    day, at = timedelta(days=1), building.NOW
    assert await store.trunk_calls(at - day, at + day) == {planned[0].trunk: (5, 2)}
    assert await store.trunk_calls(at + day, at + 2 * day) == {}
