"""doctor: what is wrong with this installation, and what to change."""

from __future__ import annotations

import sys
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Command, pass_session
from dialer_engine.cli.session import Session
from dialer_engine.domain.errors import ConfigError, DaemonUnreachable, DialerError
from dialer_engine.engine.api import error_hint

_COLUMNS = (
    show.Column("Level", "level", word=True),
    show.Column("Check", "check"),
    show.Column("Result", "text"),
    show.Column("Advice", "advice"),
)


@click.command(cls=Command)
@pass_session
def doctor(session: Session) -> int:
    """Check the installation and say what to change.

    The daemon looks at the PBX (rights, event filters, contexts, codecs, trunks, clock), the store and
    the folders. Without a daemon: the configuration and the store. Exit code 1 when a check fails.
    """
    told = _ask(session)
    if session.json:
        show.emit_json(told)
    else:
        show.show_table(session, "Check", _COLUMNS, told)
    return int(any(row["level"] == "fail" for row in told))


def _ask(session: Session) -> list[dict[str, Any]]:
    try:
        with session.client() as client:
            told: list[dict[str, Any]] = client.get("/doctor")
            return told
    except DaemonUnreachable as error:
        note = session.label("no daemon answers; only what can be checked without it")
        print(note, file=sys.stderr)
        return [_failed("daemon", error), *_without_daemon(session)]
    except ConfigError as error:
        return [_failed("configuration", error)]


def _without_daemon(session: Session) -> list[dict[str, Any]]:
    from dialer_engine.app import data

    try:
        loaded = session.loaded()
        rows = [_row("configuration", "ok", f"{len(loaded.files)} file(s)")]
        rows += [_row("configuration", "warn", text) for text in loaded.warnings]
    except ConfigError as error:
        return [_failed("configuration", error)]
    try:
        found = data.check(session.offline())
    except DialerError as error:
        return [*rows, _failed("store", error)]
    return [*rows, _row("store", "ok" if found["ok"] else "fail", found["detail"], found["advice"])]


def _row(check: str, level: str, text: str, advice: str = "") -> dict[str, Any]:
    return {"check": check, "level": level, "text": text, "advice": advice}


def _failed(check: str, error: DialerError) -> dict[str, Any]:
    return _row(check, "fail", str(error), error_hint(type(error)))
