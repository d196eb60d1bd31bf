"""agents: list, add, login, logout, pause, resume, wrapup, dispose, listen."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from dialer_engine.cli import columns, failures, show
from dialer_engine.cli.base import Group, pass_session
from dialer_engine.cli.paths import path
from dialer_engine.cli.session import Session
from dialer_engine.domain.errors import DaemonUnreachable, DialerError
from dialer_engine.engine.api import AGENT_MODES, LISTEN_MODES

if TYPE_CHECKING:
    from dialer_engine.cli.client import Client

_ids = click.argument("ids", nargs=-1, metavar="AGENT...")
_all = click.option("--all", "everybody", is_flag=True, help="All agents whom it can concern.")


@click.group(cls=Group)
def agents() -> None:
    """Agents: list, add, log in and out, breaks, wrap-up."""


@agents.command("list")
@pass_session
def list_(session: Session) -> None:
    """List agents."""
    with session.client() as client:
        told = client.get("/agents")
    if session.json:
        show.emit_json(told)
    else:
        show.show_table(session, "Agents", columns.AGENTS, told)


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@click.option("--name", help="Shown to supervisors.")
@click.option("--phone", help="The agent's phone at the PBX, such as agent-1001.")
@click.option("--pin", help="For login by phone; visible to others in `ps`, --ask-pin is not.")
@click.option("--ask-pin", is_flag=True, help="Ask for the PIN, or read it from stdin.")
@click.option("--skill", "skills", multiple=True, help="Once for each skill.")
@click.option("--mode", type=click.Choice(AGENT_MODES), help="How calls reach the agent.")
@click.option("--node", help="The PBX where the phone is.")
@pass_session
def add(session: Session, /, agent_id: str, ask_pin: bool, **given: Any) -> None:
    """Add an agent.

    The PIN is kept as a hash only.
    """
    body = {key: value for key, value in given.items() if value is not None}
    body["skills"] = list(given["skills"])
    if ask_pin:
        body["pin"] = _ask_pin()
    with session.client() as client:
        told = client.post("/agents", {"id": agent_id, **body})
    _tell(session, [told])


def _ask_pin() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    pin: str = click.prompt("PIN", hide_input=True, confirmation_prompt=True, err=True)
    return pin


@agents.command()
@_ids
@_all
@pass_session
def login(session: Session, ids: tuple[str, ...], everybody: bool) -> int:
    """Log agents in; their phones are called."""
    return _each(session, ids, everybody, "login", lambda row: row["presence"] == "logged_out")


@agents.command()
@_ids
@_all
@pass_session
def logout(session: Session, ids: tuple[str, ...], everybody: bool) -> int:
    """Log agents out, after their present talk."""
    return _each(session, ids, everybody, "logout", lambda row: row["presence"] != "logged_out")


@agents.command()
@_ids
@_all
@click.option("--reason", default="", help="One of agents.break_reasons.")
@pass_session
def pause(session: Session, ids: tuple[str, ...], everybody: bool, reason: str) -> int:
    """Put agents on a break, after their present talk."""
    body = {"reason": reason}
    return _each(session, ids, everybody, "pause", lambda row: row["presence"] == "ready", body)


@agents.command()
@_ids
@_all
@pass_session
def resume(session: Session, ids: tuple[str, ...], everybody: bool) -> int:
    """Bring agents back from a break."""
    return _each(session, ids, everybody, "resume", lambda row: row["presence"] == "break")


@agents.command()
@_ids
@_all
@pass_session
def wrapup(session: Session, ids: tuple[str, ...], everybody: bool) -> int:
    """End wrap-up early."""
    return _each(session, ids, everybody, "wrapup", lambda row: row["line"] == "wrap_up")


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@click.argument("code")
@click.option("--note", default="", help="In the agent's words.")
@click.option("--attempt", help="Which talk; the present or last one if not given.")
@pass_session
def dispose(session: Session, agent_id: str, code: str, note: str, attempt: str | None) -> None:
    """Say what became of an agent's talk.

    CODE is one of agents.dispositions.
    """
    body = {"code": code, "note": note}
    if attempt:
        body["attempt"] = attempt
    with session.client() as client:
        told = client.post(path("agents", agent_id, "dispose"), body)
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@pass_session
def accept(session: Session, agent_id: str) -> None:
    """Dial the case that an agent is looking at (mode preview)."""
    _held(session, agent_id, "accept", {})


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@click.option("--reason", default="", help="Why; it is kept with the case.")
@pass_session
def skip(session: Session, agent_id: str, reason: str) -> None:
    """Skip the case that an agent is looking at (mode preview).

    It is shown again after an hour.
    """
    _held(session, agent_id, "skip", {"reason": reason})


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@click.argument("campaign")
@click.argument("reference")
@pass_session
def dial(session: Session, agent_id: str, campaign: str, reference: str) -> None:
    """Dial one case of a campaign for an agent (modes manual and preview).

    REFERENCE is the creditor's own key of the case.
    """
    _held(session, agent_id, "dial", {"campaign": campaign, "reference": reference})


def _held(session: Session, agent_id: str, action: str, body: Mapping[str, Any]) -> None:
    with session.client() as client:
        told = client.post(path("agents", agent_id, action), body)
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@click.option("--phone", required=True, help="The supervisor's phone, which is called.")
@click.option("--mode", type=click.Choice(LISTEN_MODES), default="listen", show_default=True)
@pass_session
def listen(session: Session, agent_id: str, phone: str, mode: str) -> None:
    """Listen to an agent, whisper, or join the talk."""
    with session.client() as client:
        told = client.post(path("agents", agent_id, "listen"), {"phone": phone, "mode": mode})
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)


def _each(
    session: Session,
    ids: tuple[str, ...],
    everybody: bool,
    action: str,
    concerned: Any,
    body: Mapping[str, Any] | None = None,
) -> int:
    """Do it for each agent; one that fails does not keep the others from it. The exit code is that
    of the first failure.
    """
    if bool(ids) == everybody:
        raise click.UsageError("name one or more agents, or --all")
    done: list[dict[str, Any]] = []
    code = 0
    with session.client() as client:
        for agent_id in ids or _concerned(client, concerned):
            try:
                done.append(client.post(path("agents", agent_id, action), body))
            except DaemonUnreachable:
                raise
            except DialerError as error:
                failed = failures.report(error, session)
                code = code or failed
    _tell(session, done)
    return code


def _concerned(client: Client, concerned: Any) -> list[str]:
    return [row["id"] for row in client.get("/agents") if concerned(row)]


def _tell(session: Session, rows: list[dict[str, Any]]) -> None:
    if session.json:
        show.emit_json(rows)
    elif rows:
        show.show_table(session, "", columns.AGENTS, rows)
