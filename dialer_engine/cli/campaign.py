"""campaign: create, list, show, start, pause, stop, set."""

from __future__ import annotations

import difflib
from typing import Any

import click

from dialer_engine.cli import columns, show
from dialer_engine.cli.base import Group, both, pass_session
from dialer_engine.cli.paths import path
from dialer_engine.cli.session import Session
from dialer_engine.engine.api import CAMPAIGN_FIELDS, DIAL_MODES, PERIODS

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")

_settings = both(
    click.option(
        "--mode", type=click.Choice(DIAL_MODES), help="How many calls for how many agents."
    ),
    click.option("--ratio", type=float, help="Lines for each free agent in mode ratio."),
    click.option(
        "--ring-timeout", "ring_timeout_s", type=float, help="How long a phone rings, in s."
    ),
    click.option("--wait-limit", "wait_limit_s", type=float, help="The abandonment limit, in s."),
    click.option("--wrap-up", "wrap_up_s", type=float, help="Limit of wrap-up, in s; 0: none."),
    click.option("--amd/--no-amd", default=None, help="Let the PBX look for answering machines."),
    click.option("--skill", help="Agents need it; empty: any agent."),
    click.option("--strategy", help="Name of the retry table."),
    click.option(
        "--target", type=float, help="Share of live answers that may be abandoned, such as 0.03."
    ),
    click.option(
        "--period", type=click.Choice(PERIODS), help="Over what abandoned answers are counted."
    ),
    click.option(
        "--max-ringing", "max_ringing_per_agent", type=float, help="Lines for each agent, at most."
    ),
    click.option(
        "--min-ring", "min_ring_s", type=float, help="Nobody is hung up on earlier, in s."
    ),
    click.option(
        "--preview-timeout", "preview_timeout_s", type=float, help="Time to look at a case, in s."
    ),
    click.option(
        "--preview-dials/--preview-skips",
        default=None,
        help="What becomes of a case at that time.",
    ),
    click.option("--robot-channels", type=int, help="Calls at once without agents."),
    click.option("--robot-cps", type=float, help="Calls a second without agents."),
    click.option("--robot-message", help="Sounds that they hear, joined by &."),
)


@click.group(cls=Group)
def campaign() -> None:
    """Campaigns: create, start, pause, stop, change."""


@campaign.command()
@click.argument("name")
@_settings
@click.option("--start", is_flag=True, help="Start it at once.")
@pass_session
def create(session: Session, /, name: str, start: bool, **given: Any) -> None:
    """Create a campaign (stopped).

    What is not given is as the configuration says (pacing, agents, amd).
    """
    body = {key: value for key, value in given.items() if value is not None}
    with session.client() as client:
        told = client.post("/campaigns", {"name": name, **body})
        if start:
            told = client.post(path("campaigns", name, "start"))
    _tell(session, told)


@campaign.command("list")
@pass_session
def list_(session: Session) -> None:
    """List campaigns."""
    with session.client() as client:
        told = client.get("/campaigns")
    if session.json:
        show.emit_json(told)
    else:
        show.show_table(session, "Campaigns", columns.CAMPAIGNS, told)


@campaign.command("show")
@click.argument("name")
@pass_session
def show_(session: Session, name: str) -> None:
    """One campaign in full."""
    with session.client() as client:
        told = client.get(path("campaigns", name))
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)


@campaign.command()
@click.argument("name")
@pass_session
def start(session: Session, name: str) -> None:
    """Start dialling, or go on after a pause."""
    _change_state(session, name, "start")


@campaign.command()
@click.argument("name")
@pass_session
def pause(session: Session, name: str) -> None:
    """No new calls; what rings or talks goes on."""
    _change_state(session, name, "pause")


@campaign.command()
@click.argument("name")
@pass_session
def stop(session: Session, name: str) -> None:
    """No new calls, cancel what rings, and give the campaign back."""
    _change_state(session, name, "stop")


@campaign.command("set")
@click.argument("name")
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@_settings
@pass_session
def set_(session: Session, /, name: str, changes: tuple[str, ...], **given: Any) -> None:
    """Change settings, effective at the next pacing tick.

    As options, or as `ratio=1.5 wait_limit_s=2`.
    """
    body = {key: value for key, value in given.items() if value is not None}
    body |= dict(parse_setting(text) for text in changes)
    if not body:
        raise click.UsageError(f"nothing to change; settings are {', '.join(CAMPAIGN_FIELDS)}")
    with session.client() as client:
        told = client.patch(path("campaigns", name), body)
    _tell(session, told)


def parse_setting(text: str) -> tuple[str, Any]:
    """`ratio=1.5` as ("ratio", 1.5); a usage error names the nearest known key."""
    key, equals, value = text.partition("=")
    if key not in CAMPAIGN_FIELDS:
        near = difflib.get_close_matches(key, CAMPAIGN_FIELDS, n=1)
        guess = f"did you mean {near[0]}?" if near else f"known: {', '.join(CAMPAIGN_FIELDS)}"
        raise click.UsageError(f"there is no setting {key!r}; {guess}")
    if not equals:
        raise click.UsageError(f"{key} needs a value: {key}=…")
    return key, _typed(key, value)


def _typed(key: str, value: str) -> Any:
    kind = CAMPAIGN_FIELDS[key]
    if kind is bool:
        if value.lower() not in _TRUE + _FALSE:
            raise click.UsageError(f"{key} is true or false, not {value!r}")
        return value.lower() in _TRUE
    try:
        return kind(value)
    except ValueError:
        raise click.UsageError(f"{key} is a number, not {value!r}") from None


def _change_state(session: Session, name: str, action: str) -> None:
    with session.client() as client:
        _tell(session, client.post(path("campaigns", name, action)))


def _tell(session: Session, told: dict[str, Any]) -> None:
    if session.json:
        show.emit_json(told)
    else:
        show.show_table(session, "", columns.CAMPAIGNS, [told])
