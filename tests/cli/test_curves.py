"""Curves in the terminal and as SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from dialer_engine.cli import curves
from dialer_engine.cli.text import Lang
from tests.cli.conftest import Run
from tests.web.fake_api import FakeEngineApi

RISING: dict[str, Any] = {
    "node": "main", "kind": "answered", "of": "loans & <more>", "figure": 0.2, "xs": [0.0, 10.0, 20.0],
    "ys": [0.0, 0.1, 0.2],
}  # fmt: skip


def test_a_rising_line_rises() -> None:
    lines = curves.drawn(RISING, Lang.EN)
    assert lines[0].startswith("main (loans & <more>): answered by a person")
    assert lines[1].startswith(" 20.0% |")
    assert lines[1].endswith("█") or lines[1].endswith("▇")
    filled = [line.count("█") for line in lines[1:9]]
    assert filled == sorted(filled)
    assert lines[-1].endswith("20 s")
    assert all(len(line) <= 72 for line in lines)


def test_nothing_learned_is_a_dash() -> None:
    assert curves.drawn(RISING | {"xs": [0.0], "ys": [0.0]}, Lang.ZH)[1] == "  -"


def test_the_svg_is_whole_and_quotes_names() -> None:
    text = curves.svg([RISING, RISING | {"kind": "talk", "of": ""}])
    root = ElementTree.fromstring(text)
    lines = root.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2
    assert lines[0].attrib["points"].count(",") == 3
    assert "loans &amp; &lt;more&gt;" in text
    assert ElementTree.fromstring(curves.svg([])).tag.endswith("svg")


def test_show_draws_into_a_file(run: Run, fake: FakeEngineApi, tmp_path: Path) -> None:
    file = tmp_path / "pacing.svg"
    assert run("pacing", "show", "spring", "--svg", str(file)).code == 0
    assert fake.asked == [("pacing", "spring")]
    assert file.read_text(encoding="utf-8").count("<polyline") == 2
