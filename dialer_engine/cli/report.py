"""report: the figures of a campaign, or of all."""

from __future__ import annotations

import sys
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Command, pass_session
from dialer_engine.cli.session import Session
from dialer_engine.cli.times import Moment
from dialer_engine.domain.errors import DaemonUnreachable

_OUTCOMES = (
    show.Column("Outcome", "outcome", word=True),
    show.Column("Count", "count", show.number, right=True),
    show.Column("Share", "share", show.percent, right=True),
)


@click.command(cls=Command)
@click.argument("campaign", required=False)
@click.option("--campaign", "named", help="Only this campaign.")
@click.option("--since", type=Moment(), help="From: today, 2h, 7d, or an ISO time.")
@click.option("--until", type=Moment(), help="Until, written in the same way.")
@pass_session
def report(
    session: Session, campaign: str | None, named: str | None, since: str | None, until: str | None
) -> None:
    """Figures of a campaign, or of all.

    Without a daemon they are counted in the store directly.
    """
    told = _ask(session, campaign or named, since, until)
    if session.json:
        show.emit_json(told)
        return
    show.facts(session, _figures(told))
    _tables(session, told)


def _ask(
    session: Session, campaign: str | None, since: str | None, until: str | None
) -> dict[str, Any]:
    try:
        with session.client() as client:
            told: dict[str, Any] = client.get(
                "/report", campaign=campaign, since=since, until=until
            )
            return told
    except DaemonUnreachable:
        from dialer_engine.app import data

        told = data.report(session.offline(), campaign, since, until)
        note = session.label("no daemon answers; the figures come from the store")
        print(note, file=sys.stderr)
        return told


def _figures(told: dict[str, Any]) -> list[tuple[str, str]]:
    bridge, wait = told["answer_to_bridge_ms"], told["wait_s"]
    return [
        ("Campaign", told["campaign"] or "*"),
        ("Since", show.local_time(told["since"])),
        ("Until", show.local_time(told["until"])),
        ("Attempts", show.number(told["attempts"])),
        ("Attempts without outcome", show.number(told["attempts_without_outcome"])),
        ("Answered", f"{show.number(told['answered'])} ({show.percent(told['answer_rate'])})"),
        ("Bridged", show.number(told["bridged"])),
        ("Abandoned", f"{told['abandoned']} ({show.percent(told['abandonment_rate'])})"),
        ("Utilization", show.percent(told["utilization"])),
        ("Answer to bridge", _quantiles(bridge, "ms")),
        ("Wait", _quantiles(wait, "s")),
        ("Mean talk", show.duration(told["talk_s_mean"])),
        ("Recordings", _recordings(told)),
        *([("Promises", _promises(told["promises"]))] if told["promises"].get("made") else []),
    ]


def _promises(told: dict[str, Any]) -> str:
    """`5 (120.00 GBP); kept 1, broken 2`."""
    amounts = ", ".join(f"{amount} {currency}" for currency, amount in told["amount"].items())
    parts = (f"{name} {told[name]}" for name in ("open", "kept", "partial", "broken"))
    return f"{told['made']} ({amounts}); {', '.join(parts)}"


def _quantiles(values: dict[str, Any], unit: str) -> str:
    if not values["count"]:
        return show.NOTHING
    parts = (f"{name} {show.number(values[name])} {unit}" for name in ("p50", "p99", "max"))
    return ", ".join(parts) + f" (n = {values['count']})"


def _recordings(told: dict[str, Any]) -> str:
    text = f"{told['recordings_verified']} / {told['recordings_expected']}"
    failed = told["recordings_failed"]
    return f"{text}, {failed} failed" if failed else text


def _tables(session: Session, told: dict[str, Any]) -> None:
    total = sum(told["outcomes"].values()) or 1
    rows: list[dict[str, Any]] = [
        {"outcome": name, "count": count, "share": count / total}
        for name, count in sorted(told["outcomes"].items(), key=lambda item: -item[1])
    ]
    print()
    show.show_table(session, "Outcomes", _OUTCOMES, rows)
    for title in ("Segments", "Denials", "Agents", "Trunks", "Alarms"):
        rows = told[title.lower()]
        if rows:
            print()
            show.show_table(session, title, _columns_of(rows), rows)


def _columns_of(rows: list[dict[str, Any]]) -> list[show.Column]:
    """The store decides what these rows hold; the first row has every key."""
    return [_column(key) for key in rows[0]]


def _column(key: str) -> show.Column:
    head = key.removesuffix("_s").replace("_", " ").capitalize()
    if key.endswith("_s"):
        return show.Column(head, key, show.duration, right=True)
    if key in ("utilization", "share") or key.endswith("_rate"):
        return show.Column(head, key, show.percent, right=True)
    if key == "at" or key.endswith("_at"):
        return show.Column(head, key, show.local_time)
    return show.Column(head, key)
