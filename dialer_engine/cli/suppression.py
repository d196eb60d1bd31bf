"""suppression: import, list, add, remove. Needs no daemon; one that runs sees it within a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Group, limited, pass_session
from dialer_engine.cli.session import Session

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_list = click.option(
    "--list", "name", default="do_not_call", show_default=True,
    help="do_not_call, revoked, lawyer, deceased, or one of your own.",
)  # fmt: skip
_why = click.option("--why", required=True, help="The reason, for the record.")
_COLUMNS = (
    show.Column("Id", "id"),
    show.Column("List", "list"),
    show.Column("Who", "shown"),
    show.Column("Reason", "reason"),
    show.Column("By", "added_by"),
    show.Column("At", "added_at", show.local_time),
    show.Column("Until", "until", show.local_time),
)
_PROBLEMS = (show.Column("Row", "line"), show.Column("Text", "text"))


@click.group(cls=Group)
def suppression() -> None:
    """Lists of those who are not called: import, list, add, remove."""


@suppression.command("import")
@click.argument("file", type=_FILE)
@_list
@_why
@pass_session
def import_(session: Session, file: Path, name: str, why: str) -> int:
    """Import a list.

    One number or case:REFERENCE in the first column of each line. Exit code 1 when lines were rejected.
    """
    from dialer_engine.app import law

    told = law.import_suppressions(session.offline(), file, name, why)
    if session.json:
        show.emit_json(told)
        return int(told["rejected"] > 0)
    show.everything(session, {k: v for k, v in told.items() if k != "problems"})
    if told["problems"]:
        show.show_table(session, "Problems", _PROBLEMS, told["problems"])
    return int(told["rejected"] > 0)


@suppression.command("list")
@click.option("--list", "name", help="Only this list.")
@limited
@pass_session
def list_(session: Session, name: str | None, limit: int) -> None:
    """List who is not called, newest first, numbers masked."""
    from dialer_engine.app import law

    rows = law.suppressions(session.offline(), name, limit)
    if session.json:
        show.emit_json(rows)
    else:
        show.show_table(session, "Lists", _COLUMNS, rows)


@suppression.command()
@click.argument("whom", nargs=-1, required=True)
@_list
@_why
@click.option("--until", help="ISO time with a zone; for good if not given.")
@pass_session
def add(session: Session, whom: tuple[str, ...], name: str, why: str, until: str | None) -> None:
    """Put numbers, or case:REFERENCE, on a list.

    Calls that ring for them end within a second.
    """
    from dialer_engine.app import law

    _show(session, law.suppress(session.offline(), name, whom, why=why, until=until))


@suppression.command()
@click.argument("id", type=int)
@_why
@pass_session
def remove(session: Session, id: int, why: str) -> None:
    """Take an entry off its list, by its id.

    The entry and who removed it stay on record.
    """
    from dialer_engine.app import law

    _show(session, law.release(session.offline(), id, why))


def _show(session: Session, told: dict[str, Any]) -> None:
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)
