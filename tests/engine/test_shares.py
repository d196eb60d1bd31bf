"""The share of abandoned calls and the figures of a line, as they are counted for the gate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dialer_engine.app.compliance import load_book
from dialer_engine.compliance.rules import PacingSpec, Span
from dialer_engine.compliance.ruleset import NO_BOOK, RuleBook
from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import AgentId, AttemptId
from dialer_engine.engine.account import site_zone
from dialer_engine.engine.settings import EngineSettings, LineLaw
from dialer_engine.engine.shares import LOOK_S, Shares, around
from dialer_engine.sim.clock import MONDAY_AT_TEN
from dialer_engine.sim.law import MemoryLaw
from tests.engine.house import CARRIER, LOANS, OTHER_CARRIER, House, settings, virtual

UK = load_book(["uk"])
ONE = RuleBook("share", tuple(r for r in UK.rules if r.id == "uk_abandonment"))
LONDON = site_zone("Europe/London")


def lawful(book: RuleBook = ONE, **changes: object) -> EngineSettings:
    return settings(book=book, **changes)


def made(given: EngineSettings) -> House:
    house = House(given)
    house.engine.counsel._law = MemoryLaw()
    return house


def test_periods_follow_the_sites_calendar() -> None:
    now = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)
    day = PacingSpec((), span=Span.DAY)
    # Already the second of June in London.
    assert around(now, day, LONDON)[0] == datetime(2026, 6, 1, 23, 0, tzinfo=UTC)
    thirty = PacingSpec((), span=Span.FIXED_DAYS, length=30)
    begin, end = around(now, thirty, UTC)
    assert (end - begin, begin <= now < end) == (timedelta(days=30), True)
    assert around(end, thirty, UTC)[0] == end
    month = PacingSpec((), span=Span.MONTH)
    assert around(now, month, UTC) == (
        datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC),
    )  # fmt: skip


@virtual
async def test_a_share_begins_with_what_the_store_has_and_ends_with_its_day() -> None:
    house = House(lawful())
    shares = house.engine.paces.shares

    async def counted(*_: object) -> tuple[int, int]:
        return 99, 2

    house.store.live_answers = counted  # type: ignore[method-assign, assignment]
    now = house.clock.now().utc
    assert shares.figures(LOANS, now) == {}
    await shares.recall(Campaign(LOANS))
    assert shares.passed(LOANS, now) == ""
    shares.count(LOANS, True, now)
    shares.count(LOANS, True, now)
    figures = shares.figures(LOANS, now)
    assert (figures["live/calendar_day"], figures["abandoned/calendar_day"]) == (101, 4)
    assert "4.0 % of live answers abandoned, at most 3 % (uk_abandonment)" in shares.passed(
        LOANS, now
    )
    tomorrow = now + timedelta(days=1)
    assert shares.figures(LOANS, tomorrow) == {}
    assert shares.passed(LOANS, tomorrow) == ""


async def abandoned(house: House) -> AttemptId:
    """Somebody answers and no agent is there."""
    attempt = house.flying[0]
    house.pbx.answer(attempt)
    await house.wait(2.5)
    house.pbx.end(attempt)
    await house.settle()
    return attempt


@virtual
async def test_above_the_share_each_call_has_an_agent_who_is_free_for_it() -> None:
    house = made(lawful())
    await house.campaign(cases=50, mode=DialMode.RATIO, ratio=3.0, ring_timeout_s=20.0)
    house.agents(2)
    async with house:
        await house.login(AgentId("1001"))
        await house.wait(1.0)
        running = house.engine.dialling.running[LOANS]
        assert len(house.flying) == 3
        house.engine.desk.pause("1001", "lunch")
        await abandoned(house)
        for attempt in list(house.flying):
            house.pbx.end(attempt, 17, 486)
        await house.settle()
        house.engine.desk.resume("1001")
        await house.wait(1.0)
        assert "100.0 % of live answers abandoned" in running.why
        assert "uk_abandonment" in running.why
        assert len(house.flying) == 1
        permit = house.store.attempts[house.flying[0]].draft.permit
        assert "agent_guaranteed" in permit["facts"]["flags"]
        assert permit["facts"]["figures"]["abandon_pct/calendar_day"] == 100.0
        # No case was put off for what its campaign has done.
        assert house.engine.counsel._law.records == []  # type: ignore[union-attr]
        assert not house.engine.stats.denied
        house.engine.paces.shares._counts[LOANS, "calendar_day"].live = 100
        await house.wait(1.0)
        assert len(house.flying) == 3
        house.check()


@virtual
async def test_a_share_that_was_passed_before_the_daemon_came_is_known_at_once() -> None:
    house = made(lawful())
    await house.campaign(cases=5, mode=DialMode.RATIO, ratio=3.0)

    async def counted(*_: object) -> tuple[int, int]:
        return 10, 1

    house.store.live_answers = counted  # type: ignore[method-assign, assignment]
    house.agents(1)
    async with house:
        await house.login(AgentId("1001"))
        await house.wait(2.0)
        assert len(house.flying) == 1


@virtual
async def test_a_caller_ids_calls_are_counted_over_its_trunks_each_minute() -> None:
    lines = {
        CARRIER: LineLaw("", "+5511999999999"), OTHER_CARRIER: LineLaw("", "+5511999999999"),
    }  # fmt: skip
    given = lawful(load_book(["br"]), lines=lines)
    house = made(given)
    asked: list[tuple[datetime, datetime]] = []

    async def calls(since: datetime, until: datetime) -> dict[object, tuple[int, int]]:
        asked.append((since, until))
        return {CARRIER: (60_000, 59_000), OTHER_CARRIER: (50_000, 49_000)}

    house.store.trunk_calls = calls  # type: ignore[method-assign, assignment]
    shares: Shares = house.engine.paces.shares
    await shares.look()
    figures = shares.of_line("+5511999999999")
    assert figures["calls_today/calendar_day"] == 110_000
    assert figures["short_pct/calendar_day"] == pytest.approx(98.18, abs=0.01)
    # Of the month what was before today, and today.
    assert figures["calls_month/calendar_month"] == 220_000
    assert shares.of_line("+44") == {}
    await shares.look()
    assert len(asked) == 3
    await house.wait(LOOK_S + 1)
    await shares.look()
    # The days that are over are not counted again.
    assert len(asked) == 5
    assert MONDAY_AT_TEN.day > 1


@virtual
async def test_who_asks_for_no_figures_counts_none() -> None:
    house = House(lawful(NO_BOOK))
    await house.engine.paces.shares.look()
    assert "trunk_calls" not in house.store.asked
    house.engine.paces.shares.count(LOANS, True, house.clock.now().utc)
    assert house.engine.paces.shares.figures(LOANS, house.clock.now().utc) == {}
    assert Outcome.ABANDONED.value == "abandoned"
