"""The two simplest pacers: what they ask for, and what they must never ask for."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import CampaignName
from dialer_engine.pacing.guard import Guarded
from dialer_engine.pacing.pacer import ByHand, FixedRatio, Progressive, pacer_for
from dialer_engine.pacing.predictive import Predictive
from dialer_engine.pacing.snapshot import Decision, News, Snapshot

ages = st.lists(st.floats(0, 1e4), max_size=40).map(tuple)
ratios = st.floats(1.0, 20.0)
snapshots = st.builds(
    Snapshot,
    at=st.floats(0, 1e9),
    idle=st.integers(0, 500),
    talking=ages,
    wrapping=ages,
    ringing=ages,
    waiting=ages,
    connecting=st.integers(0, 50),
    room=st.integers(-5, 1000),
    abandoned=st.integers(0, 50),
    live=st.integers(50, 5000),
)


def ask(ratio: float, idle: int, ringing: int = 0, waiting: int = 0, room: int = 1000) -> Decision:
    calls = (1.0,) * ringing, (1.0,) * waiting
    return FixedRatio(ratio).decide(
        Snapshot(0.0, idle, ringing=calls[0], waiting=calls[1], room=room)
    )


@given(snapshots, ratios)
def test_never_below_nought_nor_above_the_room_nor_without_an_agent(
    snapshot: Snapshot, ratio: float
) -> None:
    decision = FixedRatio(ratio).decide(snapshot)
    assert 0 <= decision.originate <= max(0, snapshot.room)
    if snapshot.idle == 0:
        assert decision.originate == 0
        assert decision.why == "no agent is available"
    assert decision.why


@given(snapshots, ratios)
def test_lines_in_flight_never_exceed_the_ratio_by_its_own_doing(
    snapshot: Snapshot, ratio: float
) -> None:
    new = FixedRatio(ratio).decide(snapshot).originate
    if new:
        in_flight = len(snapshot.ringing) + len(snapshot.waiting)
        assert in_flight + new <= ratio * snapshot.idle + 1e-6


@given(snapshots, ratios, ratios)
def test_a_higher_ratio_never_asks_for_less(snapshot: Snapshot, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert FixedRatio(low).decide(snapshot).originate <= FixedRatio(high).decide(snapshot).originate


@given(snapshots)
def test_progressive_is_the_ratio_of_one_and_never_more_lines_than_agents(
    snapshot: Snapshot,
) -> None:
    new = Progressive().decide(snapshot).originate
    assert new == FixedRatio(1.0).decide(snapshot).originate
    assert not new or new + len(snapshot.ringing) + len(snapshot.waiting) <= snapshot.idle


@pytest.mark.parametrize(
    ("ratio", "idle", "ringing", "waiting", "room", "expected"),
    [
        (1.0, 5, 0, 0, 1000, 5),
        (1.0, 5, 3, 1, 1000, 1),
        (1.0, 5, 9, 0, 1000, 0),
        (1.5, 3, 0, 0, 1000, 4),
        (1.1, 10, 0, 0, 1000, 11),
        (2.0, 5, 4, 0, 3, 3),
        (2.0, 5, 0, 0, 0, 0),
        (20.0, 2, 0, 0, 1000, 24),
    ],
)
def test_floor_of_ratio_times_idle_less_what_is_in_flight(
    ratio: float, idle: int, ringing: int, waiting: int, room: int, expected: int
) -> None:
    assert ask(ratio, idle, ringing, waiting, room).originate == expected


def test_the_decision_explains_itself() -> None:
    assert ask(2.0, 5, room=3).why == "10 wanted, the trunks have room for 3"
    assert ask(2.0, 5).why == "2 lines for each available agent, of whom there are 5"
    numbers = ask(1.5, 4, ringing=2, waiting=1).numbers
    assert numbers == {"idle": 4, "in_flight": 3, "ratio": 1.5, "wanted": 3}


def test_a_ratio_below_one_or_none_at_all_is_refused() -> None:
    """Found: not-a-number went through, and raised in the middle of a campaign."""
    for bad in (0.99, 0.0, -1.0, math.nan):
        with pytest.raises(BadValue, match="at least 1"):
            FixedRatio(bad)


def test_each_mode_has_its_pacer() -> None:
    inner = {
        DialMode.PROGRESSIVE: Progressive,
        DialMode.RATIO: FixedRatio,
        DialMode.PREDICTIVE: Predictive,
    }
    for mode in DialMode:
        pacer = pacer_for(Campaign(CampaignName("loans"), mode=mode, ratio=2.0))
        if mode in inner:
            assert isinstance(pacer, Guarded)
            assert type(pacer.pacer) is inner[mode]
        wanted = pacer.decide(Snapshot(0.0, 3)).originate
        assert (wanted > 0) == (mode is not DialMode.MANUAL)


def test_what_cannot_be_read_as_learned_is_refused() -> None:
    campaign = Campaign(CampaignName("loans"), mode=DialMode.PREDICTIVE)
    junks: tuple[dict[str, object], ...] = (
        {"rings": 7},
        {"rings": {"lists": {"x": {}}}},
        {"talk": {"groups": {"0": "much"}}},
    )
    for junk in junks:
        with pytest.raises(BadValue, match="cannot be read"):
            pacer_for(campaign, junk)


def test_what_was_learned_survives_as_json() -> None:
    campaign = Campaign(CampaignName("loans"), mode=DialMode.PREDICTIVE)
    pacer = pacer_for(campaign)
    pacer.learn(News(call_end=(0, 3), call_ring_s=(4.0, 25.0), talk_s=(100.0,), wrap_s=(10.0,)))
    pacer.decide(Snapshot(0.0, 3))
    kept = json.loads(json.dumps(pacer.memory()))
    again = pacer_for(campaign, kept)
    assert json.loads(json.dumps(again.memory())).keys() == kept.keys()


def test_lines_without_agents_are_cancelled() -> None:
    """Progressive keeps a line for each who is idle; a ratio what it would dial for all at work."""
    ringing = (20.0, 3.0, 1.0, 16.0)
    shot = Snapshot(0.0, 1, talking=(5.0,), ringing=ringing)
    assert Progressive().decide(shot).cancel == (0, 3, 2)
    assert FixedRatio(2.0).decide(shot).cancel == ()
    assert FixedRatio(1.5).decide(shot).cancel == (0,)
    assert FixedRatio(1.5).decide(Snapshot(0.0, 0, ringing=ringing)).cancel == (0, 3, 2, 1)


def test_preview_shows_a_case_to_each_idle_agent_and_manual_none() -> None:
    assert ByHand(shows=True).decide(Snapshot(0.0, 4, ringing=(1.0,))).originate == 4
    assert ByHand(shows=True).decide(Snapshot(0.0, 4, room=0)).originate == 0
    assert ByHand(shows=False).decide(Snapshot(0.0, 4)).originate == 0
