"""Campaigns without agents, and cases that one agent holds, on a real Asterisk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.floor import Floor, open_floor
from tools.lab.mix import number_for as number_that

pytestmark = pytest.mark.pbx
# Longer than anybody of this world listens.
_LONG = "&".join(["hello-world"] * 8)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    with open_floor(tmp_path_factory.mktemp("robot"), agents=1) as opened:
        opened.site.add_agents(1)
        opened.site.wait_idle(1)
        yield opened


@pytest.fixture
def floor(shared: Floor) -> Iterator[Floor]:
    """Each test begins with no call up, and an agent who is free."""
    yield shared
    shared.clear()
    shared.all_idle(1)


def test_who_answers_a_robot_hears_its_message(floor: Floor) -> None:
    numbers = [number_that("silence", 0), number_that("busy", 0), number_that("no_answer", 0)]
    rows = floor.run("robot", numbers, mode="robot", robot_message="hello-world", robot_cps=5.0)
    outcomes = {number: [one.outcome for one in rows[number]] for number in numbers}
    assert list(outcomes.values()) == [["message"], ["busy"], ["no_answer"]]
    heard = rows[numbers[0]][0]
    assert heard.agent is None
    assert heard.bridged_at is None
    assert heard.answered_at is not None
    assert heard.waited_s is None


def test_who_hangs_up_during_the_message_hung_up_early(floor: Floor) -> None:
    number = number_that("talk", 1)
    rows = floor.run("long", [number], mode="robot", robot_message=_LONG, robot_cps=5.0)
    assert [one.outcome for one in rows[number]] == ["hung_up_early"]


def test_a_message_that_the_pbx_does_not_have_is_no_success(floor: Floor) -> None:
    number = number_that("silence", 2)
    rows = floor.run(
        "missing", [number], mode="robot", robot_message="no-such-sound", robot_cps=5.0
    )
    (row,) = rows[number]
    assert row.outcome == "abandoned"
    assert "cannot play the message" in (row.detail or "")


def test_an_agent_dials_a_case_by_hand(floor: Floor) -> None:
    number = number_that("talk", 3)
    name = floor.campaign("hand", [number], mode="manual")
    floor.start(name)
    agent = floor.site.api.get("/agents")[0]["id"]
    found = floor.rows(
        "select c.reference from cases c join campaign_cases cc on cc.case_id = c.id"
        " join campaigns g on g.id = cc.campaign_id where g.name = 'hand'"
    )
    floor.site.api.post(f"/agents/{agent}/dial", {"campaign": "hand", "reference": found[0][0]})
    floor.until(
        lambda: [one.outcome for one in floor.attempts("hand")] == ["completed"], "completed"
    )
    assert floor.attempts("hand")[0].agent == agent
