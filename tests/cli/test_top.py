"""`top` on a real terminal: what a person sees, what the keys do, and that the terminal is whole
afterwards.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dialer_engine.cli.session import Session
from dialer_engine.cli.top_state import Request, TopState
from dialer_engine.domain.errors import Conflict
from tests.cli.conftest import Daemon, Run
from tests.cli.terminal import Program, Screen
from tests.web.fake_api import FakeEngineApi

Start = Callable[..., Program]


@pytest.fixture
def top(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    for name in ("LC_ALL", "LC_MESSAGES", "COLUMNS", "LINES", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    started: list[Program] = []

    def start(*options: str, **how: Any) -> Program:
        command = [sys.executable, "-m", "dialer_engine", "--socket", str(daemon.socket), "top"]
        program = Program([*command, *options], **how)
        started.append(program)
        return program

    yield start
    for program in started:
        program.close()


def shows(*texts: str) -> Callable[[Screen], bool]:
    return lambda screen: all(text in screen.text for text in texts)


def line_of(screen: Screen, text: str) -> str:
    return next((line for line in screen.lines if text in line), "")


def test_everything_is_on_the_screen(top: Start) -> None:
    program = top()
    screen = program.until(shows("q quit"))
    assert screen.modes & {25, 1049} == {1049}
    assert "dialer-engine 0.1.0  running  Uptime 1:02:05  PBX main ✓" in screen.lines[0]
    assert "talking 1" in screen.lines[1]
    assert "in_call 1" in screen.lines[1]
    spring = line_of(screen, "spring ")
    assert spring.split()[:3] == ["▶", "spring", "started"]
    assert "5.0 %" in spring
    assert line_of(screen, "winter").split()[:2] == ["winter", "stopped"]
    assert line_of(screen, "carrier-a").split() == ["carrier-a", "main", "2", "30", "5", "closed"]
    agents = [line.split()[0] for line in screen.lines if line.strip().startswith("100")]
    assert agents == ["1001", "1002", "1003", "1005", "1004"]
    assert screen.lines[-1].startswith("p pause/start   + - ratio   n next campaign   q quit")
    program.press("q")
    assert program.wait() == 0
    assert program.is_restored
    assert "Traceback" not in program.raw


def test_p_pauses_and_starts_the_chosen_campaign(top: Start, daemon: Daemon) -> None:
    program = top()
    program.until(shows("q quit"))
    program.press("p")
    program.until(lambda s: "paused" in line_of(s, "spring ") and "spring: pause" in s.lines[-1])
    program.press("p")
    program.until(lambda s: "started" in line_of(s, "spring ") and "spring: start" in s.lines[-1])
    program.press("n")
    program.until(lambda s: "▶ winter" in s.text and "▶ spring" not in s.text)
    program.press("p")
    program.until(lambda s: "started" in line_of(s, "winter"))
    program.press("n")
    program.until(lambda s: "▶ spring" in s.text)
    asked = [what for what in daemon.fake.asked if what[0].endswith("_campaign")]
    assert asked == [
        ("pause_campaign", "spring"),
        ("start_campaign", "spring"),
        ("start_campaign", "winter"),
    ]


def test_plus_and_minus_change_the_ratio(top: Start, daemon: Daemon) -> None:
    daemon.fake.by_name["spring"].update(mode="ratio", ratio=1.5)
    program = top()
    program.until(lambda s: "ratio 1.5" in line_of(s, "spring "))
    program.press("+")
    program.until(lambda s: "ratio 1.6" in line_of(s, "spring "))
    program.press("-")
    program.until(lambda s: "ratio 1.5" in line_of(s, "spring "))
    asked = [what for what in daemon.fake.asked if what[0] == "change_campaign"]
    assert asked == [
        ("change_campaign", "spring", {"ratio": 1.6}),
        ("change_campaign", "spring", {"ratio": 1.5}),
    ]


def test_what_the_daemon_refuses_is_said(top: Start, daemon: Daemon) -> None:
    program = top(columns=180)
    program.until(shows("q quit"))
    daemon.fake.pause_campaign = refuse  # type: ignore[method-assign]
    program.press("p")
    program.until(lambda s: "the store is being mended" in s.lines[-1])
    program.press("+")
    program.until(lambda s: "a ratio works in mode ratio only" in s.lines[-1])


async def strange_agents() -> list[dict[str, Any]]:
    return [{"id": "1001"}]


async def refuse(name: str) -> dict[str, Any]:
    raise Conflict("the store is being mended")


def test_events_appear_as_they_happen(top: Start, daemon: Daemon) -> None:
    program = top()
    program.until(shows("last events"))
    program.until(lambda s: bool(daemon.fake.listeners))
    daemon.call(lambda: daemon.fake.publish("calls", attempt="a-7", phase="ringing"))
    screen = program.until(shows("attempt a-7, phase ringing"))
    assert "\x1b" not in screen.text


def test_new_figures_without_an_event(top: Start, daemon: Daemon) -> None:
    program = top()
    program.until(shows("q quit"))
    daemon.fake.by_name["spring"]["today"]["attempts"] = 9753
    program.until(shows("9,753"))


def test_daemon_that_goes_and_comes_back(top: Start, daemon: Daemon) -> None:
    program = top()
    program.until(shows("q quit"))
    daemon.stop()
    program.until(lambda s: "no daemon answers; trying again" in s.lines[-1])
    assert "spring" in program.screen.text
    again = Daemon(daemon.socket)
    try:
        program.until(lambda s: "no daemon answers" not in s.text)
        program.press("q")
        assert program.wait() == 0
        assert program.is_restored
    finally:
        again.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_the_terminal_whole(top: Start, number: signal.Signals) -> None:
    program = top()
    program.until(shows("q quit"))
    program.process.send_signal(number)
    assert program.wait() == 0
    assert program.is_restored


def test_ctrl_c(top: Start) -> None:
    program = top()
    program.until(shows("q quit"))
    program.press("\x03")
    assert program.wait() == 0
    assert program.is_restored


def test_a_bug_leaves_the_terminal_whole(top: Start, daemon: Daemon) -> None:
    """A daemon of another version: its answer lacks what the view needs."""
    program = top()
    program.until(shows("q quit"))
    daemon.fake.agents = strange_agents  # type: ignore[method-assign]
    assert program.wait() == 1
    assert program.is_restored
    assert "error: unexpected" in program.raw
    assert "Traceback" not in program.raw


def test_small_terminal_keeps_the_keys(top: Start) -> None:
    program = top(rows=12, columns=60)
    screen = program.until(shows("p pause/start"))
    assert screen.lines[-1].startswith("p pause/start")
    assert "spring" in screen.text
    program.resize(40, 140)
    program.until(lambda s: "last events" in s.text and "1004" in s.text)


def test_many_agents_leave_room_for_the_rest(top: Start, daemon: Daemon) -> None:
    idle = daemon.fake.by_id["1002"]
    daemon.fake.by_id |= {str(n): {**idle, "id": str(n)} for n in range(2000, 2300)}
    screen = top().until(shows("last events", "q quit"))
    assert "spring" in screen.text
    assert screen.lines[-1].startswith("p pause/start")


def test_chinese_fits_although_it_is_wide(top: Start) -> None:
    program = top("--lang", "zh", columns=120)
    screen = program.until(shows("退出"))
    assert "运行中" in screen.lines[0]
    assert "话后处理" in screen.text


def test_no_daemon_at_the_start(daemon: Daemon) -> None:
    program = Program([sys.executable, "-m", "dialer_engine", "--socket", "/nowhere/x", "top"])
    try:
        assert program.wait() == 6
        assert program.is_restored
        assert "no daemon answers on /nowhere/x" in program.raw
        assert "\x1b[?1049h" not in program.raw
    finally:
        program.close()


class TestSnapshot:
    def test_without_a_terminal(self, run: Run, fake: FakeEngineApi) -> None:
        ran = run("top")
        assert ran.code == 0
        assert "\x1b" not in ran.out
        for text in ("dialer-engine 0.1.0  running", "spring", "carrier-a", "1005"):
            assert text in ran.out

    def test_once_on_a_terminal(self, top: Start) -> None:
        program = top("--once")
        assert program.wait() == 0
        assert "\x1b[?1049h" not in program.raw
        assert "spring" in program.screen.text

    def test_json(self, run: Run, fake: FakeEngineApi) -> None:
        ran = run("top", "--json")
        assert set(ran.json) == {"status", "agents"}
        assert ran.json["status"]["pid"] == 4711


class TestState:
    def state(self, *campaigns: dict[str, Any]) -> TopState:
        state = TopState()
        state.answered({"campaigns": list(campaigns)}, [])
        return state

    def test_without_campaigns_keys_do_nothing(self) -> None:
        state = self.state()
        state.next_campaign()
        assert (state.chosen, state.toggle(), state.turn(1)) == (None, None, None)

    def test_the_choice_stays_and_a_lost_one_moves(self) -> None:
        one, two = ({"name": name, "state": "started", "mode": "ratio"} for name in "ab")
        state = self.state(one, two)
        state.next_campaign()
        state.answered({"campaigns": [two, one]}, [])
        assert state.chosen == "b"
        state.answered({"campaigns": [one]}, [])
        assert state.chosen == "a"

    def test_steps_do_not_gather_dust(self) -> None:
        row = {"name": "a", "state": "started", "mode": "ratio", "ratio": 1.0}
        state = self.state(row)
        for _ in range(30):
            request = state.turn(+1)
            assert request is not None
            row["ratio"] = request.body["ratio"]
        assert row["ratio"] == 4.0

    def test_names_are_quoted(self) -> None:
        state = self.state({"name": "a/b", "state": "stopped", "mode": "ratio"})
        assert state.toggle() == Request("POST", "/campaigns/a%2Fb/start", {}, "a/b: start")


def test_session_is_a_path(socket: Path) -> None:
    assert Session(socket=socket).socket_path() == socket
