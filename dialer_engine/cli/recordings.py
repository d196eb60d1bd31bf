"""recordings: verify, list, export. Needs no daemon: everything goes by the manifest."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Group, both, pass_session
from dialer_engine.cli.progress import progress
from dialer_engine.cli.session import Session

_DAY = click.DateTime(["%Y-%m-%d"])
_days = both(
    click.option("--since", type=_DAY, help="First day (UTC), such as 2026-11-21."),
    click.option("--until", type=_DAY, help="Last day (UTC)."),
)
_COLUMNS = (
    show.Column("Attempt", "attempt"),
    show.Column("Status", "status", word=True),
    show.Column("Duration", lambda row: row["duration_ms"] / 1000, show.duration, right=True),
    show.Column("At", "at", show.local_time),
    show.Column("File", "path"),
)
_PROBLEMS = (show.Column("Kind", "kind"), show.Column("File", "path"), show.Column("Text", "text"))


@click.group(cls=Group)
def recordings() -> None:
    """Recordings: verify, list, export."""


@recordings.command()
@_days
@pass_session
def verify(session: Session, since: datetime | None, until: datetime | None) -> int:
    """Check that recordings are unchanged, and the hash chain.

    Every byte is read and held against the manifest. Exit code 1 when a file is gone or changed, or the chain is
    broken. How a file fits its call was judged after the call: see `report`.
    """
    from dialer_engine.app import data

    with progress(session, "Recordings") as tell:
        told = data.verify_recordings(
            session.offline(), _day(since), _day(until), lambda done: tell(done, None)
        )
    if session.json:
        show.emit_json(told)
        return int(not told["ok"])
    show.facts(session, [("Verified", str(told["verified"])), ("Failed", str(told["failed"]))])
    if told["problems"]:
        show.show_table(session, "Problems", _PROBLEMS, told["problems"])
    return int(not told["ok"])


@recordings.command("list")
@_days
@pass_session
def list_(session: Session, since: datetime | None, until: datetime | None) -> None:
    """List recordings."""
    from dialer_engine.app import data

    rows = data.list_recordings(session.offline(), _day(since), _day(until))
    if session.json:
        show.emit_json(rows)
    else:
        show.show_table(session, "Recordings", _COLUMNS, rows)


@recordings.command()
@click.argument("attempts", nargs=-1, metavar="[ATTEMPT]...")
@_days
@click.option(
    "--to", type=click.Path(path_type=Path), required=True, help="A new folder, or a new .zip."
)
@pass_session
def export(
    session: Session,
    attempts: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    to: Path,
) -> int:
    """Copy recordings out, with their manifest.

    Those named, or all of the days given. Each file can be checked against the manifest anywhere.
    Exit code 1 when one could not be exported.
    """
    if not attempts and since is None and until is None:
        raise click.UsageError("name attempts, or days with --since and --until")
    from dialer_engine.app import data

    with progress(session, "Recordings") as tell:
        told = data.export_recordings(
            session.offline(), attempts, _day(since), _day(until), to, tell
        )
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)
    return int(not told["ok"])


def _day(when: datetime | None) -> Any:
    return None if when is None else when.date()
