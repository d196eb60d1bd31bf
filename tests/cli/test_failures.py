from __future__ import annotations

import json
from pathlib import Path

import pytest

from dialer_engine.cli.failures import EXIT_CODES
from dialer_engine.domain import errors as er
from dialer_engine.engine.api import error_code, error_hint
from tests.cli.conftest import Run
from tests.web.fake_api import FakeEngineApi
from tests.web.test_errors import tree


@pytest.mark.parametrize("kind", list(tree()))
def test_error_of_the_engine_is_the_error_of_the_command(
    run: Run, fake: FakeEngineApi, kind: type[er.DialerError]
) -> None:
    fake.failing = kind("it went wrong")
    ran = run("campaign", "list")
    assert ran.code == kind.exit_code
    assert ran.out == ""
    assert ran.err.splitlines() == ["error: it went wrong", f"  {error_hint(kind)}"]


@pytest.mark.parametrize("kind", list(tree()))
def test_every_exit_code_is_documented(run: Run, kind: type[er.DialerError]) -> None:
    assert kind.exit_code in EXIT_CODES
    assert kind.exit_code != 0
    listed = run("--help").out.split("Exit codes:")[1]
    assert [int(line.split()[0]) for line in listed.splitlines() if line.strip()] == list(
        EXIT_CODES
    )


def test_error_as_json_goes_to_stderr(run: Run, fake: FakeEngineApi) -> None:
    ran = run("campaign", "show", "x", "--json")
    assert (ran.code, ran.out) == (4, "")
    assert json.loads(ran.err) == {
        "error": "there is no campaign 'x'",
        "code": "not_found",
        "hint": error_hint(er.NotFound),
        "exit_code": 4,
    }


def test_no_daemon(run: Run, socket: Path) -> None:
    ran = run("status")
    assert ran.code == 6
    assert ran.err.splitlines() == [
        f"error: no daemon answers on {socket}",
        f"  {error_hint(er.DaemonUnreachable)}",
    ]


def test_socket_option_wins_over_the_environment(run: Run, fake: FakeEngineApi) -> None:
    ran = run("status", "--socket", "/nowhere/api.sock")
    assert "no daemon answers on /nowhere/api.sock" in ran.err
    assert run("status").code == 0


def test_socket_from_the_configuration(
    run: Run, fake: FakeEngineApi, socket: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DIALER_SOCKET")
    config = tmp_path / "dialer.yaml"
    config.write_text(f"daemon:\n  socket: {socket}\n")
    assert run("status", "--config", str(config)).code == 0
    assert run("-c", str(config), "--set", "daemon.socket=/nowhere/x.sock", "status").code == 6


def test_traceback_only_with_debug(run: Run, fake: FakeEngineApi) -> None:
    assert "Traceback" not in run("campaign", "show", "x").err
    ran = run("--debug", "campaign", "show", "x")
    assert ran.code == 4
    assert "Traceback" in ran.err
    assert ran.err.splitlines()[-2] == "error: there is no campaign 'x'"


def test_a_bug_of_the_command_line(
    run: Run, fake: FakeEngineApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialer_engine.cli.show.show_table", lambda *_: 1 / 0)
    ran = run("agents", "list")
    assert ran.code == 1
    assert ran.err.startswith(
        "error: unexpected ZeroDivisionError: division by zero\n  This is a bug."
    )
    assert "Traceback" not in ran.err


def test_a_bug_of_the_daemon(run: Run, fake: FakeEngineApi) -> None:
    fake.failing = RuntimeError("secret")
    ran = run("agents", "list")
    assert ran.code == 1
    assert ran.err.startswith("error: the daemon failed on this request\n  The daemon's log has")
    assert "secret" not in ran.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("agnets list", "No such command"),
        ("campaign set spring", "nothing to change; settings are mode, ratio"),
        ("campaign set spring ratoi=2", "there is no setting 'ratoi'; did you mean ratio?"),
        ("campaign set spring ratio", "ratio needs a value: ratio=…"),
        ("campaign set spring ratio=two", "ratio is a number, not 'two'"),
        ("campaign set spring amd=maybe", "amd is true or false, not 'maybe'"),
        ("campaign create", "Missing argument"),
        ("campaign create n --mode fast", "is not one of"),
        ("agents login", "name one or more agents, or --all"),
        ("agents login 1001 --all", "name one or more agents, or --all"),
        ("report --since soon", "is not a time; use today, yesterday, 2h, 7d"),
        ("calls history --limit 0", "not in the range"),
        ("recordings export --to /tmp/x", "name attempts, or days"),
        ("--lang fr status", "is not one of"),
    ],
)
def test_wrong_usage(run: Run, fake: FakeEngineApi, line: str, message: str) -> None:
    ran = run(*line.split())
    assert ran.code == 2
    assert message in ran.err
    assert "--help`" in ran.err
    assert ran.err.count("\n") == 2
    assert fake.asked == []


def test_errors_in_chinese(run: Run) -> None:
    assert run("--lang", "zh", "status").err.startswith("错误: ")


def test_interrupted(run: Run, fake: FakeEngineApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dialer_engine.cli.show.show_table", interrupt)
    assert run("agents", "list").code == 130


def test_codes_of_the_tree_are_those_of_programs() -> None:
    assert error_code(er.CampaignHeld) == "campaign_held"


def test_socket_that_one_may_not_open(
    run: Run, fake: FakeEngineApi, socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """root may open everything, so the kernel's answer is played."""
    import socket as sockets

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(sockets.socket, "connect", refuse)
    ran = run("status")
    assert ran.code == 6
    assert f"you may not open {socket}; become a member of its group" in ran.err
