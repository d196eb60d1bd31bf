"""compliance, evidence, suppression on a real SQLite store, without a daemon."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.reservation import Reservation
from dialer_engine.domain.units import CampaignName, TrunkName
from dialer_engine.engine.counsel import line_key
from dialer_engine.store import SqlStore
from dialer_engine.store.compliance import record_contacts
from tests.cli.conftest import Ran, Run
from tests.cli.test_offline import CSV
from tests.store.building import draft, end

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


def test_a_store_whose_master_key_is_kept_elsewhere_is_asked_too(
    store: Run, tmp_path: Path
) -> None:
    config, key = tmp_path / "dialer.yaml", tmp_path / "kept" / "elsewhere.key"
    key.parent.mkdir()
    next(tmp_path.glob("*.key")).rename(key)
    config.write_text(f"{config.read_text()}  key_file: {key}\n")
    assert explain(store, "R1", "--at", NOON).code == 0
    assert store("suppression", "add", "case:R1", "--list", "lawyer", "--why", "letter").code == 0


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


def test_a_rule_that_counts_by_trunk_is_asked_of_the_first_one(store: Run, tmp_path: Path) -> None:
    rules, config = tmp_path / "line.yaml", tmp_path / "dialer.yaml"
    rules.write_text(
        "schema: 1\nname: line\ntitle: ours\nrules:\n  - id: line_hourly\n"
        "    cap: {unit: trunk, event: attempt, window: rolling_s, window_s: 3600, max: 2}\n"
        "    source: {ref: house, status: E}\n"
    )
    config.write_text(
        f"{config.read_text()}compliance:\n  files: [{rules}]\n  default_zone: Europe/London\n"
        "pbx:\n  nodes:\n    - {name: pbx-1, host: 127.0.0.1, username: d, secret: s}\n"
        "trunks:\n  - {name: carrier-a, node: pbx-1, dial: 'PJSIP/{number}@a'}\n"
    )
    asked = ("compliance", "explain", "R1", "--at", NOON, "--json")
    ran = store(*asked)
    assert ran.code == 0, ran.err
    assert ran.json[0]["decision"] == "permit"
    taken = Reservation(
        datetime(2026, 11, 23, 11, 59, tzinfo=UTC), 2 | 1 << 10, (line_key(TrunkName("carrier-a")),)
    )
    asyncio.run(_counted(tmp_path, [("a-1", taken), ("a-2", taken)]))
    told = store(*asked).json[0]
    assert [one["code"] for one in told["reasons"]] == ["line_hourly"]
    assert told["again_at"] == "2026-11-23T12:59:00+00:00"


async def _counted(folder: Path, contacts: list[tuple[str, Reservation]]) -> None:
    store = SqlStore(f"sqlite:///{folder}/dialer.db")
    await store.open()
    await store.database.write(record_contacts, contacts)
    await store.close()


def test_retention_says_what_is_due_before_it_does_anything(store: Run) -> None:
    told = store("compliance", "retain", "--preset", "cn", "--json").json
    assert told["due"] == 0
    assert {one["record"]: one["days"] for one in told["periods"]}["attempts"] == 1826
    assert store("compliance", "retain", "--preset", "cn", "--apply", "--json").code == 0


EVENING = "2026-11-23T21:30+00:00"


def lift(store: Run, rule: str, *more: str, until: str = "2999-01-01T00:00+00:00") -> Ran:
    return store(
        "compliance", "override", "give", rule, "--preset", "uk", "--case", "R1", "--who", "supervisor 7",
        "--why", "asked for it in writing", "--until", until, "--json", *more,
    )  # fmt: skip


def test_a_rule_is_lifted_for_a_case_until_it_is_taken_back(store: Run, tmp_path: Path) -> None:
    house = ("--set", "compliance.window_end=23:00")
    assert explain(store, "R1", "--at", EVENING, *house).code == 3
    given = lift(store, "uk_window", "--hours", "20:00-22:00")
    assert given.code == 0
    assert (given.json["kind"], given.json["for"]) == ("debtor_agreement", "case:R1")
    told = explain(store, "R1", "--at", EVENING, *house)
    assert (told.code, told.json[0]["must_end_by"]) == (0, "2026-11-23T22:00:00+00:00")
    [agreed] = told.json[0]["overrides"]
    assert (agreed["rule"], agreed["who"]) == ("uk_window", "supervisor 7")
    assert explain(store, "R2", "--at", EVENING, *house).code == 3
    [row] = store("compliance", "override", "list", "--case", "R1", "--json").json
    assert (row["rule"], row["hours"], row["in_force"]) == ("uk_window", "20:00-22:00", True)
    assert "supervisor 7" in store("compliance", "override", "list").out
    revoke = ("compliance", "override", "revoke", str(row["id"]), "--who", "s7", "--why", "error")
    assert store(*revoke).code == 0
    assert store(*revoke).code == 4
    assert explain(store, "R1", "--at", EVENING, *house).code == 3
    assert store("compliance", "override", "list", "--json").json == []
    [row] = store("compliance", "override", "list", "--all", "--json").json
    assert row["in_force"] is False
    file = tmp_path / "r1.json"
    assert store("evidence", "export", "R1", "--to", str(file)).code == 0
    records = json.loads(file.read_text())["records"]
    assert [one["kind"] for one in records] == ["override", "override_revoked"]
    assert records[0]["content"]["why"] == "asked for it in writing"
    assert store("evidence", "verify").code == 0


def test_what_nothing_lifts_and_what_says_too_little_is_refused(store: Run) -> None:
    refused = lift(store, "uk_suppressed")
    assert (refused.code, "nothing lifts it" in refused.err) == (3, True)
    assert lift(store, "uk_window", "--kind", "supervisor").code == 3
    assert lift(store, "uk_daily", "--hours", "20:00-22:00").code == 3
    assert "did you mean 'uk_window'" in lift(store, "uk_windo").err
    assert lift(store, "uk_window", until="2020-01-01T00:00+00:00").code == 1
    assert lift(store, "uk_window", "--hours", "22:00-20:00").code == 1
    assert lift(store, "uk_window", "--case", "R99").code == 4
    assert lift(store, "uk_daily").json["kind"] == "supervisor"
    assert store("compliance", "override", "list", "--json").json[0]["rule"] == "uk_daily"


WHY = ("--who", "lawyer 3", "--why", "letter of 2026-11-20")


def test_a_hold_stops_calls_until_it_is_released_and_keeps_the_records(
    store: Run, tmp_path: Path
) -> None:
    assert store("compliance", "hold", "set", "R1", "--kind", "legal", *WHY).code == 0
    told = explain(store, "R1", "--at", NOON)
    assert (told.code, [one["code"] for one in told.json[0]["reasons"]]) == (3, ["held"])
    # Without any preset too.
    bare = store("compliance", "explain", "R1", "--at", NOON, "--json")
    assert [one["code"] for one in bare.json[0]["reasons"]] == ["held"]
    [row] = store("compliance", "hold", "list", "--case", "R1", "--json").json
    assert (row["kind"], row["by"], row["case"]) == ("legal", "lawyer 3", "R1")
    retained = store("compliance", "retain", "--preset", "cn", "--json").json
    assert retained["on_hold"] == {"everything": False, "cases": 1}
    assert store("compliance", "hold", "release", row["id"], *WHY).code == 0
    assert store("compliance", "hold", "release", row["id"], *WHY).code == 4
    assert store("compliance", "hold", "release", "7", *WHY).code == 1
    assert explain(store, "R1", "--at", NOON).code == 0
    assert store("compliance", "hold", "list", "--json").json == []
    [row] = store("compliance", "hold", "list", "--all", "--json").json
    assert row["in_force"] is False
    file = tmp_path / "r1.json"
    assert store("evidence", "export", "R1", "--to", str(file)).code == 0
    records = json.loads(file.read_text())["records"]
    assert [one["kind"] for one in records] == ["hold", "hold_ended"]
    assert {one["content"]["who"] for one in records} == {"lawyer 3"}


def test_records_are_held_without_stopping_calls_of_a_case_or_of_all(store: Run) -> None:
    assert store("compliance", "hold", "set", "R1", "--kind", "records", *WHY).code == 0
    assert explain(store, "R1", "--at", NOON).code == 0
    hold_all = ("compliance", "hold", "set", "--everything", "--kind")
    assert store(*hold_all, "records", *WHY).code == 0
    assert store(*hold_all, "legal", *WHY).code == 1
    assert store("compliance", "hold", "set", "--kind", "records", *WHY).code == 2
    told = store("compliance", "retain", "--preset", "cn", "--apply", "--json").json
    assert told["on_hold"] == {"everything": True, "cases": 1}
    ids = [row["id"] for row in store("compliance", "hold", "list", "--json").json]
    for one in ids:
        assert store("compliance", "hold", "release", one, *WHY).code == 0
    told = store("compliance", "retain", "--preset", "cn", "--json").json
    assert told["on_hold"] == {"everything": False, "cases": 0}


def test_a_complaint_is_opened_listed_and_closed_and_holds_the_case_meanwhile(store: Run) -> None:
    opened = store(
        "compliance", "complaint", "open", "R1", "--about", "conduct", "--who", "1001", "--json"
    )
    second = store("compliance", "complaint", "open", "R1", "--who", "1001", "--json").json["key"]
    first = opened.json["key"]
    assert explain(store, "R1", "--at", NOON).json[0]["reasons"][0]["code"] == "held"
    rows = store("compliance", "complaint", "list", "--json").json
    assert [(row["key"], row["state"]) for row in rows] == [(second, "open"), (first, "open")]
    close = ("compliance", "complaint", "close")
    ended = store(*close, first, "--state", "upheld", *WHY, "--json").json
    assert ended == {"key": first, "state": "upheld", "hold_ended": False}
    assert explain(store, "R1", "--at", NOON).code == 3
    assert store(*close, second, "--state", "withdrawn", *WHY, "--json").json["hold_ended"] is True
    assert store(*close, second, "--state", "withdrawn", *WHY).code == 4
    assert explain(store, "R1", "--at", NOON).code == 0
    assert store("compliance", "complaint", "list", "--json").json == []
    assert len(store("compliance", "complaint", "list", "--all", "--json").json) == 2
    assert store("evidence", "verify").code == 0


SPRING = CampaignName("spring")


async def begin_spring(tmp_path: Path) -> None:
    book = SqlStore(f"sqlite:///{tmp_path}/dialer.db")
    await book.open()
    await book.save_campaign(Campaign(SPRING))
    await book.close()


async def abandon(tmp_path: Path) -> None:
    """Of the campaign's live answers one was abandoned, and the other not."""
    book = SqlStore(f"sqlite:///{tmp_path}/dialer.db")
    await book.open()
    for number, outcome in ((801, Outcome.ABANDONED), (802, Outcome.COMPLETED)):
        made = draft(number, number, campaign=SPRING)
        assert await book.begin_attempts([made]) == {}
        await book.end_attempts([end(made.id, outcome, answered=1)], [])
    await book.close()


def test_the_campaigns_share_of_abandoned_calls_is_asked_and_told(
    store: Run, tmp_path: Path
) -> None:
    asyncio.run(begin_spring(tmp_path))
    assert store("import", str(tmp_path / "cases.csv"), "--campaign", "spring").code == 1
    assert explain(store, "R1", "--at", NOON).code == 0
    asyncio.run(abandon(tmp_path))
    ran = explain(store, "R1", "--at", NOON)
    [told] = ran.json
    assert (ran.code, told["decision"]) == (3, "deferral")
    assert [one["code"] for one in told["reasons"]] == ["uk_abandonment"]
    assert told["again_at"] == "2026-11-24T08:00:00+00:00"
    [share] = told["shares"]
    assert share["campaign"] == "spring"
    assert share["abandon_pct/calendar_day"] == 50.0
    assert share["live/calendar_day"] == 2
    assert (
        "abandon_pct 50" in store("compliance", "explain", "R1", "--preset", "uk", "--at", NOON).out
    )
    # The day after.
    assert explain(store, "R1", "--at", "2026-11-24T12:00+00:00").code == 0
    assert explain(store, "R1", "--at", NOON, "--campaign", "autumn").code == 4


def test_a_rule_is_lifted_for_a_number_or_for_a_campaign(store: Run, tmp_path: Path) -> None:
    give = ("compliance", "override", "give")
    more = ("--preset", "uk", *WHY, "--until", "2999-01-01T00:00+00:00", "--json")
    house = ("--set", "compliance.window_end=23:00")
    told = store(*give, "uk_window", "--number", "+447700900001", *more)
    assert (told.code, told.json["for"]) == (0, "+44********01")
    assert "+447700900001" not in store("compliance", "override", "list").out
    assert explain(store, "R1", "--at", EVENING, *house).code == 0
    assert explain(store, "R2", "--at", EVENING, *house).code == 3
    asyncio.run(begin_spring(tmp_path))
    assert store(*give, "uk_window", "--campaign", "spring", *more).code == 3
    assert store(*give, "uk_daily", "--campaign", "autumn", *more).code == 4
    assert store(*give, "uk_daily", *more).code == 1
    assert store(*give, "uk_daily", "--campaign", "spring", "--case", "R1", *more).code == 1
    told = store(*give, "uk_daily", "--campaign", "spring", *more)
    assert (told.code, told.json["for"]) == (0, "campaign:spring")
    [one] = explain(store, "R2", "--campaign", "spring", "--at", NOON).json
    assert [lifted["rule"] for lifted in one["overrides"]] == ["uk_daily"]
    assert explain(store, "R2", "--at", NOON).json[0]["overrides"] == []
    ids = [row["id"] for row in store("compliance", "override", "list", "--json").json]
    for id in ids:
        assert store("compliance", "override", "revoke", str(id), *WHY).code == 0
    assert explain(store, "R1", "--at", EVENING, *house).code == 3
    assert store("evidence", "verify", "--json").json["records"] == 4


SENT = (
    "流水号,案件号,渠道,时间\n1,R1,短信,2026-11-20T09:00+00:00\n2,R1,信函,2026-11-21T09:00+00:00\n"
)


def test_explain_tells_of_all_that_stands_for_and_against_a_call(
    store: Run, tmp_path: Path
) -> None:
    file = tmp_path / "sent.csv"
    file.write_text(SENT, encoding="utf-8")
    told = store("import", str(file), "--what", "communications", "--country", "GB", "--json")
    assert (told.code, told.json["new"]) == (0, 2), told.err
    assert lift(store, "uk_daily").code == 0
    assert store("compliance", "hold", "set", "R1", "--kind", "vulnerable", *WHY).code == 0
    asyncio.run(begin_spring(tmp_path))
    asyncio.run(abandon(tmp_path))
    ran = store(
        "compliance", "explain", "R1", "--at", NOON, "--preset", "uk", "--preset", "us",
        "--campaign", "spring", "--json",
    )  # fmt: skip
    [told_of] = ran.json
    assert [one["channel"] for one in told_of["contacts"]] == ["letter", "sms"]
    assert [one["kind"] for one in told_of["holds"]] == ["vulnerable"]
    assert [one["rule"] for one in told_of["overrides"]] == ["uk_daily"]
    assert told_of["shares"][0]["abandon_pct/calendar_day"] == 50.0
    codes = {one["code"] for one in told_of["reasons"]}
    # Two communications in seven days by other channels than ours (Massachusetts).
    assert {"uk_abandonment", "us_ma_two_in_seven"} <= codes
    shown = store(
        "compliance", "explain", "R1", "--at", NOON, "--preset", "uk", "--campaign", "spring"
    )
    for words in ("r:import:1", "vulnerable", "uk_daily (supervisor): supervisor 7", "abandon_pct"):
        assert words in shown.out, words
