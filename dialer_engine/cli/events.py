"""events: follow the live feed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Command, pass_session
from dialer_engine.cli.session import Session
from dialer_engine.cli.unmask import asked, unmasking
from dialer_engine.engine.api import TOPICS

# Fields that hold a state and not a name that somebody gave.
_WORDS = frozenset({"phase", "state", "outcome", "presence", "line", "disk", "breaker", "status"})


@click.command(cls=Command)
@click.argument("topics", nargs=-1, type=click.Choice(TOPICS), metavar="[TOPIC]...")
@click.option("--agent", help="The screen of this agent, masked unless --unmask.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after this many.")
@unmasking
@pass_session
def events(
    session: Session,
    topics: tuple[str, ...],
    agent: str | None,
    count: int | None,
    unmask: bool,
    who: str,
    why: str,
) -> None:
    """Follow the live feed.

    TOPIC is any of calls, agents, campaigns, alarms; all when none is given. With --json one object a
    line.
    """
    full = asked(unmask, who, why)
    if full is not None:
        from dialer_engine.app.unmask import look

        look(session.offline(), full, f"events --agent {agent or ''}".strip())
    wanted = [*topics, *([f"agent/{agent}"] if agent else [])] or list(TOPICS)
    with session.client() as client:
        for seen, message in enumerate(client.events(wanted), start=1):
            shown = message if full is not None else _masked(message)
            print(_line(session, shown), flush=True)
            if seen == count:
                return


def _masked(message: dict[str, Any]) -> dict[str, Any]:
    if not str(message.get("topic", "")).startswith("agent/"):
        return message
    from dialer_engine.app.unmask import masked_screen

    return masked_screen(message)


def _line(session: Session, message: dict[str, Any]) -> str:
    if session.json:
        return json.dumps(message, ensure_ascii=False)
    return describe(session, message)


def describe(session: Session, message: dict[str, Any]) -> str:
    """One message as a line: time, topic, and the rest as `name value`."""
    if "lost" in message:
        return f"… {message['lost']} {session.label('events lost here')}"
    rest = {
        key: session.word(value) if key in _WORDS else value
        for key, value in message.items()
        if key not in ("topic", "seq", "at", "script") and value not in (None, "")
    }
    line = f"{_clock(message.get('at'))}  {message.get('topic', '?')!s:<10}  {show.plain(rest)}"
    return "\n".join([line, *_script(session, message.get("script") or [])])


def _script(session: Session, scenes: list[dict[str, Any]]) -> Iterator[str]:
    """What an agent is to say, scene by scene; `!` before a sentence that must be said."""
    for scene in scenes:
        yield f"    [{session.word(scene['scene'])}]"
        for sentence in scene["sentences"]:
            mark = "!" if sentence["required"] else " "
            yield from (f"      {mark} {part}" for part in sentence["text"].splitlines())


def _clock(at: Any) -> str:
    when = datetime.fromisoformat(at) if isinstance(at, str) else datetime.now().astimezone()
    return f"{when.astimezone():%H:%M:%S}"
