"""doctor: what is wrong with this installation, and what to change."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Command, pass_session
from dialer_engine.cli.session import Session
from dialer_engine.cli.text import Lang
from dialer_engine.domain.errors import ConfigError, DaemonUnreachable, DialerError
from dialer_engine.engine.api import error_hint


def _said(field: str, lang: Lang) -> Callable[[show.Row], Any]:
    """What a check says in this language; a daemon of another version may know English only."""

    def said(row: show.Row) -> Any:
        english, chinese = row.get(field), row.get(f"{field}_zh")
        if lang is Lang.BOTH:
            return " / ".join(dict.fromkeys(text for text in (english, chinese) if text))
        return chinese or english if lang is Lang.ZH else english

    return said


def _columns(lang: Lang) -> tuple[show.Column, ...]:
    return (
        show.Column("Level", "level", word=True),
        show.Column("Check", "check"),
        show.Column("Result", _said("text", lang)),
        show.Column("Advice", _said("advice", lang)),
    )


@click.command(cls=Command)
@pass_session
def doctor(session: Session) -> int:
    """Check the installation and say what to change.

    Looked at are each PBX (rights, events, dialplan, codecs, trunks, recording folder, clock, limits), the store, the
    folders and this machine. Three short test calls are made inside each PBX, to nobody. A daemon that runs examines
    itself; without one the command does it. What could not be looked at is a warning. Exit code 1 when a check fails.
    """
    told = _ask(session)
    if session.json:
        show.emit_json(told)
    else:
        show.show_table(session, "Check", _columns(session.lang), told)
    return int(any(row["level"] == "fail" for row in told))


def _ask(session: Session) -> list[dict[str, Any]]:
    try:
        with session.client() as client:
            told: list[dict[str, Any]] = client.get("/doctor")
            return told
    except DaemonUnreachable as error:
        print(session.label("no daemon answers; examined without it"), file=sys.stderr)
        return [_failed("daemon", error, warn=True), *_without_daemon(session)]
    except ConfigError as error:
        return [_failed("configuration", error)]


def _without_daemon(session: Session) -> list[dict[str, Any]]:
    from dialer_engine.app import doctor as examination

    try:
        return examination.examine_alone(session.loaded())
    except ConfigError as error:
        return [_failed("configuration", error)]


def _failed(check: str, error: DialerError, *, warn: bool = False) -> dict[str, Any]:
    level = "warn" if warn else "fail"
    return {"check": check, "level": level, "text": str(error), "advice": error_hint(type(error))}
