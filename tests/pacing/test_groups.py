"""Talks of marked groups, as the engine tells them, are counted like those without marks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dialer_engine.pacing.predictive import Predictive
from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import News, Snapshot


def marked(group: int | None, count: int) -> NDArray[np.int64] | None:
    return None if group is None else np.full(count, group, dtype=np.int64)


def floor(policy: Predictive, group: int | None) -> list[tuple[int, float]]:
    """Two agents talk, one talk ends, the wrap-up goes on: what is decided, and the chance of a loss."""
    found = []
    for tick in range(40):
        talks = 2 if tick < 20 else 1
        if tick == 20:
            policy.learn(News(talk_s=(35.0,), talk_group=marked(group, 1)))
        shot = Snapshot(
            at=float(tick), idle=1, talking=np.full(talks, 15.0 + tick), talking_group=marked(group, talks),
            wrapping=(0.5,) * (2 - talks), wrapping_group=marked(group, 2 - talks),
        )  # fmt: skip
        decision = policy.decide(shot)
        found.append((decision.originate, decision.numbers["loss"]))
    return found


def test_a_group_that_was_never_seen_is_decided_for_at_once() -> None:
    policy = Predictive(PacingSettings())
    assert len(floor(policy, 3)) == 40
    assert 3 in policy.talk.groups


def test_running_talks_of_a_group_are_counted_while_none_ends() -> None:
    policy = Predictive(PacingSettings())
    floor(policy, 1)
    assert policy.talk.counts[1].sum() == 1
    assert policy.wrap.counts[1].sum() == 1
    assert policy.talk.counts[0].sum() == 0


def test_one_marked_group_paces_nearly_as_no_marks_do() -> None:
    plain = floor(Predictive(PacingSettings()), None)
    alike = floor(Predictive(PacingSettings()), 1)
    assert [one[0] for one in alike] == [one[0] for one in plain]
    np.testing.assert_allclose([one[1] for one in alike], [one[1] for one in plain], rtol=0.02)
