"""cases: show, numbers, hold, complaint, note, allocate, recall, daily; they join the group of `cases.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import pass_session
from dialer_engine.cli.cases import cases
from dialer_engine.cli.session import Session
from dialer_engine.cli.unmask import asked, unmasking

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
# `domain.collections.codes.HoldKind`, without loading the domain for each completion.
_KINDS = (
    "dispute", "deceased", "lawyer", "bankruptcy", "vulnerable", "legal", "complaint", "manual",
)  # fmt: skip
_DRY = click.option("--dry-run", is_flag=True, help="Decide and tell, but write nothing.")
_NUMBERS = (
    show.Column("Id", "id"), show.Column("Number", "number"), show.Column("Called", "dialled", show.plain),
    show.Column("State", "state", word=True), show.Column("Calls", "calls", right=True),
    show.Column("Answered", "answered", right=True), show.Column("Best hour", "best_workday", right=True),
    show.Column("Why", "why", show.plain),
)  # fmt: skip
_DEALT = (
    show.Column("Case", "case"), show.Column("Collector", "collector"), show.Column("Why", "why"),
)  # fmt: skip
_BACK = (
    show.Column("Case", "case"), show.Column("From", "from"), show.Column("Reasons", "reasons", show.plain),
    show.Column("Why", "why"),
)  # fmt: skip


def _plain(data: Any) -> Any:
    """As JSON has it: times and amounts as text."""
    return json.loads(json.dumps(data, default=str, ensure_ascii=False))


def _tell(session: Session, told: dict[str, Any]) -> None:
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)


@cases.command("show")
@click.argument("reference")
@unmasking
@pass_session
def show_(session: Session, reference: str, unmask: bool, who: str, why: str) -> None:
    """Show the whole file of a case.

    Masked, unless --unmask; `personal.unmask` of the configuration names who may.
    """
    from dialer_engine.app import case_work

    full = asked(unmask, who, why)
    _tell(session, _plain(case_work.show(session.offline(), reference, full)))


@cases.command()
@click.argument("reference")
@unmasking
@pass_session
def numbers(session: Session, reference: str, unmask: bool, who: str, why: str) -> None:
    """Show the numbers of a case, and why some are not called any more."""
    from dialer_engine.app import case_work

    full = asked(unmask, who, why)
    rows = _plain(case_work.numbers(session.offline(), reference, full))
    if session.json:
        show.emit_json(rows)
    else:
        show.show_table(session, "Numbers", _NUMBERS, rows)


@cases.command("number-reset", context_settings={"ignore_unknown_options": True})
@click.argument("reference")
@click.argument("number_id", metavar="ID|all")
@pass_session
def number_reset(session: Session, reference: str, number_id: str) -> None:
    """Call a number again that was taken off the list.

    ID is what `cases numbers` shows. An empty number comes back for all its cases, a wrong one for those
    of this debtor.
    """
    from dialer_engine.app import case_work

    _tell(session, case_work.number_reset(session.offline(), reference, number_id))


@cases.command()
@click.argument("reference")
@click.option("--kind", type=click.Choice(_KINDS), required=True, help="Why it is left alone.")
@click.option("--until", help="ISO time with a zone; until it is ended if not given.")
@click.option("--end", is_flag=True, help="End the holds of this kind.")
@click.option("--reason", default="", help="In words; kept closed.")
@pass_session
def hold(
    session: Session, reference: str, kind: str, until: str | None, end: bool, reason: str
) -> None:
    """Leave a case alone, or end that.

    Calls that ring for it end within a second.
    """
    from dialer_engine.app import case_work

    told = case_work.hold(
        session.offline(), reference, kind, until=until, end=end, reason=reason
    )  # fmt: skip
    _tell(session, told)


@cases.command()
@click.argument("reference")
@click.option("--about", default="", help="A word of your own: conduct, amount, identity …")
@click.option("--text", default="", help="What was said; kept closed.")
@pass_session
def complaint(session: Session, reference: str, about: str, text: str) -> None:
    """Note a complaint; the case is held."""
    from dialer_engine.app import case_work

    _tell(session, case_work.complaint(session.offline(), reference, about, text))


@cases.command()
@click.argument("reference")
@click.argument("text")
@pass_session
def note(session: Session, reference: str, text: str) -> None:
    """Put a note on the timeline of a case; it is kept closed."""
    from dialer_engine.app import case_work

    _tell(session, case_work.note(session.offline(), reference, text))


@cases.command()
@click.option("--policy", type=_FILE, required=True, help="YAML: collectors, policy, term.")
@_DRY
@pass_session
def allocate(session: Session, policy: Path, dry_run: bool) -> int:
    """Deal cases out to collectors (分案).

    Every decision is told with its reason, and is in the record of its case. Exit code 1 when nobody could
    take some.
    """
    from dialer_engine.app import case_work

    told = case_work.deal(session.offline(), policy, dry_run=dry_run)
    if session.json:
        show.emit_json(told)
    else:
        show.show_table(session, "Allocation", _DEALT, told["decisions"])
        show.everything(session, {k: v for k, v in told.items() if k != "decisions"})
    return int(told["nobody"] > 0)


@cases.command()
@click.option("--idle-days", type=click.IntRange(1, 3650), help="Also what nobody worked so long.")
@_DRY
@pass_session
def recall(session: Session, idle_days: int | None, dry_run: bool) -> None:
    """Take cases back: expired, paid, with a complaint, idle (回收)."""
    from dialer_engine.app import case_work

    told = case_work.recall(session.offline(), idle_days=idle_days, dry_run=dry_run)
    if session.json:
        show.emit_json(told)
    else:
        show.show_table(session, "Recall", _BACK, told["decisions"])
        show.everything(session, {"recalled": told["recalled"]})


@cases.command()
@click.option("--date", "day", help="Such as 2026-12-01; today if not given.")
@click.option("--again", is_flag=True, help="Though it is done.")
@pass_session
def daily(session: Session, day: str | None, again: bool) -> int:
    """Do the work of a day by hand: charges, promises, days past due, recall.

    The daemon does it by itself once a day. Exit code 1 when another process is at it.
    """
    from dialer_engine.app import case_work

    rows = case_work.daily(session.offline(), day, again=again)
    if session.json:
        show.emit_json(rows)
    else:
        show.everything(session, {row.pop("job"): row for row in rows})
    return int(not all(row["done"] for row in rows))
