"""The reference pages in docs/ are those that the tables give now."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialer_engine.domain import agent, call
from dialer_engine.domain.outcome import BY_CAUSE, BY_SIP, Outcome
from tools.docs.generate import REFERENCE, main, outdated, pages


def test_the_pages_in_the_repository_are_up_to_date() -> None:
    assert outdated(REFERENCE) == [], "run `make docs` and commit docs/reference"


def test_check_finds_a_changed_page_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check", "--folder", str(tmp_path)]) == 1
    assert list(tmp_path.iterdir()) == []
    assert main(["--folder", str(tmp_path)]) == 0
    assert main(["--check", "--folder", str(tmp_path)]) == 0
    page = tmp_path / "outcomes.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["--check", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "outcomes.md is out of date: run `make docs`\n"


def test_the_page_on_outcomes_has_every_row() -> None:
    text = pages()["outcomes.md"]
    for outcome in Outcome:
        assert f"| `{outcome.value}` | {outcome.chinese} |" in text
    for key, rule in [*BY_SIP.items(), *BY_CAUSE.items()]:
        assert f"| {key} | `{rule.outcome.value}` |" in text


@pytest.mark.parametrize(
    ("name", "table"), [("call-states.md", call.TABLE), ("agent-states.md", agent.TABLE)]
)
def test_the_diagrams_have_every_arrow(name: str, table: object) -> None:
    text = pages()[name]
    arrows = table.arrows()  # type: ignore[attr-defined]
    assert arrows
    for source, event, target in arrows:
        (line,) = [
            row
            for row in text.splitlines()
            if row.startswith(f"    {source.value} --> {target.value}:")
        ]
        assert event in line.split(": ")[1].split(", ")
