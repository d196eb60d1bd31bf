"""What is on the agent's screen to be said."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from dialer_engine.domain.attempt import Plan
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.strategy.prompter import prompt, said_by, values
from dialer_engine.strategy.scripts import Library
from dialer_engine.strategy.variables import VARIABLES
from tests.strategy.shipped import library

TODAY = date(2026, 11, 23)
FACTS = CaseFacts(
    dpd=12, stage="M1", debt_type="credit_card", jurisdiction="CN", currency="CNY",
    balance=Decimal("1234.50"), penalty=Decimal("34.50"), creditor="样例银行", product="信用卡",
    language="zh", attributes={"pay_how": "手机银行", "plan": "gold"},
)  # fmt: skip
WORDS = {"institution": "样例银行信用卡中心", "pay_how": "柜台"}


@pytest.fixture(scope="module")
def books() -> Library:
    return library()


def plan(facts: CaseFacts = FACTS, **changes: Any) -> Plan:
    given: dict[str, Any] = {
        "strategy": "early", "version": "v", "segment": "usual", "step": "remind",
        "script": "early", "strength": 1, "until": datetime(2026, 11, 23, 12, tzinfo=UTC),
    }  # fmt: skip
    return Plan(**given | changes, facts=facts)


def scene(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(row for row in rows if row["scene"] == name)


def text(row: dict[str, Any]) -> str:
    return "\n".join(sentence["text"] for sentence in row["sentences"])


def test_the_debtors_language_and_figures(books: Library) -> None:
    rows = prompt(books, plan(), TODAY, name="张三", words=WORDS)
    main = scene(rows, "main")
    assert main["language"] == "zh"
    assert "1,234.50元" in text(main)
    assert "2026年11月11日" in text(main)
    assert "手机银行" in text(main), "the case's own attribute wins over the house's word"
    assert main["missing"] == []


def test_required_sentences_are_marked(books: Library) -> None:
    opening = scene(prompt(books, plan(), TODAY, name="张三", words=WORDS), "opening")
    marked = [sentence["text"] for sentence in opening["sentences"] if sentence["required"]]
    assert marked == ["为保证服务质量，本次通话将被录音。"]
    assert not opening["sentences"][0]["required"]


def test_the_agents_name_is_put_in_at_the_answer(books: Library) -> None:
    rows = prompt(books, plan(), TODAY, name="张三", words=WORDS)
    assert "1001" not in text(scene(rows, "opening"))
    said = said_by(rows, "1001")
    assert "我是1001" in text(scene(said, "opening"))
    assert "\ue000" not in str(said)


def test_what_is_missing_is_shown_and_named(books: Library) -> None:
    rows = prompt(books, plan(CaseFacts(dpd=12, stage="M1")), TODAY)
    opening = scene(rows, "opening")
    assert "debtor_name" in opening["missing"]
    assert "【debtor_name？】" in text(opening)


def test_the_cases_language_wins(books: Library) -> None:
    rows = prompt(books, plan(), TODAY, language="en-GB")
    assert {row["language"] for row in rows} == {"en"}


def test_a_broken_promise_is_spoken_of_only_when_there_is_one(books: Library) -> None:
    assert all(row["scene"] != "broken_promise" for row in prompt(books, plan(), TODAY))


def test_nothing_planned_is_nothing_said(books: Library) -> None:
    assert prompt(books, plan(script="", step=""), TODAY) == []


@pytest.mark.parametrize("dpd", [-3, 0, 12])
def test_every_value_is_a_variable(dpd: int) -> None:
    found = values(CaseFacts(dpd=dpd, promise_due_in_days=2), TODAY, name="A", words={})
    assert set(found) <= set(VARIABLES)
    assert found["promise_date"] == date(2026, 11, 25)


def test_an_attribute_cannot_speak_of_amounts_or_of_the_agent() -> None:
    facts = CaseFacts(attributes={"amount": "0", "agent_name": "boss", "callback": "+442079460000"})
    found = values(facts, TODAY, words={})
    assert "amount" not in found or found["amount"] != "0"
    assert found["agent_name"] != "boss"
    assert found["callback"] == "+442079460000"
