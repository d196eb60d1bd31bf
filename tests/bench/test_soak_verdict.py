"""What the soak says of Asterisk's memory, and of everything together."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tools.soak import __main__ as soak
from tools.soak import pbx, plan
from tools.soak.look import Ghosts

TIMES = [10.0 * i for i in range(360)]
CALLS_A_SECOND = 8.0
NOTHING_LEFT = {"on the PBX": 0, "known to the engine": 0}


def _samples(kib_per_call: float, **changes: float) -> list[dict[str, float]]:
    """An hour in which Asterisk loses this much a call. Between two trims it holds more."""
    steady = dict.fromkeys((*plan.ALLOWED, *plan.MUST_BE_NONE), 0.0) | {"daemon own MiB": 100.0}
    samples = []
    for i, t in enumerate(TIMES):
        calls = CALLS_A_SECOND * t
        trimmed_at = TIMES[i - i % plan.TRIM_EVERY] * CALLS_A_SECOND
        kept = 130.0 + kib_per_call * trimmed_at / 1024
        held = kept + 5.0 * (i % plan.TRIM_EVERY)
        samples.append({**steady, "t": t, "attempts": calls, "asterisk trimmed MiB": kept,
                        "asterisk RSS MiB": held, **changes})  # fmt: skip
    return samples


def _judged(samples: list[dict[str, float]], left: dict[str, int] = NOTHING_LEFT) -> dict[str, Any]:
    return soak.judge(samples, Ghosts(), left)


@pytest.mark.parametrize("kib", [0.0, 1.0, 22.0])
def test_memory_a_call_is_what_was_lost_a_call(kib: float) -> None:
    found = _judged(_samples(kib))["asterisk_memory"]
    assert found["kib_per_call"] == pytest.approx(kib, abs=0.05)
    assert found["mib_per_hour"] == pytest.approx(kib * CALLS_A_SECOND * 3600 / 1024, rel=0.05)


def test_what_only_fills_up_at_first_passes() -> None:
    samples = _samples(0.0)
    for one in samples:
        one["asterisk trimmed MiB"] += min(one["t"], 900.0) / 10
    found = _judged(samples)
    assert found["passed"]
    assert soak._verdict(found).startswith("PASSED")


def test_a_lost_channel_for_each_fifth_call_fails_and_is_named() -> None:
    found = _judged(_samples(22.0 / 5))
    assert not found["passed"]
    assert soak._verdict(found) == "FAILED: asterisk memory a call"


def test_what_the_engine_loses_fails_whatever_asterisk_does() -> None:
    samples = _samples(0.0)
    for one in samples:
        one["daemon own MiB"] += one["t"] / 100
    found = _judged(samples, {"on the PBX": 2})
    assert not found["passed"]
    assert soak._verdict(found) == "FAILED: daemon own MiB, left at the end"


def test_memory_without_calls_cannot_be_judged_and_does_not_pass() -> None:
    found = pbx.growth(TIMES, [130.0] * len(TIMES), [7.0] * len(TIMES))
    assert found is not None
    assert math.isnan(found.kib_per_call)
    assert found.leaks


def test_a_short_run_is_said_to_be_one() -> None:
    found = _judged(_samples(0.0)[:10])
    assert soak._verdict(found) == "too short for a verdict"
    assert "too short" in soak._asterisk(found)


def test_too_short_for_asterisk_alone_judges_the_rest() -> None:
    samples = _samples(22.0)[:60]
    for one in samples:
        one["tasks"] += one["t"]
    found = _judged(samples)
    assert found["asterisk_memory"] is None
    assert soak._verdict(found) == "FAILED: tasks"
