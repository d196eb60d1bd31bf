"""The beat, the window, and the caps that hold for every rival."""

from __future__ import annotations

import pytest

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import Snapshot
from dialer_engine.sim.rivals.base import Beat, Rival, Window, floored, half_up

SETTINGS = PacingSettings()


class Greedy(Rival):
    def wanted(self, snapshot: Snapshot) -> int:
        return 1000


def test_a_beat_is_heard_once_in_each_period_and_keeps_step() -> None:
    beat = Beat(2.5)
    heard = [at / 4 for at in range(60) if beat.due(at / 4)]
    assert heard == [0.0, 2.5, 5.0, 7.5, 10.0, 12.5]


def test_beats_that_were_slept_through_are_lost_and_the_step_is_kept() -> None:
    beat = Beat(15.0)
    assert beat.due(100.0)
    assert beat.due(141.0)  # one of 115 and 130, late
    assert not beat.due(144.9)
    assert beat.due(145.0)


def test_a_window_forgets() -> None:
    window = Window(2, 2)
    for row in ((1, 10), (2, 20), (3, 30)):
        window.push(*row)
    assert window.sums == [5, 50]
    assert len(window) == 2


@pytest.mark.parametrize(("value", "whole"), [(2.5, 3), (2.49, 2), (-0.5, 0), (0.1 * 25, 3)])
def test_half_up(value: float, whole: int) -> None:
    assert half_up(value) == whole


def test_floored_forgives_floating_point() -> None:
    assert floored(1.1 * 10) == 11
    assert floored(0.7 * 10 - 1e-12) == 7
    assert floored(-0.5) == -1


def test_twelve_lines_ring_for_each_agent_at_work_and_no_more() -> None:
    snapshot = Snapshot(0.0, 1, talking=(5.0,), ringing=(1.0,) * 20)
    assert Greedy(SETTINGS).decide(snapshot).originate == 4


def test_the_room_of_the_trunks_holds() -> None:
    assert Greedy(SETTINGS).decide(Snapshot(0.0, 3, room=7)).originate == 7
    assert Greedy(SETTINGS).decide(Snapshot(0.0, 3, room=-2)).originate == 0


def test_nobody_logged_in_nothing_is_dialled() -> None:
    assert Greedy(SETTINGS).decide(Snapshot(0.0, 0, away=9)).originate == 0
