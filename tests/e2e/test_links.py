"""The link to the PBX is cut, goes deaf, or the PBX itself dies: nobody is dialled twice, and every
attempt gets its outcome.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.feed import Feed
from tests.e2e.floor import Floor, open_floor
from tools.lab.mix import number_for as number_that
from tools.rig.people import numbers as drama_numbers

pytestmark = pytest.mark.pbx
AGENTS = 4
QUICK = {"pbx.nodes.0.ping_interval_s": 1, "pbx.nodes.0.ping_deadline_s": 1}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    folder = tmp_path_factory.mktemp("e2e")
    with open_floor(folder, agents=AGENTS, proxied=True, changes=QUICK) as opened:
        opened.site.add_agents(AGENTS)
        opened.site.wait_idle(AGENTS)
        yield opened


@pytest.fixture
def floor(shared: Floor) -> Iterator[Floor]:
    """Each test begins with a whole link, no call up, and agents who are free."""
    yield shared
    shared.clear()
    shared.all_idle(AGENTS)


def _ready(floor: Floor) -> bool:
    return bool(floor.site.api.get("/status")["nodes"][0]["ready"])


def test_pbx_killed_and_restarted(floor: Floor) -> None:
    talks = floor.talk("killed", [number_that("long_talk", 5), number_that("long_talk", 6)])
    dialled = [number for number, _ in zip(drama_numbers(), range(200), strict=False)][100:]
    name = floor.campaign("afterwards", dialled)
    floor.start(name)
    floor.until(lambda: len(floor.attempts(name)) >= 2, "dialling")
    floor.lab.kill_pbx()
    floor.until(lambda: not _ready(floor), "down")
    time.sleep(1.0)
    count = len(floor.attempts(name))
    floor.lab.start_pbx()
    floor.until(lambda: _ready(floor), "ready")
    floor.until(lambda: len(floor.attempts(name)) > count + 3, "dialling again")
    # Nobody is sought among agents whose legs went down with the PBX.
    assert "the PBX did not bridge" not in floor.site.log.read_text(encoding="utf-8")
    floor.site.api.post(f"/campaigns/{name}/stop")
    floor.hang_up_all()
    floor.quiet()
    rows = {one.id: one for one in floor.attempts()}
    # They talked, and that was seen; what ended the talk does not matter.
    assert {rows[attempt].outcome for attempt in talks.values()} == {"completed"}
    floor.never_twice()
    floor.site.wait_idle(AGENTS)
    assert floor.site.api.get("/status")["engine"]["illegal_transitions"] == {}


def test_cut_after_the_originate_has_left(floor: Floor) -> None:
    number = number_that("long_talk", 0)
    floor.proxy.cut_at(b"Originate", through=True)
    cuts = floor.proxy.cuts
    name = floor.campaign("through", [number])
    floor.start(name)
    floor.until(lambda: floor.proxy.cuts > cuts, "cut")
    # The PBX has dialled, nobody was told; the call is found and its debtor gets an agent.
    floor.until(lambda: floor.calls(campaign=name, phase="talking"), "talking")
    assert len(floor.world.calls([number])) == 1
    floor.hang_up([one["attempt"] for one in floor.calls()])
    floor.settled(name, {number})
    floor.never_twice(name)
    assert [one.outcome for one in floor.attempts(name)] == ["completed"]


def test_cut_in_the_middle_of_the_originate(floor: Floor) -> None:
    number = number_that("long_talk", 1)
    floor.proxy.cut_at(b"Originate", through=False)
    name = floor.campaign("middle", [number], ring_timeout_s=25.0)
    floor.start(name)
    # Nothing was dialled; but nobody can know that until the PBX has been asked.
    floor.settled(name, {number})
    floor.site.api.post(f"/campaigns/{name}/stop")
    assert [one.outcome for one in floor.attempts(name)] == ["lost"]
    assert floor.world.calls([number]) == []
    floor.until(lambda: _ready(floor), "ready")
    floor.site.wait_idle(AGENTS)


@pytest.mark.slow
def test_cut_while_people_talk_and_ring(floor: Floor) -> None:
    talks = floor.talk("talks", [number_that("long_talk", 2), number_that("long_talk", 3)])
    dialled = [number for number, _ in zip(drama_numbers(), range(60), strict=False)]
    name = floor.campaign("ringing", dialled)
    floor.start(name)
    floor.until(lambda: len(floor.attempts(name)) >= 3, "dialling")
    up = {one.uniqueid for one in floor.world.calls(talks)}
    alarms = Feed(floor.site, "alarms")
    floor.proxy.cut()
    # By what it tells: the link may be back before anybody has looked.
    floor.until(lambda: alarms.named("node_down") and alarms.named("node_up"), "back")
    alarms.close()
    assert up <= floor.world.up()
    count = len(floor.attempts(name))
    floor.until(lambda: len(floor.attempts(name)) > count + 3, "dialling again")
    floor.site.api.post(f"/campaigns/{name}/stop")
    floor.hang_up_all()
    floor.quiet()
    floor.never_twice()


def test_a_link_that_goes_deaf_is_noticed_and_dialling_stops(floor: Floor) -> None:
    talks = floor.talk("deaf", [number_that("long_talk", 4)])
    name = floor.campaign("during", [number_that("talk", i) for i in range(4)])
    alarms = Feed(floor.site, "alarms")
    floor.proxy.deaf()
    floor.until(lambda: not _ready(floor), "deaf")
    floor.start(name)
    floor.until(lambda: "PBX" in floor.site.api.get(f"/campaigns/{name}")["why"], "a reason")
    assert floor.attempts(name) == []
    floor.proxy.cut()
    floor.proxy.deaf(False)
    floor.until(lambda: _ready(floor), "ready")
    floor.settled(name, {number_that("talk", i) for i in range(4)})
    floor.until(lambda: alarms.named("node_up"), "told")
    told = [one["event"] for one in alarms.messages if one["event"].startswith("node")]
    assert told == ["node_down", "node_up"]
    alarms.close()
    floor.hang_up(talks.values())
    floor.quiet()
    floor.never_twice()


def test_an_agent_whose_leg_ends_while_the_link_is_down_is_called_back(floor: Floor) -> None:
    floor.proxy.deaf()
    floor.until(lambda: not _ready(floor), "deaf")
    floor.world.hang_up(floor.world.phone_calls(1001)[-1])
    floor.until(lambda: floor.world.phone_calls(1001)[-1].went, "phone down")
    floor.world.forget()
    floor.proxy.cut()
    floor.proxy.deaf(False)
    floor.until(lambda: floor.world.phone_calls(1001), "called back")
    floor.site.wait_idle(AGENTS)
