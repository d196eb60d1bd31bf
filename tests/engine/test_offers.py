"""Cases that one agent holds, and calls without agents."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer_engine.compliance.gate import RuleSet
from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentMode, Line
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.campaign import CampaignState, DialMode
from dialer_engine.domain.errors import Conflict
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.trunk import TrunkLimits
from dialer_engine.domain.units import AgentId, CampaignName, CaseId
from dialer_engine.engine.offers import SKIPPED_S
from dialer_engine.sim.pbx import Fate
from tests.engine.house import CARRIER, LOANS, OTHER_CARRIER, PBX, House, settings, virtual

CARDS = CampaignName("cards")
ANN, BOB = AgentId("1001"), AgentId("1002")


async def previewing(agents: int = 1, cases: int = 5, **changes: Any) -> House:
    """A house in which each agent is looking at a case."""
    house = House(
        settings(
            trunks=(TrunkLimits(CARRIER, PBX, 30, 50.0), TrunkLimits(OTHER_CARRIER, PBX, 30, 50.0))
        )
    )
    await house.campaign(cases=cases, mode=DialMode.PREVIEW, **changes)
    await house.engine.start()
    await house.wait(0.6)
    await house.login(*house.agents(agents))
    await house.wait(0.3)
    return house


def case_of(house: House, agent: AgentId) -> CaseId:
    return house.engine.offers.held[agent].candidate.case_id


@virtual
async def test_each_agent_sees_a_case_and_nothing_is_dialled() -> None:
    house = await previewing(agents=2)
    await house.wait(3.0)
    assert not house.pbx.dialled
    shown = house.feed.of("agent/1001", event="preview")
    assert len(shown) == 1
    assert shown[0]["reference"] == "CASE-1"
    assert shown[0]["number"].startswith("+4477009")
    assert case_of(house, ANN) != case_of(house, BOB)
    await house.engine.stop()


@virtual
async def test_an_accepted_case_is_dialled_for_that_agent_and_no_other() -> None:
    house = await previewing(agents=2)
    wanted = case_of(house, BOB)
    house.engine.offers.accept(BOB)
    (attempt,) = await house.dialled()
    assert house.call_of(attempt).candidate.case_id == wanted
    # Ann was idle for longer, but it is Bob's.
    house.pbx.answer(attempt)
    await house.settle()
    assert house.phase(attempt) is CallPhase.TALKING
    assert house.line(BOB) is Line.IN_CALL
    assert house.line(ANN) is Line.IDLE
    assert BOB not in house.engine.registry.held
    house.pbx.end(attempt)
    await house.wait(1.0)
    # The next one, after the talk.
    assert BOB in house.engine.offers.held
    house.check()
    await house.engine.stop()


@virtual
async def test_accepting_twice_or_nothing_is_a_conflict() -> None:
    house = await previewing(cases=1)
    with pytest.raises(Conflict, match="looking at no case"):
        house.engine.offers.accept(BOB)
    house.engine.offers.accept(ANN)
    with pytest.raises(Conflict, match="has accepted"):
        house.engine.offers.accept(ANN)
    with pytest.raises(Conflict, match="has accepted"):
        house.engine.offers.skip(ANN, "")
    await house.engine.stop()


@virtual
async def test_a_skipped_case_waits_an_hour_and_the_next_is_shown() -> None:
    house = await previewing(cases=2)
    first = case_of(house, ANN)
    house.engine.offers.skip(ANN, "no time")
    await house.wait(0.5)
    assert case_of(house, ANN) != first
    case = house.store.cases[LOANS][first]
    assert case.reason == "no time"
    assert case.tries == 0
    left = case.due_at - house.clock.now().utc if case.due_at else timedelta()
    assert left.total_seconds() == pytest.approx(SKIPPED_S, abs=2)
    await house.engine.stop()


@virtual
async def test_too_long_a_look_skips_or_dials_as_the_campaign_says() -> None:
    house = await previewing(preview_timeout_s=10.0)
    first = case_of(house, ANN)
    await house.wait(11.0)
    assert case_of(house, ANN) != first
    assert not house.pbx.dialled
    await house.engine.stop()
    house = await previewing(preview_timeout_s=10.0, preview_dials=True)
    first = case_of(house, ANN)
    await house.wait(11.0)
    assert [house.call_of(one.attempt).candidate.case_id for one in house.pbx.dialled] == [first]
    await house.engine.stop()


@virtual
async def test_an_agent_who_leaves_gives_the_case_back() -> None:
    house = await previewing(agents=2, cases=2)
    kept = case_of(house, ANN)
    house.engine.desk.pause(ANN, "lunch")
    await house.wait(0.5)
    assert ANN not in house.engine.offers.held
    assert house.feed.of("agents", event="case_withdrawn", agent=ANN)
    house.engine.offers.skip(BOB, "")
    await house.wait(0.5)
    assert case_of(house, BOB) == kept
    await house.engine.stop()


@virtual
async def test_what_rings_for_an_agent_who_leaves_is_cancelled() -> None:
    house = await previewing(agents=1)
    house.engine.offers.accept(ANN)
    (attempt,) = await house.dialled()
    house.engine.desk.logout(ANN)
    await house.wait(0.5)
    assert house.outcome(attempt) is Outcome.CANCELLED
    assert not house.engine.offers.held
    await house.engine.stop()


@virtual
async def test_whoever_is_free_takes_it_when_its_agent_is_gone_at_the_answer() -> None:
    """Somebody answered: better an agent who has not seen the case than nobody."""
    house = await previewing(agents=2)
    house.engine.offers.accept(ANN)
    house.engine.offers.skip(BOB, "")
    (attempt,) = await house.dialled()
    house.pbx.answer(attempt, None)
    await house.settle()
    house.engine.desk.pause(ANN, "lunch")
    house.engine.dialling.running[LOANS].queue.clear()
    house.engine.offers.close(LOANS)
    await house.settle()
    house.pbx.answer(attempt, ev.Verdict.HUMAN)
    await house.settle()
    assert house.line(BOB) in (Line.RESERVED, Line.IN_CALL)
    await house.engine.stop()


@virtual
async def test_who_looks_at_a_case_gets_no_call_of_another_campaign() -> None:
    house = await previewing(agents=1, cases=3)
    await house.campaign(CARDS, cases=3)
    await house.engine.leases.take_started()
    await house.wait(3.0)
    assert not house.pbx.dialled
    # When nothing is left to look at, they are there for the others.
    for _ in range(3):
        house.engine.offers.skip(ANN, "")
        await house.wait(0.5)
    await house.wait(1.5)
    assert len(house.pbx.dialled) == 1
    await house.engine.stop()


@virtual
async def test_what_the_law_denies_is_shown_to_nobody() -> None:
    house = House(settings(rules=RuleSet(default_zone="Europe/London", daily_cap=0)))
    await house.campaign(cases=3, mode=DialMode.PREVIEW)
    async with house:
        await house.login(*house.agents(1))
        await house.wait(2.0)
        assert not house.feed.of("agent/1001", event="preview")
        assert not house.engine.offers.held


@virtual
async def test_a_paused_campaign_takes_its_cases_back() -> None:
    house = await previewing(agents=1)
    running = house.engine.dialling.running[LOANS]
    paused = running.campaign.with_state(CampaignState.PAUSED)
    house.engine.dialling.run(paused, running.lease_until)
    await house.wait(0.5)
    assert not house.engine.offers.held
    assert not house.engine.registry.held
    await house.engine.stop()


@virtual
async def test_a_refused_trunk_means_another_one_for_the_same_agent() -> None:
    house = await previewing(agents=1)
    wanted = case_of(house, ANN)
    house.engine.offers.accept(ANN)
    (first,) = await house.dialled()
    house.pbx.end(first, 34, 503)
    (second,) = await house.dialled()
    assert house.call_of(second).candidate.case_id == wanted
    assert house.call_of(second).for_agent == ANN
    assert house.pbx.dialled[0].trunk != house.pbx.dialled[1].trunk
    await house.engine.stop()


@virtual
async def test_a_store_that_fails_keeps_the_case_with_its_agent() -> None:
    house = await previewing(agents=1)
    wanted = case_of(house, ANN)
    house.store.down = "locked"
    house.engine.offers.accept(ANN)
    await house.wait(1.0)
    assert not house.pbx.dialled
    house.store.down = ""
    await house.wait(8.0)
    # While nothing could be dialled it was given back; it is shown again.
    assert not house.pbx.dialled
    assert case_of(house, ANN) == wanted
    await house.engine.stop()


@virtual
async def test_an_agent_who_is_rung_for_each_call_previews_too() -> None:
    house = House()
    await house.campaign(cases=3, mode=DialMode.PREVIEW)
    async with house:
        await house.wait(0.6)
        await house.login(house.agent("1001", mode=AgentMode.RING))
        await house.wait(0.5)
        house.engine.offers.accept(ANN)
        (attempt,) = await house.dialled()
        house.pbx.answer(attempt)
        await house.settle()
        assert house.phase(attempt) is CallPhase.TALKING


# -- by hand


@virtual
async def test_an_agent_dials_a_case_by_its_reference() -> None:
    house = House()
    await house.campaign(cases=4, mode=DialMode.MANUAL)
    async with house:
        await house.login(*house.agents(1))
        await house.wait(3.0)
        assert not house.pbx.dialled
        assert not house.engine.offers.held
        candidate = await house.store.candidate(LOANS, "CASE-3", lambda zone: "2026-11-23")
        house.engine.offers.name(LOANS, ANN, candidate)
        (attempt,) = await house.dialled()
        assert house.call_of(attempt).candidate.reference == "CASE-3"
        with pytest.raises(Conflict, match="holds a case already"):
            house.engine.offers.name(LOANS, ANN, candidate)
        house.pbx.answer(attempt)
        await house.settle()
        assert house.line(ANN) is Line.IN_CALL
        house.pbx.end(attempt)
        await house.wait(1.0)
        assert not house.engine.offers.held
        house.check_books()


@virtual
async def test_by_hand_means_no_way_around_the_law() -> None:
    house = House(settings(rules=RuleSet(default_zone="Europe/London", daily_cap=1)))
    await house.campaign(cases=1, mode=DialMode.MANUAL)
    async with house:
        await house.login(*house.agents(1))

        async def dial() -> None:
            found = await house.store.candidate(LOANS, "CASE-1", lambda zone: "2026-11-23")
            house.engine.offers.name(LOANS, ANN, found)

        await dial()
        (attempt,) = await house.dialled()
        house.pbx.end(attempt, 17, 486)
        await house.wait(1.0)
        await dial()
        await house.wait(1.0)
        assert len(house.pbx.dialled) == 1
        (told,) = house.feed.of("agents", event="case_refused", agent=ANN)
        assert told["why"]


# -- without agents


@virtual
async def test_a_robot_needs_no_agent_and_keeps_to_its_channels() -> None:
    house = House()
    await house.campaign(
        cases=20,
        mode=DialMode.ROBOT,
        robot_channels=3,
        robot_cps=10.0,
        robot_message="ours/reminder",
    )
    async with house:
        await house.wait(2.0)
        assert len(house.pbx.dialled) == 3
        assert {one.message for one in house.pbx.dialled} == {"ours/reminder"}
        one, two, three = house.flying
        house.pbx.answer(one)
        house.pbx.answer(two)
        await house.wait(1.0)
        assert house.phase(one) is CallPhase.MESSAGE
        assert len(house.pbx.dialled) == 3
        house.pbx.played(one)
        house.pbx.end(two)
        house.pbx.end(three, 17, 486)
        await house.wait(1.0)
        outcomes = [house.outcome(attempt) for attempt in (one, two, three)]
        assert outcomes == [Outcome.MESSAGE, Outcome.HUNG_UP_EARLY, Outcome.BUSY]
        assert len(house.pbx.dialled) == 6
        house.check()


@virtual
async def test_a_robot_s_answers_are_no_agent_s_and_no_account_s() -> None:
    house = House()
    await house.campaign(cases=5, mode=DialMode.ROBOT, robot_channels=1)
    async with house:
        await house.login(*house.agents(1))
        (attempt,) = await house.dialled()
        house.pbx.answer(attempt)
        await house.wait(5.0)
        assert house.line(ANN) is Line.IDLE
        assert house.engine.paces.running[LOANS].account.live == 0
        assert house.phase(attempt) is CallPhase.MESSAGE


@virtual
async def test_a_robot_dials_no_faster_than_asked() -> None:
    house = House()
    await house.campaign(cases=60, mode=DialMode.ROBOT, robot_channels=30, robot_cps=2.0)
    async with house:
        await house.wait(10.0)
        assert 18 <= len(house.pbx.dialled) <= 22


@virtual
async def test_a_message_goes_on_over_a_restart() -> None:
    house = House()
    await house.campaign(cases=2, mode=DialMode.ROBOT, robot_channels=1)
    async with house:
        (attempt,) = await house.dialled()
        house.pbx.answer(attempt)
        await house.wait(1.0)
        await house.die()
    second = House(store=house.store, pbx=house.pbx)
    async with second:
        await second.wait(1.0)
        assert second.phase(attempt) is CallPhase.MESSAGE
        second.pbx.played(attempt)
        await second.wait(1.0)
        assert second.outcome(attempt) is Outcome.MESSAGE


@virtual
async def test_a_robot_obeys_the_law_and_the_trunks() -> None:
    house = House(
        settings(
            rules=RuleSet(default_zone="Europe/London", daily_cap=0),
        )
    )
    await house.campaign(cases=5, mode=DialMode.ROBOT)
    async with house:
        await house.wait(2.0)
        assert not house.pbx.dialled
    house = House(settings(trunks=(TrunkLimits(CARRIER, PBX, 2, 50.0),)))
    await house.campaign(cases=5, mode=DialMode.ROBOT, robot_cps=50.0)
    async with house:
        house.pbx.script("originate", Fate.DONE)
        await house.wait(2.0)
        assert len(house.pbx.dialled) == 2


@virtual
async def test_a_campaign_that_becomes_a_robot_leaves_its_talks_alone() -> None:
    house = House()
    campaign = await house.campaign(cases=9)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        until = house.engine.dialling.running[LOANS].lease_until
        robot = replace(campaign, mode=DialMode.ROBOT, robot_channels=2, robot_cps=9.0)
        house.engine.dialling.run(robot, until)
        await house.wait(2.0)
        assert house.phase(attempt) is CallPhase.TALKING
        # Its channels are counted with the talk that is still up.
        assert len(house.flying) == 2
        house.check()
