"""evidence: verify, export, check-export. Needs no daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Group, pass_session
from dialer_engine.cli.session import Session

_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_PROBLEMS = (show.Column("Record", "seq"), show.Column("Text", "text"))


@click.group(cls=Group)
def evidence() -> None:
    """Evidence: verify the chain, export a case."""


@evidence.command()
@click.option("--head", help="SEQ:HASH that was kept elsewhere; it must be in the chain.")
@pass_session
def verify(session: Session, head: str | None) -> int:
    """Check the chain of evidence.

    Every record is read. Exit code 1 when one was changed, is missing, or the end was cut off.
    """
    from dialer_engine.app import law

    return _told(session, law.verify(session.offline(), head))


@evidence.command()
@click.argument("case")
@click.option("--to", type=_NEW_FILE, required=True, help="The file to write.")
@pass_session
def export(session: Session, case: str, to: Path) -> None:
    """Export everything on record about a case.

    One signed file that a court or a regulator can read; the fingerprint is that of the key.
    """
    from dialer_engine.app import law

    told = law.export(session.offline(), case, to)
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)


@evidence.command("check-export")
@click.argument("file", type=_FILE)
@pass_session
def check_export(session: Session, file: Path) -> int:
    """Check a file of evidence.

    Needs no store. Compare the fingerprint with the one that you were given by another way.
    """
    from dialer_engine.app import law

    return _told(session, law.check_export(file))


def _told(session: Session, told: dict[str, Any]) -> int:
    if session.json:
        show.emit_json(told)
        return int(not told["ok"])
    show.everything(session, {k: v for k, v in told.items() if k not in ("ok", "problems")})
    if told["problems"]:
        show.show_table(session, "Problems", _PROBLEMS, told["problems"])
    return int(not told["ok"])
