"""What a day is recorded from, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.units import AgentId, CampaignName
from dialer_engine.ports.store import AgentEventRow, AgentRow
from dialer_engine.store import SqlStore, day_record
from tests.store import building
from tests.store.building import LOANS, NOW, at

UNTIL = NOW + timedelta(hours=1)


async def events(store: SqlStore, skill: str = "") -> list[day_record.Event]:
    return list(await store.database.read(day_record.event_rows, skill, NOW, UNTIL))


def row(agent: str, kind: str, seconds: float) -> AgentEventRow:
    return AgentEventRow(AgentId(agent), kind, at(seconds), "", None)


async def test_events_begin_at_the_login_before_the_day(store: SqlStore) -> None:
    for agent, skills in (("1001", {"cards"}), ("1002", set())):
        await store.save_agent(AgentRow(AgentId(agent), "", "phone", "", frozenset(skills)))
    await store.agent_events(
        [row("1001", "login", -9000), row("1001", "logout", -8000), row("1001", "login", -60),
         row("1001", "idle", -59), row("1002", "login", 5), row("1001", "break", 10), row("1002", "logout", 4000)]
    )  # fmt: skip
    found = await events(store)
    assert [(agent, kind) for agent, kind, _, _ in found] == [
        ("1001", "login"), ("1001", "idle"), ("1001", "break"), ("1002", "login"),
    ]  # fmt: skip
    assert {agent for agent, *_ in await events(store, "cards")} == {"1001"}


async def test_attempts_of_the_day_without_whom_they_called(store: SqlStore) -> None:
    await store.save_campaign(Campaign(LOANS))
    await building.fill(store, [building.case(1)])
    read = store.database.read
    assert list(await read(day_record.attempt_rows, store.ids, LOANS, NOW, UNTIL)) == []
    with pytest.raises(NotFound):
        await read(day_record.attempt_rows, store.ids, CampaignName("none"), NOW, UNTIL)
    assert not {"number_key", "number_shown", "case_id"} & set(day_record._COLUMNS)
