"""Contradictions: in a strategy, with its scripts, with compliance."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings

from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.strategy.check import check
from dialer_engine.strategy.conditions import condition, fact_map
from dialer_engine.strategy.limits import Cap, Gap, Limits, Window, objections
from dialer_engine.strategy.model import Channel, Step
from dialer_engine.strategy.nodes import node_of
from dialer_engine.strategy.reach import reachable
from dialer_engine.strategy.read import parse_strategy
from tests.strategy.shipped import library, strategies
from tests.strategy.test_conditions import cases, texts

VOICE = frozenset({Channel.CALL, Channel.BOT_CALL})
# The shape of compliance_presets.yaml: China's window, three conversations, six unanswered, a gap.
CN = Limits(
    "cn",
    (Window("cn_window", ((480, 1320),) * 7),),
    (Cap("cn_conversation", "conversation", 3, 1, VOICE),),
    (Gap("cn_min_gap", 600, VOICE),),
)
US = Limits(
    "us", (Window("us_window", ((480, 1260),) * 7),), (Cap("us_7in7", "attempt", 7, 7, VOICE),)
)
IT = Limits("it", (Window("it_window", (*((510, 1260),) * 5, (510, 900), None)),))
ASK = {"cn": CN, "us": US, "uk": Limits("uk"), "hk": Limits("hk"), "it": IT}.get


def told(
    segments: list[dict[str, Any]], presets: list[str] | None = None, **more: Any
) -> list[str]:
    data = {
        "version": 1, "title": {"en": "x"}, "max_tries": 3, "retry": {}, "segments": segments,
        "presets": presets or [], **more,
    }  # fmt: skip
    return [str(found) for found in check(parse_strategy("x", node_of(data)), library(), ASK)]


def segment(name: str, when: str, *ladder: dict[str, Any]) -> dict[str, Any]:
    steps = [{"channel": "call", "script": "common", **step} for step in ladder]
    return {"id": name, "when": when, "ladder": steps or [{"id": "t", "day": 1, "channel": "task"}]}


@pytest.mark.parametrize(
    ("whens", "dead"),
    [
        (["dpd > 0", "dpd > 10"], "every case of it"),
        (["dpd > 0", "dpd <= 0", "true"], "every case of it"),
        (["dpd > 5 and dpd < 3"], "no case satisfies"),
        (['stage == "M1" and stage == "M2"'], "no case satisfies"),
        (["balance < 0"], "no case satisfies"),
        (["(age ?? 0) < 60", "(age ?? 0) >= 60", "age == null"], "every case of it"),
        (
            ["holds.is_empty", '"dispute" in holds', '"legal" in holds', 'holds == {"legal"}'],
            "every case",
        ),
        (['attributes&["x"] == "y"', 'attributes&["x"] != "y"', "dpd > 3"], "every case of it"),
        (["dpd >= 1 or balance > 100.00", "balance > 100.01 and dpd < 0"], "every case of it"),
    ],
)
def test_a_segment_that_no_case_reaches_is_named(whens: list[str], dead: str) -> None:
    rows = [segment(f"s{n}", when) for n, when in enumerate(whens)]
    for row in rows:
        row["ladder"] = [{"id": "t", "day": 0, "until": 0, "channel": "task"}]
    found = [line for line in told(rows) if "segment" in line and "never reached" in line]
    assert len(found) == 1
    assert f"segment s{len(whens) - 1} is never reached" in found[0]
    assert dead in found[0]


@pytest.mark.parametrize(
    "whens",
    [
        ["dpd > 10", "dpd > 0"],
        ["dpd > 0 and balance > 10", "dpd > 0 and balance > 9.99"],
        ['stage in ["M1", "M2"]', 'stage == "M3"'],
        ['"dispute" in holds', '"legal" in holds and not ("dispute" in holds)'],
        ["(score ?? 0) > 0.5", "score == null"],
        ["promises_open > 2 * promises_broken", "true"],
    ],
)
def test_what_can_be_reached_is_not_named(whens: list[str]) -> None:
    rows = [{"id": f"s{n}", "when": when, "hold": "x"} for n, when in enumerate(whens)]
    assert told(rows) == []


@settings(max_examples=30)
@given(texts, texts, cases)
def test_what_a_case_reaches_is_never_called_unreachable(
    one: str, other: str, case: CaseFacts
) -> None:
    facts = fact_map(case)
    first, second = condition(one), condition(other)
    if second.holds(facts) and not first.holds(facts):
        assert reachable([second.root], [first.root]) is not False


def test_a_step_outside_of_its_segment_is_named() -> None:
    rows = [segment("s", "dpd >= 1 and dpd <= 30", {"id": "a", "day": 1}, {"id": "b", "day": 45})]
    assert told(rows) == [
        "line 0, column 0: step b is never in force: no case of segment s has day 45 to None"
    ]


def test_two_steps_of_a_channel_on_the_same_days_are_named() -> None:
    rows = [
        segment("s", "true", {"id": "a", "day": 1, "until": 9}, {"id": "b", "day": 5, "until": 6})
    ]
    assert "step b and step a are both call on the same days; a is taken" in told(rows)[0]
    apart = [segment("s", "true", {"id": "a", "day": 1, "until": 4}, {"id": "b", "day": 5})]
    assert told(apart) == []


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"script": "erly"}, "no script is called erly; did you mean early?"),
        ({"script": "early", "channel": "letter"}, "no words for letter"),
        ({"script": "late"}, "no words for main at strength 1"),
        ({"script": "early", "strength": 4}, "has no strength 4; 2 is used"),
        ({"script": "legal", "strength": 3, "day": 30}, "speaks of a court before day 180"),
    ],
)
def test_what_does_not_go_with_the_scripts_is_named(step: dict[str, Any], words: str) -> None:
    assert words in " | ".join(told([segment("s", "true", {"id": "a", "day": 1, **step})]))


def test_a_court_is_spoken_of_late_or_in_other_words() -> None:
    late = {"id": "a", "day": 180, "script": "legal", "strength": 3}
    mild = {"id": "a", "day": 30, "script": "property", "strength": 2}
    assert told([segment("s", "true", late)]) == []
    assert told([segment("s", "true", mild)]) == []


@pytest.mark.parametrize(
    ("step", "preset", "words"),
    [
        ({"hours": ["22:00", "23:00"]}, "cn", "never allows step a: cn: never inside cn_window"),
        ({"weekdays": ["sun"]}, "it", "never allows"),
        ({"hours": ["07:00", "12:00"]}, "cn", "Mon only 08:00 to 12:00 by cn_window"),
        ({"hours": ["09:00", "18:00"]}, "it", "Sat only 09:00 to 15:00"),
        ({"per_day": 2, "per_week": 9}, "us", "us_7in7 allows 7 in 7 day(s), not 9"),
        ({"per_day": 3, "hours": ["09:00", "09:20"]}, "cn", "do not fit into 20 minutes"),
        ({}, "mars", "no compliance preset mars"),
    ],
)
def test_what_compliance_has_against_a_step_is_named(
    step: dict[str, Any], preset: str, words: str
) -> None:
    found = told([segment("s", "true", {"id": "a", "day": 1, **step})], [preset])
    assert words in " | ".join(found)


def test_a_step_within_the_limits_is_not_named() -> None:
    step = {"id": "a", "day": 1, "hours": ["09:00", "18:00"], "per_day": 3, "per_week": 7}
    assert told([segment("s", "true", step)], ["cn", "us"]) == []
    assert (
        list(objections(Step("t", Channel.TASK, day=1), Limits("x", (Window("w", (None,) * 7),))))
        == []
    )


def test_two_experiments_that_set_the_same_thing_are_named() -> None:
    arms = [{"id": "a", "share": 50}, {"id": "b", "share": 50, "set": {"strength": 1}}]
    rows = [segment("s", "true", {"id": "a", "day": 1})]
    both = [{"id": "one", "arms": arms}, {"id": "two", "arms": copy.deepcopy(arms)}]
    assert "experiments one and two both set strength" in told(rows, experiments=both)[0]


@pytest.mark.parametrize("name", sorted(strategies()))
def test_nothing_is_to_be_said_of_what_ships(name: str) -> None:
    assert [str(found) for found in check(strategies()[name], library(), ASK)] == []
