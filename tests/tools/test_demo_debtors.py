"""The debtors of the demonstration: in every segment, the forced ones first, and Sunday's strategies."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from dialer_engine.app.strategies import read_full
from dialer_engine.app.yaml_marks import read_yaml
from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.collections.product import stage_of
from dialer_engine.strategy.choose import choose
from dialer_engine.strategy.conditions import fact_map
from dialer_engine.strategy.course import carries
from dialer_engine.strategy.read import parse_strategy
from tools.demo import debtors, lawful, plan

TODAY = date(2026, 11, 23)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


def written(folder: Path, one: plan.Plan) -> debtors.Files:
    return debtors.write(folder, one.name, one.cases, 1, one.people, plan.special(one), TODAY)


def facts_of(case: dict[str, str], contract: dict[str, str], shift: int = 0) -> CaseFacts:
    dpd = (TODAY - date.fromisoformat(contract["oldest_due"])).days + shift
    unknown = CaseFacts()
    return CaseFacts(
        dpd=dpd,
        stage=stage_of(dpd).value,
        score=float(case["score"]),
        reason_overdue=case["reason"] or unknown.reason_overdue,
        ability=case["ability"] or unknown.ability,
        willingness=case["willingness"] or unknown.willingness,
    )


@pytest.mark.parametrize("shift", [-1, 0, 1])
@pytest.mark.parametrize("one", plan.PLANS, ids=lambda one: one.name)
def test_enough_of_them_may_be_called_whatever_the_day_is_there(
    tmp_path: Path, one: plan.Plan, shift: int
) -> None:
    files = written(tmp_path, one)
    strategy = read_full(Path("strategies"))[one.settings["strategy"]]
    called: Counter[bool] = Counter()
    people = list(zip(rows(files.cases), rows(files.contracts), strict=True))
    for place, (case, contract) in enumerate(people):
        assert case["reference"] == contract["case"]
        choice = choose(strategy, fact_map(facts_of(case, contract, shift)), case["reference"])
        may = any(
            carries(DialMode.PROGRESSIVE, step) for step in choice.steps if step.channel.is_voice
        )
        called[may] += 1
        assert may or place >= len(one.first), "a forced behaviour would not be seen"
    assert called[False], "somebody must be left alone"
    assert called[True] > 0.8 * one.cases


def test_forced_numbers_go_first_and_nobody_unwanted_is_among_them(tmp_path: Path) -> None:
    files = written(tmp_path, plan.EVENING)
    found = rows(files.cases)
    first = plan.special(plan.EVENING)
    assert [case["mobile"] for case in found[: len(first)]] == first
    assert files.unwanted
    assert not set(files.unwanted) & set(first)
    assert set(files.unwanted) <= {case["mobile"] for case in found}


def test_the_same_seed_gives_the_same_debtors(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = written(tmp_path / "a", plan.MACHINES), written(tmp_path / "b", plan.MACHINES)
    assert one.cases.read_bytes() == two.cases.read_bytes()
    assert one.contracts.read_bytes() == two.contracts.read_bytes()


def test_the_copy_for_sundays_differs_in_nothing_but_weekdays(tmp_path: Path) -> None:
    copy = lawful.without_weekdays(tmp_path / "strategies")
    shipped = read_full(Path("strategies"))
    for name, strategy in shipped.items():
        made = parse_strategy(name, read_yaml(copy / f"{name}.yaml"))
        for ours, theirs in zip(made.segments, strategy.segments, strict=True):
            every_day = [replace(s, weekdays=frozenset(range(7)), column=0) for s in theirs.ladder]
            assert [replace(step, column=0) for step in ours.ladder] == every_day
