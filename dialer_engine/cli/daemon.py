"""run, reload, stop: the process itself."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Command, pass_session
from dialer_engine.cli.session import Session
from dialer_engine.domain.errors import DaemonUnreachable, DialerError

# How often `stop` looks whether the daemon is gone.
_LOOK_S = 0.5


@click.command(cls=Command)
@pass_session
def run(session: Session) -> int:
    """Run the daemon in the foreground.

    It logs to stderr; systemd or the terminal keeps it. SIGTERM stops it gracefully, a second one at
    once; SIGHUP reads the configuration again.
    """
    from dialer_engine.app import daemon

    if session.socket is not None:
        session.settings += (f"daemon.socket={session.socket}",)
    return daemon.run(session.loaded(), session.reread)


@click.command(cls=Command)
@pass_session
def reload(session: Session) -> None:
    """Read the configuration again and apply what can change live."""
    with session.client() as client:
        told = client.post("/reload")
    if session.json:
        show.emit_json(told)
        return
    if not told["changed"]:
        print(session.label("nothing changed"))
        return
    columns = (
        show.Column("Key", "key"),
        show.Column("Old", "old"),
        show.Column("New", "new"),
        show.Column("Result", lambda row: _effect(session, row)),
    )
    show.show_table(session, "Change", columns, told["changed"])


def _effect(session: Session, row: show.Row) -> str:
    return session.label("applied" if row["live"] else "takes effect at the next start")


@click.command(cls=Command)
@click.option("--now", is_flag=True, help="At once: talks go on at the PBX without the daemon.")
@click.option("--limit", type=click.FloatRange(min=0), help="Wait this many seconds for talks.")
@click.option("--wait/--no-wait", default=True, help="Wait until the daemon is gone.")
@pass_session
def stop(session: Session, now: bool, limit: float | None, wait: bool) -> None:
    """Stop the daemon: gracefully, or at once.

    Gracefully: no new calls, and the daemon waits for the talks until the limit is over
    (daemon.drain_limit_s). At once: it does not wait. Either way ringing calls are hung up, and talks
    that are left go on at the PBX with their recording; the next start takes them over.
    """
    body: dict[str, Any] = {"graceful": not now}
    if limit is not None:
        body["limit_s"] = limit
    with session.client() as client:
        told = client.post("/shutdown", body)
        if wait:
            _until_gone(session, client)
            told = {**told, "state": "stopped"}
    if session.json:
        show.emit_json(told)
    else:
        print(session.label("the daemon has stopped") if wait else session.word(told["state"]))


def _until_gone(session: Session, client: Any) -> None:
    """Look until nobody answers; tell on a terminal how many calls are left."""
    tell = sys.stderr.isatty() and not session.json
    try:
        while True:
            left = _calls_left(client)
            if tell and left is not None:
                text = f"{session.label('waiting for talks to end')}: {left}"
                print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
            time.sleep(_LOOK_S)
    except DaemonUnreachable:
        if tell:
            print("\r\x1b[K", end="", file=sys.stderr)


def _calls_left(client: Any) -> int | None:
    """None when the daemon cannot tell, which it need not while it stops."""
    client.knock()
    try:
        counts: dict[str, int] = client.get("/status")["calls"]
    except DaemonUnreachable:
        raise
    except DialerError:
        return None
    return sum(counts.values())
