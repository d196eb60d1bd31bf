"""Each behaviour of the world, as the books have it: outcome, Q.850 cause, SIP status, and exactly
one of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.feed import Feed
from tests.e2e.floor import RING_TIMEOUT_S, Attempt, Floor, open_floor
from tools.lab.mix import number_for as number_that

pytestmark = pytest.mark.pbx
AGENTS = 8
# kind: outcome, cause, SIP status. Sources: the table of domain/outcome.py, and what the world sends
# (docker/asterisk/world/extensions.conf).
PLAIN: dict[str, tuple[str, int, int | None]] = {
    "talk": ("completed", 16, None),
    "busy": ("busy", 17, 486),
    "no_answer": ("no_answer", 19, None),
    "declined": ("rejected", 21, 603),
    "unallocated": ("invalid_number", 1, 404),
    "switched_off": ("switched_off", 19, 480),
    "codec": ("incompatible", 58, 488),
    "silence": ("completed", 16, None),
    "reinvite": ("completed", 16, None),
}
# An announcement in early media comes first: the network goes on "ringing" while it speaks.
SAID: dict[str, tuple[str, int, int | None]] = {
    "unallocated_said": ("invalid_number", 1, 404),
    "suspended_said": ("out_of_service", 22, 410),
}
SAID_RING_S = 25.0
RING_SLACK_S = 0.6
VARIANTS = 2


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    with open_floor(tmp_path_factory.mktemp("e2e"), agents=AGENTS) as opened:
        opened.site.add_agents(AGENTS)
        opened.site.wait_idle(AGENTS)
        yield opened


@pytest.fixture
def floor(shared: Floor) -> Iterator[Floor]:
    """Each test begins with no call up, carriers that take calls, and agents who are free."""
    yield shared
    shared.clear()
    shared.all_idle(AGENTS)


@pytest.fixture(scope="module")
def plain(shared: Floor) -> dict[str, list[Attempt]]:
    """One campaign over all plain kinds."""
    numbers = [number_that(kind, i) for kind in PLAIN for i in range(VARIANTS)]
    return shared.run("plain", numbers)


def test_announcements_before_the_answer(floor: Floor) -> None:
    rows = floor.run("said", [number_that(kind) for kind in SAID], ring_timeout_s=SAID_RING_S)
    for kind, expected in SAID.items():
        found = rows[number_that(kind)]
        assert [(one.outcome, one.cause, one.sip) for one in found] == [expected]


@pytest.mark.parametrize("kind", PLAIN)
def test_plain_kinds(floor: Floor, plain: dict[str, list[Attempt]], kind: str) -> None:
    for i in range(VARIANTS):
        number = number_that(kind, i)
        rows = plain[number]
        assert len(rows) == 1
        assert (rows[0].outcome, rows[0].cause, rows[0].sip) == PLAIN[kind]
        assert len(floor.world.calls([number])) == 1


def test_no_answer_rang_as_long_as_it_was_to_ring(
    floor: Floor, plain: dict[str, list[Attempt]]
) -> None:
    number = number_that("no_answer")
    row = plain[number][0]
    assert row.ended_at is not None
    assert row.ended_at - row.planned_at > RING_TIMEOUT_S - RING_SLACK_S
    # How long it rang is told by the far end: the books count the way there and back too.
    floor.until(lambda: not floor.world.up(), "free of calls in the world")
    (call,) = floor.world.calls([number])
    assert call.went is not None
    assert call.went - call.came == pytest.approx(RING_TIMEOUT_S, abs=RING_SLACK_S)


def test_every_recording_matches(floor: Floor, plain: dict[str, list[Attempt]]) -> None:
    floor.matched()
    status = dict(floor.rows("select attempt_id, status from recordings"))
    answered = [one for rows in plain.values() for one in rows if one.answered_at]
    assert len(answered) == 3 * VARIANTS
    assert {status.get(one.id) for one in answered} == {"verified"}


def test_permits_are_kept_with_each_attempt(plain: dict[str, list[Attempt]]) -> None:
    assert all(len(one.permit) > 2 for rows in plain.values() for one in rows)


def test_machines_are_told_from_people(floor: Floor) -> None:
    machines = [number_that("machine", i) for i in range(3)]
    people = [number_that("talk", 5 + i) for i in range(2)]
    rows = floor.run("machines", [*machines, *people], amd=True)
    told = [rows[number][0] for number in machines]
    assert [one.outcome for one in told] == ["machine"] * 3
    assert all(one.verdict == "machine" and one.agent is None for one in told)
    assert [rows[number][0].outcome for number in people] == ["completed"] * 2
    assert [rows[number][0].verdict for number in people] == ["human"] * 2


def test_hung_up_before_an_agent_was_on_the_line(floor: Floor) -> None:
    numbers = [number_that("answer_hangup", i) for i in range(3)]
    rows = floor.run("early", numbers, amd=True)
    assert [rows[number][0].outcome for number in numbers] == ["hung_up_early"] * 3
    assert all(rows[number][0].answered_at for number in numbers)
    assert all(rows[number][0].agent is None for number in numbers)


def test_answer_that_crosses_our_cancel_has_one_outcome(floor: Floor) -> None:
    numbers = [number_that("cancel_cross", i) for i in range(AGENTS)]
    rows = floor.run("cross", numbers)
    for number in numbers:
        assert len(rows[number]) == 1
        one = rows[number][0]
        # Before the cancel, it is a talk; after it, nobody was reached; in the same moment,
        # somebody picked up and heard nobody, which counts as abandoned.
        assert one.outcome in ("completed", "no_answer", "abandoned")
        assert (one.outcome == "completed") == (one.bridged_at is not None)
    floor.until(lambda: not floor.world.up(), "free of calls in the world")


def test_nobody_free_means_the_message_and_not_before_the_limit(floor: Floor) -> None:
    agents = [str(1001 + i) for i in range(AGENTS)]
    for one in agents[1:]:
        floor.site.api.post(f"/agents/{one}/pause", {"reason": "rest"})
    numbers = [number_that("long_talk", i) for i in range(4)]
    ears = {n: floor.world.overhear(n, f"abandoned-{i}") for i, n in enumerate(numbers)}
    name = floor.campaign("abandoned", numbers, mode="ratio", ratio=4.0)
    floor.start(name)
    floor.until(lambda: len([a for a in floor.attempts(name) if a.outcome]) == 3, "three abandoned")
    for call in floor.calls(campaign=name):
        floor.site.api.post(f"/calls/{call['attempt']}/hangup")
    floor.settled(name, set(numbers))
    for one in agents[1:]:
        floor.site.api.post(f"/agents/{one}/resume")
    rows = floor.attempts(name)
    assert sorted(str(one.outcome) for one in rows) == ["abandoned"] * 3 + ["completed"]
    for row in (row for row in rows if row.outcome == "abandoned"):
        _heard_the_message(floor, row, ears[row.number])
        assert row.agent is None
        assert row.bridged_at is None


def _heard_the_message(floor: Floor, row: Attempt, ear: Path) -> None:
    """At the debtor's end: silence until the limit of 2 s, then somebody speaks."""
    heard = floor.heard(ear)[:, 0]
    floor.until(lambda: floor.world.calls([row.number])[0].went, "hung up")
    (call,) = floor.world.calls([row.number])
    assert row.answered_at is not None
    assert call.went is not None
    # The ear is there a moment late, and to the end.
    missed = (call.went - row.answered_at) - len(heard) / 8000
    loud = [
        i / 50 for i in range(len(heard) // 160) if abs(heard[i * 160 : i * 160 + 160]).max() > 500
    ]
    assert loud, "the debtor heard nothing at all"
    assert 1.9 <= missed + loud[0] <= 3.0
    assert len(loud) > 50, "the message has at least a second of voice"


def test_congestion_goes_to_the_next_trunk_with_a_permit_of_its_own(floor: Floor) -> None:
    numbers = [number_that("long_talk", 5 + i) for i in range(2)]
    floor.lab.congest("carrier-a")
    try:
        name = floor.campaign("failover", numbers)
        floor.start(name)
        floor.until(lambda: len(floor.calls(campaign=name, phase="talking")) == 2, "two talks")
    finally:
        floor.lab.congest("carrier-a", False)
    for call in floor.calls(campaign=name):
        floor.site.api.post(f"/calls/{call['attempt']}/hangup")
    floor.settled(name, set(numbers))
    floor.site.api.post(f"/campaigns/{name}/stop")
    for number in numbers:
        first, second = [one for one in floor.attempts(name) if one.number == number]
        assert (first.outcome, first.trunk, first.sip) == ("congestion", "carrier-a", 503)
        assert (second.outcome, second.trunk) == ("completed", "carrier-b")
        assert first.permit != second.permit
        assert [c.where for c in floor.world.calls([number])] == ["carrier-a", "carrier-b"]
        days = floor.rows(
            "select attempts from number_days where number_key = ?", floor.key_of(number)
        )
        assert days == [(2,)]


def test_a_number_congested_everywhere_waits_for_its_retry(floor: Floor) -> None:
    number = number_that("congestion", 3)
    rows = floor.run("everywhere", [number], least=2)[number]
    assert [(one.outcome, one.trunk) for one in rows] == [
        ("congestion", "carrier-a"),
        ("congestion", "carrier-b"),
    ]
    due = floor.rows(
        "select cc.due_at / 1e6, cc.tries from campaign_cases cc join campaigns c on c.id = cc.campaign_id "
        "where c.name = 'everywhere'"
    )
    assert rows[1].ended_at is not None
    # strategies/default.yaml: 300 seconds after congestion.
    assert due[0][0] == pytest.approx(rows[1].ended_at + 300, abs=2.0)


def test_nothing_impossible_has_happened(floor: Floor) -> None:
    floor.quiet()
    engine = floor.site.api.get("/status")["engine"]
    assert engine["illegal_transitions"] == {}
    assert (engine["event_failures"], engine["task_failures"], engine["unknown"]) == (0, 0, 0)
    floor.until(lambda: not floor.world.up(), "free of calls in the world")


def test_the_feed_tells_each_outcome_once(floor: Floor) -> None:
    feed = Feed(floor.site, "calls")
    numbers = [number_that("busy", 8), number_that("unallocated", 8)]
    floor.run("told", numbers)
    floor.until(lambda: len(feed.named("outcome")) >= 2, "both told")
    assert sorted(one["outcome"] for one in feed.named("outcome")) == ["busy", "invalid_number"]
    feed.close()
