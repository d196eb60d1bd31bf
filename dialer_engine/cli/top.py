"""top: the live view, or one snapshot where there is no terminal."""

from __future__ import annotations

import sys

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Command, pass_session
from dialer_engine.cli.session import Session


@click.command(cls=Command)
@click.option("--once", is_flag=True, help="One snapshot, then exit.")
@pass_session
def top(session: Session, once: bool) -> None:
    """Watch live: agents, calls, campaigns, trunks.

    Keys: p pauses or starts the chosen campaign, + and - change its ratio, n chooses the next one, q
    quits. Without a terminal, or with --json, one snapshot.
    """
    live = sys.stdin.isatty() and sys.stdout.isatty()
    if once or session.json or not live:
        _snapshot(session)
        return
    import asyncio

    from dialer_engine.cli.top_live import Top

    asyncio.run(Top(session).run())


def _snapshot(session: Session) -> None:
    with session.client() as client:
        status, agents = client.get("/status"), client.get("/agents")
    if session.json:
        show.emit_json({"status": status, "agents": agents})
        return
    from dialer_engine.cli import top_view
    from dialer_engine.cli.top_state import TopState

    state = TopState()
    state.answered(status, agents)
    show.say(top_view.snapshot(session, state, framed=sys.stdout.isatty()))
