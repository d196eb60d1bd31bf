"""`docs/reference/commands.md`: every command with its arguments and options, taken from click."""

from __future__ import annotations

from collections.abc import Iterator

import click

from dialer_engine.cli.main import PROGRAM, cli
from dialer_engine.cli.session import Session
from dialer_engine.cli.text import Lang, label
from tools.docs.markdown import code, one_line, page, table

SOURCE = "dialer_engine/cli/"
_HEAD = """\
# Commands

Every command takes the common options, before or after its name. Most speak to a running daemon over its Unix socket;
those marked *no daemon* open the store or the recording folder themselves. `--json` prints one JSON value on stdout;
errors then go to stderr as JSON, `{error, code, hint, exit_code}`. Labels are English, Chinese or both (`--lang`).
Exit codes: [exit-codes.md](exit-codes.md). Shell completion: the last command of this page.

命令行参考。每条命令都接受通用选项;`--lang zh` 显示中文。
""".splitlines()
# Commands that need no daemon: they say so in the docstring of their module.
OFFLINE = (
    "run",
    "import",
    "export",
    "recordings",
    "config",
    "db",
    "completion",
    "report",
    "doctor",
)
_PARTLY = ("report", "doctor")


def commands() -> str:
    """The page."""
    root = click.Context(cli, info_name=PROGRAM, obj=Session(lang=Lang.EN))
    lines = [*_HEAD, "", "## Common options", "", *_options(cli, root)]
    for name, command in cli.commands.items():
        lines += ["", *_section(command, click.Context(command, parent=root, info_name=name), 2)]
    return page(SOURCE, lines)


def leaves() -> Iterator[tuple[str, ...]]:
    """The words of every command that is no group."""
    for name, command in cli.commands.items():
        if isinstance(command, click.Group):
            yield from ((name, inner) for inner in command.commands)
        else:
            yield (name,)


def _section(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{context.command_path.removeprefix(PROGRAM + ' ')}`"
    yield ""
    yield from _text(command, context)
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield ""
            yield from _section(
                inner, click.Context(inner, parent=context, info_name=name), level + 1
            )
        return
    yield ""
    yield f"    {context.command_path} {_usage(command, context)}".rstrip()
    options = _options(command, context)
    if options:
        yield ""
        yield from options


def _usage(command: click.Command, context: click.Context) -> str:
    return " ".join(command.collect_usage_pieces(context))


def _text(command: click.Command, context: click.Context) -> Iterator[str]:
    """The help, its first sentence in Chinese too."""
    first, *rest = (command.help or "").strip().split("\n\n")
    english = one_line(first)
    chinese = label(english, Lang.ZH)
    yield english + (f" {chinese}" if chinese != english else "") + _mark(context)
    for paragraph in rest:
        yield ""
        yield one_line(paragraph)


def _mark(context: click.Context) -> str:
    words = context.command_path.split()[1:]
    if not words or words[0] not in OFFLINE or len(words) > 1:
        return ""
    return " *A daemon if one answers.*" if words[0] in _PARTLY else " *No daemon.*"


def _options(command: click.Command, context: click.Context) -> list[str]:
    rows = []
    for param in command.get_params(context):
        record = param.get_help_record(context)
        known = "--help" in record[0] if record else True
        known = known or (param.name == "json" and context.parent is not None)
        if record is None or not record[1] or known:
            continue
        rows.append((code(record[0].replace("\n", " ")), record[1]))
    return table(("option", "meaning"), rows) if rows else []
