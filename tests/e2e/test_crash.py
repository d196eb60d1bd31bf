"""`kill -9` of the daemon in the middle of a busy campaign: talks and recordings go on, and after the
restart the books are whole.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator

import pytest

from tests.e2e.floor import Floor, open_floor
from tools.lab.mix import number_for as number_that
from tools.rig.people import numbers as drama_numbers

pytestmark = pytest.mark.pbx
AGENTS = 8
LONG = 2
FLUSH_S = 20.0
# Sound that a start of the daemon at the switch's priority takes on two cores: docs/limits.md, "Recordings".
START_COSTS_S = 0.15
# Busy: everything that can be going on at the moment of the kill.
WEIGHTS = {"talk": 55, "busy": 8, "no_answer": 8, "declined": 5, "machine": 6, "congestion": 4,
           "answer_hangup": 6, "silence": 4, "reinvite": 4}  # fmt: skip


@pytest.fixture
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    folder = tmp_path_factory.mktemp("e2e")
    with open_floor(folder, agents=AGENTS, world={"weights": WEIGHTS}) as opened:
        opened.site.add_agents(AGENTS)
        opened.site.wait_idle(AGENTS)
        yield opened


def _kill(floor: Floor, talks: dict[str, str]) -> None:
    """One kill and what must survive it."""
    before = {attempt: floor.recorded(attempt) for attempt in talks.values()}
    up = {one.uniqueid for one in floor.world.calls(talks)}
    floor.site.kill()
    # Asterisk writes a recording by blocks of two seconds.
    deadline = time.monotonic() + FLUSH_S
    grows = set(before)
    while grows and time.monotonic() < deadline:
        grows -= {attempt for attempt, size in before.items() if floor.recorded(attempt) > size}
        time.sleep(0.05)
    assert not grows, "a recording stopped with the daemon"
    assert up <= floor.world.up(), "a talk ended with the daemon"
    floor.site.start()


def _after(floor: Floor, talks: dict[str, str]) -> None:
    """What must be known again after a restart."""
    live = {one["attempt"]: one for one in floor.calls()}
    for attempt in talks.values():
        assert live[attempt]["phase"] == "talking"
        assert floor.line(live[attempt]["agent"]) == "in_call"
    for agent in floor.site.api.get("/agents"):
        assert agent["presence"] == "ready"
        assert len(floor.world.phone_calls(int(agent["id"]))) == 1, "a phone was called again"


def _crash(floor: Floor, times: int, seed: int) -> None:
    dice = random.Random(seed)
    talks = floor.talk("long", [number_that("long_talk", i) for i in range(LONG)])
    dialled = [number for number, _ in zip(drama_numbers(), range(400), strict=False)]
    name = floor.campaign("busy", dialled, mode="ratio", ratio=2.0)
    floor.start(name)
    for _ in range(times):
        time.sleep(dice.uniform(0.5, 3.0))
        _kill(floor, talks)
        _after(floor, talks)
    count = len(floor.attempts(name))
    floor.until(lambda: len(floor.attempts(name)) >= count + AGENTS, "dialling again")
    floor.site.api.post(f"/campaigns/{name}/pause")
    floor.hang_up(talks.values())
    floor.quiet()
    floor.never_twice()
    floor.until(lambda: not floor.world.up(), "free of calls in the world")
    floor.matched()
    _books(floor, talks, times)


def _books(floor: Floor, talks: dict[str, str], times: int) -> None:
    rows = {one.id: one for one in floor.attempts()}
    for attempt in talks.values():
        # One talk over all the restarts, with a recording of its full length.
        assert rows[attempt].outcome == "completed"
        assert rows[attempt].recovered
        assert (rows[attempt].talk_s or 0) > times * 1.0
        query = "select talk_s - duration_s, problems from recordings where attempt_id = ?"
        [(short, problems)] = floor.rows(query, attempt)
        assert short < 1.0 + times * START_COSTS_S
        assert json.loads(problems) in ([], ["too_short"])
    report = floor.site.api.get("/report")
    assert report["attempts_without_outcome"] == 0
    found = report["recordings_verified"] + report["recordings_failed"]
    assert found == report["recordings_expected"]
    # Nothing is missing; on a machine that cannot keep up some of the sound of others may be.
    assert not floor.rows("select 1 from recordings where status = 'missing'")
    status = floor.site.api.get("/status")
    assert status["engine"]["illegal_transitions"] == {}
    assert all(trunk["in_use"] == 0 for trunk in status["trunks"])
    floor.site.wait_idle(AGENTS)


def test_kill_in_the_middle_of_a_busy_campaign(floor: Floor) -> None:
    _crash(floor, 1, seed=1)


def _one_talks_and_one_waits(floor: Floor, name: str, variant: int) -> tuple[str, str]:
    """With one agent at work: numbers of the debtor who talks and of the one who waits."""
    for one in floor.site.api.get("/agents")[1:]:
        floor.site.api.post(f"/agents/{one['id']}/pause", {"reason": "rest"})
    numbers = [number_that("long_talk", variant), number_that("long_talk", variant + 1)]
    # Waits long enough for this test to see it, however busy the machine is.
    floor.start(floor.campaign(name, numbers, mode="ratio", ratio=2.0, wait_limit_s=30.0))
    floor.until(
        lambda: (
            sorted(one["phase"] for one in floor.calls(campaign=name)) == ["talking", "waiting"]
        ),
        "one talks and one waits",
    )
    floor.site.kill()
    by_id = {one.id: one.number for one in floor.attempts()}
    ami_free = [n for n in by_id.values() if n in numbers]
    assert sorted(ami_free) == sorted(numbers)
    talks = floor.lab.command("pbx", "core show channels concise").splitlines()
    bridged = [line.split("!") for line in talks if line.count("!") > 10]
    in_talk = [row for row in bridged if row[-2] and sum(r[-2] == row[-2] for r in bridged) == 2]
    talker = next(by_id[row[-1]] for row in in_talk if row[-1] in by_id)
    return talker, next(number for number in numbers if number != talker)


def test_killed_while_a_debtor_waits_who_then_gets_an_agent(floor: Floor) -> None:
    # Longer than the next daemon takes to start: nobody is to hear the message of the PBX before.
    floor.site.configure({"safe_harbour.pbx_wait_s": 30})
    floor.site.api.post("/reload")
    talker, _ = _one_talks_and_one_waits(floor, "waits", 4)
    floor.world.hang_up(floor.world.calls([talker])[0])
    floor.site.start()
    floor.until(lambda: floor.calls(campaign="waits", phase="talking"), "the other one talks")
    floor.hang_up([one["attempt"] for one in floor.calls()])
    floor.quiet()
    assert {one.outcome for one in floor.attempts("waits")} == {"completed"}
    floor.never_twice()


@pytest.mark.slow
def test_nobody_is_put_through_to_a_debtor_who_hears_the_message(floor: Floor) -> None:
    ear = floor.world.overhear(number_that("long_talk", 6), "first")
    other = floor.world.overhear(number_that("long_talk", 7), "second")
    talker, waiter = _one_talks_and_one_waits(floor, "message", 6)
    floor.world.hang_up(floor.world.calls([talker])[0])
    # The PBX gives the dead daemon five seconds, then speaks by itself for about four.
    floor.until_context("dialer-abandon")
    floor.site.start()
    floor.site.wait_idle(1)
    floor.quiet()
    rows = {one.number: one for one in floor.attempts("message")}
    assert rows[waiter].outcome == "abandoned"
    assert rows[waiter].bridged_at is None
    heard = floor.heard(ear if waiter == number_that("long_talk", 6) else other)[:, 0]
    loud = [i for i in range(len(heard) // 160) if abs(heard[i * 160 : i * 160 + 160]).max() > 500]
    assert loud[-1] - loud[0] > 50 * 3, "the message was cut short"
    floor.never_twice()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_kills_at_random_moments(floor: Floor) -> None:
    _crash(floor, 10, seed=2)
