"""Tables, verdicts, the page and its plot, from rows that were made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.bench_pacing.page import write
from tools.bench_pacing.rows import OneDay, row, with_bounds
from tools.bench_pacing.table import in_order, tables, verdicts


def made(policy: str, busy: float, lost: float = 0.029, scenario: str = "steady") -> dict[str, Any]:
    days = [OneDay(seed, busy, lost, 900, 0.4, 12.0, 0.2, lost) for seed in (1, 2)]
    return row(scenario, 10, 0.3, 0.03, policy, days)


def test_rows_are_in_the_order_of_the_tables() -> None:
    rows = [
        made("textbook", 0.9),
        made("predictive", 0.8),
        made("one-to-one", 0.7, scenario="hard"),
    ]
    names = [(one["scenario"], one["policy"]) for one in in_order(rows)]
    assert names == [("steady", "predictive"), ("steady", "textbook"), ("hard", "one-to-one")]


def test_the_issue_s_figure_stands_beside_ours() -> None:
    text = "\n".join(tables([made("predictive", 0.8601)]))
    assert "0.8601 ±0.0000  0.858 +0.0021" in text


def test_a_row_under_the_reference_is_named() -> None:
    text = "\n".join(verdicts([made("predictive", 0.8529)]))
    assert "under the issue's reference: 1 of 1" in text
    assert "steady 10 agents 0.3: -0.0051" in text
    assert "1 of 1" not in "\n".join(verdicts([made("predictive", 0.8531)]))


def test_days_above_the_target_and_far_above_it() -> None:
    text = "\n".join(verdicts([made("predictive", 0.86, 0.0331)]))
    assert "seed-days above the target: 2 of 2" in text
    assert "steady 10 agents 0.3: 0.0331" in text


def test_the_share_of_the_optimum() -> None:
    rows = [made("predictive", 0.8), made("optimum", 0.81)]
    for one in rows:
        one["scenario"] = "markov"
    with_bounds(rows, ("optimum",))
    assert "of the exact optimum, 10 agents: 0.9877" in "\n".join(verdicts(rows))


def test_without_the_controller_it_says_so() -> None:
    assert "was not run" in next(iter(verdicts([made("one-to-one", 0.7)])))


def test_the_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = [made("predictive", 0.86), made("one-to-one", 0.74, 0.0), made("clairvoyant", 0.95)]
    rows[1]["lines"] = None
    with_bounds(rows, ("clairvoyant",))
    write(rows, tmp_path)
    text = (tmp_path / "pacing-bench.md").read_text()
    assert "| predictive | 2 | 0.860 ± 0.000 | 0.858 | 0.950 | 0.0290" in text
    plot = (tmp_path / "pacing-plot-steady.svg").read_text()
    assert "10 agents, answer rate 0.3" in plot
    assert not (tmp_path / "pacing-plot-hard.svg").exists()
    first = plot
    write(rows, tmp_path)
    assert (tmp_path / "pacing-plot-steady.svg").read_text() == first
