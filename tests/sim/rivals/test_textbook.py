"""The textbook's rule, by hand."""

from __future__ import annotations

import math

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import CallEnd, News, Snapshot
from dialer_engine.sim.rivals.textbook import Textbook


def taught() -> Textbook:
    """Answer rate 1/4 after 10 s, talks of 80 s, wrap-up of 20 s."""
    pacer = Textbook(PacingSettings())
    ends = (CallEnd.LIVE,) * 10 + (CallEnd.BUSY,) * 30
    pacer.learn(News(ends, (10.0,) * 40, talk_s=(80.0,) * 10, wrap_s=(20.0,) * 10))
    return pacer


def test_answers_equal_agents() -> None:
    # 1 idle; 3 talk, each done within 10 s with 1 - exp(-10/80) = 0.1175; 2 wrap up, 1 - exp(-10/20) = 0.3935
    assert math.isclose(
        3 * (1 - math.exp(-1 / 8)) + 2 * (1 - math.exp(-1 / 2)), 1.1394, abs_tol=1e-4
    )
    # 2.1394 agents * 4 calls an answer = 8.56
    shot = Snapshot(0.0, 1, talking=(1.0,) * 3, wrapping=(1.0,) * 2)
    assert taught().decide(shot).originate == 8


def test_ringing_and_waiting_calls_count() -> None:
    assert taught().decide(Snapshot(0.0, 2, ringing=(1.0,) * 5)).originate == 3
    assert taught().decide(Snapshot(0.0, 2, ringing=(1.0,) * 2, waiting=(1.0,))).originate == 2


def test_one_to_one_before_anything_is_known() -> None:
    assert Textbook(PacingSettings()).decide(Snapshot(0.0, 3, ringing=(1.0,))).originate == 2
