"""Order and mix of the list."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.strategy.conditions import fact_map
from dialer_engine.strategy.listing import Entry, arrange
from tests.strategy.shipped import strategies

BASE = replace(strategies()["early"], order=("-priority", "-score", "dpd"), mix={})


def entry(
    reference: str, segment: str = "a", priority: int = 50, score: float | None = None, dpd: int = 1
) -> Entry:
    return Entry(reference, segment, priority, fact_map(CaseFacts(dpd=dpd, score=score)))


def test_the_first_fact_counts_most_and_what_is_unknown_comes_last() -> None:
    rows = [
        entry("d", score=None),
        entry("c", score=0.2),
        entry("b", score=0.9, dpd=5),
        entry("a", priority=90),
        entry("e", score=0.9),
    ]
    assert [row.reference for row in arrange(BASE, rows)] == ["a", "e", "b", "c", "d"]


def test_each_round_has_so_many_of_each_segment() -> None:
    rows = [entry(f"{segment}{n}", segment) for segment in "xyz" for n in range(4)]
    found = arrange(replace(BASE, mix={"x": 2, "y": 1}), rows)
    assert [row.reference for row in found] == "x0 x1 y0 z0 x2 x3 y1 z1 y2 z2 y3 z3".split()


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.none() | st.floats(0, 1)),
        max_size=20,
    ),
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 5)),
)
def test_nobody_is_lost_or_twice_and_a_segment_keeps_its_order(
    rows: list[tuple[str, int, float | None]], mix: dict[str, int]
) -> None:
    entries = [entry(f"C-{n:03}", seg, prio, score) for n, (seg, prio, score) in enumerate(rows)]
    found, plain = arrange(replace(BASE, mix=mix), entries), arrange(BASE, entries)
    assert sorted(row.reference for row in found) == sorted(row.reference for row in entries)
    for segment in "abc":
        assert [r for r in found if r.segment == segment] == [
            r for r in plain if r.segment == segment
        ]
