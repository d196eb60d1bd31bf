"""pacing: show, explain, set, shadow, changes, export, import-priors.

Other files of this folder add their commands to the group `pacing`.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from dialer_engine.cli import curves, show
from dialer_engine.cli.base import Group, pass_session
from dialer_engine.cli.campaign import parse_setting
from dialer_engine.cli.pacing_options import LEARNED, read_learned
from dialer_engine.cli.paths import path
from dialer_engine.cli.session import Session
from dialer_engine.cli.show import Column, local_time, number, percent
from dialer_engine.cli.text import Lang
from dialer_engine.cli.times import Moment
from dialer_engine.engine.api_pacing import SHADOW_POLICIES

_CHANGES = (
    Column("At", "at", local_time),
    Column("Who", "who"),
    Column("Setting", "setting"),
    Column("Old", "before"),
    Column("New", "after"),
)
_SETTINGS = (Column("Setting", "setting"), Column("Value", "value"))
_LEARNED = (
    Column("Node", "node"),
    Column("What", "kind", word=True),
    Column("Of", "of"),
    Column("Figure", "figure"),
)


@click.group(cls=Group)
def pacing() -> None:
    """Pacing: what it does, why, what it learned; targets and limits."""


@pacing.command("show")
@click.argument("name", metavar="CAMPAIGN")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Draw into a file.")
@pass_session
def show_(session: Session, name: str, svg: Path | None) -> None:
    """Targets, the period so far, and what was learned, as curves."""
    with session.client() as client:
        told = client.get(path("campaigns", name, "pacing"))
    if svg is not None:
        svg.write_text(curves.svg(told["learned"]), encoding="utf-8")
    if session.json:
        show.emit_json(told)
        return
    _settings(session, told)
    if told["decision"]:
        show.say(_sentence(session, told["decision"]))
    show.show_table(session, "Learned", _LEARNED, [_figure(one) for one in told["learned"]])
    for one in told["learned"]:
        show.say("\n".join(["", *curves.drawn(one, session.lang)]))


def _settings(session: Session, told: dict[str, Any]) -> None:
    period = told["period"]
    rows = [{"setting": "mode", "value": told["mode"]}]
    rows += [{"setting": key, "value": str(value)} for key, value in told["settings"].items()]
    rows += [
        {"setting": "live answers", "value": number(period["live"])},
        {"setting": "abandoned", "value": f"{number(period['abandoned'])} ({percent(period['rate'])})"},
        {"setting": "period ends", "value": local_time(period["ends_at"])},
    ]  # fmt: skip
    show.show_table(session, "Pacing", _SETTINGS, rows)


def _figure(one: dict[str, Any]) -> dict[str, Any]:
    figure = percent(one["figure"]) if one["kind"] == "answered" else f"{one['figure']:.1f} s"
    return one | {"figure": figure}


@pacing.command()
@click.argument("name", metavar="CAMPAIGN")
@click.option("--at", type=Moment(), help="When; the last decision if not given.")
@pass_session
def explain(session: Session, name: str, at: str | None) -> None:
    """Why so many calls: the numbers, and a sentence."""
    with session.client() as client:
        told = client.get(path("campaigns", name, "pacing", "explain"), at=at)
    if session.json:
        show.emit_json(told)
        return
    stamp = datetime.fromisoformat(told["at"]).astimezone()
    where = f"  {told['node']}" if told["node"] else ""
    show.say(f"{stamp:%Y-%m-%d %H:%M:%S}  {told['campaign']}  {told['policy']}{where}")
    show.say(_sentence(session, told))
    rows = [{"setting": key, "value": f"{value:g}"} for key, value in told["numbers"].items()]
    if rows:
        show.show_table(session, "", _SETTINGS, rows)


def _sentence(session: Session, told: dict[str, Any]) -> str:
    sentence = told["sentence"]
    if session.lang is Lang.EN:
        return str(sentence["en"])
    return str(sentence["zh"]) if session.lang is Lang.ZH else f"{sentence['en']}\n{sentence['zh']}"


@pacing.command("set")
@click.argument("name", metavar="CAMPAIGN")
@click.argument("changes", nargs=-1, required=True, metavar="KEY=VALUE...")
@pass_session
def set_(session: Session, name: str, changes: tuple[str, ...]) -> None:
    """Change mode, targets and limits, effective at the next decision.

    Such as `mode=predictive target=0.02 period=week`. Who changed what is kept: `pacing changes`.
    """
    body = dict(parse_setting(text) for text in changes)
    with session.client() as client:
        before = client.get(path("campaigns", name))
        told = client.patch(path("campaigns", name), body)
    if session.json:
        show.emit_json(told)
        return
    rows = [
        {"setting": key, "before": str(before.get(key)), "after": str(told.get(key))}
        for key in body
    ]
    show.show_table(session, "", _CHANGES[2:], rows)


@pacing.command()
@click.argument("name", metavar="CAMPAIGN")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@pass_session
def changes(session: Session, name: str, limit: int) -> None:
    """Who changed which setting, newest first."""
    with session.client() as client:
        told = client.get(path("campaigns", name, "changes"), limit=str(limit))
    if session.json:
        show.emit_json(told)
    else:
        show.show_table(session, "Changes", _CHANGES, told)


@pacing.command()
@click.argument("name", metavar="CAMPAIGN")
@click.option("--policy", type=click.Choice(SHADOW_POLICIES), help="Begin, or end with none.")
@pass_session
def shadow(session: Session, name: str, policy: str | None) -> None:
    """A second policy beside the live one, without dialling, and how they differ."""
    where = path("campaigns", name, "pacing", "shadow")
    with session.client() as client:
        told = client.post(where, {"policy": policy}) if policy else client.get(where)
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)


@pacing.command()
@click.argument("name", metavar="CAMPAIGN")
@click.argument("file", type=click.File("w", encoding="utf-8"))
@pass_session
def export(session: Session, name: str, file: Any) -> None:
    """Write what was learned to FILE (`-`: stdout).

    For `pacing import-priors`, and for `pacing.priors` of the configuration. No personal data.
    """
    with session.client() as client:
        told = client.get(path("campaigns", name, "pacing", "learned"))
    json.dump(told, file, ensure_ascii=False, indent=1)
    file.write("\n")


@pacing.command("import-priors")
@click.argument("name", metavar="CAMPAIGN")
@click.argument("file", type=LEARNED)
@pass_session
def import_priors(session: Session, name: str, file: str) -> None:
    """Begin anew with what was learned elsewhere."""
    learned = read_learned(file)
    with session.client() as client:
        told = client.put(path("campaigns", name, "pacing", "learned"), {"learned": learned})
    if session.json:
        show.emit_json(told)
    else:
        show.show_table(session, "Learned", _LEARNED, [_figure(one) for one in told["learned"]])
