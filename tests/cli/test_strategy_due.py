"""What is due today and is no call: listed, asked of the gate, masked, written, and done when it was done."""

from __future__ import annotations

import asyncio
import csv
import stat
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from dialer_engine.compliance.counting import Flag
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.collections.codes import HoldKind, PointKind
from dialer_engine.domain.reservation import Reservation
from dialer_engine.domain.units import CampaignName, CaseId
from dialer_engine.store import SqlStore, compliance, law_reading
from dialer_engine.store.exchange import ContactRow
from tests.cli.conftest import Ran, Run
from tests.cli.test_cases_life import FULL

NOON = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(12), UTC)
MINE = """
version: 1
title: {en: Mine, zh: 我的}
max_tries: 3
retry: {no_answer: {then: same_number, delay_s: 3600}}
segments:
  - id: all
    when: true
    ladder:
      - {id: text, day: -5, until: 400, channel: sms, script: mine, priority: 60}
      - {id: post, day: -5, until: 400, channel: letter, script: mine}
      - {id: look, day: -5, until: 400, channel: task}
      - {id: ring, day: -5, channel: call, script: mine}
"""
SCRIPT = """
version: 1
scripts:
  - id: mine
    scenes:
      main: [{zh: 你好, en: Hello}]
      message: [{zh: "$debtor_name 欠 $amount", en: "$debtor_name owes $amount"}]
      letter: [{zh: "$debtor_name", en: "Dear $debtor_name"}]
"""
CASES = (
    "reference,name,mobile,home,currency,balance,due date,language,timezone\n"
    "C1,Kit Maple,+447700900001,,GBP,900,{due},en,Europe/London\n"
    "C2,Ash Birch,,+442079460002,GBP,100,{due},en,Europe/London\n"
)


@pytest.fixture
def house(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A site with a strategy of its own, a campaign, and two cases; dialling is allowed at any hour."""
    monkeypatch.delenv("DIALER_SOCKET")
    (tmp_path / "own" / "scripts").mkdir(parents=True)
    (tmp_path / "own" / "mine.yaml").write_text(MINE, encoding="utf-8")
    (tmp_path / "own" / "scripts" / "mine.yaml").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "dialer.yaml").write_text(
        f"daemon:\n  state_dir: {tmp_path}\nstore:\n  url: sqlite:///{tmp_path}/dialer.db\n"
        f"strategies:\n  folder: {tmp_path}/own\n"
        "compliance:\n  default_zone: Europe/London\n  guard_s: 0\n"
        '  window_start: "00:00"\n  window_end: "23:59"\n  weekdays: [1, 2, 3, 4, 5, 6, 7]\n',
        encoding="utf-8",
    )
    due = datetime.now(UTC).date() - timedelta(days=9)
    (tmp_path / "cases.csv").write_text(CASES.format(due=due), encoding="utf-8")

    def command(*arguments: str) -> Ran:
        return run("--config", str(tmp_path / "dialer.yaml"), *arguments)

    assert command("db", "upgrade").code == 0

    async def campaigns(store: SqlStore) -> None:
        for name, strategy in (("cards", "mine"), ("again", "mine"), ("plain", "default")):
            await store.save_campaign(Campaign(CampaignName(name), strategy=strategy))

    in_store(tmp_path, campaigns)
    for name in ("cards", "again"):
        ran = command("import", str(tmp_path / "cases.csv"), "--country", "GB", "--campaign", name)
        assert ran.code == 0, ran.err
    return command


def in_store(folder: Path, work: object) -> None:
    async def main() -> None:
        store = SqlStore(f"sqlite:///{folder}/dialer.db")
        await store.open()
        await work(store)  # type: ignore[operator]
        await store.close()

    asyncio.run(main())


def due(house: Run, *arguments: str) -> Ran:
    """At noon of tomorrow, which is within every window at whatever hour the tests run."""
    return house("strategy", "due", *arguments, "--day", NOON.date().isoformat())


def rows(ran: Ran) -> set[tuple[str, str]]:
    return {(row["case"], row["channel"]) for row in ran.json["due"]}


def test_what_is_due_and_what_cannot_be_sent(house: Run) -> None:
    ran = due(house, "cards", "--json")
    assert ran.code == 0, ran.err
    assert rows(ran) == {("C1", "sms"), ("C1", "task"), ("C2", "task")}
    denied = {(row["case"], row["channel"]): row["reasons"] for row in ran.json["denied"]}
    # C2 has a line at home only, and nobody has given an address.
    assert set(denied) == {("C1", "letter"), ("C2", "sms"), ("C2", "letter")}
    assert {one["code"] for found in denied.values() for one in found} == {"no_contact"}
    assert ran.json["due"][0]["step"] == "text", "the most urgent first"
    assert due(house, "cards", "--channel", "sms", "--json").json["due"] != []
    shown = due(house, "cards")
    assert "mine@" in shown.out
    assert "there is none to send it to" in shown.out


def test_a_case_in_two_campaigns_is_written_to_once(house: Run) -> None:
    ran = due(house, "--channel", "sms", "--json")
    assert [row["case"] for row in ran.json["due"]] == ["C1"]


def test_masked_and_without_the_text_unless_unmasked(house: Run, tmp_path: Path) -> None:
    to = tmp_path / "out.csv"
    ran = due(house, "cards", "--channel", "sms", "-o", str(to), "--json")
    for text in (ran.out, to.read_text(encoding="utf-8-sig")):
        assert "Maple" not in text
        assert "900001" not in text
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert due(house, "cards", "--unmask").code == 2
    assert due(house, "cards", "--channel", "sms", "-o", str(to), *FULL).code == 0
    with to.open(encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert (row["to"], row["name"]) == ("+447700900001", "Kit Maple")
    assert row["text"].startswith("Kit Maple owes 900")
    assert (row["script"], row["language"], row["strategy"]) == ("mine", "en", "mine")
    assert len(row["script_version"]) == len(row["strategy_version"]) == 32
    assert house("evidence", "verify", "--json").json["records"] == 1


def test_the_gate_says_no_with_reasons(house: Run, tmp_path: Path) -> None:
    async def hold(store: SqlStore) -> None:
        await store.set_hold(CaseId(1), HoldKind.LAWYER, datetime.now(UTC))

    in_store(tmp_path, hold)
    told = due(house, "cards", "--channel", "sms", "--json").json
    assert told["due"] == []
    (row,) = [one for one in told["denied"] if one["case"] == "C1"]
    assert row["reasons"]
    assert row["reasons"][0]["code"] != "no_contact"


def test_what_was_reported_is_due_no_more(house: Run, tmp_path: Path) -> None:
    before = due(house, "cards", "--channel", "sms", "--json").json
    assert ([row["case"] for row in before["due"]], before["done"]) == (["C1"], 0)

    async def sent(store: SqlStore) -> None:
        found = await store.database.read(law_reading.read, [CaseId(1)])
        debt = found.known(1, "").person_x_debt
        one = Reservation(NOON, int(Flag.OUTBOUND | Flag.SMS), (debt,))
        await store.database.write(compliance.record_contacts, [("gateway:1", one)])

    in_store(tmp_path, sent)
    after = due(house, "cards", "--channel", "sms", "--json").json
    assert ([row["case"] for row in after["due"]], after["done"]) == ([], 1)


def test_a_letter_goes_to_an_address_that_may_be_used(house: Run, tmp_path: Path) -> None:
    today = NOON.date()

    async def addresses(store: SqlStore) -> None:
        await store.write_contacts(
            [
                ContactRow("C1", PointKind.ADDRESS, "1 Elm Row", valid_until=today),
                ContactRow("C1", PointKind.ADDRESS, "2 Oak Row", rank=1),
            ],
            today,
        )

    in_store(tmp_path, addresses)
    ran = due(house, "cards", "--channel", "letter", "--json", *FULL)
    assert [(row["case"], row["to"]) for row in ran.json["due"]] == [("C1", "2 Oak Row")]
    assert ran.json["due"][0]["text"] == "Dear Kit Maple"


def test_another_day_and_names_that_are_wrong(house: Run) -> None:
    later = (datetime.now(UTC) + timedelta(days=500)).date().isoformat()
    told = house("strategy", "due", "cards", "--day", later, "--json").json
    assert (told["day"], told["due"]) == (later, [])
    assert "did you mean cards?" in due(house, "crads").err
    assert "has no segments" in due(house, "plain").err
    assert "did you mean sms?" in due(house, "--channel", "smss").err
    assert due(house, "--channel", "call").code == 1


def test_paid_cases_are_left_out(house: Run, tmp_path: Path) -> None:
    file = tmp_path / "paid.csv"
    file.write_text(
        f"reference,contract,amount,currency,paid_on\nP1,C1,900,GBP,{datetime.now(UTC).date()}\n"
    )
    assert house("import", "--what", "payments", str(file)).code == 0
    told = due(house, "cards", "--json").json
    assert {row["case"] for row in told["due"]} == {"C2"}
