"""Champion and challenger."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.errors import BadValue
from dialer_engine.strategy.experiment import Tally, arm_of, mismatch, position, report, wilson
from dialer_engine.strategy.model import Arm, Experiment

Z = 1.959963984540054
EXPERIMENT = Experiment("tone", (Arm("champion", 80), Arm("challenger", 20)))


def test_assignment_is_fixed_for_ever() -> None:
    """Written down from a run: a change of the hash would move every case."""
    assert position("tone", "C-1") == 0.3674118045890611
    assert arm_of(EXPERIMENT, "C-1").id == "champion"


def test_assignment_keeps_to_the_shares_and_experiments_are_independent() -> None:
    references = [f"C-{n}" for n in range(20_000)]
    found = [arm_of(EXPERIMENT, r).id == "challenger" for r in references]
    assert abs(sum(found) / len(found) - 0.2) < 0.01
    other = Experiment("speed", EXPERIMENT.arms)
    both = [
        f and arm_of(other, r).id == "challenger" for f, r in zip(found, references, strict=True)
    ]
    assert abs(sum(both) / len(both) - 0.04) < 0.01


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_position_is_from_0_up_to_1(experiment: str, reference: str) -> None:
    assert 0 <= position(experiment, reference) < 1


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    # Newcombe 1998, table II, method 10: a, b, c, d, h.
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_the_interval_is_newcombe_s(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    tallies = {"challenger": Tally(first[1], first[0]), "champion": Tally(second[1], second[0])}
    [row] = report(EXPERIMENT, tallies).others
    assert (round(row.low, 4), round(row.high, 4)) == (low, high)
    assert row.is_clear == (low > 0 or high < 0)


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_ends_of_wilson_s_interval_are_where_the_score_test_turns(
    results: int, rest: int
) -> None:
    """Its definition: the proportions p with |p - found| = z sqrt(p (1 - p) / n)."""
    tally = Tally(results + rest, results)
    low, high = wilson(tally, Z)
    assert 0 <= low <= high <= 1
    if tally.cases == 0:
        assert (low, high) == (0.0, 1.0)
        return
    found = results / tally.cases
    for end in (low, high):
        if 0 < end < 1:
            distance = Z * math.sqrt(end * (1 - end) / tally.cases)
            assert math.isclose(abs(end - found), distance, abs_tol=1e-9)
    assert (low == 0) == (results == 0)
    assert (high == 1) == (rest == 0)


@pytest.mark.parametrize(
    ("freedom", "chi"),
    # Quantiles 0.95 of chi-square, from any printed table.
    [(1, 3.841459), (2, 5.991465), (3, 7.814728), (4, 9.487729), (5, 11.070498), (9, 16.918978)],
)
def test_the_check_of_sizes_is_pearson_s(freedom: int, chi: float) -> None:
    """Two of the arms are off by as much as gives the quantile; the others are as expected."""
    expected = 10_000.0
    off = math.sqrt(chi * expected / 2)
    sizes = [expected + off, expected - off, *[expected] * (freedom - 1)]
    p = mismatch([round(size) for size in sizes], [1.0] * (freedom + 1))
    assert math.isclose(p, 0.05, abs_tol=0.002)


def test_sizes_as_the_shares_are_no_mismatch() -> None:
    assert mismatch([80, 20], [80.0, 20.0]) == 1.0
    assert mismatch([0, 0], [80.0, 20.0]) == 1.0


def test_sizes_that_cannot_be_chance_spoil_the_report() -> None:
    sound = report(EXPERIMENT, {"champion": Tally(8000, 800), "challenger": Tally(2000, 260)})
    assert sound.is_sound
    assert sound.others[0].is_clear
    broken = report(EXPERIMENT, {"champion": Tally(8000, 800), "challenger": Tally(1500, 260)})
    assert not broken.is_sound


def test_an_arm_without_cases_says_nothing() -> None:
    told = report(EXPERIMENT, {"champion": Tally(100, 10)})
    assert (told.others[0].low, told.others[0].high) == (-1.0, 1.0)
    assert not told.others[0].is_clear


@pytest.mark.parametrize(("cases", "results"), [(1, 2), (-1, 0), (3, -1)])
def test_a_tally_adds_up(cases: int, results: int) -> None:
    with pytest.raises(BadValue):
        Tally(cases, results)


@pytest.mark.parametrize("confidence", [0.0, 0.3, 1.0, float("nan")])
def test_a_confidence_is_one(confidence: float) -> None:
    with pytest.raises(BadValue):
        report(EXPERIMENT, {}, confidence)
