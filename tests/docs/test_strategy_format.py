"""The page about strategy files is what the description gives."""

from __future__ import annotations

from pathlib import Path

from tools.docs.strategy_format import strategy_format

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "strategy-format.md"


def test_the_page_is_of_this_format() -> None:
    """Else: `make docs`."""
    assert PAGE.read_text(encoding="utf-8") == strategy_format()
