"""strategy: check, explain, due, simulate, report, schema. Needs no daemon."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Group, pass_session
from dialer_engine.cli.session import Session
from dialer_engine.cli.show import Column
from dialer_engine.cli.unmask import asked, unmasking

_FILE = click.Path(path_type=Path)
_PRESET = click.option(
    "--preset",
    "presets",
    multiple=True,
    help="Whose hours and caps hold; the first of the strategy if not given.",
)
_PROBLEMS = (
    Column("Place", lambda row: f"{row['file']}:{row['line']}:{row['column']}"),
    Column("Level", "level", word=True),
    Column("Text", "text"),
)
_NOW = (
    Column("This step", "step"),
    Column("Channel", "channel"),
    Column("When", "at"),
    Column("Script", "script"),
    Column("Strength", "strength", right=True),
)
_LATER = (
    Column("Later", "step"),
    Column("Channel", "channel"),
    Column("In days", "in_days", right=True),
    Column("Script", "script"),
)
_BECAUSE = (Column("Because", "comparison"), Column("Holds", "held"))
_PASSED = (Column("Segment", "segment"), Column("Not because", "because_not"))
_FIGURES = (
    Column("Cases", "cases", right=True),
    Column("Attempts", "attempts", right=True),
    Column("Conversations", "conversations", right=True),
    Column("Promises", "promises", right=True),
    Column("Kept", "kept", right=True),
    Column("Paid", "paid", right=True),
)
_ARMS = (
    Column("Arm", "arm"),
    Column("Cases", "cases", right=True),
    Column("Results", "results", right=True),
    Column("Rate", lambda row: _span(row, "rate", "rate_low", "rate_high"), right=True),
    Column("Difference", lambda row: _span(row, "difference", "low", "high"), right=True),
    Column("Clear", lambda row: "yes" if row["clear"] else "no", word=True),
)
_DUE = (
    Column("Case", "case"),
    Column("Campaign", "campaign"),
    Column("Channel", "channel"),
    Column("Step", "step"),
    Column("Script", lambda row: f"{row['script']}@{row['script_version'][:8]}".rstrip("@")),
    Column("Language", "language"),
    Column("Name", "name"),
    Column("Send to", "to"),
    Column("Not before", "not_before", show.local_time),
)
_DENIED = (
    Column("Case", "case"),
    Column("Channel", "channel"),
    Column("Step", "step"),
    Column("Reasons", lambda row: "; ".join(one["text"] for one in row["reasons"])),
    Column("Again", "again_at", show.local_time),
)
_HOURS = (Column("Hour", "hour"), Column("Attempts by hour", "attempts", right=True))
_HELD = (Column("Held by", "rule"), Column("How often", "times", right=True))


def _span(row: Mapping[str, Any], at: str, low: str, high: str) -> str:
    """In percent, with its interval."""
    return f"{100 * row[at]:.1f} % ({100 * row[low]:.1f} .. {100 * row[high]:.1f})"


@click.group(cls=Group)
def strategy() -> None:
    """Strategies: check, explain, what is due, simulate, and the schema for editors."""


@strategy.command()
@click.argument("file", type=_FILE)
@click.option(
    "--scripts",
    type=_FILE,
    help="Folder of scripts; `scripts` beside FILE, else the shipped ones.",
)
@pass_session
def check(session: Session, file: Path, scripts: Path | None) -> int:
    """Check a strategy, a retry table or a script file.

    Names what is wrong with line, column and the nearest known name: unknown facts, segments that no
    case reaches, steps that never happen or that compliance never allows, missing scripts, and words
    against the rules of conduct (warnings). Exit code 1 when there is an error.
    """
    from dialer_engine.app import strategy as app

    told = app.check(file, scripts)
    if session.json:
        show.emit_json(told)
        return int(not told["ok"])
    if told["problems"]:
        show.show_table(session, "", _PROBLEMS, told["problems"])
    if told["ok"]:
        print(f"{session.word('ok')}: {file}, {told['segments']} segments, {told['steps']} steps")
    return int(not told["ok"])


@strategy.command()
@click.argument("case", metavar="CASE")
@click.option("--facts", type=_FILE, help="Facts of the case as JSON or YAML; else the store's.")
@click.option(
    "-s",
    "--strategy",
    "named",
    help="A strategy, or a file; that of the case's campaign if not given.",
)
@click.option("--campaign", help="Which of the case's campaigns, where their strategies differ.")
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d"]),
    help="Local time of the debtor, such as 2026-12-01T09:30; now if not given.",
)
@_PRESET
@pass_session
def explain(
    session: Session,
    case: str,
    facts: Path | None,
    named: str | None,
    campaign: str | None,
    at: datetime | None,
    presets: tuple[str, ...],
) -> None:
    """Which segment and step a case is in, why, and when next.

    CASE is the creditor's reference; it decides the arm of an experiment. Hours are those of the step
    and of compliance; caps are counted by `compliance explain`.
    """
    from dialer_engine.app import strategy as app

    now = (at or datetime.now().astimezone()).replace(tzinfo=None)
    config = session.offline()
    if named is not None:
        made = app.load(named, config.strategies.folder)
    else:
        made, campaign = app.of_campaign(config, case, campaign)
    known = app.read_facts(facts) if facts else app.facts_from_store(config, case)
    told = app.explain(made, case, known, now, presets, config) | {"campaign": campaign}
    if session.json:
        show.emit_json(told)
        return
    segment = told["segment"] or "-"
    show.facts(session, [("Name", told["strategy"]), ("Segment", segment)])
    if campaign:
        show.facts(session, [("Campaign", campaign)])
    if told["hold"]:
        show.facts(session, [("Held by", told["hold"])])
    for name, arm in told["arms"].items():
        show.facts(session, [("Experiment", f"{name}: {arm}")])
    show.show_table(session, "", _BECAUSE, told["because"])
    for columns, rows in ((_PASSED, told["passed"]), (_NOW, told["now"]), (_LATER, told["later"])):
        if rows:
            show.show_table(session, "", columns, rows)


@strategy.command()
@click.argument("campaign", required=False)
@click.option("--channel", help="Only this: sms, email, messenger, letter, visit or task.")
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="Such as 2026-12-01; today if not given."
)
@click.option(
    "-o", "--to", type=click.Path(dir_okay=False, path_type=Path), help="What is due as CSV, too."
)
@unmasking
@pass_session
def due(
    session: Session,
    campaign: str | None,
    channel: str | None,
    day: datetime | None,
    to: Path | None,
    unmask: bool,
    who: str,
    why: str,
) -> None:
    """The steps of today that are no calls: messages, letters, visits, tasks.

    For a gateway, an agency, or a colleague: nothing is sent from here. Each step but a task was asked of
    compliance for its channel; what is denied is listed with the reasons. What went out is reported by the
    import of contacts, and is due no more. Without CAMPAIGN all that have a strategy. Masked, and without
    the text, unless --unmask.
    """
    from dialer_engine.app import strategy_due as app

    told = app.steps(
        session.offline(), campaign, channel=channel, day=day.date() if day else None, to=to,
        asked=asked(unmask, who, why),
    )  # fmt: skip
    if session.json:
        show.emit_json(told)
        return
    show.show_table(session, "Due", _DUE, told["due"])
    if told["denied"]:
        show.show_table(session, "Denials", _DENIED, told["denied"])
    count = {"due": len(told["due"]), "denied": len(told["denied"]), "done": told["done"]}
    show.everything(session, count | ({"file": told["file"]} if to else {}))


@strategy.command()
@click.argument("campaign")
@click.option(
    "--result",
    type=click.Choice(["connected", "promise", "kept"]),
    default="promise",
    show_default=True,
    help="What the arms are compared by.",
)
@click.option("--confidence", default=0.95, show_default=True, help="Of the intervals.")
@pass_session
def report(session: Session, campaign: str, result: str, confidence: float) -> None:
    """Compare the arms of a campaign's experiments.

    Counted in the store: cases that were tried, and those with the result. Do not read differences
    whose sizes of arms do not agree with their shares.
    """
    from dialer_engine.app import strategy as app

    told = app.experiments(session.offline(), campaign, result, confidence)
    if session.json:
        show.emit_json(told)
        return
    for one in told["experiments"]:
        sound = session.label("sizes agree" if one["sound"] else "sizes do not agree: do not read")
        show.facts(
            session,
            [
                ("Experiment", one["experiment"]),
                ("Sample ratio", f"{sound} (p = {one['mismatch_p']:.3g})"),
            ],
        )
        show.show_table(session, "", _ARMS, one["arms"])


@strategy.command()
@click.argument("file", metavar="FILE")
@click.option("--book", type=_FILE, help="A case book: JSON, one case a line.")
@click.option("--cases", default=1000, help="Without --book: this many invented cases.")
@click.option(
    "--model", type=_FILE, help="How people answer and pay, as YAML or JSON; else as observed."
)
@click.option("--assume", is_flag=True, help="Do not ask the store how people answered.")
@click.option("--seed", default=1, help="The same seed gives the same month.")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="First day, such as 2026-12-01.")
@click.option("--days", default=30, type=click.IntRange(1, 366), help="How many days.")
@_PRESET
@pass_session
def simulate(
    session: Session,
    file: str,
    book: Path | None,
    cases: int,
    model: Path | None,
    assume: bool,
    seed: int,
    start: datetime | None,
    days: int,
    presets: tuple[str, ...],
) -> None:
    """A month over a case book on a virtual clock.

    Nothing is dialled. How people answer, promise and pay is what --model says, else what the store saw
    in 90 days when it saw enough, else assumed, and the output says which: the figures show what a strategy
    asks of lines, hours and caps, not what it will bring in. Holidays and make-up days are those of the gate.
    """
    from dialer_engine.app import strategy_simulate as app
    from dialer_engine.app.strategy import load

    config = session.offline()
    made = load(file, config.strategies.folder)
    people = app.book_from(book) if book else app.invented_book(cases, seed)
    first = (start or datetime.now().astimezone()).date()
    how = app.model_for(config, model, assume=assume)
    told = app.run(
        made, people, model=how, seed=seed, start=first, days=days, presets=presets, config=config
    )
    told["book"] = str(book) if book else "invented"
    if session.json:
        show.emit_json(told)
        return
    _month(session, told)


def _how(model: str, told: Mapping[str, Any]) -> None:
    """Which model it was, where it is not the caller's own."""
    if model == "assumed":
        why = f" ({told['why']})" if told else ""
        print(f"! model: assumed{why}", file=sys.stderr)
    elif model == "observed":
        of = f"{told['attempts']:,} attempts since {told['since']}, hours of {told['zone']}"
        print(f"! model: observed ({of}); assumed: {', '.join(told['assumed'])}", file=sys.stderr)


def _month(session: Session, told: dict[str, Any]) -> None:
    if told["book"] == "invented":
        print("! book: invented", file=sys.stderr)
    _how(told["model"], told["model_told"])
    for year in told["closed_years"]:
        print(f"! {year}: closed, no holidays are known yet", file=sys.stderr)
    total = {"segment": "=", **told["total"]}
    rows = [{"segment": name, **figures} for name, figures in told["segments"].items()]
    show.show_table(session, "", (Column("Segment", "segment"), *_FIGURES), [*rows, total])
    steps = [{"step": name, **figures} for name, figures in told["steps"].items()]
    show.show_table(session, "", (Column("Step", "step"), *_FIGURES[1:]), steps)
    arms = [
        {"arm": f"{experiment}: {arm}", **figures}
        for experiment, found in told["arms"].items()
        for arm, figures in found.items()
    ]
    if arms:
        show.show_table(session, "", (Column("Experiment", "arm"), *_FIGURES), arms)
    hours = [
        {"hour": f"{hour:02}", "attempts": count}
        for hour, count in enumerate(told["by_hour"])
        if count
    ]
    show.show_table(session, "", _HOURS, hours)
    held = [{"rule": rule, "times": times} for rule, times in (told["caps"] | told["plan"]).items()]
    if held:
        show.show_table(session, "", _HELD, held)


@strategy.command()
@click.argument("which", type=click.Choice(["strategy", "scripts"]), default="strategy")
@pass_session
def schema(session: Session, which: str) -> None:
    """JSON Schema of strategy or script files, for editors."""
    from dialer_engine.app import strategy as app

    show.emit_json(app.schema(which))
