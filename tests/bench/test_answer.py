"""Rounds taken together: one bad round shows in the pool and not in the median."""

from __future__ import annotations

import pytest

from tools.bench.answer import BEGINNINGS, Round, summary
from tools.bench.machine import Shares

_IDLE = Shares(0, 0, 0, 0, 2, 10, 0, 0, 0)


def _round(*ms: float) -> Round:
    seconds = [one / 1000 for one in ms]
    return Round(400, len(ms), 0, dict.fromkeys(BEGINNINGS, seconds), _IDLE, 0.0, "rr 10")


def test_one_bad_round_is_in_the_pool_and_not_in_the_median() -> None:
    rounds = {
        "engine": [_round(1, 4), _round(2, 200), _round(1, 5)],
        "bare": [_round(1, 2), _round(1, 2.5), _round(1, 3)],
    }
    told = summary(rounds)["told_to_bridged_ms"]
    assert told["engine"] == {
        "n": 6, "p50": 2.0, "p99": 200.0, "max": 200.0,
        "p99_rounds": 5.0, "p99_lowest": 4.0, "p99_highest": 200.0,
    }  # fmt: skip
    assert told["ratio_p99_rounds"] == pytest.approx(2.0)
    assert told["ratio_p99"] == pytest.approx(66.67)


def test_each_round_says_at_what_priority_it_was_run() -> None:
    rounds = {"engine": [_round(1)], "bare": [_round(1)]}
    assert summary(rounds)["rounds"]["engine"][0]["priority"] == "rr 10"
