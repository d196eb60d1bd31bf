"""Alarms become events, once, and only those that are still wanted."""

from __future__ import annotations

from dialer_engine.domain import events as ev
from dialer_engine.domain.commands import Arm, Timer
from dialer_engine.domain.units import AgentId, AttemptId, Seconds
from dialer_engine.engine.timers import Timers
from dialer_engine.sim.clock import VirtualClock

CALL, AGENT = AttemptId("a-1"), AgentId("1001")


def made() -> tuple[VirtualClock, Timers, list[object]]:
    clock, posted = VirtualClock(), list[object]()
    return clock, Timers(clock, posted.append), posted


def test_each_kind_has_its_event() -> None:
    clock, timers, posted = made()
    timers.arm(Arm(CALL, Timer.RING, Seconds(1.0)))
    timers.arm(Arm(CALL, Timer.WAIT, Seconds(2.0)))
    timers.arm(Arm(AGENT, Timer.WRAP_UP, Seconds(3.0)))
    timers.arm(Arm(AGENT, Timer.CALLBACK, Seconds(4.0)))
    clock.advance(10.0)
    assert posted == [
        ev.RingExpired(CALL), ev.WaitExpired(CALL), ev.WrapUpDone(AGENT), ev.CallbackDue(AGENT),
    ]  # fmt: skip
    assert len(timers) == 0


def test_setting_an_alarm_again_moves_it() -> None:
    clock, timers, posted = made()
    timers.arm(Arm(CALL, Timer.WAIT, Seconds(2.0)))
    clock.advance(1.0)
    timers.arm(Arm(CALL, Timer.WAIT, Seconds(5.0)))
    clock.advance(4.9)
    assert posted == []
    clock.advance(0.2)
    assert posted == [ev.WaitExpired(CALL)]


def test_an_alarm_taken_back_never_goes_off() -> None:
    clock, timers, posted = made()
    timers.arm(Arm(CALL, Timer.WAIT, Seconds(2.0)))
    timers.disarm(CALL, Timer.WAIT)
    timers.disarm(CALL, Timer.RING)
    clock.advance(10.0)
    assert posted == []
    assert clock.alarms == 0


def test_clear_takes_all_back() -> None:
    clock, timers, posted = made()
    timers.arm(Arm(CALL, Timer.WAIT, Seconds(2.0)))
    timers.arm(Arm(AGENT, Timer.CALLBACK, Seconds(2.0)))
    timers.clear()
    clock.advance(10.0)
    assert posted == []
    assert len(timers) == 0
