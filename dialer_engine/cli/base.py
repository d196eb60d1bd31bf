"""Groups and commands that all take the common options, before or after their name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from dialer_engine.cli.session import Session
from dialer_engine.cli.text import Lang, default_lang, label

pass_session = click.make_pass_decorator(Session, ensure=True)
limited = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many."
)  # fmt: skip


def _apply(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Put an option that was given into the session; what was not given changes nothing."""
    if value is None or value in ((), False) or param.name is None:
        return
    session = ctx.ensure_object(Session)
    if param.name == "settings":
        session.settings += tuple(value)
    elif param.name == "lang":
        session.lang = Lang(value)
    elif param.name in ("socket", "config"):
        setattr(session, param.name, Path(value))
    else:
        setattr(session, param.name, value)


def _common(shown: bool) -> list[click.Option]:
    hidden = not shown
    shared: dict[str, Any] = {"callback": _apply, "expose_value": False}
    a_path = click.Path(dir_okay=False)
    languages = click.Choice([lang.value for lang in Lang])
    return [
        click.Option(["--json", "json"], is_flag=True, help="JSON for programs.", **shared),
        click.Option(
            ["--lang"],
            type=languages,
            is_eager=True,
            hidden=hidden,
            help="Language of labels.",
            **shared,
        ),
        click.Option(
            ["--socket"], type=a_path, hidden=hidden, help="Socket of the daemon.", **shared
        ),
        click.Option(
            ["-c", "--config"], type=a_path, hidden=hidden, help="Configuration file.", **shared
        ),
        click.Option(
            ["--set", "settings"],
            multiple=True,
            metavar="KEY=VALUE",
            hidden=hidden,
            help="Override one configuration value.",
            **shared,
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            hidden=hidden,
            help="Show the traceback of an error.",
            **shared,
        ),
    ]


def _lang(ctx: click.Context) -> Lang:
    session = ctx.find_object(Session)
    return session.lang if session else default_lang()


class _Translated(click.Command):
    """Help in the language asked for: the first sentence of a docstring and the options."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The docstring, its first sentence translated."""
        text = self.help or ""
        first, rest = _first_sentence(text)
        if text:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(label(first, _lang(ctx)))
                for paragraph in filter(None, rest.split("\n\n")):
                    formatter.write_paragraph()
                    formatter.write_text(paragraph.strip())

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, and for groups the commands."""
        records = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            english = getattr(param, "help", None) or ""
            if record is not None and (english or isinstance(param, click.Option)):
                told = label(english, _lang(ctx))
                records.append((record[0], record[1].replace(english, told)))
        if records:
            with formatter.section("Options"):
                formatter.write_dl(records)

    def short(self, ctx: click.Context) -> str:
        """The first sentence, translated."""
        return label(_first_sentence(self.help or "")[0], _lang(ctx))


def _first_sentence(text: str) -> tuple[str, str]:
    joined = text.split("\n\n", 1)
    first = " ".join(joined[0].split())
    rest = joined[1] if len(joined) > 1 else ""
    end = first.find(". ")
    if end < 0:
        return first, rest
    return first[: end + 1], f"{first[end + 2 :]}\n\n{rest}"


class Command(_Translated):
    """A command with the common options; only --json is listed in its help."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _common(shown=False)


class Group(_Translated, click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, shown: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _common(shown)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Options, then commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line a command, in the order in which they were added."""
        records = []
        for name, command in self.commands.items():
            short = command.short(ctx) if isinstance(command, _Translated) else ""
            records.append((name, short))
        with formatter.section("Commands"):
            formatter.write_dl(records)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they were added, which is the order of use."""
        return list(self.commands)


def both(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several decorators as one, the first outermost."""

    def apply(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply
