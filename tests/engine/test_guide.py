"""The engine follows strategies: who is dialled, in which order, by which step, and who waits why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.units import CaseId
from dialer_engine.engine.settings import Course, EngineSettings
from dialer_engine.strategy.conditions import condition
from dialer_engine.strategy.model import (
    Arm,
    Channel,
    Experiment,
    Segment,
    Step,
    Strategy,
    Title,
)
from tests.engine.house import LOANS, SAME_LATER, House, settings, virtual
from tests.strategy.shipped import library

CALL = Step("ask", Channel.CALL, day=1, script="early", per_day=3, per_week=9)
FIRM = replace(CALL, id="plain", strength=2)
HELD = Segment("held", Title(), condition("not holds.is_empty"), hold="a hold is in force")
FEW = Segment("few", Title(), condition("dpd < 30"), (CALL,))
MANY = Segment("many", Title(), condition("true"), (FIRM,))
EARLY = Strategy("early", Title(), SAME_LATER, (HELD, FEW, MANY), order=("-balance",))


def guided(strategy: Strategy = EARLY, version: str = "v1") -> EngineSettings:
    return settings(
        strategies={"default": SAME_LATER, "early": SAME_LATER},
        courses={"early": Course(strategy, version)},
    )


def facts(house: House, case: CaseId, **given: object) -> CaseId:
    house.store.facts[case] = CaseFacts(**given)  # type: ignore[arg-type]
    return case


def dialled(house: House) -> list[CaseId]:
    return [house.store.attempts[one.attempt].draft.case_id for one in house.pbx.dialled]


@virtual
async def test_an_attempt_knows_segment_step_arms_and_version() -> None:
    arms = (Arm("as-written", 50), Arm("firmer", 50, {"strength": 3}))
    course = replace(EARLY, experiments=(Experiment("e-1", arms),))
    async with House(guided(course)) as house:
        house.agents(1)
        await house.campaign(strategy="early")
        case = facts(house, house.case(), dpd=45)
        await house.login(*house.engine.registry.agents)
        await house.engine.leases.take_started()
        attempt = (await house.dialled())[0]
        plan = house.store.attempts[attempt].draft.plan
        assert plan is not None
        assert (plan.strategy, plan.version, plan.segment, plan.step) == (
            "early", "v1", "many", "plain",
        )  # fmt: skip
        assert plan.arms["e-1"] in ("as-written", "firmer")
        assert house.store.attempts[attempt].draft.case_id == case


@virtual
async def test_who_is_on_hold_waits_and_is_counted() -> None:
    async with House(guided()) as house:
        house.agents(2)
        await house.campaign(strategy="early")
        held = facts(house, house.case(), dpd=45, holds=frozenset({"dispute"}))
        free = facts(house, house.case(), dpd=45)
        await house.login(*house.engine.registry.agents)
        await house.engine.leases.take_started()
        await house.dialled()
        await house.wait(3)
        assert dialled(house) == [free]
        case = house.store.cases[LOANS][held]
        assert case.reason == "strategy_hold"
        assert case.due_at is not None
        assert case.due_at > house.clock.now().utc + timedelta(minutes=50)
        assert house.store.denials["strategy_hold"] == 1
        assert house.engine.stats.denied["strategy_hold"] == 1


@virtual
async def test_the_order_is_the_strategys() -> None:
    async with House(guided()) as house:
        house.agents(1)
        await house.campaign(strategy="early")
        small = facts(house, house.case(), dpd=5, balance=10)
        large = facts(house, house.case(), dpd=5, balance=1000)
        await house.login(*house.engine.registry.agents)
        await house.engine.leases.take_started()
        await house.dialled()
        assert dialled(house) == [large]
        assert small not in dialled(house)


@virtual
async def test_a_plan_that_is_old_is_made_anew() -> None:
    """Held ready on Monday evening, it must not be dialled at night."""
    evening = replace(CALL, hours=(0, 24 * 60))
    course = replace(EARLY, segments=(replace(FEW, ladder=(evening,)),))
    async with House(guided(course)) as house:
        await house.campaign(strategy="early")
        case = facts(house, house.case(), dpd=5)
        await house.engine.leases.take_started()
        await house.tick()
        await house.wait(2)
        assert [one.case_id for one, _ in house.engine.dialling.running[LOANS].queue] == [case]
        asked = house.store.asked["standings"]
        await house.wait(16 * 60)
        house.agents(1)
        await house.login(*house.engine.registry.agents)
        await house.dialled()
        assert house.store.asked["standings"] > asked
        plan = house.store.attempts[house.pbx.dialled[0].attempt].draft.plan
        assert plan is not None
        assert plan.until > house.clock.now().utc


@virtual
async def test_a_new_version_is_asked_again() -> None:
    async with House(guided()) as house:
        await house.campaign(strategy="early")
        facts(house, house.case(), dpd=5)
        await house.engine.leases.take_started()
        await house.tick()
        await house.wait(2)
        closed = replace(EARLY, segments=(replace(FEW, hold="not this month"),))
        house.engine.apply(guided(closed, "v2"))
        house.agents(1)
        await house.login(*house.engine.registry.agents)
        await house.wait(5)
        assert not house.pbx.dialled
        assert house.store.denials["strategy_hold"] == 1


@virtual
async def test_enough_for_today_is_enough() -> None:
    course = replace(EARLY, segments=(replace(FEW, ladder=(replace(CALL, per_day=1),)),))
    async with House(guided(course)) as house:
        house.agents(1)
        await house.campaign(strategy="early")
        case = facts(house, house.case(), dpd=5)
        await house.login(*house.engine.registry.agents)
        await house.engine.leases.take_started()
        attempt = (await house.dialled())[0]
        house.pbx.end(attempt, 17)
        await house.settle()
        # The retry table says an hour; the step says tomorrow.
        await house.wait(3700)
        assert dialled(house) == [case]
        assert house.store.cases[LOANS][case].reason == "strategy_per_day"


@virtual
async def test_a_retry_table_asks_nobody() -> None:
    async with House(guided()) as house:
        house.agents(1)
        await house.campaign(cases=1)
        await house.login(*house.engine.registry.agents)
        await house.engine.leases.take_started()
        attempt = (await house.dialled())[0]
        assert house.store.asked["standings"] == 0
        assert house.store.attempts[attempt].draft.plan is None


@virtual
async def test_another_mode_is_another_choice() -> None:
    bot = Step("bot", Channel.BOT_CALL, day=1)
    course = replace(EARLY, segments=(replace(FEW, ladder=(CALL, bot)),))
    async with House(guided(course)) as house:
        campaign = await house.campaign(strategy="early")
        facts(house, house.case(), dpd=5)
        await house.engine.leases.take_started()
        await house.tick()
        await house.wait(2)
        running = house.engine.dialling.running[LOANS]
        assert [one.plan.step for one, _ in running.queue if one.plan] == ["ask"]
        house.engine.dialling.run(replace(campaign, mode=DialMode.ROBOT), running.lease_until)
        attempt = (await house.dialled())[0]
        plan = house.store.attempts[attempt].draft.plan
        assert plan is not None
        assert plan.step == "bot"


@virtual
async def test_the_script_is_on_the_screen_with_the_agents_name() -> None:
    given = replace(guided(), library=library(), words={"institution": "Example Bank"})
    async with House(given) as house:
        house.agents(1)
        await house.campaign(strategy="early")
        facts(house, house.case(), dpd=5, stage="M0", language="en", debt_type="credit_card")
        await house.login(*house.engine.registry.agents)
        await house.engine.leases.take_started()
        await house.talking()
        shown = house.feed.of("agent/1001", event="call")[0]
        scenes = {row["scene"]: row for row in shown["script"]}
        assert list(scenes)[:2] == ["opening", "main"]
        opening = scenes["opening"]["sentences"]
        assert "this is 1001 from Example Bank" in opening[0]["text"]
        assert [one["required"] for one in opening] == [False, True]


@virtual
async def test_a_script_that_fails_breaks_no_call() -> None:
    async with House(replace(guided(), library=None)) as house:  # type: ignore[arg-type]
        house.agents(1)
        await house.campaign(strategy="early")
        facts(house, house.case(), dpd=5)
        await house.login(*house.engine.registry.agents)
        await house.engine.leases.take_started()
        await house.talking()
        assert house.feed.of("agent/1001", event="call")[0]["script"] == []


@virtual
async def test_a_case_that_is_looked_at_first_has_its_script() -> None:
    async with House(replace(guided(), library=library())) as house:
        house.agents(1)
        await house.campaign(strategy="early", mode=DialMode.PREVIEW)
        facts(house, house.case(), dpd=5, stage="M0", language="en", debt_type="credit_card")
        await house.login(*house.engine.registry.agents)
        await house.engine.leases.take_started()
        await house.wait(3)
        shown = house.feed.of("agent/1001", event="preview")[0]
        assert shown["script"][0]["scene"] == "opening"
