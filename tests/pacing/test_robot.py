"""Calls without agents."""

from __future__ import annotations

from dialer_engine.pacing.robot import Robot
from dialer_engine.pacing.snapshot import Snapshot


def test_no_more_at_once_than_there_are_channels() -> None:
    robot = Robot(5, 100.0)
    first = robot.decide(Snapshot(0.0, 0))
    assert first.originate == 5
    full = robot.decide(Snapshot(10.0, 0, ringing=(1.0, 2.0), connecting=3))
    assert (full.originate, full.why) == (0, "all 5 channels are in use")
    assert robot.decide(Snapshot(10.0, 0, connecting=3, room=1)).originate == 1


def test_no_faster_than_asked() -> None:
    robot = Robot(1000, 2.0)
    dialled = [robot.decide(Snapshot(0.25 * tick, 0)).originate for tick in range(400)]
    assert sum(dialled) == 2 + int(2.0 * 399 * 0.25)
    assert max(dialled) <= 2


def test_less_than_one_a_second_still_dials() -> None:
    robot = Robot(10, 0.1)
    dialled = [robot.decide(Snapshot(float(second), 0)).originate for second in range(61)]
    assert sum(dialled) == 7


def test_channels_come_back() -> None:
    robot = Robot(2, 50.0)
    robot.decide(Snapshot(0.0, 0))
    assert robot.decide(Snapshot(5.0, 0, ringing=(5.0, 5.0))).originate == 0
    assert robot.decide(Snapshot(9.0, 0, connecting=1)).originate == 1
