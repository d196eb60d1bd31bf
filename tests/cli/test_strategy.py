"""strategy: check, explain, simulate, schema, as a person runs them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialer_engine.app.strategies import shipped
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.case import Case, Number
from dialer_engine.domain.units import E164, CampaignName
from dialer_engine.store import SqlStore
from dialer_engine.strategy.observed import Observed
from tests.cli.conftest import Ran, Run

FACTS = {
    "dpd": 9,
    "stage": "M1",
    "ability": "able",
    "willingness": "unwilling",
    "balance": "1200.50",
}


@pytest.fixture
def facts(tmp_path: Path) -> str:
    (tmp_path / "facts.json").write_text(json.dumps(FACTS), encoding="utf-8")
    return str(tmp_path / "facts.json")


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    text = (shipped() / "legal.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(
        text.replace("when: dpd <", "when: dpdd <"), encoding="utf-8"
    )
    return str(tmp_path / "mine.yaml")


@pytest.mark.parametrize("file", sorted(shipped().glob("*.yaml")), ids=lambda file: file.stem)
def test_what_ships_is_right(run: Run, file: Path) -> None:
    ran = run("strategy", "check", str(file))
    assert ran.code == 0
    assert "warning" not in ran.out


@pytest.mark.parametrize(
    "file", sorted((shipped() / "scripts").glob("*.yaml")), ids=lambda file: file.stem
)
def test_scripts_that_ship_are_right(run: Run, file: Path) -> None:
    ran = run("strategy", "check", str(file), "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["kind"] == "scripts"
    assert json.loads(ran.out)["problems"] == []


def test_what_is_wrong_is_told_with_its_place_and_the_nearest_name(run: Run, wrong: str) -> None:
    ran = run("strategy", "check", wrong)
    assert ran.code == 1
    assert "mine.yaml:62:11" in ran.out
    assert "no fact is called dpdd; did you mean dpd?" in ran.out
    told = json.loads(run("strategy", "check", wrong, "--json").out)
    assert not told["ok"]
    assert told["problems"][0]["line"] == 62


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("version: [", "unreadable", "no YAML"),
        ("", "retry table", "max_tries"),
        ("retry: {bussy: {then: done}}\nmax_tries: 1", "retry table", "bussy"),
        ("version: 1\nscripts: [{id: x}]", "scripts", "needs the key scenes"),
    ],
)
def test_any_file_is_told_what_it_is(
    run: Run, tmp_path: Path, text: str, kind: str, words: str
) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    ran = run("strategy", "check", str(tmp_path / "x.yaml"), "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["kind"]) == (1, kind)
    assert words in told["problems"][0]["text"]


def test_bad_words_are_a_warning_with_a_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(
        "version: 1\nscripts:\n  - id: x\n    scenes:\n      main:\n"
        "        - {zh: 好, en: This is your final notice.}\n",
        encoding="utf-8",
    )
    ran = run("strategy", "check", str(tmp_path / "x.yaml"))
    assert ran.code == 0
    assert "x.yaml:6:" in ran.out
    assert "final notice" in ran.out


def test_a_file_that_is_not_there_is_not_found(run: Run) -> None:
    assert run("strategy", "check", "/nowhere/x.yaml").code == 4
    assert run("strategy", "simulate", "erly").code == 4
    assert "did you mean early?" in run("strategy", "simulate", "erly").err


def test_explain_says_which_why_and_when(run: Run, facts: str) -> None:
    # A Sunday evening: the step is closed till Monday.
    ran = run(
        "strategy", "explain", "C-1", "--facts", facts, "-s", "early", "--at", "2026-12-06T21:00"
    )
    assert ran.code == 0
    for words in (
        "unwilling",
        'ability == "able"',
        "plain",
        "2026-12-07T09:00",
        "promises_open > 0",
    ):
        assert words in ran.out


def test_explain_as_data(run: Run, facts: str) -> None:
    ran = run("strategy", "explain", "C-1", "--facts", facts, "-s", "mid", "--json")
    told = json.loads(ran.out)
    assert told["segment"] == "beyond"
    assert told["hold"]
    assert told["now"] == told["later"] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"dpdd": 1}', "did you mean dpd?"),
        ('{"dpd": "1"}', "a whole number"),
        ('{"stage": "M9"}', "never 'M9'"),
        ('{"balance": "lots"}', "an amount"),
        ('{"balance": "NaN"}', "an amount"),
        ("[1]", "one table"),
        ("{", "facts.json"),
    ],
)
def test_facts_that_are_wrong_are_named(run: Run, facts: str, text: str, words: str) -> None:
    Path(facts).write_text(text, encoding="utf-8")
    ran = run("strategy", "explain", "C-1", "--facts", facts, "-s", "early")
    assert ran.code == 1
    assert words in ran.err


def test_a_month_is_the_same_for_the_same_seed(run: Run) -> None:
    arguments = (
        "strategy",
        "simulate",
        "early",
        "--cases",
        "120",
        "--start",
        "2026-12-01",
        "--json",
    )
    one, same, other = (run(*arguments, "--seed", seed).out for seed in ("1", "1", "2"))
    assert one == same
    assert one != other
    told = json.loads(one)
    assert told["total"]["cases"] == 120
    assert (told["book"], told["model"], told["presets"]) == ("invented", "assumed", ["cn"])
    assert sum(told["by_hour"]) == sum(told["by_day"]) == told["total"]["attempts"] > 0
    # China's window, and the steps' own hours inside of it.
    assert sum(told["by_hour"][9:20]) == told["total"]["attempts"]


def test_a_month_over_a_book_and_a_model(run: Run, tmp_path: Path) -> None:
    rows = [
        {"reference": f"R{n}", "numbers": 2, "dpd": 3, "balance": "100", "currency": "CNY"}
        for n in range(20)
    ]
    (tmp_path / "book.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    (tmp_path / "model.yaml").write_text("cure: 0\nmessage_pays: 1.0\n", encoding="utf-8")
    arguments = ("--book", str(tmp_path / "book.jsonl"), "--model", str(tmp_path / "model.yaml"))
    ran = run("strategy", "simulate", "telecom", *arguments, "--start", "2026-12-01")
    assert ran.code == 0
    assert "invented" not in ran.err
    assert "other-debt" in ran.out


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("--book", "{\n", "line 1"),
        ("--book", '{"dpd": 1}\n{"dpdd": 1}\n', "line 2: no fact is called dpdd"),
        ("--book", '{"numbers": 0}\n', "1 or more"),
        ("--model", '{"kept": 2}', "between 0 and 1"),
        ("--model", '{"kepd": 1}', "there is no kepd"),
        ("--model", '{"promise": [0.1]}', "has 4 numbers"),
        ("--model", '{"promise": 0.1}', "a list"),
        ("--model", '{"kept": "x"}', "a number"),
        ("--model", "[]", "one table"),
    ],
)
def test_a_book_or_model_that_is_wrong_is_named(
    run: Run, tmp_path: Path, option: str, text: str, words: str
) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    ran = run("strategy", "simulate", "early", option, str(tmp_path / "x.json"))
    assert ran.code == 1
    assert words in ran.err


def test_an_unknown_preset_is_named(run: Run) -> None:
    ran = run("strategy", "simulate", "early", "--cases", "5", "--preset", "ch")
    assert ran.code == 4
    assert "no compliance preset is called ch" in ran.err


@pytest.mark.parametrize("which", ["strategy", "scripts"])
def test_the_schema_is_json(run: Run, which: str) -> None:
    told = json.loads(run("strategy", "schema", which).out)
    assert told["$schema"].endswith("2020-12/schema")
    assert told["additionalProperties"] is False


@pytest.fixture
def house(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run` with a store that has the case R1."""
    monkeypatch.delenv("DIALER_SOCKET")
    (tmp_path / "dialer.yaml").write_text(
        f"daemon:\n  state_dir: {tmp_path}\nstore:\n  url: sqlite:///{tmp_path}/dialer.db\n",
        encoding="utf-8",
    )
    (tmp_path / "cases.csv").write_text(
        "reference,name,mobile,balance\nR1,Ann,+447700900001,100.50\n", encoding="utf-8"
    )

    def command(*arguments: str) -> Ran:
        return run("--config", str(tmp_path / "dialer.yaml"), *arguments)

    assert command("db", "upgrade").code == 0
    assert command("import", str(tmp_path / "cases.csv"), "--currency", "GBP").code == 0
    return command


def join(folder: Path, *campaigns: Campaign) -> None:
    """Put R1 into campaigns."""

    async def work() -> None:
        store = SqlStore(f"sqlite:///{folder}/dialer.db")
        await store.open()
        for one in campaigns:
            await store.save_campaign(one)
            numbers = (Number(E164("+447700900001"), "mobile", "Europe/London", 0),)
            await store.import_batch(one.name, [Case("R1", "Ann", numbers)], datetime.now(UTC))
        await store.close()

    asyncio.run(work())


def test_explain_reads_the_case_from_the_store(house: Run) -> None:
    ran = house("strategy", "explain", "R1", "-s", "early", "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["case"] == "R1"
    assert told["segment"]
    assert house("strategy", "explain", "R2", "-s", "early").code == 4


def test_explain_takes_the_strategy_of_the_case_s_campaign(house: Run, tmp_path: Path) -> None:
    ran = house("strategy", "explain", "R1")
    assert ran.code == 4
    assert "in no campaign" in ran.err
    join(tmp_path, Campaign(CampaignName("plain")))
    assert "which has no segments" in house("strategy", "explain", "R1").err
    join(tmp_path, Campaign(CampaignName("cards"), strategy="early"))
    ran = house("strategy", "explain", "R1")
    assert ran.code == 1
    assert "say --campaign: cards (early), plain (default)" in ran.err
    told = house("strategy", "explain", "R1", "--campaign", "cards", "--json").json
    assert (told["strategy"], told["campaign"]) == ("early", "cards")
    assert "did you mean cards?" in house("strategy", "explain", "R1", "--campaign", "crads").err
    assert "cards" in house("strategy", "explain", "R1", "--campaign", "cards").out


def test_simulate_takes_what_the_store_saw(house: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    month = ("strategy", "simulate", "early", "--cases", "20", "--start", "2026-11-30")
    ran = house(*month)
    assert "model: assumed (0 attempts in 90 days, 1000 are needed)" in ran.err

    async def many(*asked: object) -> Observed:
        found = Observed()
        found.hours[10] = (2000, 0)
        return found

    monkeypatch.setattr("dialer_engine.app.strategy_simulate.observed", many)
    ran = house(*month)
    assert "model: observed (2,000 attempts since" in ran.err
    told = house(*month, "--json").json
    assert (told["model"], told["total"]["connected"]) == ("observed", 0)
    assert "cure" in told["model_told"]["assumed"]
    assert house(*month, "--assume", "--json").json["total"]["connected"] > 0
