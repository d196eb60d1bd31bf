"""Law in flight: lists that change while it rings, hours that end, denials that go on record."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

from dialer_engine.compliance.counting import CHANNEL_FLAG, Flag, unit_key
from dialer_engine.compliance.gate import RuleSet
from dialer_engine.compliance.rules import (
    CountSpec,
    Event,
    Kind,
    Override,
    Rule,
    Severity,
    Source,
    Span,
    Status,
    SuppressionSpec,
    Unit,
)
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CaseId
from dialer_engine.engine.counsel import line_key
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.sim.law import MemoryLaw
from tests.engine.house import CARRIER, LOANS, House, number, settings, virtual

LISTS = Rule(
    "listed", 1, "", Kind.SUPPRESSION, SuppressionSpec(), Source("test", Status.ENGINEERING)
)  # fmt: skip
WITH_LISTS = settings(book=RuleBook("test", (LISTS,)))


def house(law: MemoryLaw, given: EngineSettings = WITH_LISTS) -> House:
    made = House(given)
    made.engine.counsel._law = law
    return made


@virtual
async def test_a_ringing_call_ends_within_a_second_of_the_list() -> None:
    law = MemoryLaw()
    one = house(law)
    await one.campaign(cases=1)
    one.agents(1)
    async with one:
        await one.login(*one.engine.registry.agents)
        [attempt] = await one.dialled()
        one.pbx.ring(attempt)
        await one.settle()
        assert one.phase(attempt) is CallPhase.RINGING
        law.suppress(number(1), "do_not_call")
        await one.wait(1.0)
        assert attempt not in one.engine.registry.calls
        await one.engine.ledger.flushed()
        assert one.outcome(attempt) in (Outcome.CANCELLED, Outcome.NO_ANSWER)
        one.check_books()


@virtual
async def test_a_case_that_is_held_ready_is_not_dialled_any_more_and_the_denial_is_kept() -> None:
    law = MemoryLaw()
    one = house(law)
    await one.campaign(cases=1)
    one.agents(1)
    async with one:
        await one.wait(2)
        assert one.engine.dialling.running[LOANS].queue
        law.suppress(CaseId(1), "lawyer")
        await one.wait(1.0)
        await one.login(*one.engine.registry.agents)
        await one.wait(2)
        assert not one.pbx.dialled
        # It may be asked about once more before its new date is in the list.
        assert 1 <= len(law.records) <= 2
        for case, record in law.records:
            assert (case, record["reasons"], record["decision"]) == (1, ["listed"], "denial")


@virtual
async def test_who_answers_after_being_put_on_a_list_is_connected_to_nobody() -> None:
    """Between two looks: the hook before the bridge sees what the last look found."""
    law = MemoryLaw()
    one = house(law)
    await one.campaign(cases=1)
    one.agents(1)
    async with one:
        await one.login(*one.engine.registry.agents)
        [attempt] = await one.dialled()
        one.engine.counsel._barred[attempt] = "suppression: deceased"
        one.pbx.answer(attempt)
        await one.settle()
        assert not [line for line in one.transcript if line.startswith("bridge")]
        await one.wait(1)
        assert attempt not in one.engine.registry.calls


@virtual
async def test_a_store_that_fails_keeps_the_denials_until_it_is_back() -> None:
    law = MemoryLaw()
    law.suppress(number(1), "revoked")
    one = house(law)
    await one.campaign(cases=1)
    one.agents(1)
    async with one:
        await one.wait(2)
        law.down = "locked"
        await one.login(*one.engine.registry.agents)
        await one.wait(2)
        assert law.records == []
        law.down = ""
        await one.wait(1)
        assert [record["reasons"] for _, record in law.records] == [["listed"]]


@virtual
async def test_what_is_not_known_of_a_case_is_not_dialled() -> None:
    law = MemoryLaw(down="locked")
    one = house(law)
    await one.campaign(cases=3)
    one.agents(1)
    async with one:
        await one.login(*one.engine.registry.agents)
        await one.wait(5)
        assert not one.pbx.dialled


@virtual
async def test_what_rings_when_the_hours_end_is_cancelled() -> None:
    base = settings()
    one = House(base)
    ends = (one.clock.now().utc + timedelta(seconds=100)).replace(microsecond=0)
    rules = RuleSet(
        window_start=time(0), window_end=ends.time(), default_zone="UTC", guard_s=10.0, daily_cap=9
    )
    one = House(replace(base, rules=rules))
    one.cases(0)
    await one.campaign(ring_timeout_s=60.0)
    one.store.add_case(LOANS, [number(1)], one.clock.now().utc, zone="UTC")
    one.agents(1)
    async with one:
        await one.wait(80)
        await one.login(*one.engine.registry.agents)
        await one.dialled()
        [command] = one.pbx.dialled
        assert command.ring_timeout_s <= (ends - command.asked_at).total_seconds() < 25


@virtual
async def test_what_is_known_of_a_case_is_forgotten_when_nobody_holds_it() -> None:
    one = house(MemoryLaw())
    await one.campaign(cases=5)
    async with one:
        await one.wait(2)
        assert len(one.engine.counsel._known) == 5
        one.engine.dialling.running[LOANS].queue.pop()
        await one.engine.sweep()
        assert len(one.engine.counsel._known) == 4


@virtual
async def test_an_override_that_was_taken_back_counts_no_more_for_a_case_that_is_held_ready() -> (
    None
):
    law = MemoryLaw()
    one = house(law)
    ends = one.clock.now().utc + timedelta(days=1)
    given = Override("listed", "supervisor", "s7", "asked", ends)
    law.extra[CaseId(1)] = {"overrides": (given,)}
    await one.campaign(cases=1)
    async with one:
        await one.wait(2)
        assert one.engine.counsel._known[CaseId(1)].overrides == (given,)
        law.extra[CaseId(1)] = {}
        law.changes += 1
        await one.wait(1)
        assert one.engine.counsel._known[CaseId(1)].overrides == ()


@virtual
async def test_an_override_of_a_campaign_holds_for_its_calls_from_the_first_one_on() -> None:
    law = MemoryLaw()
    should = replace(LISTS, severity=Severity.SHOULD)
    one = house(law, settings(book=RuleBook("test", (should,))))
    ends = one.clock.now().utc + timedelta(days=1)
    given = Override("listed", "supervisor", "s7", "asked", ends)
    law.suppress(number(1), "do_not_call")
    law.wide[unit_key("campaign", LOANS)] = (given,)
    await one.campaign(cases=1)
    one.agents(1)
    async with one:
        await one.login(*one.engine.registry.agents)
        [attempt] = await one.dialled()
        permit = one.store.attempts[attempt].draft.permit
        assert permit["facts"]["overrides"][0]["who"] == "s7"


BY_TRUNK = Rule(
    "line_hourly", 1, "", Kind.CAP, CountSpec(Unit.TRUNK, Event.ATTEMPT, Span.ROLLING_S, 2, 3600),
    Source("test", Status.ENGINEERING),
)  # fmt: skip


@virtual
async def test_a_rule_counts_what_left_over_a_trunk() -> None:
    law = MemoryLaw()
    one = house(law, settings(book=RuleBook("test", (BY_TRUNK,))))
    await one.campaign(cases=3)
    one.agents(1)
    key, now = line_key(CARRIER), one.clock.now().utc
    outbound = int(Flag.OUTBOUND | CHANNEL_FLAG["voice"])
    async with one:
        law.units[key] = (
            (now - timedelta(minutes=90), outbound),
            (now - timedelta(minutes=1), outbound),
        )
        await one.login(*one.engine.registry.agents)
        [attempt] = await one.dialled()
        reservation = one.store.attempts[attempt].draft.reservation
        assert reservation is not None
        assert key in reservation.units
        assert [(claim.rule, claim.unit, claim.limit) for claim in reservation.claims] == [
            ("line_hourly", key, 2)
        ]


@virtual
async def test_a_trunk_that_is_used_up_denies_until_there_is_room() -> None:
    law = MemoryLaw()
    one = house(law, settings(book=RuleBook("test", (BY_TRUNK,))))
    await one.campaign(cases=3)
    one.agents(1)
    key, now = line_key(CARRIER), one.clock.now().utc
    outbound = int(Flag.OUTBOUND | CHANNEL_FLAG["voice"])
    async with one:
        law.units[key] = tuple((now - timedelta(minutes=m), outbound) for m in (30, 1))
        await one.wait(1.0)
        await one.login(*one.engine.registry.agents)
        await one.wait(2)
        assert not one.pbx.dialled
        assert {tuple(record["reasons"]) for _, record in law.records} == {("line_hourly",)}
