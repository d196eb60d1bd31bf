"""The strategy file: what it says, and what is wrong in it and where."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.outcome import Outcome
from dialer_engine.strategy.format import STRATEGY
from dialer_engine.strategy.model import Channel, Event, Mode
from dialer_engine.strategy.nodes import Node, node_of
from dialer_engine.strategy.read import is_strategy, parse_strategy, read_strategy
from dialer_engine.strategy.retry import Then

GOOD: dict[str, Any] = {
    "version": 1,
    "title": {"en": "Early", "zh": "早期"},
    "presets": ["cn"],
    "dial": {"mode": "predictive", "max_ratio": 1.5},
    "order": ["-priority", "-balance", "dpd"],
    "mix": {"promised": 1, "rest": 3},
    "max_tries": 9,
    "retry": {
        "busy": {"then": "same_number", "delay_s": 600},
        "no_answer": {"then": "next_number", "delay_s": 7200, "other_hour": True},
        "completed": {"then": "done"},
    },
    "segments": [
        {"id": "held", "when": "not holds.is_empty", "hold": "a hold is in force"},
        {
            "id": "promised",
            "when": "promises_open > 0",
            "ladder": [
                {"id": "recall", "event": "promise_due", "channel": "sms", "script": "promise"}
            ],
        },
        {
            "id": "rest",
            "when": True,
            "ladder": [
                {"id": "a", "day": 1, "channel": "call", "script": "first"},
                {"id": "b", "day": 8, "channel": "call", "script": "second", "strength": 2, "hours": ["09:30", "18:00"],
                 "weekdays": ["mon", "sun"], "per_day": 2, "per_week": 5, "priority": 70},
                {"id": "c", "day": 8, "channel": "sms", "script": "text"},
            ],
        },
    ],
    "experiments": [
        {"id": "tone", "segments": ["rest"], "arms": [
            {"id": "as-is", "share": 80},
            {"id": "milder", "share": 20, "set": {"strength": 1, "channel": "bot_call"}},
        ]},
    ],
}  # fmt: skip


def changed(path: str, value: Any) -> Node:
    """GOOD with one value set, or taken away when it is ...; `path` as in segments.2.ladder."""
    data = copy.deepcopy(GOOD)
    *steps, last = path.split(".")
    at: Any = data
    for step in steps:
        at = at[int(step) if isinstance(at, list) else step]
    key: Any = int(last) if isinstance(at, list) else last
    if value is ...:
        del at[key]
    else:
        at[key] = value
    return node_of(data)


def test_what_a_file_says() -> None:
    made = parse_strategy("early", node_of(GOOD))
    assert made.dial.mode is Mode.PREDICTIVE
    assert made.dial.wait_limit_s == 2.0
    assert made.retry.rules[Outcome.NO_ANSWER].other_hour
    assert made.retry.rules[Outcome.COMPLETED].then is Then.DONE
    assert [segment.id for segment in made.segments] == ["held", "promised", "rest"]
    assert made.segments[0].hold
    recall = made.segments[1].ladder[0]
    assert (recall.event, recall.channel, recall.day) == (Event.PROMISE_DUE, Channel.SMS, None)
    first, second, text = made.segments[2].ladder
    assert (first.day, first.until) == (1, 7)
    assert (second.day, second.until, second.hours, second.weekdays) == (
        8, None, (570, 1080), frozenset({0, 6})
    )  # fmt: skip
    assert (text.day, text.until) == (8, 8)
    assert made.experiments[0].arms[1].changes == {"strength": 1, "channel": Channel.BOT_CALL}


def test_a_retry_table_alone_is_no_strategy() -> None:
    assert is_strategy(node_of(GOOD))
    assert not is_strategy(node_of({"max_tries": 1, "retry": {}}))
    assert not is_strategy(node_of([1]))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("version", 2, "from 1 to 1"),
        ("title", ..., "needs the key title"),
        ("segmnts", [], "no key 'segmnts'; did you mean segments?"),
        ("max_tries", 0, "from 1 to 1000"),
        ("max_tries", True, "a whole number"),
        ("retry.bussy", {"then": "done"}, "there is no 'bussy'; did you mean busy?"),
        ("retry.busy.then", "later", "there is no 'later'"),
        ("retry.busy.dealy_s", 3, "did you mean delay_s?"),
        ("retry.busy", {"then": "same_number"}, "needs `delay_s`"),
        ("dial.mode", "predictiv", "did you mean predictive?"),
        ("dial.max_abandon_pct", 5, "from 0 to 3"),
        ("order", ["balanc"], "did you mean balance?"),
        ("mix", {"nobody": 1}, "mix: there is no nobody"),
        ("segments.2.when", "dpdd > 1", "no fact is called dpdd; did you mean dpd?"),
        ("segments.2.id", "promised", "called promised already"),
        ("segments.2.ladder.1.id", "a", "called a already"),
        ("segments.0.ladder", [{"id": "x", "day": 1, "channel": "task"}], "either a ladder or hold"),
        ("segments.2.ladder", [], "either a ladder or hold"),
        ("segments.2.ladder.0.day", ..., "either day or event"),
        ("segments.2.ladder.0.event", "promise_due", "either day or event"),
        ("segments.2.ladder.0.until", 0, "not before day"),
        ("segments.2.ladder.0.script", ..., "needs a script"),
        ("segments.2.ladder.0.per_day", 4, "more than per_week"),
        ("segments.2.ladder.0.channel", "phone", "there is no 'phone'"),
        ("segments.2.ladder.0.mode", "robot", "bot_call goes with mode robot"),
        ("segments.2.ladder.2.mode", "robot", "nothing is dialled"),
        ("segments.2.ladder.1.hours", ["18:00", "09:30"], "end before they begin"),
        ("segments.2.ladder.1.hours", ["25:00", "26:00"], "not a time"),
        ("segments.2.ladder.1.hours", ["09:30"], "2 to 2"),
        ("segments.2.ladder.1.weekdays", ["monday"], "did you mean mon?"),
        ("segments.2.ladder.1.strength", 9, "from 1 to 4"),
        ("experiments.0.arms.0.share", 50, "make 70, not 100"),
        ("experiments.0.segments", ["rset"], "did you mean rest?"),
        ("experiments.0.arms.1.id", "as-is", "called as-is already"),
        ("experiments.0.arms.1.set.day", 1, "no key 'day'"),
        ("presets", ["CN!"], "not a name of small letters"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(path: str, value: Any, words: str) -> None:
    made, problems = read_strategy("early", changed(path, value))
    assert made is None
    assert words in " | ".join(str(found) for found in problems)


def test_all_that_is_wrong_is_named_in_one_go() -> None:
    data = copy.deepcopy(GOOD) | {"max_tries": 0, "colour": "red"}
    with pytest.raises(BadValue, match=r"(?s)colour.*1000|1000.*colour"):
        parse_strategy("early", node_of(data))


yaml_shaped = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
KEYS = [field.name for field in STRATEGY.fields]


@given(yaml_shaped)
def test_no_data_harms(data: Any) -> None:
    made, problems = read_strategy("any", node_of(data))
    assert (made is None) == any(not found.is_warning for found in problems)


def paths(data: Any, at: str = "") -> list[str]:
    rows = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    found = []
    for key, value in rows:
        found += [f"{at}{key}", *paths(value, f"{at}{key}.")]
    return found


@given(st.sampled_from(paths(GOOD)), yaml_shaped)
def test_no_value_anywhere_in_a_file_harms(path: str, value: Any) -> None:
    with contextlib.suppress(BadValue):
        parse_strategy("any", changed(path, value))
