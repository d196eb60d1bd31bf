"""compliance, evidence, suppression on a real SQLite store, without a daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, Run
from tests.cli.test_offline import CSV

NOON = "2026-11-23T12:00+00:00"


@pytest.fixture
def store(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("DIALER_SOCKET")
    (tmp_path / "dialer.yaml").write_text(
        f"daemon:\n  state_dir: {tmp_path}\n  socket: {tmp_path}/api.sock\n"
        f"store:\n  url: sqlite:///{tmp_path}/dialer.db\n"
    )
    (tmp_path / "cases.csv").write_text(CSV)

    def command(*arguments: str) -> Ran:
        return run("--config", str(tmp_path / "dialer.yaml"), *arguments)

    assert command("db", "upgrade").code == 0
    assert command("import", str(tmp_path / "cases.csv")).code == 1  # one bad row
    return command


def explain(store: Run, case: str, *more: str) -> Ran:
    return store("compliance", "explain", case, "--preset", "uk", "--json", *more)


def test_may_i_call_now_and_if_not_when(store: Run) -> None:
    ran = explain(store, "R1", "--at", NOON)
    [told] = ran.json
    assert (ran.code, told["decision"]) == (0, "permit")
    assert told["number"] == "+44********01"
    assert told["must_end_by"] == "2026-11-23T20:00:00+00:00"
    ran = explain(store, "R1", "--at", "2026-11-22T06:00+00:00")
    [told] = ran.json
    assert (ran.code, told["decision"]) == (3, "deferral")
    assert told["again_at"] == "2026-11-22T09:00:00+00:00"
    codes = {one["code"] for one in told["reasons"]}
    assert codes == {"outside_window", "uk_window"}
    assert {one["rule"] for one in told["rules"] if not one["allows"]} == codes
    shown = store("compliance", "explain", "R1", "--preset", "uk", "--at", NOON)
    assert "uk_window" in shown.out
    assert "FCA CONC 7.9" in shown.out


def test_an_unknown_case_and_a_time_without_a_zone(store: Run) -> None:
    assert explain(store, "R99").code == 4
    assert explain(store, "R1", "--at", "2026-11-23T12:00").code == 1
    assert "did you mean" in store("compliance", "explain", "R1", "--preset", "ukk").err


def test_who_is_put_on_a_list_may_not_be_called_until_taken_off(store: Run, tmp_path: Path) -> None:
    added = store(
        "suppression", "add", "+447700900001", "case:R2", "--list", "lawyer", "--why", "letter", "--json"
    )  # fmt: skip
    assert added.json == {"added": 2, "known": 0}
    for case in ("R1", "R2"):
        ran = explain(store, case, "--at", NOON)
        assert (ran.code, ran.json[0]["decision"]) == (3, "denial")
        assert [one["code"] for one in ran.json[0]["reasons"]] == ["uk_suppressed"]
    rows = store("suppression", "list", "--json").json
    assert [row["shown"] for row in rows] == ["R2", "+44********01"]
    assert "+447700900001" not in store("suppression", "list").out
    assert store("suppression", "remove", str(rows[1]["id"]), "--why", "error").code == 0
    assert explain(store, "R1", "--at", NOON).code == 0
    assert store("suppression", "remove", "77", "--why", "error").code == 4


def test_a_list_is_imported_and_bad_lines_are_told(store: Run, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("number,since\n+447700900001,2026\n\n+44,x\ncase:R2\ncase:R77\n+447700900001\n")
    ran = store("suppression", "import", str(file), "--why", "register of 2026-11", "--json")
    assert ran.code == 1
    told = ran.json
    assert (told["added"], told["known"], told["rejected"]) == (2, 1, 2)
    assert [one["line"] for one in told["problems"]] == [4, 6]


def test_the_chain_is_verified_and_a_case_exported_and_checked(store: Run, tmp_path: Path) -> None:
    told = store("evidence", "verify", "--json").json
    assert (told["ok"], told["records"]) == (True, 0)
    file = tmp_path / "r1.json"
    ran = store("evidence", "export", "R1", "--to", str(file), "--json")
    assert (ran.code, ran.json["records"]) == (0, 0)
    assert file.stat().st_mode & 0o777 == 0o600
    assert store("evidence", "check-export", str(file)).code == 0
    assert store("evidence", "export", "R1", "--to", str(file)).code == 5
    changed = json.loads(file.read_text()) | {"case": "R2"}
    file.write_text(json.dumps(changed))
    ran = store("evidence", "check-export", str(file), "--json")
    assert (ran.code, ran.json["ok"]) == (1, False)
    assert store("evidence", "verify", "--head", "3:abc").code == 1


def test_rules_are_listed_and_files_checked(store: Run, tmp_path: Path) -> None:
    rows = store("compliance", "rules", "--preset", "cn", "--json").json
    assert {row["status"] for row in rows} <= {"P", "S", "M", "E"}
    assert "cn_third_party" in {row["id"] for row in rows}
    bad = tmp_path / "bad.yaml"
    bad.write_text("schema: 1\nname: x\nrules:\n  - id: a\n    windo: {}\n")
    ran = store("compliance", "check", str(bad))
    assert ran.code == 2
    assert "bad.yaml:5: rules.0.windo: unknown key; did you mean 'window'?" in ran.out


def test_retention_says_what_is_due_before_it_does_anything(store: Run) -> None:
    told = store("compliance", "retain", "--preset", "cn", "--json").json
    assert told["due"] == 0
    assert {one["record"]: one["days"] for one in told["periods"]}["attempts"] == 1826
    assert store("compliance", "retain", "--preset", "cn", "--apply", "--json").code == 0
