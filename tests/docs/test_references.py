"""Files and tests that the docs name in code marks are there."""

from __future__ import annotations

import re

import pytest

from tests.docs.test_links import ROOT, pages

_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")
_FILE = re.compile(r"`((?:dialer_engine|tools|docker|config|strategies|engine|ami|domain|store|pacing|compliance|"
                   r"strategy|recordings|app|live|web|ports)/[\w/]*\.(?:py|conf|yaml|service))`")  # fmt: skip


def _named(pattern: re.Pattern[str]) -> list[tuple[str, ...]]:
    found = {
        (str(page.relative_to(ROOT)), *(match if isinstance(match, tuple) else (match,)))
        for page in pages()
        for match in pattern.findall(page.read_text(encoding="utf-8"))
    }
    return sorted(found)


@pytest.mark.parametrize(("page", "file", "test"), _named(_TEST))
def test_a_named_test_exists(page: str, file: str, test: str) -> None:
    source = ROOT / file
    assert source.is_file()
    assert not test or f"def {test}(" in source.read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "file"), _named(_FILE))
def test_a_named_file_exists(page: str, file: str) -> None:
    # Rooms are named without the package in front of them.
    assert (ROOT / file).is_file() or (ROOT / "dialer_engine" / file).is_file()
