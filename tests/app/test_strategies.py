"""Strategy files, found and read."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialer_engine.app.strategies import (
    load_library,
    read_full,
    read_library,
    read_strategies,
    shipped,
)
from dialer_engine.domain.errors import ConfigError
from dialer_engine.domain.outcome import Outcome
from dialer_engine.strategy.retry import Then

DEFAULT = "max_tries: 2\nretry: {busy: {then: same_number, delay_s: 60}}\n"


def test_what_ships_is_read_and_gives_up_no_answer_by_accident() -> None:
    tables = read_strategies(shipped())
    default = tables["default"]
    assert set(default.rules) == set(Outcome), "an outcome without a row is given up"
    assert default.rules[Outcome.COMPLETED].then is Then.DONE
    # Ofcom's persistent misuse statement: 72 hours after an abandoned call.
    assert default.rules[Outcome.ABANDONED].delay_s >= 72 * 3600


def test_each_file_is_a_strategy_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").write_text(DEFAULT, encoding="utf-8")
    (tmp_path / "gentle.yaml").write_text(DEFAULT.replace("60", "600"), encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a strategy", encoding="utf-8")
    tables = read_strategies(tmp_path)
    assert sorted(tables) == ["default", "gentle"]
    assert tables["gentle"].rules[Outcome.BUSY].delay_s == 600


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("bad.yaml", "max_tries: 2\nretry: {busy: {then: later}}\n", "bad.yaml"),
        ("bad.yaml", "retry: [", "bad.yaml"),
        ("bad.yaml", "", "max_tries"),
        ("bad.yaml", "- a list", "max_tries"),
        ("other.yaml", DEFAULT, "default.yaml"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(
    name: str, text: str, words: str, tmp_path: Path
) -> None:
    if name != "other.yaml":
        (tmp_path / "default.yaml").write_text(DEFAULT, encoding="utf-8")
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        read_strategies(tmp_path)


def test_a_file_that_is_not_text_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"default\.yaml"):
        read_strategies(tmp_path)


def test_a_strategy_with_segments_gives_its_retry_table_too() -> None:
    tables, full = read_strategies(shipped()), read_full(shipped())
    assert full.keys() == tables.keys() - {"default"}
    assert all(tables[name] == full[name].retry for name in full)
    for table in tables.values():
        assert table.rules[Outcome.COMPLETED].then is Then.DONE
        assert table.rules[Outcome.ABANDONED].delay_s >= 72 * 3600


def test_what_is_wrong_in_a_strategy_is_named_with_file_and_line(tmp_path: Path) -> None:
    text = (shipped() / "early.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(
        text.replace("dpd", "dpdd").replace("stage in", "stge in"), encoding="utf-8"
    )
    for read in (read_strategies, read_full):
        with pytest.raises(
            ConfigError, match=r"mine\.yaml: .*line \d+.*no fact is called stge; did you mean stage"
        ):
            read(tmp_path)


def test_scripts_are_read_from_all_files(tmp_path: Path) -> None:
    assert {"common", "early", "telecom"} <= load_library(shipped() / "scripts").scripts.keys()
    (tmp_path / "mine.yaml").write_text("version: 1\nscripts: [{id: x}]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml: line 2, column 11: .*needs the key scenes"):
        load_library(tmp_path)
    (tmp_path / "mine.yaml").write_text("version: [", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml: line 1"):
        read_library(tmp_path)
