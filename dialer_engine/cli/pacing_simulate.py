"""pacing simulate: what a campaign's pacing would come to, and how many agents or channels it needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import pass_session
from dialer_engine.cli.pacing import pacing
from dialer_engine.cli.pacing_options import compared, read_learned
from dialer_engine.cli.paths import path
from dialer_engine.cli.progress import progress
from dialer_engine.cli.session import Session
from dialer_engine.cli.show import Column, number, percent
from dialer_engine.domain.errors import BadValue, NotFound

Json = dict[str, Any]
_SHARE = click.FloatRange(0.0, 1.0, min_open=True)
_SECONDS = click.FloatRange(0.0, 3600.0)
# Unless told otherwise: enough for an interval of about a point on a team of ten.
_SEEDS = 6


def _about(key: str, form: Callable[[Any], str]) -> Callable[[Any], str]:
    """Mean ± half of the interval, of a figure of a row."""

    def told(row: Any) -> str:
        figure = row[key]
        half = figure["half_width"]
        return form(figure["mean"]) + (f" ± {form(half)}" if half is not None else "")

    return told


def _seconds(value: Any) -> str:
    return f"{value:.2f} s"


def _whole(value: Any) -> str:
    return f"{value:,.0f}"


ROWS = (
    Column("Policy", "policy", word=True),
    Column("Agents", "agents", number, right=True),
    Column("Channels", "channels", number, right=True),
    Column("Utilization", _about("utilization", percent), right=True),
    Column("Abandoned share", _about("abandonment", percent), right=True),
    Column("Worst day", lambda row: percent(row["abandonment"]["most"]), right=True),
    Column("Wait", _about("wait_s", _seconds), right=True),
    Column("Agent idle before a talk", _about("idle_s", _seconds), right=True),
    Column("Conversations a day", _about("conversations", _whole), right=True),
    Column("Busy lines", lambda row: _whole(row["peak"]["most"]), right=True),
)
_WORLD = (Column("World", "name"), Column("Value", "value"), Column("From", "from", word=True))


@pacing.command()
@click.argument("name", metavar="[CAMPAIGN]", required=False)
@click.option("--agents", type=click.IntRange(1, 1000), help="Agents; those at work now, or 10.")
@click.option("--answer-rate", type=_SHARE, help="Share of calls that a person answers.")
@click.option("--talk", "talk_s", type=_SECONDS, help="Mean talk in seconds.")
@click.option("--wrap-up", "wrap_up_s", type=_SECONDS, help="Mean wrap-up in seconds.")
@click.option(
    "--ring", "ring_s", type=_SECONDS, help="Mean seconds of ringing before a person answers."
)
@click.option("--hours", type=click.FloatRange(0.1, 24.0), default=8.0, help="Hours of a day.")
@click.option("--channels", type=click.IntRange(1), help="Calls at once, at most.")
@compared
@click.option(
    "--days",
    "seeds",
    type=click.IntRange(2, 100),
    default=_SEEDS,
    help="How many days are simulated.",
)
@click.option(
    "--solve", type=click.Choice(["agents", "channels"]), help="Work out how many are needed."
)
@click.option("--conversations", type=float, help="Conversations a day, for --solve agents.")
@pass_session
def simulate(
    session: Session,
    /,
    name: str | None,
    named: tuple[str, ...],
    learned: str | None,
    seeds: int,
    solve: str | None,
    conversations: float | None,
    **given: Any,
) -> None:
    """Days like these under a policy: utilization, abandonment, waits.

    With CAMPAIGN a running daemon is asked what the campaign is set to, has learned, and how many agents
    are at work; without it only what you give, over the defaults. Nothing is dialled. Each figure is a
    mean over days with its 95 % interval.
    """
    from dialer_engine.app import pacing_simulate as app
    from dialer_engine.app import pacing_world as worlds

    if solve == "agents" and conversations is None:
        raise BadValue("--solve agents needs --conversations: how many a day")
    row, memory, staff = _asked_daemon(session, name) if name else (None, None, None)
    memory = read_learned(learned) if learned else memory
    world = worlds.world(worlds.Asked(**given), row, memory, staff)
    modes = worlds.policies(named, world.campaign)
    with progress(session, "Days") as told:
        if solve == "agents":
            found = app.solve_agents(world, modes[0], conversations or 0.0, seeds, told)
        elif solve == "channels":
            found = app.solve_channels(world, modes[0], seeds, told)
        else:
            found = app.simulate(world, modes, seeds, told=told)
    _show(session, found)


def _asked_daemon(session: Session, name: str) -> tuple[Json, Json | None, int]:
    """The campaign, what it has learned (None: nothing yet), and how many agents are at work."""
    with session.client() as client:
        row: Json = client.get(path("campaigns", name))
        staff = client.get("/agents")
        try:
            learned: Json | None = client.get(path("campaigns", name, "pacing", "learned"))
        except NotFound:
            learned = None
    skill = row.get("skill") or ""
    working = [
        one
        for one in staff
        if one["presence"] != "logged_out" and (not skill or skill in one.get("skills", ()))
    ]
    return row, learned, len(working)


def _show(session: Session, found: Json) -> None:
    if session.json:
        show.emit_json(found)
        return
    if found["note"]:
        print(f"! {found['note']}", file=sys.stderr)
    origin = found["world"]["from"]
    rows = [
        {"name": key, "value": number(value), "from": origin.get(key, "")}
        for key, value in found["world"].items()
        if key != "from" and value is not None
    ]
    show.show_table(session, "World", _WORLD, rows)
    print()
    show.show_table(session, "Simulated", ROWS, found["rows"])
    if "solve" in found:
        head = "Agents needed" if found["solve"] == "agents" else "Channels needed"
        print()
        show.facts(session, [(head, str(found["solution"]))])
