"""`pacing simulate` and `pacing replay` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.web.fake_api import FakeEngineApi

SHORT = ("--agents", "2", "--hours", "0.1", "--days", "2")
DAY = [
    {"format": "dialer-pacing-day", "version": 1, "campaign": "spring", "day": "2026-11-20", "length_s": 300,
     "settings": {"mode": "progressive"}},
    *({"call": {"at": 20.0 * n, "end": "live" if n % 2 else "busy", "ring_s": 4.0, "talk_s": 20.0 if n % 2 else None,
                "wrap_s": 3.0}} for n in range(15)),
    {"agent": {"n": 0, "spans": [[0, 300]]}},
]  # fmt: skip


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)


def test_figures_that_were_given_need_no_daemon(run: Run) -> None:
    ran = run("pacing", "simulate", *SHORT, "--policy", "progressive", "--talk", "60", "--json")
    assert ran.code == 0
    assert ran.json["world"]["talk_s"] == 60.0
    assert ran.json["world"]["from"]["talk_s"] == "given"
    assert [row["policy"] for row in ran.json["rows"]] == ["progressive"]
    table = run("pacing", "simulate", *SHORT, "--policy", "progressive", "--lang", "zh")
    assert "利用率" in table.out
    assert "渐进式" in table.out
    assert "±" in table.out


def test_the_campaign_is_asked_of_the_daemon(run: Run, fake: FakeEngineApi) -> None:
    ran = run(
        "pacing",
        "simulate",
        "spring",
        "--hours",
        "0.1",
        "--days",
        "2",
        "--policy",
        "progressive",
        "--json",
    )
    # The fake's export holds nothing that was learned.
    assert ran.code == 0, ran.err
    assert ("export_learned", "spring") in fake.asked
    at_work = [one for one in fake.by_id.values() if one["presence"] != "logged_out"]
    assert ran.json["world"]["agents"] == len(at_work)
    assert ran.json["world"]["from"]["agents"] == "campaign"
    assert run("pacing", "simulate", "nobody", *SHORT).code == 4


def test_solving(run: Run) -> None:
    short = ("--hours", "0.1", "--days", "2", "--policy", "progressive")
    assert "conversations" in run("pacing", "simulate", "--solve", "agents").err
    ran = run("pacing", "simulate", *short, "--solve", "agents", "--conversations", "6", "--json")
    assert ran.json["solution"] >= 1
    told = run("pacing", "simulate", *short, "--agents", "2", "--solve", "channels")
    assert told.code == 0
    assert told.lines[-1].split() == ["Channels", "needed", "2"]


def test_what_is_no_file_or_no_policy_is_refused(run: Run, tmp_path: Path) -> None:
    assert run("pacing", "simulate", "--policy", "manual").code == 2
    junk = tmp_path / "junk.json"
    junk.write_text("[1]", encoding="utf-8")
    assert "pacing export" in run("pacing", "simulate", "--learned", str(junk)).err
    assert run("pacing", "replay", str(tmp_path / "none")).code == 1


def test_a_day_is_replayed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in DAY), encoding="utf-8")
    ran = run(
        "pacing",
        "replay",
        str(file),
        "--days",
        "1",
        "--policy",
        "predictive",
        "--target",
        "0.01",
        "--json",
    )
    assert ran.code == 0, ran.err
    assert ran.json["recorded"]["attempts"] == 15
    assert ran.json["settings"]["target"] == 0.01
    assert [row["policy"] for row in ran.json["rows"]] == ["predictive"]
    table = run("pacing", "replay", str(file), "--days", "1")
    assert table.lines[1].startswith("Recorded")
    assert table.lines[2].startswith("progressive")
