"""A model from what was seen: seen often enough, else assumed, and each figure where it belongs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.outcome import Outcome
from dialer_engine.strategy.observed import Observed, model_of
from dialer_engine.strategy.outcomes import OutcomeModel

USUAL = OutcomeModel()


def seen(**more: object) -> Observed:
    """2,000 attempts at ten o'clock, 800 of them answered."""
    hours = [(0, 0)] * 24
    hours[10] = (2000, 800)
    outcomes = {Outcome.COMPLETED: 600, Outcome.MACHINE: 80, Outcome.HUNG_UP_EARLY: 120,
                Outcome.NO_ANSWER: 900, Outcome.UNREACHABLE: 300}  # fmt: skip
    return Observed(hours, outcomes, **more)  # type: ignore[arg-type]


def test_what_was_seen_is_the_model() -> None:
    found = model_of(
        seen(
            promises=150,
            promise_days=900,
            kept=60,
            over=120,
            talk_s=60_000.0,
            ring_s=8000.0,
            rung=800,
        )
    )
    assert found is not None
    model, assumed = found
    assert model.answer_by_hour[10] == pytest.approx(0.4)
    assert (model.machine, model.right_party) == (0.1, 600 / 720)
    assert list(model.unanswered) == [0.75, 0.25, 0, 0, 0]
    assert set(model.promise) == {0.25}
    assert (model.promise_days, model.kept, model.talk_s, model.ring_s) == (6, 0.5, 100.0, 10.0)
    assert assumed == ["bot", "cure", "message_pays", "wrap_up_s"]


def test_hours_of_few_calls_are_scaled() -> None:
    found = model_of(seen())
    assert found is not None
    model, assumed = found
    scale = 0.4 / USUAL.answer_by_hour[10]
    assert model.answer_by_hour[18] == pytest.approx(USUAL.answer_by_hour[18] * scale)
    assert {"kept", "promise_days", "ring_s"} <= set(assumed)
    assert model.kept == USUAL.kept


def test_too_little_is_no_model() -> None:
    hours = [(0, 0)] * 24
    hours[10] = (999, 400)
    assert model_of(Observed(hours)) is None


counts = st.integers(0, 3000)


@given(
    st.lists(st.tuples(counts, counts).map(lambda two: (max(two), min(two))), min_size=24, max_size=24),
    st.dictionaries(st.sampled_from(Outcome), counts),
    st.lists(counts, min_size=4, max_size=4),
)  # fmt: skip
def test_any_counts_make_a_sound_model(
    hours: list[tuple[int, int]], outcomes: dict[Outcome, int], rest: list[int]
) -> None:
    promises, days, kept, over = rest
    found = model_of(Observed(hours, outcomes, promises, days, kept, over, 1.0, 1.0, 500))
    assert (found is None) == (sum(tried for tried, _ in hours) < 1000)
