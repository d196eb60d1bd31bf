"""The figures of a report, each against a count by hand."""

from __future__ import annotations

import math
import random
from datetime import timedelta

import pytest

from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.reports import Quantiles
from dialer_engine.domain.units import AgentId, AttemptId, CampaignName
from dialer_engine.ports.store import AgentEventRow, AgentRow, RecordingRow
from dialer_engine.store import SqlStore
from tests.store.building import CARDS, LOANS, NOW, at, case, draft, end, fill


async def _dial(store: SqlStore) -> list[AttemptId]:
    """Six attempts: talk, talk, machine, abandoned, hung up early, busy; and one still open."""
    await fill(store, [case(index) for index in range(1, 8)])
    drafts = [draft(index, index) for index in range(1, 8)]
    await store.begin_attempts(drafts)
    ids = [d.id for d in drafts]
    await store.end_attempts(
        [
            end(ids[0], Outcome.COMPLETED, agent="1001", answered=5, bridged=5.25, ended=65),
            end(ids[1], Outcome.COMPLETED, agent="1002", answered=6, bridged=6.75, ended=36),
            end(ids[2], Outcome.MACHINE, answered=4, ended=8),
            end(ids[3], Outcome.ABANDONED, answered=4, ended=7),
            end(ids[4], Outcome.HUNG_UP_EARLY, answered=4, ended=4.5),
            end(ids[5], Outcome.BUSY),
        ],
        [],
    )
    return ids


async def test_counts_and_rates(store: SqlStore) -> None:
    ids = await _dial(store)
    await store.save_recordings(
        [RecordingRow(ids[0], "x", "verified"), RecordingRow(ids[2], "y", "silent")]
    )
    report = await store.report(LOANS, None, None)
    assert (report.campaign, report.since, report.until) == ("loans", None, None)
    assert (report.attempts, report.attempts_without_outcome) == (7, 1)
    assert (report.answered, report.live, report.bridged, report.abandoned) == (5, 4, 2, 1)
    assert report.answer_rate == 5 / 7
    assert report.abandonment_rate == 1 / 4
    assert report.outcomes == {
        "completed": 2, "abandoned": 1, "busy": 1, "hung_up_early": 1, "machine": 1,
    }  # fmt: skip
    assert (report.recordings_expected, report.recordings_verified) == (5, 1)
    assert report.recordings_failed == 1
    assert report.talk_s_mean == pytest.approx((59.75 + 29.25) / 2)
    assert report.trunks == [
        {"node": "pbx1", "trunk": "carrier", "attempts": 7, "answered": 5, "failed": 0}
    ]


async def test_waits_are_of_people_bridged_or_not(store: SqlStore) -> None:
    await _dial(store)
    report = await store.report(LOANS, None, None)
    assert report.answer_to_bridge_ms == Quantiles(250.0, 750.0, 750.0, 2)
    assert report.wait_s == Quantiles(0.5, 3.0, 3.0, 4)


async def test_a_second_bridge_does_not_hide_an_abandoned_call(store: SqlStore) -> None:
    """Bridged, then left by the agent, then abandoned: live once, abandoned once."""
    await fill(store, [case(1)])
    mine = draft(1, 1)
    await store.begin_attempts([mine])
    await store.end_attempts([end(mine.id, Outcome.ABANDONED, answered=1, bridged=2)], [])
    report = await store.report(LOANS, None, None)
    assert (report.live, report.bridged, report.abandoned) == (1, 1, 1)
    assert report.abandonment_rate == 1.0


async def test_nothing_is_none_not_zero(store: SqlStore) -> None:
    await store.save_campaign(Campaign(LOANS))
    report = await store.report(None, None, None)
    assert report.attempts == 0
    assert (report.answer_rate, report.abandonment_rate, report.utilization) == (None, None, None)
    assert report.wait_s == Quantiles()
    with pytest.raises(NotFound):
        await store.report(CampaignName("nobody"), None, None)


async def test_the_span_and_the_campaign_cut(store: SqlStore) -> None:
    await _dial(store)
    await fill(store, [case(50)], campaign=CARDS)
    await store.begin_attempts([draft(50, 50, campaign=CARDS)])
    assert (await store.report(None, None, None)).attempts == 8
    assert (await store.report(CARDS, None, None)).attempts == 1
    assert (await store.report(None, NOW, at(1))).attempts == 8
    assert (await store.report(None, None, NOW)).attempts == 0
    assert (await store.report(None, NOW + timedelta(seconds=1), None)).attempts == 0


async def test_percentiles_are_values_that_occurred(store: SqlStore) -> None:
    chance = random.Random(3)
    waits = [chance.randint(1, 4000) / 1000 for _ in range(150)]
    await fill(store, [case(index) for index in range(1, 151)])
    drafts = [draft(index, index) for index in range(1, 151)]
    await store.begin_attempts(drafts)
    ends = [
        end(d.id, Outcome.COMPLETED, answered=0, bridged=wait, ended=wait + 10)
        for d, wait in zip(drafts, waits, strict=True)
    ]
    await store.end_attempts(ends, [])
    ranked = sorted(waits)
    expected = [ranked[math.ceil(share * 150) - 1] for share in (0.5, 0.99, 1.0)]
    found = (await store.report(LOANS, None, None)).wait_s
    assert [found.p50, found.p99, found.max] == pytest.approx(expected)
    assert found.count == 150


async def test_utilization_is_of_those_who_may_serve_the_campaign(store: SqlStore) -> None:
    await store.save_campaign(Campaign(LOANS, skill="legal"))
    await store.save_campaign(Campaign(CARDS))
    ann, bob = AgentId("1001"), AgentId("1002")
    await store.save_agent(AgentRow(ann, skills=frozenset({"legal"})))
    await store.save_agent(AgentRow(bob))
    await store.agent_events(
        [
            AgentEventRow(ann, "login", NOW),
            AgentEventRow(bob, "login", NOW),
            AgentEventRow(ann, "talk", at(50)),
        ]
    )
    loans = await store.report(LOANS, None, at(100))
    cards = await store.report(CARDS, None, at(100))
    assert (loans.utilization, cards.utilization) == (0.5, 0.25)
    assert [row["agent"] for row in cards.agents] == ["1001", "1002"]


async def test_a_login_before_the_span_still_counts_in_it(store: SqlStore) -> None:
    ann = AgentId("1001")
    await store.agent_events(
        [
            AgentEventRow(ann, "login", at(-900)),
            AgentEventRow(ann, "logout", at(-800)),
            AgentEventRow(ann, "login", at(-500)),
            AgentEventRow(ann, "talk", at(-100)),
            AgentEventRow(ann, "idle", at(50)),
        ]
    )
    report = await store.report(None, NOW, at(100))
    assert report.utilization == 0.5
    assert report.agents[0]["logged_in_s"] == 100.0


async def test_without_an_end_the_day_lasts_until_now(url: str) -> None:
    store = SqlStore(url, utcnow=lambda: at(40))
    await store.open()
    await store.agent_events([AgentEventRow(AgentId("1001"), "login", NOW)])
    assert (await store.report(None, None, None)).agents[0]["logged_in_s"] == 40.0
    await store.close()


async def test_alarms_are_gathered_by_kind(store: SqlStore) -> None:
    ids = await _dial(store)
    await fill(store, [case(50)], campaign=CARDS)
    theirs = draft(50, 50, campaign=CARDS)
    await store.begin_attempts([theirs])
    await store.alarm("trunk", "the carrier refuses", at(1))
    await store.alarm("recording", "silent", at(2), ids[0])
    await store.alarm("recording", "missing", at(3), ids[1])
    await store.alarm("recording", "missing", at(4), theirs.id)
    loans = (await store.report(LOANS, None, None)).alarms
    assert [(row["kind"], row["count"]) for row in loans] == [("recording", 2), ("trunk", 1)]
    assert loans[0]["last"] == "missing"
    assert loans[0]["attempt"] == ids[1]
    assert loans[0]["last_at"] == at(3).isoformat()
    everywhere = (await store.report(None, NOW, at(3))).alarms
    assert [(row["kind"], row["count"]) for row in everywhere] == [("recording", 1), ("trunk", 1)]
