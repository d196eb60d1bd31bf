"""db: upgrade and check the schema. Needs no daemon."""

from __future__ import annotations

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Group, pass_session
from dialer_engine.cli.session import Session


@click.group(cls=Group)
def db() -> None:
    """The database: upgrade, check."""


@db.command()
@pass_session
def upgrade(session: Session) -> None:
    """Bring the schema to this version.

    Makes the database when there is none. Stop the daemon first, and have a backup.
    """
    from dialer_engine.app import data

    told = data.upgrade(session.offline())
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)


@db.command()
@pass_session
def check(session: Session) -> int:
    """Compare the schema with this version.

    Exit code 1 when they differ.
    """
    from dialer_engine.app import data

    told = data.check(session.offline())
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)
    return int(not told["ok"])
