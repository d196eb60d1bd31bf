"""status: the whole daemon at a glance."""

from __future__ import annotations

from typing import Any

import click

from dialer_engine.cli import columns, show
from dialer_engine.cli.base import Command, pass_session
from dialer_engine.cli.session import Session

# What a person wants to know of the engine; --json has all of its counters.
_ENGINE = ("inbox", "events", "illegal_transitions", "shed")


@click.command(cls=Command)
@pass_session
def status(session: Session) -> None:
    """The whole daemon at a glance."""
    with session.client() as client:
        told = client.get("/status")
    if session.json:
        show.emit_json(told)
        return
    show.facts(session, _facts(session, told))
    for title, shown, rows in (
        ("PBX nodes", columns.NODES, told["nodes"]),
        ("Trunks", columns.TRUNKS, told["trunks"]),
        ("Campaigns", columns.CAMPAIGNS, told["campaigns"]),
    ):
        print()
        show.show_table(session, title, shown, rows)


def _facts(session: Session, told: dict[str, Any]) -> list[tuple[str, str]]:
    store = told["store"]
    detail = f" ({store['detail']})" if store["detail"] else ""
    return [
        ("Daemon", f"{session.word(told['state'])}, pid {told['pid']}, {told['version']}"),
        ("Uptime", show.duration(told["uptime_s"])),
        ("Store", session.word("ok" if store["ok"] else "fail") + detail),
        ("Disk", session.word(told["disk"])),
        ("Calls", counted(session, told["calls"])),
        ("Agents", counted(session, told["agents"]["line"])),
        ("Presence", counted(session, told["agents"]["presence"])),
        ("Engine", show.plain({name: told["engine"].get(name) for name in _ENGINE})),
    ]


def counted(session: Session, counts: dict[str, int]) -> str:
    """`talking 3, ringing 5`; zeros are left out."""
    parts = [f"{session.word(name)} {count}" for name, count in counts.items() if count]
    return ", ".join(parts) or "0"
