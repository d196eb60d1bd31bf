"""Worked examples across the presets (examples.yaml): rule, facts, time, decision, reasons, source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from dialer_engine.app.compliance import load_book, presets
from dialer_engine.compliance.facts import from_plain, to_plain
from dialer_engine.compliance.gate import Deferral, Denial, Gate, Permit, RuleSet
from dialer_engine.compliance.rules import Kind, Status
from dialer_engine.compliance.ruleset import RuleBook
from tests.compliance.facts import at, facts

# Of the configured rules nothing shall be seen here.
HOUSE = RuleSet(window_start=time(0), window_end=time(23, 59, 59), daily_cap=100)


def examples() -> Iterator[Any]:
    """One row for each case, with its group's facts."""
    listed = yaml.safe_load((Path(__file__).parent / "examples.yaml").read_text("utf-8"))
    for group, cases in zip(listed[::2], listed[1::2], strict=True):
        for number, case in enumerate(cases["cases"], 1):
            base = group.get("facts", {})
            merged = base | case
            if "subject" in base and "subject" in case:
                merged["subject"] = base["subject"] | case["subject"]
            yield pytest.param(group, merged, id=f"{group['rule']}-{number}")


EXAMPLES = list(examples())


@cache
def book(names: tuple[str, ...]) -> RuleBook:
    return load_book(names)


@cache
def gate(names: tuple[str, ...]) -> Gate:
    return Gate(HOUSE, book(names), tzdata="test")


def question(group: dict[str, Any], case: dict[str, Any]) -> tuple[Gate, Any, datetime]:
    names = tuple(group["preset"])
    place = book(names).rule(group["rule"]).jurisdiction
    now = at(group["zone"], case["at"])
    given = {"default_place": place.partition("-")[0], "country": place[:2]} | case
    if group["zone"].startswith("America/New_York") and "country" not in case:
        given["country"] = ""
    return gate(names), facts(group["zone"], now, given), now


@pytest.mark.parametrize(("group", "case"), EXAMPLES)
def test_the_gate_decides_as_the_example_says(group: dict[str, Any], case: dict[str, Any]) -> None:
    asked, told, now = question(group, case)
    decision = asked.decide(told, now)
    if case.get("permit"):
        assert isinstance(decision, Permit), getattr(decision, "reasons", None)
        return
    assert isinstance(decision, Denial)
    assert sorted(decision.codes) == sorted(case.get("deny") or case["defer"])
    assert isinstance(decision, Deferral) is ("defer" in case)
    if "defer" in case:
        assert decision.again_at == at(group["zone"], case["again"])
        # At that moment, with nothing new, nobody objects.
        later = asked.decide(told, decision.again_at)
        assert isinstance(later, Permit) or "open" in str(case.get("history"))


@pytest.mark.parametrize(("group", "case"), EXAMPLES)
def test_the_record_is_enough_to_decide_again(group: dict[str, Any], case: dict[str, Any]) -> None:
    asked, told, now = question(group, case)
    decision = asked.decide(told, now)
    record = (
        decision.evidence if isinstance(decision, Permit) else asked.record_of(told, now, decision)
    )
    assert told.number not in str(record)
    again = replace(from_plain(record["facts"], told.attempt, told.number), number=told.number)
    assert to_plain(again) == to_plain(told)
    second = asked.decide(again, now, zones=tuple(record["zones"]))
    assert type(second) is type(decision)
    if isinstance(second, Permit):
        assert second.evidence == record
    else:
        assert asked.record_of(again, now, second) == record


def test_there_are_enough_examples_and_each_names_the_source_of_its_rule() -> None:
    assert len(EXAMPLES) >= 120
    for row in EXAMPLES:
        group = row.values[0]
        rule = book(tuple(group["preset"])).rule(group["rule"])
        assert rule.source.ref == group["source"], rule.id


def test_every_rule_that_can_refuse_is_refused_by_an_example() -> None:
    """Save those whose whole text is a list or a disclosure like another's."""
    refused = {
        code
        for row in EXAMPLES
        for code in (row.values[1].get("deny") or row.values[1].get("defer") or ())
    }
    alike = (Kind.SUPPRESSION, Kind.DISCLOSURE, Kind.PACING)
    for name in presets():
        for rule in book((name,)).active:
            assert rule.id in refused or rule.kind in alike, rule.id


def test_what_is_from_memory_ships_disabled_and_says_so() -> None:
    for name in presets():
        for rule in book((name,)).rules:
            if rule.source.status is Status.MEMORY:
                assert not rule.enabled, rule.id
            if not rule.enabled:
                assert rule.source.note, rule.id
