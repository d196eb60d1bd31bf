"""The Markov model against closed forms, and its optimum against every policy that can be tried."""

from __future__ import annotations

import pytest

pytest.importorskip("scipy")

from tools.bench_pacing.markov import Model, at_most, evaluate, optimum
from tools.bench_pacing.reference import reference


def erlang_b(agents: int, load: float) -> float:
    """Share of callers who find all agents busy when none may wait (Erlang 1917)."""
    blocked = 1.0
    for number in range(1, agents + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


@pytest.mark.parametrize("agents", [1, 3, 8])
def test_one_to_one_has_a_closed_form(agents: int) -> None:
    # A cycle of an agent: one ring after the other until an answer (10 s / 0.3), then 140 s of talk.
    found = evaluate(Model(agents, 0.3), lambda busy, _, ringing: agents - busy - ringing)
    assert found.utilization == pytest.approx(140 / (140 + 10 / 0.3))
    assert found.abandonment == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("agents", [1, 4])
def test_lines_kept_full_without_waiting_room_are_erlang_b(agents: int) -> None:
    # Always 2 calls ringing, answered live for certain: answers come as Poisson with 0.2 a second.
    model = Model(agents, 1.0, most_ringing=2, most_waiting=0)
    found = evaluate(model, lambda _, __, ringing: 2 - ringing)
    assert found.abandonment == pytest.approx(erlang_b(agents, 0.2 * 140))
    assert found.answers_per_s == pytest.approx(0.2)


def test_callers_who_wait_are_erlang_a() -> None:
    # M/M/1 with abandonment, by its balance equations.
    model = Model(1, 1.0, most_ringing=2, most_waiting=60)
    found = evaluate(model, lambda _, __, ringing: 2 - ringing)
    weights = [1.0]
    for number in range(1, 62):
        weights.append(weights[-1] * 0.2 / (1 / 140 + (number - 1) / 2))
    assert found.utilization == pytest.approx(1 - weights[0] / sum(weights))


@pytest.mark.parametrize("agents", [1, 2, 3, 8, 10])
def test_the_issue_s_optimum(agents: int) -> None:
    best = optimum(Model(agents, 0.3), 0.03)
    assert best.abandonment == pytest.approx(0.03, abs=1e-6)
    said = reference("markov", agents, 0.3, "optimum")
    if said is not None:
        assert best.utilization == pytest.approx(said.utilization, abs=0.001)


def test_no_fixed_ratio_beats_the_optimum() -> None:
    model = Model(3, 0.3)
    tried = 0
    for tenths in range(10, 60):

        def order(busy: int, waiting: int, ringing: int, ratio: float = tenths / 10) -> int:
            return max(0, at_most(ratio, 3 - busy) - ringing - waiting)

        found = evaluate(model, order)
        best = optimum(model, found.abandonment)
        assert found.utilization <= best.utilization + 1e-6
        tried += found.abandonment > 0
    assert tried > 30


def test_a_stricter_target_costs_utilization() -> None:
    model = Model(4, 0.3)
    busy = [optimum(model, target).utilization for target in (0.0, 0.01, 0.03, 0.05)]
    assert busy == sorted(busy)
    assert busy[0] == pytest.approx(140 / (140 + 10 / 0.3), abs=1e-6)  # nobody lost: 1:1
