"""Every `dialer-engine …` line in a code block of README.md and docs/ is a command that exists, with options that
exist; what is told of make and of the tools' modules exists too.
"""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from dialer_engine.cli.main import PROGRAM, cli
from tests.docs.test_links import ROOT, pages

_BLOCK = re.compile(r"^ *(```|~~~)(\w*)\n(.*?)^ *\1\s*$", re.MULTILINE | re.DOTALL)
_SHELL = ("sh", "bash", "console", "")
# What stands before the command on its line: a prompt, variables, another user.
_BEFORE = re.compile(r"^(\$ |# )?(sudo (-u \w+ )?)?([A-Z_]+=\S+ )*")


def command_lines(page: Path) -> list[str]:
    """The lines of its shell blocks, those that go on with a backslash joined."""
    found: list[str] = []
    for _, language, body in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language in _SHELL:
            lines = re.sub(r"\\\n\s*", "", body).splitlines()
            found += [_BEFORE.sub("", line.strip()) for line in lines]
    return found


def words(line: str) -> list[list[str]]:
    """The argument lists of every call of the program on the line."""
    text = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    text.whitespace_split = True
    text.commenters = "#"
    calls: list[list[str]] = []
    # Where a command may stand: at the beginning, and after what ends another one.
    starts, ours = True, False
    for token in text:
        if set(token) <= set("|&;<>()"):
            starts, ours = set(token) <= set("|&;("), False
        elif starts:
            starts, ours = False, token.split("/")[-1] == PROGRAM
            calls += [[]] if ours else []
        elif ours:
            calls[-1].append(token)
    return calls


def parse(arguments: list[str]) -> None:
    """Let click parse it all without running anything; click.UsageError when it is wrong."""
    command: click.Command = cli
    context = cli.make_context(PROGRAM, list(arguments))
    while isinstance(command, click.Group):
        # click before 9 keeps the first word apart, under a name that warns when it is read.
        rest = [*getattr(context, "_protected_args", []), *context.args]
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
        context = command.make_context(name, rest, parent=context)


def documented() -> list[tuple[str, str]]:
    """(page, line) of every line that calls the program."""
    return [
        (str(page.relative_to(ROOT)), line)
        for page in pages()
        for line in command_lines(page)
        if PROGRAM in line and words(line)
    ]


@pytest.mark.parametrize(("page", "line"), documented())
def test_the_command_parses(page: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Files that a page names need not exist here.
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: Path(value))
    for arguments in words(line):
        if "--help" not in arguments and "--version" not in arguments:
            parse(arguments)


def test_the_lines_are_found() -> None:
    assert len(documented()) > 50
    assert words("sudo x") == []
    assert words(f"{PROGRAM} status --json | jq . > /tmp/{PROGRAM} # {PROGRAM} no") == [
        ["status", "--json"]
    ]
    assert words(f"cd /x && /opt/bin/{PROGRAM} stop; {PROGRAM} top") == [["stop"], ["top"]]


@pytest.mark.parametrize("wrong", ["campain list", "campaign start", "agents add 1 --fone x"])
def test_a_wrong_command_is_found(wrong: str) -> None:
    with pytest.raises(click.UsageError):
        parse(words(f"{PROGRAM} {wrong} | head")[0])


def test_make_targets_and_modules_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in pages():
        for line in command_lines(page):
            if target := re.match(r"make ([a-z-]+)", line):
                assert target[1] in targets, f"{page}: {line}"
            if module := re.search(r"python3? -m ((?:tools|dialer_engine)[\w.]*)", line):
                assert find_spec(module[1]), f"{page}: {line}"
