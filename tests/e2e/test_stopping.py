"""Starting and stopping: gracefully, at once, with a new configuration, and beside another daemon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from dialer_engine.domain.errors import CampaignHeld
from tests.e2e.floor import Floor, open_floor
from tools.lab.mix import number_for as number_that
from tools.rig.site import Site

pytestmark = pytest.mark.pbx
AGENTS = 4
RING_S = 25.0
# What tools/rig/site.py writes.
USUAL = {"trunks.0.max_channels": 600, "agents.wrap_up_s": 3}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    with open_floor(tmp_path_factory.mktemp("e2e"), agents=AGENTS) as opened:
        opened.site.add_agents(AGENTS)
        opened.site.wait_idle(AGENTS)
        yield opened


@pytest.fixture
def floor(shared: Floor) -> Iterator[Floor]:
    """Each test begins with a daemon that runs, and no call up."""
    yield shared
    shared.clear()
    shared.all_idle(AGENTS)


def _terminate(floor: Floor) -> None:
    os.kill(floor.site.pid, signal.SIGTERM)


def _state(floor: Floor) -> str:
    return str(floor.site.api.get("/status")["state"])


def test_graceful_stop_waits_for_talks_and_cancels_what_rings(floor: Floor) -> None:
    talks = floor.talk("drain-talk", [number_that("long_talk", 0)])
    ringing = [number_that("no_answer", i) for i in range(3)]
    name = floor.campaign("drain-ring", [*ringing, number_that("busy", 5)], ring_timeout_s=RING_S)
    floor.start(name)
    floor.until(lambda: len(floor.calls(campaign=name, phase="ringing")) == 3, "ringing")
    # The dialer may know of the ringing before the world's own events have been read.
    floor.until(lambda: len(floor.world.up()) == 4, "seen by the world")
    calls = len(floor.world.calls())
    _terminate(floor)
    floor.until(lambda: _state(floor) == "draining", "draining")
    floor.until(lambda: not floor.calls(campaign=name), "ringing calls cancelled")
    time.sleep(1.0)
    assert floor.site.runs, "somebody is still talking"
    assert floor.calls()[0]["phase"] == "talking"
    assert len(floor.world.calls()) == calls, "nothing is dialled any more"
    floor.world.hang_up(floor.world.calls(talks)[-1])
    assert floor.site.wait_ended() == 0
    outcomes = {one.number: one.outcome for one in floor.attempts()}
    assert {outcomes[number] for number in ringing} == {"cancelled"}
    assert outcomes[number_that("long_talk", 0)] == "completed"
    assert floor.rows("select count(*) from leases where until > ?", time.time() * 1e6) == [(0,)]


def test_immediate_stop_leaves_talks_to_the_pbx_and_the_next_daemon_takes_them(
    floor: Floor,
) -> None:
    talks = floor.talk("at-once", [number_that("long_talk", 1), number_that("long_talk", 2)])
    up = {one.uniqueid for one in floor.world.calls(talks)}
    began = time.monotonic()
    assert floor.site.stop(graceful=False) == 0
    assert time.monotonic() - began < 10
    assert up <= floor.world.up()
    floor.site.start()
    assert {one["attempt"] for one in floor.calls(phase="talking")} == set(talks.values())
    floor.hang_up(talks.values())
    floor.quiet()
    floor.never_twice("at-once")
    assert {one.outcome for one in floor.attempts("at-once")} == {"completed"}


@pytest.fixture
def _configured(floor: Floor) -> Iterator[None]:
    """Whatever a test made of the configuration, the next one reads the usual one."""
    yield
    floor.site.configure(USUAL)
    floor.site.api.post("/reload")


@pytest.mark.usefixtures("_configured")
def test_hangup_signal_reads_the_configuration_again(floor: Floor) -> None:
    floor.site.configure({"trunks.0.max_channels": 7})
    os.kill(floor.site.pid, signal.SIGHUP)
    floor.until(lambda: floor.site.api.get("/status")["trunks"][0]["max_channels"] == 7, "reloaded")
    # A mistake changes nothing, and is told.
    floor.site.configure({"trunks.0.max_channels": "many", "agents.wrap_up_s": 99})
    os.kill(floor.site.pid, signal.SIGHUP)
    told = "the configuration was not reloaded"
    floor.until(lambda: told in floor.site.log.read_text(encoding="utf-8"), "refused")
    assert floor.site.api.get("/status")["trunks"][0]["max_channels"] == 7
    floor.site.configure(USUAL)
    assert floor.site.api.post("/reload")["needs_restart"] == []


def test_a_second_daemon_in_the_same_place_does_not_start(floor: Floor) -> None:
    command = [sys.executable, "-m", "dialer_engine", "--config", str(floor.site.config), "run"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode != 0
    assert "another daemon runs in" in second.stdout + second.stderr
    assert floor.site.runs
    assert _state(floor) == "running"


@pytest.fixture
def second(floor: Floor) -> Iterator[Site]:
    """A daemon with a place and a node of its own, on the same store."""
    node = {"pbx.nodes.0.name": "pbx-2", "trunks.0.node": "pbx-2", "trunks.1.node": "pbx-2"}
    folder = floor.site.folder.parent / "second"
    with Site(floor.lab, folder, node, store=floor.site.store) as other:
        yield other


def test_a_second_daemon_on_the_same_store_leaves_the_first_one_s_work_alone(
    floor: Floor, second: Site
) -> None:
    talks = floor.talk("held", [number_that("long_talk", 3)])
    second.start()
    with pytest.raises(CampaignHeld):
        second.api.post("/campaigns/held/start")
    told = second.cli("campaign", "start", "held", check=False)
    assert told.returncode != 0
    assert "held" in told.stderr
    assert second.api.get("/calls") == []
    assert floor.calls()[0]["phase"] == "talking"
    holder = json.loads(floor.site.cli("--json", "campaign", "show", "held").stdout)["holder"]
    assert str(floor.site.folder) in holder
    floor.site.api.post("/campaigns/held/stop")
    floor.hang_up(talks.values())
    floor.quiet()
    # Given back, it may be taken.
    second.api.post("/campaigns/held/start")
    with pytest.raises(CampaignHeld):
        floor.site.api.post("/campaigns/held/start")
    second.api.post("/campaigns/held/stop")


@pytest.mark.slow
def test_a_second_daemon_may_dial_when_the_lease_of_a_dead_one_has_run_out(
    floor: Floor, second: Site
) -> None:
    name = floor.campaign("inherited", [number_that("busy", 7)])
    floor.site.api.post("/agents/1001/pause", {"reason": "rest"})
    floor.start(name)
    floor.site.kill()
    second.start()
    with pytest.raises(CampaignHeld):
        second.api.post(f"/campaigns/{name}/start")
    second.wait(lambda: second.api.post(f"/campaigns/{name}/start"), "taken over", 60.0)
    second.api.post(f"/campaigns/{name}/stop")
