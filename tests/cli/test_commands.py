"""Every command that talks to the daemon: what it asks, what it prints, as table and as JSON."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.cli.conftest import Daemon, Run
from tests.web.fake_api import ATTEMPT, RINGING, FakeEngineApi

# command line, what the engine is asked, what a person must find in the output
COMMANDS: list[tuple[str, tuple[Any, ...], list[str]]] = [
    ("status", ("status",), ["running, pid 4711, 0.1.0", "1:02:05", "carrier-a", "talking 1"]),
    ("campaign list", ("campaigns",), ["spring", "winter", "5.0 %", "120"]),
    ("campaign show spring", ("campaign", "spring"), ["ring_timeout_s", "25", "started"]),
    ("campaign create n", ("create_campaign", {"name": "n"}), ["n", "stopped"]),
    (
        "campaign create n --mode ratio --ratio 1.5 --ring-timeout 20 --wait-limit 1 --wrap-up 5 "
        "--amd --skill vip --strategy soft",
        ("create_campaign", {
            "name": "n", "mode": "ratio", "ratio": 1.5, "ring_timeout_s": 20.0, "wait_limit_s": 1.0,
            "wrap_up_s": 5.0, "amd": True, "skill": "vip", "strategy": "soft",
        }),
        ["ratio 1.5"],
    ),
    ("campaign start winter", ("start_campaign", "winter"), ["winter", "started"]),
    ("campaign pause spring", ("pause_campaign", "spring"), ["spring", "paused"]),
    ("campaign stop spring", ("stop_campaign", "spring"), ["spring", "stopped"]),
    (
        "campaign set spring ratio=2 amd=yes --mode ratio",
        ("change_campaign", "spring", {"mode": "ratio", "ratio": 2.0, "amd": True}),
        ["ratio 2"],
    ),
    ("pacing show spring", ("pacing", "spring"), ["target", "0.03", "2.0 %", "25.0 %", "121.5 s", "▁", "2 new calls"]),
    ("pacing explain spring", ("explain", "spring", None), ["2 new calls of 3 wanted.", "price", "0.05", "predictive"]),
    (
        "pacing explain spring --at 2026-11-21T08:00:00+08:00",
        ("explain", "spring", "2026-11-21T00:00:00+00:00"),
        ["2 new calls"],
    ),
    ("pacing changes spring --limit 3", ("campaign_changes", "spring", 3), ["ann", "target", "0.02"]),
    ("pacing shadow spring --policy predictive", ("shadow", "spring", "predictive"), ["share_more", "0.25"]),
    ("pacing shadow spring", ("shadow", "spring", None), ["none"]),
    ("agents accept 1002", ("accept_case", "1002"), ["R-1"]),
    ("agents skip 1002 --reason later", ("skip_case", "1002", "later"), ["R-1"]),
    ("agents dial 1002 spring R-7", ("dial_case", "1002", "spring", "R-7"), ["R-7"]),
    ("agents list", ("agents",), ["1001", "in_call", "lunch", ATTEMPT, "5:12"]),
    ("agents add 9 --skill a --skill b --pin 1", ("add_agent", {"id": "9", "pin": "1", "skills": ["a", "b"]}), ["9"]),
    ("agents login 1004", ("login_agent", "1004"), ["1004", "calling"]),
    ("agents logout 1001", ("logout_agent", "1001"), ["1001", "logged_out"]),
    ("agents pause 1001 --reason lunch", ("pause_agent", "1001", "lunch"), ["break", "lunch"]),
    ("agents resume 1003", ("resume_agent", "1003"), ["1003", "ready"]),
    ("agents wrapup 1005", ("end_wrap_up", "1005"), ["1005", "idle"]),
    (
        f"agents dispose 1001 promise --note pays --attempt {RINGING}",
        ("dispose", "1001", "promise", "pays", RINGING),
        [RINGING, "promise"],
    ),
    ("agents dispose 1001 refused", ("dispose", "1001", "refused", "", None), [ATTEMPT, "refused"]),
    ("agents listen 1001 --phone sup-1 --mode whisper", ("listen", "1001", "sup-1", "whisper"), ["whisper"]),
    ("calls list", ("calls", {}), [ATTEMPT, RINGING, "1:05", "7 s"]),
    ("calls list --phase ringing --campaign spring", ("calls", {"phase": "ringing", "campaign": "spring"}), [RINGING]),
    (f"calls show {ATTEMPT}", ("call", ATTEMPT), ["+44********12", "talking"]),
    (f"calls hangup {ATTEMPT}", ("hangup_call", ATTEMPT), ["hanging_up"]),
    ("calls history", ("call_history", None, 50, None), ["no_answer", "2026-11-21 09:00:00"]),
    ("calls history --campaign c --limit 3 --before a-1", ("call_history", "c", 3, "a-1"), [ATTEMPT]),
    ("report spring", ("report", "spring", None, None), ["21 (40.4 %)", "p50 31 ms, p99 78.5 ms", "completed"]),
    ("report --campaign spring --since 2026-11-21T08:00:00+08:00 --until 2026-11-22",
     ("report", "spring", "2026-11-21T00:00:00+00:00", "2026-11-22T00:00:00+00:00"), ["21 / 21"]),
    ("doctor", ("doctor",), ["run chrony", "connected to main"]),
    ("reload", ("reload",), ["pacing.ratio", "applied", "takes effect at the next start"]),
    ("stop --no-wait --limit 5", ("shutdown", True, 5.0), ["draining"]),
    ("stop --no-wait --now", ("shutdown", False, None), ["stopping"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "asked", "shown"), COMMANDS)
def test_people(
    run: Run, fake: FakeEngineApi, line: str, asked: tuple[Any, ...], shown: list[str]
) -> None:
    ran = run(*line.split())
    assert (ran.code, ran.err) == (0, "")
    assert fake.asked == [asked]
    for text in shown:
        assert text in ran.out
    assert all(line == line.rstrip() for line in ran.lines)
    assert "\x1b" not in ran.out


@pytest.mark.parametrize(("line", "asked", "shown"), COMMANDS)
async def test_programs(
    run: Run, fake: FakeEngineApi, line: str, asked: tuple[Any, ...], shown: list[str]
) -> None:
    """stdout is one JSON document: the API's own answer."""
    ran = run(*line.split(), "--json")
    assert (ran.code, ran.err) == (0, "")
    answer = await getattr(FakeEngineApi(), asked[0])(*asked[1:])
    many = line.startswith(("agents l", "agents ad", "agents p", "agents r", "agents w", "calls h"))
    single = isinstance(answer, dict) and many and "listen" not in line
    assert ran.json == ([answer] if single else answer)


def test_json_may_stand_before_the_command(run: Run, fake: FakeEngineApi) -> None:
    assert run("--json", "agents", "list").json == run("agents", "list", "--json").json


def test_create_and_start_at_once(run: Run, fake: FakeEngineApi) -> None:
    assert run("campaign", "create", "n", "--start", "--json").json["state"] == "started"
    assert [asked[0] for asked in fake.asked] == ["create_campaign", "start_campaign"]


def test_everybody_whom_it_concerns(run: Run, fake: FakeEngineApi) -> None:
    run("agents", "login", "--all")
    run("agents", "resume", "--all")
    run("agents", "wrapup", "--all")
    run("agents", "pause", "--all", "--reason", "training")
    done = [asked[:2] for asked in fake.asked if asked != ("agents",)]
    assert done[:3] == [("login_agent", "1004"), ("resume_agent", "1003"), ("end_wrap_up", "1005")]
    assert [agent for action, agent in done[3:]] == ["1001", "1002", "1003", "1004", "1005"]


def test_one_that_fails_does_not_keep_the_others(run: Run, fake: FakeEngineApi) -> None:
    ran = run("agents", "login", "404", "1004")
    assert ran.code == 4
    assert "there is no agent '404'" in ran.err
    assert fake.asked == [("login_agent", "404"), ("login_agent", "1004")]
    assert "1004" in ran.out
    ran = run("calls", "hangup", "a-nothing", ATTEMPT)
    assert ran.code == 4
    assert ATTEMPT in ran.out


def test_pin_from_stdin_is_nowhere_to_be_seen(
    run: Run, fake: FakeEngineApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("4711\n"))
    ran = run("agents", "add", "9", "--ask-pin")
    assert fake.asked == [("add_agent", {"id": "9", "skills": [], "pin": "4711"})]
    assert "4711" not in ran.out + ran.err


def test_stop_waits_until_the_daemon_is_gone(run: Run, daemon: Daemon) -> None:
    ran = run("stop")
    assert (ran.code, ran.lines) == (0, ["the daemon has stopped"])
    assert not daemon.socket.exists()
    assert run("status").code == 6


def test_doctor_fails_when_a_check_fails(run: Run, fake: FakeEngineApi) -> None:
    fake.connected = False
    ran = run("doctor")
    assert ran.code == 1
    assert ran.lines[1].split()[:2] == ["fail", "ami"]


def test_nothing_to_show(run: Run, fake: FakeEngineApi) -> None:
    fake.live.clear()
    assert run("calls", "list").lines == ["Calls: none"]
    assert run("calls", "list", "--json").json == []


def test_names_from_outside_cannot_steer_the_terminal(run: Run, fake: FakeEngineApi) -> None:
    evil = "\x1b[2J[red]boo[/red]\r\n"
    fake.by_name = {evil: {**fake.by_name["spring"], "name": evil}}
    ran = run("campaign", "list")
    assert "\x1b" not in ran.out
    assert "[2J[red]boo[/red]" in ran.out
    assert len(ran.lines) == 2


def test_long_values_are_whole_when_piped(run: Run, fake: FakeEngineApi) -> None:
    why = "no agent is free; " * 20
    fake.by_name["spring"]["why"] = why
    assert why.strip() in run("campaign", "list").out


class TestLanguages:
    def test_chinese(self, run: Run, fake: FakeEngineApi) -> None:
        ran = run("agents", "list", "--lang", "zh")
        assert ran.lines[0].split()[:4] == ["坐席", "状态", "原因", "线路"]
        assert "话后处理" in ran.out
        assert "wrap_up" not in ran.out

    def test_both(self, run: Run, fake: FakeEngineApi) -> None:
        ran = run("--lang", "both", "calls", "history")
        assert "Outcome 结果" in ran.out
        assert "no_answer 无人接听" in ran.out

    def test_by_locale(
        self, run: Run, fake: FakeEngineApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LANG", "zh_CN.UTF-8")
        assert run("calls", "history").lines[0].startswith("呼叫")
        monkeypatch.setenv("LC_ALL", "C")
        assert run("calls", "history").lines[0].startswith("Attempt")

    def test_json_is_the_same_in_any(self, run: Run, fake: FakeEngineApi) -> None:
        assert (
            run("agents", "list", "--json", "--lang", "zh").out
            == run("agents", "list", "--json").out
        )

    def test_columns_are_aligned_although_chinese_is_wide(
        self, run: Run, fake: FakeEngineApi
    ) -> None:
        from rich.cells import cell_len

        lines = run("calls", "list", "--lang", "zh").lines
        starts = {
            cell_len(line[: line.index(mark)])
            for line, mark in zip(lines, ("节点", "main", "main"), strict=True)
        }
        assert len(starts) == 1


class TestEvents:
    def _publishing(self, daemon: Daemon, *messages: dict[str, Any]) -> None:
        """Publish as soon as somebody listens."""

        def when_listened() -> None:
            if not daemon.fake.listeners:
                daemon.later(0.01, when_listened)
                return
            for message in messages:
                if "lost" in message:
                    daemon.fake.lose(message["lost"])
                else:
                    daemon.fake.publish(**message)

        daemon.call(when_listened)

    def test_lines(self, run: Run, daemon: Daemon) -> None:
        self._publishing(
            daemon,
            {
                "topic": "calls",
                "attempt": ATTEMPT,
                "phase": "ringing",
                "at": "2026-11-21T09:30:00+00:00",
            },
            {"topic": "agents", "agent": "1001"},
            {"lost": 3},
            {
                "topic": "calls",
                "attempt": ATTEMPT,
                "phase": "talking",
                "at": "2026-11-21T09:30:07+00:00",
            },
        )
        ran = run("events", "calls", "--count", "3")
        assert ran.code == 0
        assert ran.lines == [
            f"09:30:00  calls       attempt {ATTEMPT}, phase ringing",
            "… 3 events lost here",
            f"09:30:07  calls       attempt {ATTEMPT}, phase talking",
        ]

    def test_states_are_translated_and_names_are_not(self, run: Run, daemon: Daemon) -> None:
        at = "2026-11-21T09:30:00+00:00"
        self._publishing(
            daemon, {"topic": "campaigns", "campaign": "open", "state": "paused", "at": at}
        )
        ran = run("events", "--lang", "zh", "--count", "1")
        assert ran.lines == ["09:30:00  campaigns   campaign open, state 已暂停"]

    def test_json_lines(self, run: Run, daemon: Daemon) -> None:
        self._publishing(daemon, {"topic": "alarms", "event": "disk"})
        assert run("events", "--json", "--count", "1").json == {
            "topic": "alarms", "seq": 1, "event": "disk",
        }  # fmt: skip

    def test_screen_of_an_agent(self, run: Run, daemon: Daemon) -> None:
        self._publishing(daemon, {"topic": "agent/1001", "reference": "R-1"})
        assert "reference R-1" in run("events", "--agent", "1001", "--count", "1").out
        assert daemon.fake.asked == [("subscribe", ("agent/1001",))]

    def test_end_of_the_feed_is_an_end(self, run: Run, daemon: Daemon) -> None:
        def when_listened() -> None:
            if daemon.fake.listeners:
                daemon.fake.end_feed()
            else:
                daemon.later(0.01, when_listened)

        daemon.call(when_listened)
        assert run("events").code == 0
