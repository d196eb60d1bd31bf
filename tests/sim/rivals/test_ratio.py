"""1:1 and a fixed ratio, on examples by hand."""

from __future__ import annotations

import pytest

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import Snapshot
from dialer_engine.sim.rivals.ratio import OneToOne, Ratio

SETTINGS = PacingSettings()


@pytest.mark.parametrize(
    ("lines", "idle", "ringing", "waiting", "new"),
    [
        (2.5, 3, 4, 0, 4),  # round(7.5) = 8
        (2.5, 3, 4, 1, 3),
        (2.5, 1, 3, 0, 0),
        (2.5, 0, 0, 0, 0),
        (1.2, 2, 0, 0, 2),  # round(2.4)
        (1.3, 2, 0, 0, 3),  # round(2.6)
    ],
)
def test_a_ratio(lines: float, idle: int, ringing: int, waiting: int, new: int) -> None:
    snapshot = Snapshot(0.0, idle, ringing=(3.0,) * ringing, waiting=(0.5,) * waiting)
    assert Ratio(SETTINGS, lines).decide(snapshot).originate == new


def test_one_to_one() -> None:
    assert OneToOne(SETTINGS).decide(Snapshot(0.0, 4, ringing=(3.0,))).originate == 3
    assert OneToOne(SETTINGS).decide(Snapshot(0.0, 4, talking=(3.0,))).originate == 4
