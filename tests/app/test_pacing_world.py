"""The world of `pacing simulate`: what was given, over what was learned, over what the campaign says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dialer_engine.app.pacing_world import Asked, campaign_from, memory_from, policies, world
from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import CampaignName
from dialer_engine.pacing.pacer import pacer_for
from dialer_engine.pacing.snapshot import CallEnd
from dialer_engine.sim.floor import Day, Law, TalkKind, run_day

ROW = {
    "name": "spring", "mode": "progressive", "state": "started", "period": "day", "wrap_up_s": 12.0,
    "ring_timeout_s": 20.0, "min_ring_s": 15.0, "target": 0.02, "max_ringing_per_agent": 6.0, "today": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def learned() -> dict[str, Any]:
    """Two hours of a floor whose figures are not the defaults."""
    campaign = Campaign(CampaignName("spring"), mode=DialMode.PREDICTIVE)
    pacer = pacer_for(campaign)
    day = Day(
        agents=20, answer_rate=0.4, length_s=3600.0, talks=(TalkKind(1.0, Law(60.0, 0.5)),),
        wrap=Law(10.0, 0.5), ring=Law(6.0, 0.4),
    )  # fmt: skip
    run_day(day, pacer, 1)
    return {
        "format": 1,
        "campaign": "spring",
        "lists": ["spring"],
        "groups": [""],
        "nodes": {"main": pacer.memory()},
    }


def test_without_a_campaign_it_is_the_house_of_the_benchmark() -> None:
    made = world(Asked())
    assert made.campaign.mode is DialMode.PREDICTIVE
    assert made.day.answer_rate == Day().answer_rate
    assert set(made.origin.values()) == {"default"}


def test_what_is_given_wins() -> None:
    made = world(
        Asked(
            agents=7,
            answer_rate=0.5,
            talk_s=30.0,
            wrap_up_s=0.0,
            hours=2.0,
            channels=9,
            target=0.01,
        ),
        ROW,
    )
    assert (made.day.agents, made.day.answer_rate, made.day.trunks) == (7, 0.5, 9)
    assert (made.day.talks[0].law.mean, made.day.wrap.mean, made.day.length_s) == (
        30.0,
        0.0,
        7200.0,
    )
    assert made.campaign.target == 0.01
    assert made.origin["talk_s"] == "given"
    assert made.figures()["channels"] == 9


def test_the_campaign_sets_the_limits() -> None:
    made = world(Asked(), ROW, agents=4)
    assert (made.day.ring_timeout_s, made.day.max_ringing_per_agent, made.day.wrap.mean) == (
        20.0,
        6.0,
        12.0,
    )
    assert made.campaign.target == 0.02
    assert (made.day.agents, made.origin["agents"]) == (4, "campaign")
    late = next(one for one in made.day.failures if one.end is CallEnd.NO_ANSWER)
    assert late.ring.mean == 20.0
    assert world(Asked(agents=3), ROW, agents=4).day.agents == 3


def test_what_was_learned_is_read_back(learned: dict[str, Any]) -> None:
    made = world(Asked(), ROW | {"ring_timeout_s": 25.0}, learned)
    assert made.day.answer_rate == pytest.approx(0.4, abs=0.06)
    assert made.day.talks[0].law.mean == pytest.approx(60.0, rel=0.15)
    assert made.day.talks[0].law.cv == pytest.approx(0.5, abs=0.25)
    assert made.day.wrap.mean == pytest.approx(10.0, rel=0.25)
    assert made.day.ring.mean == pytest.approx(6.0, rel=0.2)
    assert made.memory is not None
    assert made.origin["talk_s"] == "learned"
    shares = sum(one.share for one in made.day.failures)
    assert shares == pytest.approx(1.0 - made.day.answer_rate, abs=0.02)


def test_a_learned_world_is_paced_as_the_real_one(learned: dict[str, Any]) -> None:
    made = world(Asked(agents=20, hours=0.5), ROW | {"ring_timeout_s": 25.0}, learned)
    found = run_day(made.day, pacer_for(made.campaign, made.memory, DialMode.PREDICTIVE), 3)
    assert found.abandonment < 0.06
    assert found.utilization > 0.8


@pytest.mark.parametrize(
    "wrong", [{}, {"format": 2, "nodes": {"a": {}}}, {"format": 1, "nodes": {}}]
)
def test_a_file_that_is_no_export_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match="pacing export"):
        memory_from(wrong)


def test_policies() -> None:
    plain = Campaign(CampaignName("x"), mode=DialMode.RATIO)
    assert policies((), plain) == (DialMode.RATIO,)
    assert policies((), replace(plain, mode=DialMode.MANUAL)) == (DialMode.PREDICTIVE,)
    assert policies(("predictive", "predictive"), plain) == (DialMode.PREDICTIVE,)
    with pytest.raises(BadValue):
        policies(("robot",), plain)
    assert campaign_from(ROW, Asked(ratio=2.0)).ratio == 2.0
