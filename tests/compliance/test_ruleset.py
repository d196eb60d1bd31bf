"""Rule files: what is wrong is told with file, line, key and the nearest name; equal books hash alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dialer_engine.app.compliance import check_files, load_book, presets, read_document
from dialer_engine.compliance.ruleset import Document, read_book
from dialer_engine.domain.errors import BadValue, ConfigError

GOOD = """\
schema: 1
name: mine
jurisdiction: GB
rules:
  - id: a_cap
    cap: {unit: person, event: attempt, window: calendar_day, max: 3}
    source: {ref: house default, status: E}
  - id: a_window
    window: {daily: ["08:00", "21:00"], sunday: closed}
    source: {ref: house default, status: E}
"""


def problems(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    told = check_files([file])
    return [one.replace(str(file), "FILE") for one in told["problems"]]


def test_a_good_file_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("calendar_day", "calender_day"), "FILE:6: rules.0.cap.window: 'calender_day' is not one of"),
        (("event: attempt", "event: atempt"), "did you mean 'attempt'?"),
        (("max: 3", "maxx: 3"), "FILE:6: rules.0.cap.maxx: unknown key; did you mean 'max'?"),
        (("max: 3", "max: -3"), "FILE:6: rules.0.cap.max: must be a whole number of at least 0"),
        (("max: 3", "max: yes"), "FILE:6: rules.0.cap.max: must be a whole number"),
        (('["08:00", "21:00"]', '["21:00", "08:00"]'), "FILE:9: rules.1.window.daily: must end later"),
        (('"21:00"', '"25:00"'), "FILE:9: rules.1.window.daily: '25:00' is no time of day"),
        (("id: a_window", "id: a_cap"), "'a_cap' is in FILE"),
        (("id: a_window", "id: A Window"), "FILE:8: rules.1.id: must be small letters"),
        (("jurisdiction: GB", "jurisdiction: Britain"), "FILE:3: jurisdiction: must be an ISO 3166"),
        (("sunday: closed", "sundae: closed"), "did you mean 'sunday'?"),
        (("sunday: closed", "holiday: closed"), "FILE:9: rules.1.window.holiday: needs `calendar:`"),
        (("status: E", "status: Q"), "is not one of P, S, M, E"),
        (("    cap:", "    capp:"), "FILE:6: rules.0.capp: unknown key; did you mean 'cap'?"),
        (("schema: 1", "schema: 2"), "FILE:1: schema: must be 1"),
        (("rules:", "rulez:"), "unknown key; did you mean 'rules'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    found = problems(tmp_path, GOOD.replace(*change))
    assert any(told in one for one in found), found


@pytest.mark.parametrize("text", ["", "[]", "a: [", "\x00", "schema: 1", "rules: 3", "- 1"])
def test_what_is_no_rule_file_is_told(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("max: 3", "max: x").replace("status: E", "status: Q")
    assert len(problems(tmp_path, text)) == 2


def test_a_preset_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'us_pacing'"):
        load_book(["us_pasing"])
    with pytest.raises(BadValue, match="did you mean 'cn_window'"):
        load_book(["cn"]).rule("cn_windo")


def test_books_of_the_same_rules_hash_alike_and_others_do_not(tmp_path: Path) -> None:
    def hash_of(text: str) -> str:
        return read_book([Document("x", yaml.safe_load(text))]).hash

    data = yaml.safe_load(GOOD)
    data["rules"].reverse()
    assert hash_of(GOOD) == hash_of(yaml.safe_dump(data))
    hashes = {hash_of(GOOD)}
    for change in (
        ("max: 3", "max: 4"),
        ("GB", "FR"),
        ('"08:00"', '"08:01"'),
        ("status: E", "status: S"),
    ):
        hashes.add(hash_of(GOOD.replace(*change)))
    assert len(hashes) == 5
    assert load_book(["cn", "us"]).hash == load_book(["us", "cn"]).hash


def test_lines_are_those_of_the_file() -> None:
    from dialer_engine.app.compliance import shipped_rules

    document = read_document(shipped_rules() / "tw.yaml")
    text = Path(document.file).read_text("utf-8").splitlines()
    for index, rule in enumerate(document.data["rules"]):
        assert rule["id"] in text[document.lines["rules", index, "id"] - 1]


def test_all_presets_stand_together() -> None:
    assert len(load_book(presets()).rules) >= 75
