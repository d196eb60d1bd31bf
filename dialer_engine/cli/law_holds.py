"""compliance hold: set, list, release; compliance complaint: open, list, close. Needs no daemon."""

from __future__ import annotations

from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Group, limited, pass_session
from dialer_engine.cli.session import Session

# `domain.collections.codes.HoldKind` but `complaint`, which a complaint sets, and `records`.
_KINDS = ("dispute", "deceased", "lawyer", "bankruptcy", "vulnerable", "legal", "manual", "records")
_ENDS = ("upheld", "rejected", "withdrawn")
_why = click.option("--why", required=True, help="The reason, for the record.")
_who = click.option("--who", required=True, help="Who answers for it.")
_case = click.option("--case", help="Only this case.")
_HOLDS = (
    show.Column("Id", "id"),
    show.Column("Case", "case"),
    show.Column("Kind", "kind", word=True),
    show.Column("Who", "by"),
    show.Column("Since", "since", show.local_time),
    show.Column("Until", "until", show.local_time),
    show.Column("In force", lambda row: "yes" if row["in_force"] else "no", word=True),
)
_COMPLAINTS = (
    show.Column("Id", "key"),
    show.Column("Case", "case"),
    show.Column("About", "about"),
    show.Column("State", "state", word=True),
    show.Column("At", "at", show.local_time),
    show.Column("Closed", "closed_at", show.local_time),
)


@click.group(cls=Group)
def hold() -> None:
    """Leave a case alone, or keep its records: set, list, release."""


@hold.command("set")
@click.argument("case", required=False)
@click.option("--kind", type=click.Choice(_KINDS), required=True, help="Why it is left alone.")
@click.option("--everything", is_flag=True, help="With kind records: no case at all loses any.")
@_who
@_why
@click.option("--until", help="ISO time with a zone; until it is released if not given.")
@pass_session
def set_(
    session: Session,
    case: str | None,
    kind: str,
    everything: bool,
    who: str,
    why: str,
    until: str | None,
) -> None:
    """Hold a case.

    Calls that ring for it end within a second. Kind records stops no calls, but deletion. Kinds legal,
    lawyer, dispute, bankruptcy and complaints keep the records too.
    """
    from dialer_engine.app import holds

    if (case is None) is not everything:
        raise click.UsageError("name one case, or --everything")
    _tell(session, holds.set_hold(session.offline(), case, kind, who=who, why=why, until=until))


@hold.command("list")
@_case
@click.option("--all", "ended", is_flag=True, help="Also those that are over.")
@limited
@pass_session
def list_holds(session: Session, case: str | None, ended: bool, limit: int) -> None:
    """List holds, newest first."""
    from dialer_engine.app import holds

    rows = holds.list_holds(session.offline(), case, ended=ended, limit=limit)
    _rows(session, "Holds of cases", _HOLDS, rows)


@hold.command()
@click.argument("id")
@_who
@_why
@pass_session
def release(session: Session, id: str, who: str, why: str) -> None:
    """End a hold, by its id."""
    from dialer_engine.app import holds

    _tell(session, holds.release_hold(session.offline(), id, who=who, why=why))


@click.group(cls=Group)
def complaint() -> None:
    """Complaints: open, list, close."""


@complaint.command("open")
@click.argument("case")
@click.option("--about", default="", help="A word of your own: conduct, amount, identity …")
@click.option("--text", default="", help="What was said; kept closed.")
@_who
@pass_session
def open_(session: Session, case: str, about: str, text: str, who: str) -> None:
    """Note a complaint; the case is held."""
    from dialer_engine.app import holds

    _tell(session, holds.open_complaint(session.offline(), case, about, text, who=who))


@complaint.command("list")
@_case
@click.option("--all", "closed", is_flag=True, help="Also those that are closed.")
@limited
@pass_session
def list_complaints(session: Session, case: str | None, closed: bool, limit: int) -> None:
    """List complaints, newest first."""
    from dialer_engine.app import holds

    rows = holds.list_complaints(session.offline(), case, closed=closed, limit=limit)
    _rows(session, "Complaints", _COMPLAINTS, rows)


@complaint.command()
@click.argument("id")
@click.option("--state", type=click.Choice(_ENDS), required=True, help="What became of it.")
@_who
@_why
@pass_session
def close(session: Session, id: str, state: str, who: str, why: str) -> None:
    """Close a complaint.

    With the last open one of a case its hold for complaints ends.
    """
    from dialer_engine.app import holds

    _tell(session, holds.close_complaint(session.offline(), id, state, who=who, why=why))


def _rows(
    session: Session, title: str, columns: tuple[show.Column, ...], rows: list[dict[str, Any]]
) -> None:
    if session.json:
        show.emit_json(rows)
    else:
        show.show_table(session, title, columns, rows)


def _tell(session: Session, told: dict[str, Any]) -> None:
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)
