"""What a row says of its days."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dialer_engine.sim.floor import TRACE, run_day, steady_day
from dialer_engine.sim.rivals.ratio import OneToOne
from tools.bench_pacing.cells import Cell
from tools.bench_pacing.rows import OneDay, half_width, one_day, paired, row, with_bounds

# The keys, which other programs read.
KEYS = {
    "scenario",
    "agents",
    "answer_rate",
    "policy",
    "seeds",
    "utilization",
    "abandonment",
    "mean_wait_s",
    "share_of_day_over_target",
    "worst_day_abandonment",
    "decision_us",
    "bound_utilization",
}


def day(seed: int, busy: float, lost: float, live: int = 1000) -> OneDay:
    return OneDay(seed, busy, lost, live, 0.5, 10.0, 0.25, lost)


def rows_of(*days: OneDay, policy: str = "predictive") -> dict[str, Any]:
    return row("steady", 10, 0.3, 0.03, policy, days)


def test_a_row_has_the_keys_that_were_asked_for() -> None:
    assert rows_of(day(1, 0.8, 0.02)).keys() >= KEYS


def test_means_and_the_days_over_the_target() -> None:
    found = rows_of(
        day(1, 0.8, 0.02), day(2, 0.9, 0.031), day(3, 0.85, 0.03), day(4, 0.85, 0.04, 200)
    )
    assert found["utilization"] == pytest.approx(0.85)
    assert found["share_of_day_over_target"] == 0.5  # 0.03 is not above 0.03
    assert found["worst_day_abandonment"] == 0.04
    assert found["worst_day_after_300_answers"] == 0.031
    assert found["reference_utilization"] == 0.858


def test_the_interval_is_student_s() -> None:
    # Mean 2, standard deviation 1, of three: 4.303 / sqrt(3)
    assert half_width([1.0, 2.0, 3.0]) == pytest.approx(4.303 / math.sqrt(3))
    assert half_width([1.0]) is None


def test_bounds_are_given_to_their_cells() -> None:
    rows = [
        rows_of(day(1, 0.8, 0.0)),
        rows_of(day(1, 0.95, 0.0), policy="clairvoyant"),
        row("hard", 10, 0.3, 0.03, "predictive", [day(1, 0.8, 0.0)]),
    ]
    with_bounds(rows, ("clairvoyant",))
    assert [one["bound_utilization"] for one in rows] == [0.95, 0.95, None]


def test_differences_are_taken_on_common_seeds() -> None:
    mine = [day(1, 0.8, 0.0), day(2, 0.9, 0.0), day(3, 0.7, 0.0)]
    gap = paired(mine, [day(2, 0.85, 0.0), day(1, 0.75, 0.0)])
    assert gap is not None
    assert gap[0] == pytest.approx(0.05)
    assert gap[1] == pytest.approx(0.0)
    assert paired(mine, [day(9, 0.8, 0.0)]) is None


def test_the_running_share_is_read_from_the_trace() -> None:
    cell = Cell("steady", replace(steady_day(3, 0.3), length_s=600.0))
    result = run_day(cell.day, OneToOne(cell.settings()), 1, trace_every=240)
    trace = np.zeros((4, len(TRACE)))
    trace[:, TRACE.index("live")] = [0, 100, 300, 400]
    trace[:, TRACE.index("abandoned")] = [0, 4, 12, 10]
    found = one_day(7, replace(result, trace=trace), 0.03)
    assert found.over_time == 0.5  # 4 % and 4 %, of four minutes
    assert found.worst_running == pytest.approx(0.04)
    assert found.seed == 7
    assert found.live == result.live
