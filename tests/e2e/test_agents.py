"""A working day at the phones: in by call and by PIN, breaks, wrap-up, dispositions, who gets which
debtor, and what happens when a phone drops.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from dialer_engine.domain.errors import Conflict
from tests.e2e.feed import Feed
from tests.e2e.floor import Floor, open_floor
from tests.pbx_calls import amplitude, piece
from tools.lab.ami import Message
from tools.lab.lab import SAMPLE_RATE
from tools.lab.mix import number_for as number_that

pytestmark = pytest.mark.pbx
TONE_PHONE, SUPERVISOR = 2004, 3301
PHONES = (TONE_PHONE, SUPERVISOR)
AGENTS = 6
PIN = "246813"
# A wrap-up that ends by itself, and one that does not while a test looks on; how soon it must be over
# when it is ended early.
SHORT_WRAP_S, LONG_WRAP_S, EARLY_S = 1.5, 100.0, 40.0
# Times on the feed are in microseconds, timers in milliseconds.
ROUNDED_S = 0.01
KEY_S = 20.0
# Sound of the supervisor's call: two seconds of both voices, and what goes before and after.
LISTENED_BYTES = int(2.5 * 2 * 2 * SAMPLE_RATE)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    folder = tmp_path_factory.mktemp("e2e")
    changes = {"agents.callback_s": 0.2}
    with open_floor(folder, agents=AGENTS, extra_phones=PHONES, changes=changes) as opened:
        yield opened


@pytest.fixture
def floor(shared: Floor) -> Iterator[Floor]:
    """Each test begins with nobody at work, and no call up."""
    yield shared
    shared.clear()
    for agent in shared.site.api.get("/agents"):
        with contextlib.suppress(Conflict):
            shared.site.api.post(f"/agents/{agent['id']}/logout")
    shared.until(lambda: _phones_down(shared), "phones down")
    shared.world.forget()


def _phones_down(floor: Floor) -> bool:
    calls = [one for phone in floor.lab.agent_numbers for one in floor.world.phone_calls(phone)]
    return all(one.went for one in calls)


def _hire(floor: Floor, number: int, **data: object) -> str:
    """An agent, new or known; not logged in."""
    agent = str(data.pop("id", number))
    with contextlib.suppress(Conflict):
        floor.site.api.post("/agents", {"id": agent, "phone": f"agent-{number}", **data})
    return agent


def _in(floor: Floor, *agents: str) -> None:
    for agent in agents:
        floor.site.api.post(f"/agents/{agent}/login")
        floor.until_line(agent, "idle")


def _talk(floor: Floor, name: str, variant: int, **settings: Any) -> str:
    """One debtor who talks until we hang up; the attempt."""
    number = number_that("long_talk", variant)
    floor.start(floor.campaign(name, [number], **settings))
    floor.until(lambda: floor.calls(campaign=name, phase="talking"), "talking")
    return str(floor.calls(campaign=name)[0]["attempt"])


def _at_least(count: Callable[[], int], least: int) -> bool:
    return count() >= least


def _is_leg_down(message: Message) -> bool:
    """An agent's leg has ended: the daemon names them so."""
    return message.get("Event") == "Hangup" and message.get("Uniqueid", "").startswith("g-")


def _events(floor: Floor, agent: str) -> list[str]:
    rows = floor.rows("select kind from agent_events where agent_id = ? order by id", agent)
    return [row[0] for row in rows]


# -- coming and going


def test_dials_in_with_a_pin_and_is_known_again_after_a_crash(floor: Floor) -> None:
    agent = _hire(floor, 1001, pin=PIN)
    floor.lab.agent_dials_in(1001, PIN)
    floor.until_line(agent, "idle")
    assert floor.world.phone_calls(1001) == []
    attempt = _talk(floor, "dialled-in", 0)
    floor.hang_up([attempt])
    floor.until_line(agent, "idle")
    floor.site.kill()
    floor.site.start()
    floor.until_line(agent, "idle")
    # The leg that dialled in is the same; nobody called the phone.
    assert floor.world.phone_calls(1001) == []
    floor.site.api.post("/campaigns/dialled-in/stop")
    _talk(floor, "dialled-in-again", 1)


@pytest.mark.slow
def test_a_wrong_pin_is_refused_and_many_lock(floor: Floor) -> None:
    agent = _hire(floor, 1002, pin=PIN)
    log = floor.site.log
    before = log.read_text(encoding="utf-8").count("a login at the phone was refused")

    def refused() -> int:
        return log.read_text(encoding="utf-8").count("a login at the phone was refused") - before

    for count in range(1, 6):
        floor.lab.agent_dials_in(1002, "999999")
        floor.until(partial(_at_least, refused, count), f"refused {count}")
    assert floor.agent(agent)["presence"] == "logged_out"
    floor.lab.agent_dials_in(1002, PIN)
    floor.until(lambda: refused() >= 6, "locked")
    assert floor.agent(agent)["presence"] == "logged_out"
    text = log.read_text(encoding="utf-8")
    assert PIN not in text
    assert "999999" not in text
    floor.lab.command("pbx", "channel request hangup all")


def test_pause_with_a_reason(floor: Floor) -> None:
    agent = _hire(floor, 1003)
    _in(floor, agent)
    floor.site.api.post(f"/agents/{agent}/pause", {"reason": "lunch"})
    name = floor.campaign("paused", [number_that("long_talk", 2)])
    floor.start(name)
    floor.decided()
    assert floor.attempts(name) == []
    assert floor.agent(agent)["break_reason"] == "lunch"
    with pytest.raises(Exception, match="no break reason"):
        floor.site.api.post(f"/agents/{agent}/pause", {"reason": "shopping"})
    floor.site.api.post(f"/agents/{agent}/resume")
    floor.until(lambda: floor.calls(campaign=name, phase="talking"), "talking")
    # In a talk: the break begins when it is over, and the talk goes on.
    floor.site.api.post(f"/agents/{agent}/pause", {"reason": "rest"})
    assert floor.line(agent) == "in_call"
    floor.hang_up([floor.calls()[0]["attempt"]])
    floor.until_line(agent, "idle")
    assert floor.agent(agent)["presence"] == "break"
    floor.until(lambda: _events(floor, agent).count("break") == 2, "both breaks in the book")
    reasons = floor.rows(
        "select reason from agent_events where agent_id = ? and kind = 'break'", agent
    )
    assert reasons == [("lunch",), ("rest",)]


def test_logout_in_a_talk_waits_for_its_end(floor: Floor) -> None:
    agent = _hire(floor, 1004)
    _in(floor, agent)
    attempt = _talk(floor, "logout", 3)
    floor.site.api.post(f"/agents/{agent}/logout")
    time.sleep(0.5)
    assert floor.calls()[0]["phase"] == "talking"
    floor.hang_up([attempt])
    floor.until_line(agent, "off")
    floor.until(lambda: floor.world.phone_calls(1004)[0].went, "phone down")


# -- wrap-up


def test_wrap_up_has_a_limit(floor: Floor) -> None:
    agent = _hire(floor, 1005)
    _in(floor, agent)
    attempt = _talk(floor, "limit", 4, wrap_up_s=SHORT_WRAP_S)
    feed = Feed(floor.site, "agents")
    floor.hang_up([attempt])
    # By what it tells: a short wrap-up may be over before anybody has looked.
    floor.until(lambda: "idle" in [one["line"] for one in feed.named("changed")], "idle")
    feed.close()
    began = {one["line"]: datetime.fromisoformat(one["at"]) for one in feed.named("changed")}
    assert list(began) == ["wrap_up", "idle"]
    lasted = (began["idle"] - began["wrap_up"]).total_seconds()
    assert lasted >= SHORT_WRAP_S - ROUNDED_S


def test_wrap_up_ends_early_by_key_and_by_command(floor: Floor) -> None:
    agent = _hire(floor, 1005)
    _in(floor, agent)
    floor.hang_up([_talk(floor, "by-key", 5, wrap_up_s=LONG_WRAP_S)])
    floor.until_line(agent, "wrap_up")
    floor.world.press(floor.world.phone_calls(1005)[-1], "#")
    floor.until_line(agent, "idle", EARLY_S)
    floor.hang_up([_talk(floor, "by-command", 6, wrap_up_s=LONG_WRAP_S)])
    floor.until_line(agent, "wrap_up")
    floor.site.api.post(f"/agents/{agent}/wrapup")
    floor.until_line(agent, "idle", EARLY_S)
    with pytest.raises(Conflict):
        floor.site.api.post(f"/agents/{agent}/wrapup")


def test_disposition_by_key_and_by_command(floor: Floor) -> None:
    agent = _hire(floor, 1006)
    _in(floor, agent)
    first = _talk(floor, "keyed", 7, wrap_up_s=LONG_WRAP_S)
    # A key in the talk belongs to the talk.
    with floor.lab.ami() as link:
        floor.world.press(floor.world.phone_calls(1006)[-1], "2")
        # What the PBX has told us it has told the daemon before the end of the talk.
        link.wait("DTMFEnd", KEY_S, Digit="2")
    floor.hang_up([first])
    floor.until_line(agent, "wrap_up")
    floor.world.press(floor.world.phone_calls(1006)[-1], "1")
    floor.until_line(agent, "idle", EARLY_S)
    second = _talk(floor, "commanded", 8)
    floor.site.api.post(f"/agents/{agent}/dispose", {"code": "callback", "note": "after six"})
    with pytest.raises(Exception, match="no disposition"):
        floor.site.api.post(f"/agents/{agent}/dispose", {"code": "nonsense"})
    query = "select attempt_id, code, via from dispositions where agent_id = ? order by id"
    wanted = [(first, "promise", "dtmf"), (second, "callback", "api")]
    floor.until(lambda: floor.rows(query, agent) == wanted, "both in the book")


# -- who gets whom


def test_the_longest_idle_gets_the_call(floor: Floor) -> None:
    agents = [_hire(floor, 1000 + i) for i in (1, 2, 3)]
    for agent in agents:
        _in(floor, agent)
        time.sleep(0.1)
    name = floor.campaign("order", [number_that("drop_after", i) for i in range(3)])
    feed = Feed(floor.site, "calls")
    floor.start(name)
    floor.settled(name, {number_that("drop_after", i) for i in range(3)})
    floor.until(lambda: len(feed.named("connecting")) >= 3, "told")
    chosen = [one["agent"] for one in feed.named("connecting")]
    feed.close()
    assert chosen == agents


def test_skill_comes_before_idle_time(floor: Floor) -> None:
    plain = _hire(floor, 1001)
    french = _hire(floor, 1006, id="9006", skills=["french"])
    _in(floor, plain)
    _in(floor, french)
    number = number_that("long_talk", 9)
    name = floor.campaign("skill", [number], skills=["french"])
    floor.start(name)
    floor.until(lambda: floor.calls(campaign=name, phase="talking"), "talking")
    assert floor.calls()[0]["agent"] == french


def test_a_campaign_with_a_skill_is_for_those_who_have_it(floor: Floor) -> None:
    plain = _hire(floor, 1001)
    _in(floor, plain)
    name = floor.campaign("must", [number_that("long_talk", 0)], skill="french")
    floor.start(name)
    floor.decided()
    assert floor.attempts(name) == []
    french = _hire(floor, 1006, id="9006", skills=["french"])
    _in(floor, french)
    floor.until(lambda: floor.calls(campaign=name, phase="talking"), "talking")
    assert floor.calls()[0]["agent"] == french


# -- a phone drops


def test_a_phone_that_drops_while_idle_is_called_back(floor: Floor) -> None:
    agent = _hire(floor, 1002)
    _in(floor, agent)
    floor.world.hang_up(floor.world.phone_calls(1002)[-1])
    floor.until(lambda: len(floor.world.phone_calls(1002)) == 2, "called back")
    floor.until_line(agent, "idle")
    assert floor.agent(agent)["presence"] == "ready"


def test_a_phone_that_drops_in_a_talk_and_the_next_agent_takes_the_debtor(floor: Floor) -> None:
    first, second = _hire(floor, 1003), _hire(floor, TONE_PHONE)
    number = number_that("long_talk", 1)
    ear = floor.world.overhear(number, "replaced")
    _in(floor, first)
    attempt = _talk(floor, "replaced", 1)
    assert floor.calls()[0]["agent"] == first
    _in(floor, second)
    floor.world.hang_up(floor.world.phone_calls(1003)[-1])
    floor.until(lambda: floor.calls()[0]["agent"] == second, "taken over")
    floor.until(lambda: floor.calls()[0]["phase"] == "talking", "talking")
    assert len(floor.world.calls([number])) == 1
    floor.until_line(first, "idle")
    time.sleep(1.5)
    floor.hang_up([attempt])
    floor.until(lambda: not floor.calls(), "ended")
    heard = floor.heard(ear)
    last = len(heard) / 8000 - 0.6
    assert amplitude(piece(heard, 0, last, 0.25), 1400) > 5000
    floor.until(lambda: floor.attempts("replaced")[0].outcome is not None, "written")
    row = next(one for one in floor.attempts("replaced"))
    assert (row.outcome, row.agent) == ("completed", first)


def test_a_phone_that_drops_in_wrap_up_is_called_back_when_that_is_over(floor: Floor) -> None:
    agent = _hire(floor, 1004)
    _in(floor, agent)
    floor.hang_up([_talk(floor, "drop-wrap", 2, wrap_up_s=LONG_WRAP_S)])
    floor.until_line(agent, "wrap_up")
    before = len(floor.world.phone_calls(1004))
    with floor.lab.ami() as link:
        floor.world.hang_up(floor.world.phone_calls(1004)[-1])
        link.wait_for(_is_leg_down, KEY_S)
    assert floor.line(agent) == "wrap_up"
    assert len(floor.world.phone_calls(1004)) == before
    floor.site.api.post(f"/agents/{agent}/wrapup")
    floor.until(lambda: len(floor.world.phone_calls(1004)) > before, "called back")
    floor.until_line(agent, "idle")
    assert len(floor.world.phone_calls(1004)) == before + 1


def test_ring_mode_calls_the_phone_for_each_talk(floor: Floor) -> None:
    agent = _hire(floor, 1005, id="9005", mode="ring")
    _in(floor, agent)
    assert floor.world.phone_calls(1005) == []
    for count in (1, 2):
        attempt = _talk(floor, f"ring-{count}", 2 + count)
        assert len(floor.world.phone_calls(1005)) == count
        floor.hang_up([attempt])
        floor.until_line(agent, "idle")
        floor.until(lambda: floor.world.phone_calls(1005)[-1].went, "phone down")


def test_a_supervisor_listens(floor: Floor) -> None:
    agent = _hire(floor, TONE_PHONE)
    ear = floor.world.overhear(str(SUPERVISOR), "supervisor")
    _in(floor, agent)
    number = number_that("tone", 1)
    floor.start(floor.campaign("listened", [number]))
    floor.until(lambda: floor.calls(phase="talking"), "talking")
    floor.site.api.post(
        f"/agents/{agent}/listen", {"phone": f"agent-{SUPERVISOR}", "mode": "listen"}
    )
    floor.until(lambda: floor.world.phone_calls(SUPERVISOR), "called")
    # The supervisor says nothing: what is there was heard.
    floor.until(lambda: ear.exists() and ear.stat().st_size > LISTENED_BYTES, "listened")
    floor.world.hang_up(floor.world.phone_calls(SUPERVISOR)[0])
    floor.until(lambda: floor.world.phone_calls(SUPERVISOR)[0].went, "hung up")
    assert floor.calls()[0]["phase"] == "talking"
    heard = floor.heard(ear)
    middle = piece(heard, 0, len(heard) / 8000 - 1.2, 0.5)
    # Both of them: the debtor's tone and the agent's.
    assert amplitude(middle, 350) > 2000
    assert amplitude(middle, 1400) > 2000
    with pytest.raises(Conflict):
        floor.site.api.post(
            f"/agents/{_hire(floor, 1001)}/listen", {"phone": f"agent-{SUPERVISOR}"}
        )
