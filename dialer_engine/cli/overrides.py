"""compliance override: give, list, revoke. Needs no daemon."""

from __future__ import annotations

from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Group, limited, pass_session
from dialer_engine.cli.session import Session

_why = click.option("--why", required=True, help="The reason, for the record.")
_who = click.option("--who", required=True, help="Who answers for it.")
_COLUMNS = (
    show.Column("Id", "id", right=True),
    show.Column("Rule", "rule"),
    show.Column("For", "for"),
    show.Column("Kind", "kind"),
    show.Column("Hours", "hours"),
    show.Column("Who", "who"),
    show.Column("Reason", "why"),
    show.Column("Until", "until", show.local_time),
    show.Column("In force", lambda row: "yes" if row["in_force"] else "no", word=True),
)


@click.group(cls=Group)
def override() -> None:
    """Lift a rule for somebody until a date: give, list, revoke."""


@override.command()
@click.argument("rule")
@click.option("--case", default="", help="The reference of the case.")
@click.option("--number", default="", help="A number, whosever case it is in.")
@click.option("--campaign", default="", help="All calls of a campaign.")
@_who
@_why
@click.option("--until", required=True, help="ISO time with a zone; from then on the rule holds.")
@click.option("--kind", default="", help="debtor_agreement, supervisor; if the rule knows several.")
@click.option("--hours", default="", help="Other hours instead of none, such as 20:00-23:30.")
@click.option(
    "--preset", "presets", multiple=True, help="A shipped preset, such as cn; may be repeated."
)
@pass_session
def give(
    session: Session,
    rule: str,
    case: str,
    number: str,
    campaign: str,
    who: str,
    why: str,
    until: str,
    kind: str,
    hours: str,
    presets: tuple[str, ...],
) -> None:
    """Lift a rule.

    For one of --case, --number, --campaign. Exit code 3 when nothing may lift it: its severity and its
    kinds decide. It goes on the record of the case and into the evidence, with each decision that is made
    under it.
    """
    from dialer_engine.app import overrides

    told = overrides.give(
        session.offline(), presets, rule,
        case=case, number=number, campaign=campaign, kind=kind, who=who, why=why, until=until, hours=hours,
    )  # fmt: skip
    _show(session, told)


@override.command("list")
@click.option("--case", help="Only this case.")
@click.option("--all", "ended", is_flag=True, help="Also those that are over.")
@limited
@pass_session
def list_(session: Session, case: str | None, ended: bool, limit: int) -> None:
    """List the rules that are lifted, newest first."""
    from dialer_engine.app import overrides

    rows = overrides.listing(session.offline(), case, ended=ended, limit=limit)
    if session.json:
        show.emit_json(rows)
    else:
        show.show_table(session, "Overrides", _COLUMNS, rows)


@override.command()
@click.argument("id", type=int)
@_who
@_why
@pass_session
def revoke(session: Session, id: int, who: str, why: str) -> None:
    """Let a rule hold again, by the id of the override."""
    from dialer_engine.app import overrides

    _show(session, overrides.revoke(session.offline(), id, who=who, why=why))


def _show(session: Session, told: dict[str, Any]) -> None:
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)
