"""Every relative link in README.md and docs/ leads somewhere, its #anchor too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.*?) *$", re.MULTILINE)


def pages() -> list[Path]:
    """What people read."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def links(page: Path) -> list[str]:
    """The targets of a page that are not on the web."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [found for found in _LINK.findall(text) if "://" not in found]


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of headings: lower case, no punctuation, dashes for spaces."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(text))
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_every_page_is_reached_from_the_index() -> None:
    reached: set[Path] = set()
    todo = [ROOT / "docs" / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        todo += [
            (page.parent / link.partition("#")[0]).resolve()
            for link in links(page)
            if link.partition("#")[0].endswith(".md")
        ]
    lost = [page for page in (ROOT / "docs").rglob("*.md") if page not in reached]
    assert lost == []


def test_the_checks_can_fail(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One two!\n[a](gone.md) [b](#one-two) [c](https://x.example/)\n```\n[d](e)\n```\n"
    )
    assert links(page) == ["gone.md", "#one-two"]
    assert anchors(page) == {"one-two"}
