"""The large decision: that its floor is as large as it says, and that every rival can be timed on it."""

from __future__ import annotations

import numpy as np
import pytest

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.sim.rivals.ratio import OneToOne
from tools.bench_pacing import decision


def test_the_floor_is_as_large_as_it_says() -> None:
    shot = decision.shot(np.random.default_rng(1), 0.0)
    assert shot.staffed == decision.AGENTS == 1000
    assert len(shot.ringing) == decision.IN_FLIGHT == 5000


def test_each_decision_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "_WARM_UP", 2)
    monkeypatch.setattr(decision, "_TIMED", 5)
    spent = decision.timed(OneToOne(PacingSettings()))
    assert len(spent) == 5
    assert min(spent) > 0.0
