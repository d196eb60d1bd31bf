from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from dialer_engine import __version__
from dialer_engine.cli.base import Command, Group, _first_sentence
from dialer_engine.cli.main import cli
from dialer_engine.cli.text import Lang, default_lang, label, word
from dialer_engine.cli.words import ZH
from tests.cli.conftest import Daemon, Run


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


ALL = dict(commands(cli))


def test_the_commands_of_the_issue_are_there() -> None:
    wanted = """run, status, campaign create, campaign start, campaign pause, campaign stop, campaign show,
        campaign list, campaign set, agents list, agents login, agents logout, agents pause, agents add,
        agents wrapup, agents dispose, calls list, calls show, calls hangup, calls history, top, doctor,
        report, import, export, recordings verify, recordings list, recordings export, config show,
        config check, db upgrade, db check, events, completion, reload, stop"""
    assert {tuple(name.split()) for name in wanted.split(",")} <= set(ALL)


@pytest.mark.parametrize("path", ALL)
def test_help_of_every_command(run: Run, path: tuple[str, ...]) -> None:
    ran = run(*path, "--help")
    assert ran.code == 0
    command = ALL[path]
    assert isinstance(command, Command | Group)
    first = _first_sentence(command.help or "")[0]
    assert first.endswith(".")
    assert " ".join(first.split()) in " ".join(ran.out.split())
    assert "--json" in ran.out


@pytest.mark.parametrize("path", ALL)
def test_help_is_in_chinese_too(run: Run, path: tuple[str, ...]) -> None:
    first = _first_sentence(ALL[path].help or "")[0]
    assert first in ZH, "cli/words.py lacks the first sentence of this command's help"
    ran = run("--lang", "zh", *path, "--help")
    assert "".join(ZH[first].split()) in "".join(ran.out.split())


def test_every_option_and_heading_is_in_chinese_too() -> None:
    helps = {getattr(param, "help", None) for c in ALL.values() for param in c.params}
    assert {text for text in helps if text} - set(ZH) == set()
    folder = Path(__file__).parents[2] / "dialer_engine" / "cli"
    source = "\n".join(path.read_text() for path in folder.glob("*.py"))
    heads = set(re.findall(r'Column\(\s*"(\w[^"]*)"', source))
    heads |= set(re.findall(r'label\("([^"]+)"\)', source))
    assert len(heads) > 30
    assert heads - set(ZH) == set()


def test_version(run: Run) -> None:
    assert run("--version").out == f"dialer-engine, version {__version__}\n"


def test_help_needs_no_heavy_library() -> None:
    """What makes a start slow is imported by the command that needs it."""
    heavy = (
        "httpx",
        "rich",
        "starlette",
        "uvicorn",
        "sqlalchemy",
        "phonenumbers",
        "yaml",
        "asyncio",
        "numpy",
    )
    code = (
        "import sys; from dialer_engine.cli.main import invoke; invoke(['--help']);"
        f"print(*(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr.split() == []


def test_a_pipe_that_closes_is_no_error(daemon: Daemon) -> None:
    daemon.fake.live = {
        f"a-{n}": daemon.fake._call(f"a-{n}", "talking", None, 1.0) for n in range(5000)
    }
    command = [
        sys.executable,
        "-m",
        "dialer_engine",
        "--socket",
        str(daemon.socket),
        "calls",
        "list",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        assert program.stderr.read() == b""
        assert program.wait(30) == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(run: Run, shell: str) -> None:
    ran = run("completion", shell)
    assert ran.code == 0
    assert "_DIALER_ENGINE_COMPLETE" in ran.out


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("dialer-engine camp", {"campaign"}),
        ("dialer-engine campaign s", {"show", "start", "stop", "set"}),
        ("dialer-engine campaign create n --mode r", {"ratio", "robot"}),
    ],
)
def test_completion_in_bash(words: str, offered: set[str]) -> None:
    """The protocol that the generated script speaks."""
    env = {
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
        "_DIALER_ENGINE_COMPLETE": "bash_complete",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    code = "from dialer_engine.cli.main import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert {line.split(",")[1] for line in ran.stdout.splitlines()} == offered


class TestText:
    @pytest.mark.parametrize(
        ("env", "lang"),
        [
            ({}, Lang.EN),
            ({"LANG": "zh_CN.UTF-8"}, Lang.ZH),
            ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, Lang.EN),
            ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, Lang.ZH),
            ({"LANG": "de_DE", "LC_ALL": "zh_TW"}, Lang.ZH),
        ],
    )
    def test_default_lang(self, env: dict[str, str], lang: Lang) -> None:
        assert default_lang(env) is lang

    def test_what_has_no_chinese_stays_english(self) -> None:
        assert label("no such text", Lang.ZH) == "no such text"
        assert word("carrier-a", Lang.BOTH) == "carrier-a"

    def test_words_of_every_state_are_there(self) -> None:
        from dialer_engine.domain.agent import Line
        from dialer_engine.domain.call import CallPhase
        from dialer_engine.domain.campaign import CampaignState
        from dialer_engine.domain.events import Presence
        from dialer_engine.domain.outcome import Outcome

        for kind in (Line, CallPhase, CampaignState, Presence, Outcome):
            for member in kind:
                assert word(member.value, Lang.ZH) != member.value
