"""The working life of cases by command, on a real SQLite store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_offline import here, store  # noqa: F401 - fixtures

CSV = (
    "reference,name,mobile,currency,balance,dpd\n"
    "C1,Kit Maple,+447700900001,GBP,900,20\n"
    "C2,Ash Birch,+447700900002,GBP,100,95\n"
)
FULL = ("--unmask", "--who", "Robin Poplar", "--why", "the debtor asked what we have")
PLAN = 'term_days: 30\npolicy: {seniority_from_dpd: {91: 2}}\ncollectors: [{id: "1001"}, {id: "1002", seniority: 2}]\n'


@pytest.fixture
def book(store: Run, tmp_path: Path) -> Run:  # noqa: F811
    file = tmp_path / "in.csv"
    file.write_text(CSV)
    assert store("import", str(file), "--country", "GB", "--currency", "GBP").code == 0
    return store


def test_a_case_is_masked_and_a_look_in_full_is_on_record(book: Run) -> None:
    shown = book("cases", "show", "C1", "--json")
    assert shown.json["case"]["name"] == "K**"
    assert "+447700900001" not in shown.out
    assert "revealed" not in shown.out
    full = book("cases", "show", "C1", *FULL, "--json").json
    assert full["numbers"][0]["number"] == "+447700900001"
    (seen,) = full["record"]
    assert (seen["kind"], seen["data"]["who"], seen["data"]["what"]) == (
        "revealed", "Robin Poplar", "cases show",
    )  # fmt: skip
    assert seen["data"]["why"] == "the debtor asked what we have"


def test_hold_complaint_and_note(book: Run) -> None:
    assert book("cases", "hold", "C1", "--kind", "dispute", "--reason", "says paid").code == 0
    assert book("cases", "complaint", "C1", "--about", "conduct").code == 0
    assert book("cases", "note", "C1", "wants a letter").code == 0
    facts = book("cases", "show", "C1", "--json").json["facts"]
    assert facts["holds"] == ["complaint", "dispute"]
    assert book("cases", "hold", "C1", "--kind", "dispute", "--end", "--json").json["ended"] == 1
    full = book("cases", "show", "C1", *FULL, "--json").json
    assert full["facts"]["holds"] == ["complaint"]
    assert full["timeline"][0]["text"] == "wants a letter"


def test_dealing_out_is_explained_and_dry_writes_nothing(book: Run, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    dry = book("cases", "allocate", "--policy", str(plan), "--dry-run", "--json").json
    assert {d["case"]: d["collector"] for d in dry["decisions"]} == {"C2": "1002", "C1": "1001"}
    assert dry["written"] == 0
    assert book("cases", "show", "C1", "--json").json["facts"]["owner"] == ""
    assert book("cases", "allocate", "--policy", str(plan)).code == 0
    told = book("cases", "show", "C2", "--json").json
    assert told["facts"]["owner"] == "1002"
    assert "seniority" in told["record"][0]["data"]["why"]
    assert book("cases", "complaint", "C1").code == 0
    assert book("cases", "recall", "--dry-run", "--json").json["recalled"] == 0
    assert book("cases", "recall", "--json").json["recalled"] == 1


def test_a_plan_with_a_slip_says_so(book: Run, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("collectors: [{id: 1, capcity: 3}]\n")
    ran = book("cases", "allocate", "--policy", str(plan))
    assert ran.code != 0
    assert "capcity" in ran.err


def test_the_work_of_a_day_is_done_once(book: Run) -> None:
    first = book("cases", "daily", "--json").json
    assert [row["job"] for row in first] == ["charges", "promises", "recount", "recall"]
    assert all(row["ours"] for row in first)
    assert not any(row["ours"] for row in book("cases", "daily", "--json").json)
    assert all(row["ours"] for row in book("cases", "daily", "--again", "--json").json)
    assert book("cases", "daily", "--date", "2999-01-01").code != 0
