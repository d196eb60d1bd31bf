"""The store in memory keeps the promises of the real one: the same story is told to both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd, CaseNext
from dialer_engine.domain.campaign import Campaign, CampaignState
from dialer_engine.domain.case import Case, Number
from dialer_engine.domain.errors import CampaignHeld, NotFound, StoreUnavailable
from dialer_engine.domain.events import Presence
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import (
    E164,
    AgentId,
    AttemptId,
    CampaignName,
    CaseId,
    NodeName,
    TrunkName,
    attempt_id,
)
from dialer_engine.ports.store import AgentEventRow, AgentRow, Store
from dialer_engine.sim.clock import MONDAY_AT_TEN
from dialer_engine.sim.store import MemoryStore
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.upgrade import upgrade

NOW = MONDAY_AT_TEN
LOANS = CampaignName("loans")
DAY = "2026-11-23"
NUMBERS = [E164(f"+44770090000{i}") for i in range(4)]


def day_of(zone: str | None) -> str:
    return DAY


def draft(index: int, number: int, *, cap: int = 3) -> AttemptDraft:
    return AttemptDraft(
        attempt_id(index, bytes(10)), LOANS, CaseId(number + 1), NUMBERS[number], NodeName("pbx-1"),
        TrunkName("carrier"), NOW + timedelta(seconds=index), DAY, cap, {},
    )  # fmt: skip


def end(one: AttemptDraft, outcome: Outcome) -> AttemptEnd:
    return AttemptEnd(
        one.id, outcome, "", 17, 486, None, None, NOW, None, None, None, NOW, None, None
    )


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Both, with four cases of one number each; closed with the test."""
    if request.param == "memory":
        made = MemoryStore()
        await made.save_campaign(Campaign(LOANS))
        for number in NUMBERS:
            made.add_case(LOANS, [number], NOW)
        return made
    file = tmp_path / "store.db"
    upgrade(f"sqlite:///{file}")
    real = SqlStore(f"sqlite:///{file}")
    await real.open()
    await real.save_campaign(Campaign(LOANS))
    cases = [
        Case(f"C{i}", "", (Number(number, "mobile", "Europe/London", 0),))
        for i, number in enumerate(NUMBERS)
    ]
    await real.import_batch(LOANS, cases, NOW)
    return real


@pytest.fixture(autouse=True)
async def closed(store: Store) -> object:
    yield
    await store.close()


async def test_an_attempt_from_candidate_to_end(store: Store) -> None:
    found = await store.candidates(LOANS, 10, NOW, [CaseId(4)], day_of)
    assert [one.number for one in found] == NUMBERS[:3]
    first = draft(1, 0)
    assert await store.begin_attempts([first]) == {}
    assert [one.id for one in await store.open_attempts()] == [first.id]
    due = await store.candidates(LOANS, 10, NOW, [], day_of)
    assert [one.number for one in due] == NUMBERS[1:]
    later = CaseNext(LOANS, CaseId(1), NOW + timedelta(hours=1), "busy", 1)
    await store.end_attempts([end(first, Outcome.BUSY)], [later])
    assert await store.open_attempts() == []
    assert len(await store.candidates(LOANS, 10, NOW, [], day_of)) == 3
    again = await store.candidates(LOANS, 10, NOW + timedelta(hours=1), [], day_of)
    back = next(one for one in again if one.case_id == 1)
    assert (back.tries, back.attempts_today) == (1, 1)
    assert (await store.backlog(LOANS, NOW))["waiting"] == 1


async def test_one_open_attempt_for_a_number_and_the_daily_cap(store: Store) -> None:
    first, second = draft(1, 0, cap=1), draft(2, 0, cap=1)
    assert await store.begin_attempts([first]) == {}
    assert await store.begin_attempts([second]) == {second.id: "in_flight"}
    await store.end_attempts([end(first, Outcome.BUSY)], [])
    assert await store.begin_attempts([second]) == {second.id: "daily_cap"}
    assert await store.open_attempts() == []


async def test_the_first_outcome_stays_and_tries_never_turn_back(store: Store) -> None:
    first = draft(1, 0)
    await store.begin_attempts([first])
    await store.end_attempts(
        [end(first, Outcome.BUSY)], [CaseNext(LOANS, CaseId(1), None, "max_tries", 2)]
    )
    await store.end_attempts(
        [end(first, Outcome.LOST)], [CaseNext(LOANS, CaseId(1), NOW, "lost", 1)]
    )
    assert (await store.call(first.id))["outcome"] == "busy"
    assert all(one.case_id != 1 for one in await store.candidates(LOANS, 9, NOW, [], day_of))
    report = await store.report(LOANS, None, None)
    assert (report.attempts, report.outcomes) == (1, {"busy": 1})


async def test_a_lease_is_one_daemon_s(store: Store) -> None:
    soon = NOW + timedelta(seconds=30)
    first = await store.take_lease(LOANS, "one", soon, NOW)
    assert await store.take_lease(LOANS, "one", soon, NOW) == first
    with pytest.raises(CampaignHeld):
        await store.take_lease(LOANS, "two", soon, NOW)
    assert await store.take_lease(LOANS, "two", soon + timedelta(seconds=30), soon) == first + 1
    await store.release_lease(LOANS, "two")
    await store.take_lease(LOANS, "one", soon, NOW)


async def test_who_is_at_work(store: Store) -> None:
    who = AgentId("1001")
    await store.save_agent(AgentRow(who))
    assert [row.id for row in await store.agents()] == [who]
    await store.agent_events([AgentEventRow(who, "login", NOW)])
    await store.agent_events([AgentEventRow(who, "break", NOW, "lunch")])
    assert [(row.presence, row.break_reason) for row in await store.agents_at_work()] == [
        (Presence.BREAK, "lunch")
    ]
    await store.agent_events([AgentEventRow(who, "logout", NOW)])
    assert await store.agents_at_work() == []


async def test_what_is_not_there_is_not_found(store: Store) -> None:
    asks: list[Callable[[], Awaitable[object]]] = [
        lambda: store.set_campaign_state(CampaignName("none"), CampaignState.STARTED),
        lambda: store.call(AttemptId("a-none")),
    ]
    for ask in asks:
        with pytest.raises(NotFound):
            await ask()


async def test_a_store_that_is_down_writes_nothing() -> None:
    store = MemoryStore()
    await store.save_campaign(Campaign(LOANS))
    store.down = "locked"
    with pytest.raises(StoreUnavailable, match="locked"):
        await store.begin_attempts([draft(1, 0)])
    store.down = ""
    assert await store.open_attempts() == []
