"""What the observer makes of the PBX's events."""

from __future__ import annotations

import pytest

from tools.bench.observer import Story
from tools.bench.ramp import rate_seen

ATTEMPT, LEG = "a-1", "g-1"


def _event(name: str, at: float, channel: str, **headers: str) -> dict[str, str]:
    return {"Event": name, "Timestamp": str(at), "Uniqueid": channel, **headers}


def _life(story: Story) -> None:
    talk = {"BridgeTechnology": "simple_bridge", "BridgeUniqueid": "b-1"}
    hold = {"BridgeTechnology": "holding_bridge", "BridgeUniqueid": "h-1"}
    for event in (
        _event("Newstate", 1.0, ATTEMPT, ChannelState="5"),
        _event("Newstate", 2.0, ATTEMPT, ChannelState="6"),
        _event("UserEvent", 2.25, ATTEMPT, UserEvent="DialerAnswered"),
        _event("BridgeEnter", 2.5, ATTEMPT, **hold),
        _event("BridgeEnter", 3.0, ATTEMPT, **talk),
        _event("BridgeEnter", 3.5, LEG, **talk),
        _event("Hangup", 9.0, ATTEMPT),
    ):
        story.take(event)


def test_an_attempt_is_bridged_when_the_second_leg_has_entered() -> None:
    story = Story()
    _life(story)
    one = story.attempts[ATTEMPT]
    assert (one.seen, one.up, one.told, one.held, one.bridged, one.ended) == pytest.approx(
        (1.0, 2.0, 2.25, 2.5, 3.5, 9.0)
    )
    assert story.events == 7
    assert LEG not in story.attempts


def test_the_stretch_counts_what_begins_and_is_answered_in_it() -> None:
    story = Story()
    _life(story)
    assert (story.begun(0, 5), story.begun(1.5, 5)) == (1, 0)
    assert (len(story.answered(1.5, 5)), len(story.answered(0, 1.5))) == (1, 0)


def test_what_had_begun_before_does_not_begin_again() -> None:
    story = Story(older=frozenset({ATTEMPT}))
    _life(story)
    assert story.begun(0, 5) == 0


def _bursts(rate: float, phase: float, lost: int = 0) -> Story:
    """What a dialler of four ticks a second begins in five seconds."""
    story, each, serial = Story(), round(rate / 4), 0
    for tick in range(20):
        for i in range(each - (lost if tick == 10 else 0)):
            serial += 1
            at = phase + tick * 0.25 + i * 0.001
            story.take(_event("Newstate", at, f"a-{serial}", ChannelState="0"))
    return story


@pytest.mark.parametrize("phase", [0.0, 0.01, 0.12, 0.2, 0.24])
def test_the_rate_of_bursts_does_not_hang_on_when_one_looks(phase: float) -> None:
    assert rate_seen(_bursts(200, phase), 0.06, 4.06) == pytest.approx(200, rel=0.01)


def test_a_late_call_is_missed_and_not_forgiven() -> None:
    assert rate_seen(_bursts(200, 0.1, lost=20), 0.0, 4.0) == pytest.approx(200 - 20 / 3.75)


def test_nothing_dialled_is_no_rate() -> None:
    assert rate_seen(Story(), 0.0, 4.0) == 0.0
