"""compliance: explain, override, hold, complaint, rules, check, retain. Needs no daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Group, pass_session
from dialer_engine.cli.law_holds import complaint, hold
from dialer_engine.cli.overrides import override
from dialer_engine.cli.session import Session

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_presets = click.option(
    "--preset",
    "presets",
    multiple=True,
    help="A shipped preset, such as cn, instead of the configured ones; may be repeated.",
)
_VERDICTS = (
    show.Column("Rule", "rule"),
    show.Column("Allowed", lambda row: "yes" if row["allows"] else "no", word=True),
    show.Column("Text", "text"),
    show.Column("Not before", "again_at", show.local_time),
    show.Column("Source", "source"),
    show.Column("Status", "status"),
)
_RULES = (
    show.Column("Rule", "id"),
    show.Column("Place", "jurisdiction"),
    show.Column("Kind", "kind"),
    show.Column("Enabled", lambda row: "yes" if row["enabled"] else "no", word=True),
    show.Column("Source", "source"),
    show.Column("Status", "status"),
    show.Column("Text", "text"),
)


@click.group(cls=Group)
def compliance() -> None:
    """Compliance: may I call now, which rules hold, and why."""


@compliance.command()
@click.argument("case")
@click.option("--at", help="Another moment, ISO with a zone; now.")
@click.option("--promise", "promises", multiple=True, help="A disclosure that the script makes.")
@click.option("--campaign", default="", help="As this campaign would call; else as the case's own.")
@_presets
@pass_session
def explain(
    session: Session,
    case: str,
    at: str | None,
    promises: tuple[str, ...],
    campaign: str,
    presets: tuple[str, ...],
) -> int:
    """May I call this case now, and if not, when.

    Every number of the case, with what each rule says; overrides, holds, the campaign's share of abandoned
    calls, contacts by other channels. Exit code 3 when no number may be called.
    """
    from dialer_engine.app import explain as asked

    told = asked.explain(session.offline(), presets, case, at, promises, campaign)
    if session.json:
        show.emit_json(told)
    else:
        for one in told:
            _explained(session, one)
    return 0 if any(one["decision"] == "permit" for one in told) else 3


def _explained(session: Session, one: dict[str, Any]) -> None:
    facts = [
        ("Number", one["number"]),
        ("Decision", session.word(one["decision"])),
        ("Zones", ", ".join(one["zones"])),
    ]
    if one["again_at"]:
        facts.append(("Not before", show.local_time(one["again_at"])))
    for lifted in one["overrides"]:
        text = f"{lifted['rule']} ({lifted['kind']}): {lifted['who']}, {lifted['why']}"
        facts.append(("Lifted", f"{text}; {show.local_time(lifted['until'])}"))
    for held in one["holds"]:
        facts.append(("Held", f"{held['kind']} ({held['id']}): {held['by']}"))
    for share in one["shares"]:
        facts.append(("Abandoned", show.plain(share)))
    for met in one["contacts"]:
        way = session.word(met["channel"])
        facts.append(("Other contact", f"{show.local_time(met['at'])} {way} {met['key']}"))
    facts += [(reason["code"], reason["text"]) for reason in one["reasons"]]
    show.facts(session, facts)
    show.show_table(session, "Rules", _VERDICTS, one["rules"])


for _group in (override, hold, complaint):
    compliance.add_command(_group)


@compliance.command()
@_presets
@click.option("--file", "files", type=_FILE, multiple=True, help="A rule file of your own.")
@pass_session
def rules(session: Session, presets: tuple[str, ...], files: tuple[Path, ...]) -> None:
    """List rules with their sources.

    Without --preset and --file all shipped ones. Status: P text seen, S told by another, M from memory
    (switched off), E a default with no law behind it.
    """
    from dialer_engine.app import compliance as books

    names = presets or (() if files else tuple(books.presets()))
    told = books.describe(books.load_book(names, files))
    if session.json:
        show.emit_json(told)
    else:
        show.show_table(session, "Rules", _RULES, told)


@compliance.command()
@click.argument("files", type=_FILE, nargs=-1, required=True)
@pass_session
def check(session: Session, files: tuple[Path, ...]) -> int:
    """Check rule files.

    Each problem with file, line, key and the nearest known name. Exit code 2 when there is one.
    """
    from dialer_engine.app import compliance as books

    told = books.check_files(files)
    if session.json:
        show.emit_json(told)
    elif told["ok"]:
        show.facts(session, [("Rules", str(told["rules"])), ("Hash", told["hash"])])
    else:
        for problem in told["problems"]:
            click.echo(problem)
    return 0 if told["ok"] else 2


@compliance.command()
@_presets
@click.option("--apply", is_flag=True, help="Do it; without it only say how much is due.")
@pass_session
def retain(session: Session, presets: tuple[str, ...], apply: bool) -> None:
    """Delete or anonymise what is beyond its period.

    By the longest rule that names it; what a legal hold keeps stays. The report is in the evidence too.
    """
    from dialer_engine.app import data, law

    config = session.offline()
    told = law.retain(config, presets, data._folder(config), apply)
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, {k: v for k, v in told.items() if k != "periods"})
        for keep in told["periods"]:
            show.facts(
                session, [(keep["record"], f"{keep['days']} d, {keep['then']} ({keep['rule']})")]
            )
