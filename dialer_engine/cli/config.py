"""config: what is in force, and whether it is right. Needs no daemon."""

from __future__ import annotations

import sys

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Group, pass_session
from dialer_engine.cli.session import Session

_COLUMNS = (
    show.Column("Key", "key"),
    show.Column("Value", "value"),
    show.Column("From", "origin"),
    show.Column("Live", "live", word=True),
)


@click.group(cls=Group)
def config() -> None:
    """The configuration: show, check."""


@config.command("show")
@click.argument("prefix", default="")
@pass_session
def show_(session: Session, prefix: str) -> None:
    """The effective configuration and where each value comes from.

    PREFIX: only keys that begin so, such as `trunks`. Secrets are masked. Live: a reload applies a
    change; else it takes a restart.
    """
    loaded = session.loaded()
    rows = [
        {"key": row.key, "value": row.value, "origin": row.origin, "live": row.live}
        for row in loaded.effective()
        if row.key.startswith(prefix)
    ]
    if session.json:
        show.emit_json(rows)
    else:
        show.show_table(session, "", _COLUMNS, rows)
        _warn(loaded.warnings)


@config.command()
@pass_session
def check(session: Session) -> None:
    """Check the configuration without starting anything.

    Exit code 2 when it is wrong; every problem is listed with file, line and key.
    """
    loaded = session.loaded()
    files = [str(path) for path in loaded.files]
    if session.json:
        show.emit_json({"ok": True, "files": files, "warnings": list(loaded.warnings)})
        return
    print(f"{session.word('ok')}: {', '.join(files) or 'defaults only, no file found'}")
    _warn(loaded.warnings)


def _warn(warnings: tuple[str, ...]) -> None:
    for text in warnings:
        print(f"! {text}", file=sys.stderr)
