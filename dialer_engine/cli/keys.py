"""keys: which keys close personal data, and closing it with new ones. Needs no daemon."""

from __future__ import annotations

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Group, pass_session
from dialer_engine.cli.progress import progress
from dialer_engine.cli.session import Session


@click.group(cls=Group)
def keys() -> None:
    """The keys of personal data: status, rotate."""


@keys.command()
@pass_session
def status(session: Session) -> int:
    """Which keys there are, and what each of them closes.

    Reads every closed value once. Exit code 1 when an older key still closes some.
    """
    from dialer_engine.app import data

    told = data.keys_status(session.offline())
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)
    return int(told["pending"] > 0)


@keys.command()
@click.option(
    "--master-only",
    is_flag=True,
    help="Only close the data keys with the first master key of the file.",
)
@pass_session
def rotate(session: Session, master_only: bool) -> None:
    """Close everything with a new data key.

    Goes on where it was when it was stopped. May run beside the daemon. A new master key: put it on
    top of the key file, one a line, run this with --master-only, then take the old line away.
    """
    from dialer_engine.app import data

    with progress(session, "Rotate") as tell:
        told = data.keys_rotate(session.offline(), master_only=master_only, progress=tell)
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)
