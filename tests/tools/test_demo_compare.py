"""The comparison of the demo: what is made of two reports, and what is said of them."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from tools.demo import compare


def report(**more: Any) -> dict[str, Any]:
    base = {
        "utilization": 0.5, "abandonment_rate": 0.0, "live": 60, "abandoned": 0, "bridged": 60, "attempts": 200,
        "wait_s": {"p50": 0.0, "p99": 0.01, "max": 0.02, "count": 60}, "answer_rate": 0.3,
        "outcomes": {"completed": 60},
    }  # fmt: skip
    return base | more


def result() -> dict[str, Any]:
    first = compare.row(compare.HALVES[0], report(), report(live=90), 150.0)
    second = report(utilization=0.875, live=122, abandoned=4, abandonment_rate=4 / 122, bridged=118)
    rows = [first, compare.row(compare.HALVES[1], second, second, 150.0)]
    return {
        "agents": compare.AGENTS,
        "measured_s": 150.0,
        "warm_up_s": 40.0,
        "target": 0.03,
        "rows": rows,
    }


def test_both_halves_have_the_same_world_and_limits() -> None:
    assert [half.mode for half in compare.HALVES] == ["progressive", "predictive"]
    assert "mode" not in compare.SETTINGS
    assert sum(compare.WORLD["weights"].values()) == 100


def test_a_row() -> None:
    one = result()["rows"][1]
    # 118 talks of 12 agents in 150 s.
    assert one["talks_per_agent_hour"] == pytest.approx(236.0)
    assert one["abandonment"] == pytest.approx(0.0328, abs=1e-4)
    assert one["with_warm_up"]["live"] == 122


def test_both_are_shown_side_by_side() -> None:
    console = Console(record=True, width=160)
    compare.show(console, result())
    text = console.export_text()
    assert "50.0 %" in text
    assert "87.5 %" in text
    assert "4 / 122" in text
    assert "0 / 90" in text


def test_a_half_in_which_nothing_happened_is_an_objection() -> None:
    made = result()
    assert compare.objections(made) == []
    made["rows"][0] |= {"live": 0, "utilization": None}
    assert len(compare.objections(made)) == 2
