"""`dialer-engine`: the root of the commands.

Rules: what is needed by one command only is imported inside it, so that `--help` and completion
stay quick; every way out goes through `main`, which turns errors into a line and an exit code.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from dialer_engine import __version__
from dialer_engine.cli import failures
from dialer_engine.cli.agents import agents
from dialer_engine.cli.base import Group
from dialer_engine.cli.calls import calls
from dialer_engine.cli.campaign import campaign
from dialer_engine.cli.cases import cases
from dialer_engine.cli.cases_life import daily as _daily  # noqa: F401 - joins the group
from dialer_engine.cli.cases_offer import offer as _offer  # noqa: F401 - joins the group
from dialer_engine.cli.completion import completion
from dialer_engine.cli.compliance import compliance
from dialer_engine.cli.config import config
from dialer_engine.cli.daemon import reload, run, stop
from dialer_engine.cli.data import export, import_
from dialer_engine.cli.db import db
from dialer_engine.cli.doctor import doctor
from dialer_engine.cli.events import events
from dialer_engine.cli.evidence import evidence
from dialer_engine.cli.keys import keys
from dialer_engine.cli.pacing import pacing
from dialer_engine.cli.pacing_replay import replay as _replay  # noqa: F401 - joins the group
from dialer_engine.cli.pacing_simulate import simulate as _simulate  # noqa: F401 - joins the group
from dialer_engine.cli.products import products
from dialer_engine.cli.recordings import recordings
from dialer_engine.cli.report import report
from dialer_engine.cli.session import Session
from dialer_engine.cli.status import status
from dialer_engine.cli.strategy import strategy
from dialer_engine.cli.suppression import suppression
from dialer_engine.cli.text import Lang
from dialer_engine.cli.token import token
from dialer_engine.cli.top import top

PROGRAM = "dialer-engine"


class _Root(Group):
    """The root lists the exit codes below its help."""

    def invoke(self, ctx: click.Context) -> Any:
        """click itself would make a failure of a pipe that was closed early."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return _broken_pipe()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Exit codes."""
        session = ctx.find_object(Session) or Session()
        rows = [(str(code), _told(words, session)) for code, words in failures.EXIT_CODES.items()]
        with formatter.section("Exit codes"):
            formatter.write_dl(rows)


def _told(words: tuple[str, str], session: Session) -> str:
    english, chinese = words
    if session.lang is Lang.EN:
        return english
    return chinese if session.lang is Lang.ZH else f"{english} {chinese}"


@click.group(
    cls=_Root,
    shown=True,
    help="Outbound dialling daemon for call centres: run it, watch it, steer it.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name=PROGRAM)
def cli() -> None:
    """The root does nothing by itself."""


for _command in (
    run, status, top, campaign, pacing, agents, calls, report, events, doctor, reload, stop,
    import_, export, cases, products, strategy, compliance, evidence, suppression, recordings, config, db, keys, token,
    completion,
):  # fmt: skip
    cli.add_command(_command)


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code."""
    session = Session()
    try:
        result = cli.main(
            None if arguments is None else list(arguments),
            prog_name=PROGRAM,
            obj=session,
            standalone_mode=False,
        )
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort):
        return failures.INTERRUPTED
    except BrokenPipeError:
        return _broken_pipe()
    except Exception as error:
        return failures.report(error, session)
    return result if isinstance(result, int) else 0


def _broken_pipe() -> int:
    """`calls list | head` is no error; nothing may complain at exit that stdout is gone."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    return 0


def main() -> None:
    """Entry point of the package."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character gets a question mark, not a traceback.
            with contextlib.suppress(ValueError):
                stream.reconfigure(errors="replace")
    sys.exit(invoke())
