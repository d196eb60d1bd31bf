"""Simulated days, and the numbers of agents and channels."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dialer_engine.app import pacing_simulate as app
from dialer_engine.app.pacing_figures import half_width, interval
from dialer_engine.app.pacing_world import Asked, world
from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.errors import BadValue


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """No processes of their own: days are short here."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)


def test_days_of_two_policies_on_the_same_people() -> None:
    told: list[tuple[int, int | None]] = []
    made = world(Asked(agents=4, hours=0.4))
    found = app.simulate(
        made,
        (DialMode.PREDICTIVE, DialMode.PROGRESSIVE),
        2,
        told=lambda n, of: told.append((n, of)),
    )
    predictive, progressive = found["rows"]
    assert predictive["utilization"]["mean"] > progressive["utilization"]["mean"]
    assert progressive["abandonment"]["mean"] == 0.0
    assert progressive["peak"]["most"] <= 4
    assert progressive["wait_s"]["half_width"] == 0.0
    assert told[-1] == (4, 4)
    assert found == app.simulate(made, (DialMode.PREDICTIVE, DialMode.PROGRESSIVE), 2)


def test_without_numba_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "COMPILED", False)
    found = app.simulate(world(Asked(agents=1, hours=0.1)), (DialMode.PROGRESSIVE,), 2)
    assert "numba" in found["note"]
    assert not found["compiled"]


def _line(least: float, tried: list[int]) -> Any:
    def row(agents: int) -> dict[str, Any]:
        tried.append(agents)
        return {"agents": agents, "conversations": {"mean": agents * least}}

    return row


@pytest.mark.parametrize("guess", [1, 7, 8, 50, 1000])
def test_the_smallest_team_is_found_from_any_guess(guess: int) -> None:
    tried: list[int] = []
    rows = app._smallest(_line(13.0, tried), 100.0, guess)
    assert [row["agents"] for row in rows] == [7, 8]
    assert len(tried) == len(set(tried)) <= 12


def test_a_team_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(BadValue, match="1000 agents"):
        app._smallest(_line(0.01, []), 1e6, 10)
    with pytest.raises(BadValue, match="conversations"):
        app.solve_agents(world(Asked()), DialMode.PROGRESSIVE, math.nan, 2)


def test_agents_for_so_many_conversations() -> None:
    made = world(Asked(hours=0.3))
    found = app.solve_agents(made, DialMode.PROGRESSIVE, 25.0, 2)
    enough = found["rows"][-1]
    assert found["solution"] == enough["agents"]
    assert enough["conversations"]["mean"] >= 25.0
    assert found["rows"][0]["conversations"]["mean"] < 25.0


def test_channels_for_a_team() -> None:
    found = app.solve_channels(world(Asked(agents=4, hours=0.3)), DialMode.PREDICTIVE, 2)
    free, limited = found["rows"][0], found["rows"][-1]
    assert 4 <= found["solution"] <= found["peak"]
    assert limited["utilization"]["mean"] >= free["utilization"]["mean"] - 0.005
    assert limited["peak"]["most"] <= found["solution"]


def test_intervals() -> None:
    # Two values: t = 12.706, s = sqrt(2), n = 2.
    assert half_width([1.0, 3.0]) == pytest.approx(12.706)
    assert interval([5.0]) == {"mean": 5.0, "half_width": None, "least": 5.0, "most": 5.0}
