"""What a trunk can bear: never more channels, never more calls a second, and the breaker."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.trunk import Breaker, Trunk, TrunkLimits
from dialer_engine.domain.units import NodeName, TrunkName

LIMITS = TrunkLimits(TrunkName("carrier"), NodeName("pbx-1"), 100, 10.0)
# A call every few steps, steps from nothing to seconds, and now and then a pause.
steps = st.lists(st.sampled_from([0.0, 0.001, 0.02, 0.1, 0.3, 1.0, 7.0]), max_size=80)


def trunk(**changes: Any) -> Trunk:
    return Trunk(replace(LIMITS, **changes))


def pour(one: Trunk, pauses: list[float]) -> list[float]:
    """Take whatever there is room for after each pause; when each call left."""
    now, left = 100.0, []
    for pause in pauses:
        now += pause
        while one.room(now) > 0:
            one.take(now)
            left.append(now)
    return left


@given(steps, st.sampled_from([0.2, 0.5, 1.0, 1.5, 3.0, 7.3, 50.0]))
def test_never_more_calls_in_any_window_than_the_rate_and_one_burst(
    pauses: list[float], cps: float
) -> None:
    left = pour(trunk(max_cps=cps, max_channels=10**6), pauses)
    burst = max(1.0, cps)
    for i, start in enumerate(left):
        for j in range(i, len(left)):
            assert j - i + 1 <= cps * (left[j] - start) + burst + 1e-6


@given(steps, st.integers(0, 5))
def test_never_more_channels_than_there_are(pauses: list[float], channels: int) -> None:
    one = trunk(max_channels=channels, max_cps=50.0)
    pour(one, pauses)
    assert one.in_use <= channels
    assert one.in_use == (channels if pauses else 0)


@pytest.mark.parametrize("cps", [0.5, 1.0, 3.0, 10.0])
def test_the_rate_is_used_in_full(cps: float) -> None:
    """Asked fifty times a second for a minute: the whole rate, save one call of rounding."""
    left = pour(trunk(max_cps=cps, max_channels=10**6), [0.02] * 3000)
    assert len(left) >= math.floor(cps * 60) - 1


def test_a_clock_that_goes_back_gives_no_calls_away() -> None:
    """Found: the way back was refilled a second time."""
    one = trunk()
    for _ in range(10):
        one.take(100.0)
    assert [one.room(50.0), one.room(100.0)] == [0, 0]


def test_no_room_is_an_error_and_takes_nothing() -> None:
    one = trunk(max_channels=1)
    one.take(0.0)
    with pytest.raises(ValueError, match="no room"):
        one.take(0.0)
    assert one.in_use == 1
    one.give_back()
    assert one.room(0.0) == 1


def test_adopted_calls_count_and_room_is_never_negative() -> None:
    one = trunk(max_channels=2)
    for _ in range(5):
        one.adopt()
    assert one.room(0.0) == 0
    for _ in range(9):
        one.give_back()
    assert one.in_use == 0


def test_an_open_breaker_with_too_many_adopted_calls_has_no_negative_room() -> None:
    """Found: it said -3."""
    one = trunk(max_channels=2, breaker_window=1)
    for _ in range(5):
        one.adopt()
    one.report(True, 0.0)
    assert one.room(99.0) == 0


def failed(one: Trunk, faults: str, now: float = 0.0) -> list[Breaker | None]:
    """Report each call: x failed by the trunk's fault, . did not."""
    return [one.report(fault == "x", now) for fault in faults]


def test_the_breaker_opens_at_its_share_of_a_full_window() -> None:
    one = trunk(breaker_window=4)
    assert failed(one, "xxx") == [None] * 3
    assert failed(one, ".") == [Breaker.OPEN]
    one = trunk(breaker_window=4)
    assert failed(one, "x....x...x") == [None] * 10
    assert failed(one, "x") == [Breaker.OPEN]


def test_an_open_breaker_tries_one_call_after_its_pause() -> None:
    one = trunk(breaker_window=1)
    failed(one, "x", now=10.0)
    assert [one.room(39.9), one.room(40.0)] == [0, 1]
    one.take(40.0)
    assert (one.breaker, one.room(1000.0)) == (Breaker.TRYING, 0)


@pytest.mark.parametrize(
    ("fault", "after", "room"), [(True, Breaker.OPEN, 0), (False, Breaker.CLOSED, 9)]
)
def test_the_tried_call_decides(fault: bool, after: Breaker, room: int) -> None:
    one = trunk(breaker_window=1)
    failed(one, "x")
    one.take(30.0)
    assert one.report(fault, 30.0) is after
    assert one.room(30.0) == room


def test_a_tried_call_that_says_nothing_lets_the_next_one_try() -> None:
    """Found: a call that tried and never left (store away, number refused) shut the trunk for ever."""
    one = trunk(breaker_window=1)
    failed(one, "x")
    one.take(30.0)
    one.give_back()
    assert one.report(None, 30.0) is Breaker.OPEN
    assert one.room(30.0) == 1
    assert trunk().report(None, 0.0) is None


def test_what_old_calls_report_while_the_breaker_is_open_is_forgotten_when_it_closes() -> None:
    one = trunk(breaker_window=2)
    failed(one, "xx")
    assert failed(one, "xxxx") == [None] * 4
    one.take(30.0)
    one.report(False, 30.0)
    assert failed(one, "x") == [None]


@pytest.mark.parametrize(
    "wrong",
    [{"max_channels": -1}, {"max_cps": 0.0}, {"max_cps": math.nan}, {"breaker_window": 0},
     {"breaker_share": 0.0}, {"breaker_share": 1.1}, {"breaker_pause_s": -1.0}],
)  # fmt: skip
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadValue, match=next(iter(wrong))):
        trunk(**wrong)
