"""The retry table: what follows each outcome, and what a strategy file may not say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.attempt import CaseNext
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CampaignName, CaseId
from dialer_engine.strategy.retry import RetryTable, Then, retry_table

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SPRING, CASE = CampaignName("spring"), CaseId(7)
SHIPPED = Path(__file__).parents[2] / "strategies" / "default.yaml"
ROWS = {
    "busy": {"then": "same_number", "delay_s": 600},
    "no_answer": {"then": "next_number", "delay_s": 0.5},
    "invalid_number": {"then": "other_number", "delay_s": 60},
    "completed": {"then": "done"},
}
TABLE = retry_table("test", {"max_tries": 3, "retry": ROWS})


def after(outcome: Outcome, tries: int = 1, rank: int = 0, numbers: int = 2) -> CaseNext:
    return TABLE.after(outcome, SPRING, CASE, tries, rank, numbers, NOW)


def due(seconds: float, reason: str, rank: int) -> CaseNext:
    return CaseNext(SPRING, CASE, NOW + timedelta(seconds=seconds), reason, 1, rank)


def test_the_same_number_again() -> None:
    assert after(Outcome.BUSY, rank=1) == due(600, "busy", 1)


def test_the_next_number_and_round_again() -> None:
    assert after(Outcome.NO_ANSWER, rank=0) == due(0.5, "no_answer", 1)
    assert after(Outcome.NO_ANSWER, rank=1) == due(0.5, "no_answer", 0)
    assert after(Outcome.NO_ANSWER, rank=0, numbers=1) == due(0.5, "no_answer", 0)


def test_another_number_or_nothing() -> None:
    """Found: with next_number alone, an unallocated only number was dialled until max_tries."""
    assert after(Outcome.INVALID_NUMBER, rank=1) == due(60, "invalid_number", 0)
    given_up = after(Outcome.INVALID_NUMBER, numbers=1)
    assert (given_up.due_at, given_up.reason) == (None, "invalid_number")


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.LOST])
def test_done_and_no_row_are_given_up(outcome: Outcome) -> None:
    assert after(outcome) == CaseNext(SPRING, CASE, None, outcome.value, 1, 0)


def test_the_last_try_is_the_last() -> None:
    assert after(Outcome.BUSY, tries=2).due_at is not None
    for tries in (3, 4):
        assert after(Outcome.BUSY, tries=tries) == CaseNext(
            SPRING, CASE, None, "max_tries", tries, 0
        )


@given(st.sampled_from(Outcome), st.integers(1, 9), st.integers(0, 9), st.integers(0, 9))
def test_never_earlier_than_now_and_never_a_number_that_is_not_there(
    outcome: Outcome, tries: int, rank: int, numbers: int
) -> None:
    following = shipped().after(outcome, SPRING, CASE, tries, rank, numbers, NOW)
    assert following.tries == tries
    if following.due_at is not None:
        assert following.due_at > NOW
        assert following.number_rank == rank or following.number_rank < max(1, numbers)


def table(rows: object, tries: object = 3, **more: object) -> RetryTable:
    data: Mapping[str, object] = {"retry": rows, "max_tries": tries, **more}
    return retry_table("mine", data)


def test_a_file_must_have_both_parts() -> None:
    halves: list[dict[str, object]] = [{}, {"retry": {}}, {"max_tries": 3}]
    for data in halves:
        with pytest.raises(BadValue, match="strategy mine: it needs"):
            retry_table("mine", data)
    for rows, tries in (([], 3), (None, 3), ({}, 0), ({}, "3"), ({}, 2.5), ({}, True)):
        with pytest.raises(BadValue, match="strategy mine: it needs"):
            table(rows, tries)


@pytest.mark.parametrize("key", ["Busy", "bussy", "", None, 3])
def test_an_outcome_that_does_not_exist(key: object) -> None:
    with pytest.raises(BadValue, match=r"no outcome is called .*no_answer"):
        table({key: {"then": "done"}})


@pytest.mark.parametrize(
    "row",
    [
        None, [], "done", {}, {"then": None}, {"then": "again"}, {"delay_s": 5},
        {"then": "same_number", "delay_s": "soon"}, {"then": "same_number", "delay_s": "60"},
        {"then": "same_number", "delay_s": None}, {"then": "same_number", "delay_s": []},
        {"then": "same_number", "delay_s": True}, {"then": "same_number", "delay_s": -1},
        {"then": "same_number", "delay_s": float("nan")}, {"then": "same_number", "delay_s": float("inf")},
        {"then": "same_number", "delay_s": 1e12}, {"then": "same_number"},
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_names_the_place(row: Any) -> None:
    """Found: an empty delay_s was a TypeError, .inf an OverflowError in the middle of a campaign,
    and no delay_s at all meant at once.
    """
    with pytest.raises(BadValue, match="strategy mine, busy: "):
        table({"busy": row})


def test_unknown_keys_are_errors() -> None:
    """Found: a misspelt delay_s was no delay, and the number was dialled again at once."""
    with pytest.raises(BadValue, match=r"strategy mine, busy: .*dealy_s"):
        table({"busy": {"then": "same_number", "delay_s": 60, "dealy_s": 60}})
    with pytest.raises(BadValue, match=r"strategy mine: .*max_trys"):
        table({}, 3, max_trys=4)


# -- the file that ships


def shipped() -> RetryTable:
    return retry_table("default", yaml.safe_load(SHIPPED.read_text(encoding="utf-8")))


def test_the_shipped_table_knows_every_outcome() -> None:
    assert set(shipped().rules) == set(Outcome)


def test_the_shipped_table_lets_a_talk_and_an_abandoned_call_rest() -> None:
    rules = shipped().rules
    assert rules[Outcome.COMPLETED].then is Then.DONE
    assert rules[Outcome.ABANDONED].delay_s >= 72 * 3600
    assert all(rule.delay_s >= 60 for rule in rules.values() if rule.then is not Then.DONE)


def test_the_shipped_table_names_each_outcome_in_chinese_beside_its_row() -> None:
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    for outcome in Outcome:
        (row,) = [line for line in lines if line.startswith(f"  {outcome.value}:")]
        assert row.endswith(f"# {outcome.chinese}")


@pytest.mark.parametrize(
    ("delay_s", "hours"),
    [(0, 3), (600, 3), (3 * 3600, 3), (7200, 3), (12 * 3600, 12), (22 * 3600, 27), (86400, 27), (2 * 86400 - 60, 51)],
)  # fmt: skip
def test_another_hour_is_three_hours_from_this_one_on_either_side(delay_s: int, hours: int) -> None:
    rows = {"busy": {"then": "same_number", "delay_s": delay_s, "other_hour": True}}
    table = retry_table("mine", {"max_tries": 2, "retry": rows})
    assert table.rules[Outcome.BUSY].due(NOW) == NOW + timedelta(hours=hours)


def test_other_hour_is_a_flag() -> None:
    rows = {"busy": {"then": "same_number", "delay_s": 1, "other_hour": "yes"}}
    with pytest.raises(BadValue, match="true or false"):
        retry_table("mine", {"max_tries": 2, "retry": rows})
