"""import, export: rows in and out of the store. Need no daemon."""

from __future__ import annotations

from pathlib import Path

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Command, pass_session
from dialer_engine.cli.progress import progress
from dialer_engine.cli.session import Session

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("import", cls=Command)
@click.argument("file", type=_FILE)
@click.option("--campaign", help="Put the cases into this campaign; it must exist.")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Which column is which field, once for each that does not have the usual name.",
)
@click.option("--encoding", help="utf-8 or gb18030; found out when not given.")
@click.option("--country", help="ISO country of numbers without +; compliance.default_country.")
@click.option("--reject", type=_NEW_FILE, help="Where bad rows go; FILE.rejected.csv.")
@pass_session
def import_(
    session: Session,
    file: Path,
    campaign: str | None,
    mapping: tuple[str, ...],
    encoding: str | None,
    country: str | None,
    reject: Path | None,
) -> int:
    """Import cases from a CSV file.

    Idempotent by case reference: the same file twice changes nothing. Good rows are in, bad ones go
    to the reject file with line, column and reason, and the exit code is 1.
    """
    from dialer_engine.app import data

    fields = dict(_pair(text) for text in mapping)
    with progress(session, "Row") as tell:
        told = data.import_cases(
            session.loaded().config,
            file,
            campaign=campaign,
            mapping=fields,
            encoding=encoding,
            country=country,
            reject=reject or file.with_name(f"{file.name}.rejected.csv"),
            progress=tell,
        )
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)
    return int(told["rejected"] > 0)


def _pair(text: str) -> tuple[str, str]:
    field, equals, column = text.partition("=")
    if not (field and equals and column):
        raise click.UsageError(f"--map wants FIELD=COLUMN, not {text!r}")
    return field, column


@click.command(cls=Command)
@click.argument("what", type=click.Choice(("cases", "attempts")))
@click.option("--campaign", help="Only this campaign.")
@click.option("--to", type=_NEW_FILE, help="A new file; stdout when not given.")
@pass_session
def export(session: Session, what: str, campaign: str | None, to: Path | None) -> None:
    """Export cases or attempts as CSV.

    Numbers are in full: the file is personal data, and is made readable by you alone.
    """
    raise NotImplementedError
