"""What holds whatever a policy says."""

from __future__ import annotations

from typing import Any

import pytest

from dialer_engine.pacing.guard import RAMP_S, Guarded
from dialer_engine.pacing.snapshot import CallEnd, Decision, News, Snapshot


class Eager:
    """Wants a thousand calls, whatever there is."""

    def decide(self, snapshot: Snapshot) -> Decision:
        return Decision(1000, "eager")

    def learn(self, news: News) -> None:
        pass

    def memory(self) -> dict[str, Any]:
        return {"eager": 1}


def shot(at: float, idle: int = 10, ringing: int = 0, room: int = 5000) -> Snapshot:
    return Snapshot(at, idle, ringing=(1.0,) * ringing, room=room)


def test_with_nobody_at_work_nothing_is_dialled_and_everything_cancelled() -> None:
    decision = Guarded(Eager()).decide(shot(0.0, idle=0, ringing=3))
    assert (decision.originate, decision.cancel) == (0, (0, 1, 2))
    assert decision.why == "no agent is available"


def test_never_more_than_the_trunks_take() -> None:
    assert Guarded(Eager()).decide(shot(0.0, room=7)).originate == 7
    assert Guarded(Eager()).decide(shot(0.0, room=-2)).originate == 0


def test_lines_grow_from_one_an_agent_to_the_limit() -> None:
    guard = Guarded(Eager(), max_lines=12.0)
    first = guard.decide(shot(100.0))
    assert first.originate == 10
    assert first.why == "just started: 1.0 lines for each agent so far"
    half = guard.decide(shot(100.0 + RAMP_S / 2, ringing=10))
    assert half.originate == 65 - 10
    assert guard.decide(shot(100.0 + RAMP_S)).originate == 1000
    # Everybody went home and came back: as at the start.
    guard.decide(shot(200.0, idle=0))
    assert guard.decide(shot(300.0)).originate == 10


def test_another_policy_in_its_place_needs_no_new_ramp() -> None:
    old = Guarded(Eager(), max_lines=12.0)
    old.decide(shot(0.0))
    new = Guarded(Eager(), max_lines=12.0)
    new.go_on_from(old)
    assert new.decide(shot(60.0)).originate == 1000


def refused(count: int, others: int = 0) -> News:
    ends = [CallEnd.CONGESTION] * count + [CallEnd.BUSY] * others
    return News(call_end=ends, call_ring_s=[0.3] * len(ends))


def test_congestion_stops_all_but_one_call_in_a_while() -> None:
    guard = Guarded(Eager())
    guard.learn(refused(6, 2))
    dialled = []
    for tick in range(40):
        at = tick * 0.25
        guard.learn(refused(1))
        dialled.append(guard.decide(shot(at)).originate)
    assert set(dialled) == {0, 1}
    assert sum(dialled) == 5
    assert "the trunks refuse calls" in guard.decide(shot(10.0)).why


def test_when_nobody_refuses_any_more_it_goes_on() -> None:
    guard = Guarded(Eager())
    guard.learn(refused(6))
    assert guard.decide(shot(0.0)).originate == 1
    quiet = [guard.decide(shot(0.25 * tick)).originate for tick in range(1, 40)]
    assert quiet.index(1000) == pytest.approx(20, abs=2)


def test_a_few_refusals_among_many_calls_are_no_congestion() -> None:
    guard = Guarded(Eager())
    guard.learn(refused(6, 30))
    assert guard.decide(shot(0.0)).originate == 1000
    # Long ago does not count either.
    guard.learn(refused(4))
    guard.decide(shot(100.0))
    guard.learn(refused(4))
    assert guard.decide(shot(200.0)).originate == 1000


def test_what_was_learned_is_the_policys() -> None:
    assert Guarded(Eager()).memory() == {"eager": 1}
