"""VICIdial's dial level, moved by hand."""

from __future__ import annotations

import pytest

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import CallEnd, News, Snapshot
from dialer_engine.sim.rivals.vicidial import Mode, Vicidial

SETTINGS = PacingSettings()


def run(pacer: Vicidial, seconds: float, start: float = 0.0, **what: object) -> list[int]:
    """One look each quarter of a second; what each asked for."""
    asked = []
    for tick in range(int(seconds * 4)):
        snapshot = Snapshot(start + tick / 4, **what)  # type: ignore[arg-type]
        asked.append(pacer.decide(snapshot).originate)
    return asked


def ended(calls: int) -> News:
    return News(call_end=(CallEnd.BUSY,) * calls, call_ring_s=(3.0,) * calls)


def test_at_level_one_each_agent_has_one_line_each_two_and_a_half_seconds() -> None:
    pacer = Vicidial(SETTINGS, Mode.AVERAGE, max_level=1.0)
    snapshot = Snapshot(0.0, 2, talking=(5.0,) * 3, wrapping=(1.0,), ringing=(2.0,))
    # N = 2 ready + 3 in call = 5; in use 1 ringing + 3 in call.
    assert pacer.decide(snapshot).originate == 1


def test_lines_are_asked_for_on_the_dial_beat_only() -> None:
    asked = run(Vicidial(SETTINGS, Mode.AVERAGE), 10.0, idle=0, talking=(1.0,) * 3, waiting=(1.0,))
    assert asked == [0] * 40
    asked = run(Vicidial(SETTINGS, Mode.AVERAGE), 10.0, idle=2)
    assert [place for place, new in enumerate(asked) if new] == [0, 10, 20, 30]


def test_the_level_rises_by_the_share_of_ready_agents() -> None:
    pacer = Vicidial(SETTINGS, Mode.AVERAGE)
    pacer.decide(Snapshot(0.0, 0, talking=(1.0,) * 4))  # m = 0 at the first beat
    run(pacer, 14.75, start=0.25, idle=1, talking=(1.0,) * 3)
    # At 15 s: 15 samples, all but none of them with 1 ready of 4; sample 0 had none.
    pacer.decide(Snapshot(15.0, 1, talking=(1.0,) * 3))
    assert pacer.level == pytest.approx(1.25)
    pacer.decide(Snapshot(30.0, 1, talking=(1.0,) * 3))
    assert pacer.level == pytest.approx(1.562)  # round(1.25 * 1.25, 3), half to even


def test_intensity_and_waiting_calls() -> None:
    pacer = Vicidial(SETTINGS, Mode.AVERAGE, intensity=20.0)
    pacer.level = 2.0
    pacer.decide(Snapshot(0.0, 0, talking=(1.0,) * 4, waiting=(0.5,)))
    # m = -1/4, times |0.2 - 1| = 0.8: 2 * (1 - 0.2)
    assert pacer.level == pytest.approx(1.6)
    other = Vicidial(SETTINGS, Mode.AVERAGE, intensity=20.0)
    other.decide(Snapshot(0.0, 1, talking=(1.0,) * 3))
    assert other.level == pytest.approx(1.3)  # 1 + 0.25 * 1.2


def test_the_level_stays_between_one_and_three() -> None:
    pacer = Vicidial(SETTINGS, Mode.AVERAGE)
    for beat in range(5):
        pacer.decide(Snapshot(15.0 * beat, 4))
    assert pacer.level == 3.0
    for beat in range(40):
        pacer.decide(Snapshot(100 + 15.0 * beat, 0, talking=(1.0,) * 4, waiting=(0.1,) * 3))
    assert pacer.level == 1.0


@pytest.mark.parametrize(
    ("mode", "level"),
    [
        (Mode.HARD_LIMIT, 1.0),
        (Mode.AVERAGE, 1.2),  # 2 * 1.2 / 2
        (Mode.TAPERED, 1.92),  # 2.4 * (1700 - 0900) / 1000
    ],
)
def test_what_happens_above_the_limit(mode: Mode, level: float) -> None:
    pacer = Vicidial(SETTINGS, mode)
    pacer.level = 2.0
    pacer.learn(ended(60))
    pacer.decide(Snapshot(0.0, 1, talking=(1.0,) * 4, live=100, abandoned=4))
    assert pacer.level == pytest.approx(level)


def test_three_in_a_hundred_is_not_above_three_percent() -> None:
    pacer = Vicidial(SETTINGS, Mode.HARD_LIMIT)
    pacer.level = 2.0
    pacer.learn(ended(60))
    pacer.decide(Snapshot(0.0, 1, talking=(1.0,) * 4, live=100, abandoned=3))
    assert pacer.level == pytest.approx(2.4)


def test_fifty_calls_are_too_few_to_judge() -> None:
    pacer = Vicidial(SETTINGS, Mode.HARD_LIMIT)
    pacer.level = 2.0
    pacer.learn(ended(50))
    pacer.decide(Snapshot(0.0, 1, talking=(1.0,) * 4, live=10, abandoned=9))
    assert pacer.level == pytest.approx(2.4)


def test_average_halves_again_with_figures_of_the_last_refresh() -> None:
    pacer = Vicidial(SETTINGS, Mode.AVERAGE)
    pacer.level = 3.0
    pacer.learn(ended(60))
    busy = (1.0,) * 4
    pacer.decide(Snapshot(0.0, 0, talking=busy, live=100, abandoned=4))
    pacer.decide(Snapshot(15.0, 0, talking=busy, live=1000, abandoned=4))  # not looked at yet
    assert pacer.level == 1.0
    pacer.level = 3.0
    pacer.decide(Snapshot(60.0, 0, talking=busy, live=1000, abandoned=4))
    assert pacer.level == 3.0


def test_a_minute_of_drops_halves_in_every_mode() -> None:
    pacer = Vicidial(SETTINGS, Mode.HARD_LIMIT)
    pacer.level = 3.0
    pacer.learn(ended(21))
    pacer.decide(Snapshot(0.0, 0, talking=(1.0,) * 4, live=21, abandoned=11))
    assert pacer.level == 1.5
