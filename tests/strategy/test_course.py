"""May a case be called now, and when is it asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.outcome import Outcome
from dialer_engine.strategy.conditions import condition, fact_map
from dialer_engine.strategy.course import ASK_AGAIN, Go, Wait, carries, follow
from dialer_engine.strategy.model import Channel, Mode, Segment, Step, Strategy, Title
from dialer_engine.strategy.retry import RetryRule, RetryTable, Then

SHANGHAI = ZoneInfo("Asia/Shanghai")
# A Monday.
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI)
CALL = Step("ask", Channel.CALL, day=1, hours=(9 * 60, 20 * 60), per_day=1, per_week=3)
TABLE = RetryTable("t", {Outcome.BUSY: RetryRule(Then.SAME_NUMBER, 60.0)}, 6)


def strategy(*steps: Step, hold: str = "") -> Strategy:
    late = Segment("late", Title(), condition("dpd >= 1"), tuple(steps), hold)
    return Strategy("t", Title(), TABLE, (late,))


def ask(
    *steps: Step,
    dpd: int = 5,
    now: datetime = NOON,
    mode: DialMode = DialMode.PROGRESSIVE,
    calls: tuple[datetime, ...] = (),
    hold: str = "",
) -> Go | Wait:
    return follow(
        strategy(*steps, hold=hold), fact_map(CaseFacts(dpd=dpd)), "C-1", mode, now, calls
    )


def waits(said: Go | Wait) -> Wait:
    assert isinstance(said, Wait)
    return said


def test_a_case_inside_hours_goes_until_they_end() -> None:
    said = ask(CALL)
    assert isinstance(said, Go)
    assert (said.step.id, said.until) == ("ask", NOON.replace(hour=20))


def test_without_hours_it_goes_until_the_day_ends() -> None:
    said = ask(replace(CALL, hours=None))
    assert isinstance(said, Go)
    assert said.until == datetime(2026, 11, 24, tzinfo=SHANGHAI)


def test_hours_to_the_end_of_the_day() -> None:
    said = ask(replace(CALL, hours=(0, 24 * 60)))
    assert isinstance(said, Go)
    assert said.until == datetime(2026, 11, 24, tzinfo=SHANGHAI)


def test_before_its_hours_it_waits_for_them() -> None:
    said = waits(ask(CALL, now=NOON.replace(hour=7)))
    assert (said.code, said.again) == ("strategy_hours", NOON.replace(hour=9))


def test_on_a_closed_weekday_it_waits_for_the_next_open_one() -> None:
    sunday = NOON - timedelta(days=1)
    said = waits(ask(replace(CALL, weekdays=frozenset({0, 1})), now=sunday))
    assert (said.code, said.again) == ("strategy_hours", NOON.replace(hour=9))


def test_nobody_takes_it() -> None:
    said = waits(ask(CALL, dpd=0))
    assert (said.code, said.again) == ("strategy_no_segment", NOON + ASK_AGAIN)


def test_a_hold_is_looked_at_again() -> None:
    said = waits(ask(CALL, hold="in court"))
    assert (said.code, said.again) == ("strategy_hold", NOON + ASK_AGAIN)
    assert "in court" in said.text


def test_a_message_is_no_call() -> None:
    text = Step("text", Channel.SMS, day=1, until=9)
    said = waits(ask(text))
    assert (said.code, said.again.day) == ("strategy_no_call", 24)


def test_once_today_is_enough() -> None:
    said = waits(ask(CALL, calls=(NOON.replace(hour=10).astimezone(UTC),)))
    assert (said.code, said.again) == ("strategy_per_day", NOON.replace(day=24, hour=9))


def test_yesterday_at_the_debtor_is_yesterday_wherever_it_was_noted() -> None:
    # 23:30 in Shanghai the day before is 15:30 UTC of that day.
    assert isinstance(ask(CALL, calls=(datetime(2026, 11, 22, 15, 30, tzinfo=UTC),)), Go)
    # 00:30 in Shanghai today is 16:30 UTC of yesterday.
    said = waits(ask(CALL, calls=(datetime(2026, 11, 22, 16, 30, tzinfo=UTC),)))
    assert said.code == "strategy_per_day"


@pytest.mark.parametrize(("ages", "again"), [((1, 2, 3), 27), ((2, 5, 6), 24), ((1, 1, 1, 4), 29)])
def test_a_week_that_is_full_waits_until_one_leaves(ages: tuple[int, ...], again: int) -> None:
    calls = tuple(NOON - timedelta(days=age) for age in ages)
    said = waits(ask(CALL, calls=calls))
    assert said.code == "strategy_per_week"
    assert said.again == NOON.replace(day=again, hour=9)


def test_what_is_a_week_old_counts_no_more() -> None:
    calls = tuple(NOON - timedelta(days=age) for age in (7, 7, 7))
    assert isinstance(ask(CALL, calls=calls), Go)


@pytest.mark.parametrize(
    ("mode", "step", "may"),
    [
        (DialMode.PROGRESSIVE, CALL, True),
        (DialMode.PREDICTIVE, CALL, True),
        (DialMode.PREVIEW, CALL, True),
        (DialMode.ROBOT, CALL, False),
        (DialMode.ROBOT, replace(CALL, channel=Channel.BOT_CALL), True),
        (DialMode.PROGRESSIVE, replace(CALL, channel=Channel.BOT_CALL), False),
        (DialMode.PROGRESSIVE, replace(CALL, mode=Mode.PREVIEW), False),
        (DialMode.PREVIEW, replace(CALL, mode=Mode.PREVIEW), True),
        (DialMode.MANUAL, replace(CALL, mode=Mode.PREDICTIVE), True),
        (DialMode.PREDICTIVE, replace(CALL, mode=Mode.PROGRESSIVE), False),
        (DialMode.PROGRESSIVE, replace(CALL, mode=Mode.PREDICTIVE), True),
        (DialMode.RATIO, replace(CALL, mode=Mode.RATIO), True),
    ],
)
def test_nobody_is_dialled_faster_than_the_step_says(mode: DialMode, step: Step, may: bool) -> None:
    assert carries(mode, step) is may


def test_a_step_of_another_mode_waits_for_tomorrow() -> None:
    said = waits(ask(replace(CALL, mode=Mode.PREVIEW)))
    assert (said.code, said.again) == ("strategy_mode", datetime(2026, 11, 24, tzinfo=SHANGHAI))


def test_the_agents_step_is_found_behind_the_robots() -> None:
    robot = Step("robot", Channel.BOT_CALL, day=1, mode=Mode.ROBOT, priority=90)
    said = ask(robot, CALL)
    assert isinstance(said, Go)
    assert said.step.id == "ask"
