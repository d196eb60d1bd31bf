"""Scripts: what a file says, what is wrong in it, what a collector reads."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.collections.codes import Stage
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.units import Money
from dialer_engine.strategy.model import Channel
from dialer_engine.strategy.nodes import node_of
from dialer_engine.strategy.scripts import COMMON, Library, Scene, read_scripts
from dialer_engine.strategy.speech import script_for
from dialer_engine.strategy.variables import VARIABLES, fill, names_in
from tests.strategy.shipped import library, script_problems

VALUES: dict[str, Any] = {
    "institution": "Example Recovery",
    "agent_name": "1001",
    "debtor_name": "A. Sample",
    "callback": "+447700900001",
    "complaint_line": "+447700900002",
    "creditor": "Example Bank",
    "product": "card",
    "account_tail": "0000",
    "pay_how": "in the app",
    "due_date": date(2026, 10, 15),
    "promise_date": date(2026, 11, 30),
    "days_past_due": 38,
    "days_to_due": 3,
} | dict.fromkeys(
    ["amount", "principal", "interest", "penalty", "fees", "promise_amount"],
    Money(Decimal("1234.5"), "CNY"),
)


def texts(zh: str, en: str = "words", scene: str = "main", **more: Any) -> dict[str, Any]:
    row = {"id": "x", "scenes": {scene: [{"zh": zh, "en": en}]}, **more}
    return {"version": 1, "scripts": [row]}


def must(**more: Any) -> dict[str, Any]:
    return {"version": 1, "disclosures": [{"id": "d", "en": "words", **more}]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (texts("您好 $amuont"), "no variable amuont; did you mean amount?"),
        (texts("5$ 好"), "a dollar sign $$"),
        (texts("$amount", scene="opening"), "tells of a debt before"),
        (texts("$due_date", scene="third_party"), "tells of a debt before"),
        (texts("好", scene="mian"), "did you mean main?"),
        (texts("好", stages=["M9"]), "there is no 'M9'"),
        (texts("好", when="dpdd > 1"), "did you mean dpd?"),
        (texts("好", claims=["legl"]), "did you mean legal?"),
        ({"version": 1, "scripts": [{"id": "x", "scenes": {"main": [{"zh": "好"}]}}]}, "needs the key en"),
        ({"version": 1, "scripts": texts("好")["scripts"] * 2}, "called x already"),
        (must(scenes=["opening"], zh="$amount"), "tells of a debt"),
        (must(scenes=["main"], jurisdictions=["China"], zh="a"), "a country such as CN"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(data: Any, words: str) -> None:
    found, problems = read_scripts("x.yaml", node_of(data))
    assert found == Library()
    assert words in " | ".join(map(str, problems))


def test_values_are_written_as_the_language_has_them() -> None:
    assert fill("$amount, $due_date", VALUES, "zh")[0] == "1,234.50元, 2026年10月15日"
    assert fill("$amount, $due_date", VALUES, "en")[0] == "1,234.50 CNY, 15 Oct 2026"
    assert fill("$amount", {"amount": Money(Decimal("9"), "USD")}, "zh")[0] == "9.00 USD"


@pytest.mark.parametrize("value", [None, "", 12, 1.5, "1234"])
def test_a_value_that_is_missing_or_of_another_type_is_shown_as_missing(value: Any) -> None:
    assert fill("Pay $amount.", {"amount": value}, "en") == ("Pay [amount?].", ("amount",))
    assert fill("应还$amount。", {"amount": value}, "zh") == ("应还【amount？】。", ("amount",))


def test_values_are_not_read_as_templates_again() -> None:
    assert (
        fill("$product", {"product": "$amount ${agent_name}"}, "en")[0] == "$amount ${agent_name}"
    )


@given(st.text(max_size=30))
def test_no_template_harms(text: str) -> None:
    list(names_in(text))
    fill(text, VALUES, "en")


# -- what ships ------------------------------------------------------------------------------------


def test_what_ships_is_without_a_fault() -> None:
    assert script_problems() == []


def test_every_scene_has_its_words_in_common() -> None:
    assert {*Scene} - library().scripts[COMMON].scenes.keys() == {Scene.LETTER}


@pytest.mark.parametrize("stage", [s for s in Stage if s is not Stage.SETTLED])
@pytest.mark.parametrize("debt_type", ["credit_card", "utility", "telecom", "property_fee"])
def test_every_stage_and_debt_has_a_script_in_both_languages(stage: Stage, debt_type: str) -> None:
    for language in ("zh", "en"):
        facts = CaseFacts(stage=stage.value, debt_type=debt_type, language=language)
        for scene in set(Scene) - {Scene.LETTER}:
            for strength in (1, 4):
                speech = script_for(library(), facts, scene, strength, VALUES)
                assert speech is not None
                assert speech.missing == ()
                assert speech.language == language
                assert "$" not in speech.text


def test_words_are_never_stronger_than_asked_for() -> None:
    for script in library().scripts:
        for scene in Scene:
            for strength in range(1, 5):
                speech = script_for(library(), CaseFacts(), scene, strength, VALUES, script=script)
                assert speech is None or speech.strength <= strength


def test_a_stronger_script_only_where_there_is_one() -> None:
    facts = CaseFacts(stage="M5", language="en")
    mild, plain, strong = (
        script_for(library(), facts, Scene.MAIN, strength, VALUES) for strength in (2, 3, 4)
    )
    assert mild is not None
    assert plain is not None
    assert strong is not None
    assert (mild.strength, plain.strength, strong.strength) == (2, 3, 4)
    assert len({mild.text, plain.text, strong.text}) == 3


@pytest.mark.parametrize(
    ("country", "party", "channel", "scene", "required"),
    [
        ("CN", "first", Channel.CALL, Scene.OPENING, ("recorded",)),
        ("CN", "first", Channel.BOT_CALL, Scene.OPENING, ("ai-voice", "recorded")),
        ("US-NY", "third", Channel.CALL, Scene.MAIN, ("us-collector",)),
        ("US", "first", Channel.CALL, Scene.MAIN, ()),
        ("US", "third", Channel.SMS, Scene.MESSAGE, ("us-collector",)),
        ("CN", "third", Channel.CALL, Scene.MAIN, ()),
        ("GB", "third", Channel.CALL, Scene.HARDSHIP, ("gb-advice",)),
        ("", "third", Channel.CALL, Scene.MAIN, ("us-collector",)),
        ("US", "third", Channel.CALL, Scene.CLOSING, ("us-rights", "rights")),
    ],
)
def test_what_has_to_be_said_is_in_it(
    country: str, party: str, channel: Channel, scene: Scene, required: tuple[str, ...]
) -> None:
    facts = CaseFacts(jurisdiction=country, party_type=party, language="en")
    speech = script_for(library(), facts, scene, 1, VALUES, channel=channel)
    assert speech is not None
    assert speech.required == required


def test_a_scene_that_there_is_not_is_none() -> None:
    assert script_for(library(), CaseFacts(), Scene.LETTER, 1, VALUES, script="early") is None


def test_each_variable_is_of_a_kind_that_can_be_written() -> None:
    for name in VARIABLES:
        assert fill(f"${name}", VALUES, "zh")[1] == (), name
