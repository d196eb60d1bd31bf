"""calls: list, show, hangup, history."""

from __future__ import annotations

from typing import Any

import click

from dialer_engine.cli import columns, failures, show
from dialer_engine.cli.base import Group, pass_session
from dialer_engine.cli.paths import path
from dialer_engine.cli.session import Session
from dialer_engine.domain.errors import DaemonUnreachable, DialerError

_HISTORY = (
    show.Column("Attempt", lambda row: row.get("attempt") or row.get("id")),
    show.Column("Campaign", "campaign"),
    show.Column("Planned", "planned_at", show.local_time),
    show.Column("Number", "number"),
    show.Column("Outcome", "outcome", word=True),
    show.Column("Agent", lambda row: row.get("agent") or row.get("agent_id")),
    show.Column("Talk", "talk_s", show.duration, right=True),
    show.Column("Trunk", "trunk"),
    show.Column("Detail", "detail"),
)


@click.group(cls=Group)
def calls() -> None:
    """Calls: live ones, one in full, hang up, history."""


@calls.command("list")
@click.option("--campaign", help="Only this campaign.")
@click.option("--phase", help="Only calls in this phase, such as ringing or talking.")
@click.option("--agent", help="Only calls of this agent.")
@click.option("--node", help="Only calls on this PBX.")
@click.option("--trunk", help="Only calls over this trunk.")
@pass_session
def list_(session: Session, /, **wanted: str | None) -> None:
    """List live calls."""
    with session.client() as client:
        told = client.get("/calls", **wanted)
    if session.json:
        show.emit_json(told)
    else:
        show.show_table(session, "Calls", columns.CALLS, told)


@calls.command("show")
@click.argument("attempt")
@pass_session
def show_(session: Session, attempt: str) -> None:
    """One call in full, number masked."""
    with session.client() as client:
        told = client.get(path("calls", attempt))
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)


@calls.command()
@click.argument("attempts", nargs=-1, required=True, metavar="ATTEMPT...")
@pass_session
def hangup(session: Session, attempts: tuple[str, ...]) -> int:
    """Hang up live calls."""
    done: list[dict[str, Any]] = []
    code = 0
    with session.client() as client:
        for attempt in attempts:
            try:
                done.append(client.post(path("calls", attempt, "hangup")))
            except DaemonUnreachable:
                raise
            except DialerError as error:
                failed = failures.report(error, session)
                code = code or failed
    if session.json:
        show.emit_json(done)
    elif done:
        show.show_table(session, "", columns.CALLS, done)
    return code


@calls.command()
@click.option("--campaign", help="Only this campaign.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--before", help="Go on from this attempt.")
@pass_session
def history(session: Session, campaign: str | None, limit: int, before: str | None) -> None:
    """Past attempts, newest first."""
    with session.client() as client:
        told = client.get("/history", campaign=campaign, limit=str(limit), before=before)
    if session.json:
        show.emit_json(told)
    else:
        show.show_table(session, "Calls", _HISTORY, told)
