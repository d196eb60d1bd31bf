"""The engine's state as plain data: it travels as JSON unchanged, and holds no name and no number."""

from __future__ import annotations

import json

from dialer_engine.app import views
from dialer_engine.domain.reports import Report
from dialer_engine.engine.engine import Engine
from tests.engine.house import LOANS, House, virtual


def everything(engine: Engine) -> list[object]:
    now = engine.clock.now()
    calls = [views.call_row(call, now) for call in engine.registry.calls.values()]
    agents = [views.agent_row(agent, engine) for agent in engine.registry.agents.values()]
    campaign = engine.dialling.campaigns[LOANS]
    rows = [views.campaign_row(engine, campaign, {"due": 0})]
    return [calls, agents, rows, views.status(engine, {"state": "running"})]


@virtual
async def test_every_view_is_json_without_personal_data() -> None:
    house = House()
    await house.campaign(cases=4, wrap_up_s=60.0)
    async with house:
        await house.login(*house.agents(3))
        first, second, third = await house.dialled(3)
        house.pbx.answer(first)
        house.pbx.ring(second)
        house.pbx.answer(third)
        await house.settle()
        house.pbx.end(third)
        await house.wait(1.0)
        for view in everything(house.engine):
            text = json.dumps(view, ensure_ascii=False)
            assert json.loads(text) == view
            assert "+44" not in text
            assert "CASE-" not in text


@virtual
async def test_a_call_row_counts_from_its_last_step() -> None:
    house = House()
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = (await house.dialled())[0]
        call = house.call_of(attempt)
        await house.wait(2.0)
        house.pbx.ring(attempt)
        await house.wait(3.0)
        assert 3.0 <= views.call_row(call, house.clock.now())["since_s"] < 3.1
        house.pbx.answer(attempt)
        await house.wait(1.0)
        row = views.call_row(call, house.clock.now())
        assert 1.0 <= row["since_s"] < 1.1
        assert (row["phase"], row["agent"], row["trunk"]) == ("talking", "1001", "carrier-a")


@virtual
async def test_a_campaign_row_of_a_campaign_that_nobody_runs_is_empty() -> None:
    house = House()
    campaign = await house.campaign()
    row = views.campaign_row(house.engine, campaign, {"due": 7})
    assert row["holder"] is None
    assert row["why"] == ""
    assert row["today"]["attempts"] == 0
    assert row["today"]["abandonment_rate"] is None
    assert row["backlog"] == {"due": 7}
    assert set(row["live"].values()) == {0}


@virtual
async def test_live_counts_follow_the_phases() -> None:
    house = House()
    campaign = await house.campaign(cases=5)
    async with house:
        await house.login(*house.agents(4))
        first, second, _, _ = await house.dialled(4)
        house.pbx.answer(first)
        house.pbx.answer(second, None)
        await house.settle()
        live = views.campaign_row(house.engine, campaign, {})["live"]
        assert live == {"planned": 0, "ringing": 2, "waiting": 1, "talking": 1}


def test_a_report_is_plain_data() -> None:
    shown = views.report(Report("loans", None, None, attempts=3))
    assert json.loads(json.dumps(shown)) == shown
    assert shown["attempts"] == 3
