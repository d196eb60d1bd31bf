"""Talks of marked groups, as the engine tells them: the first look at a new group must do, too."""

from __future__ import annotations

import numpy as np

from dialer_engine.pacing.predictive import Predictive
from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import News, Snapshot


def test_a_group_that_was_never_seen_is_decided_for_at_once() -> None:
    policy = Predictive(PacingSettings())
    marks = np.array([1], dtype=np.int64)
    shot = Snapshot(
        at=1.0,
        idle=1,
        talking=(30.0,),
        talking_group=marks,
        wrapping=(2.0,),
        wrapping_group=marks + 1,
    )
    assert policy.decide(shot).originate > 0
    assert {0, 1} <= set(policy.talk.groups)
    policy.learn(News(talk_s=(31.0,), talk_group=(3,)))
    later = Snapshot(at=2.0, idle=2, wrapping=(0.1,), wrapping_group=np.array([3], dtype=np.int64))
    assert policy.decide(later).why
