"""pacing export-day, replay: a recorded day, and what another setting would have made of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import pass_session
from dialer_engine.cli.pacing import pacing
from dialer_engine.cli.pacing_options import compared, read_learned
from dialer_engine.cli.progress import progress
from dialer_engine.cli.session import Session
from dialer_engine.cli.show import Column, number, percent

_FILE = click.Path(dir_okay=False, path_type=Path)


def _mean(key: str, form: Callable[[Any], str]) -> Callable[[Any], str]:
    """A plain figure, or the mean of several days."""

    def told(row: Any) -> str:
        figure = row.get(key)
        return form(figure["mean"] if isinstance(figure, dict) else figure)

    return told


def _whole(value: Any) -> str:
    return number(None if value is None else round(value))


def _seconds(value: Any) -> str:
    return show.NOTHING if value is None else f"{value:.2f} s"


_ROWS = (
    Column("Policy", "policy", word=True),
    Column("Utilization", _mean("utilization", percent), right=True),
    Column("Abandoned share", _mean("abandonment", percent), right=True),
    Column("Wait", _mean("wait_s", _seconds), right=True),
    Column("Conversations a day", _mean("conversations", _whole), right=True),
    Column("Attempts", _mean("attempts", _whole), right=True),
    Column("Calls beyond the record", _mean("drawn", _whole), right=True),
)


@pacing.command("export-day")
@click.argument("name", metavar="CAMPAIGN")
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="Local day of the site, such as 2026-11-20.",
)
@click.argument("file", type=_FILE)
@pass_session
def export_day(session: Session, /, name: str, day: datetime, file: Path) -> None:
    """Write a day for `pacing replay`. No personal data.

    Needs no daemon. The file holds when each call was dialled, how it ended and how long it took, and
    when agents were at work: no numbers, cases, names or agents' ids.
    """
    from dialer_engine.app import pacing_replay as app

    told = app.export_day(session.offline(), name, day.date(), file)
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)


@pacing.command()
@click.argument("file", type=_FILE)
@compared
@click.option(
    "--max-ringing", "max_ringing_per_agent", type=float, help="Lines for each agent, at most."
)
@click.option("--wait-limit", "wait_limit_s", type=float, help="The abandonment limit, in s.")
@click.option("--days", "seeds", type=click.IntRange(1, 50), default=3, help="How many draws.")
@pass_session
def replay(
    session: Session,
    /,
    file: Path,
    named: tuple[str, ...],
    learned: str | None,
    seeds: int,
    **changes: Any,
) -> None:
    """A recorded day, under other settings or another policy.

    The n-th call of the replay ends as the n-th of the record did. Calls beyond the record, and what it
    does not know, are drawn from its own calls; how many were is shown.
    """
    from dialer_engine.app import pacing_replay as app
    from dialer_engine.app.pacing_world import memory_from

    memory = memory_from(read_learned(learned)) if learned else None
    with progress(session, "Replayed") as told:
        found = app.replay(file, changes, named, memory, seeds, told)
    if session.json:
        show.emit_json(found)
        return
    rows = [{"policy": session.label("Recorded"), **found["recorded"]}, *found["rows"]]
    show.show_table(session, "Replayed", _ROWS, rows)
