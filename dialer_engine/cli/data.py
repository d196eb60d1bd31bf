"""import, export: rows in and out of the store. Need no daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Command, pass_session
from dialer_engine.cli.progress import progress
from dialer_engine.cli.session import Session
from dialer_engine.cli.times import Moment
from dialer_engine.cli.unmask import asked, unmasking

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("import", cls=Command)
@click.argument("file", type=_FILE)
@click.option(
    "--what",
    type=click.Choice(("cases", "contracts", "payments", "contacts", "communications")),
    default="cases",
    show_default=True,
    help="What the file holds.",
)
@click.option("--campaign", help="Put the cases into this campaign; it must exist.")
@click.option(
    "--map",
    "pairs",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Which column is which field, once for each that does not have a usual name.",
)
@click.option("--map-file", type=_FILE, help="The same as YAML, one `field: column` a line.")
@click.option("--country", help="ISO country of numbers without +; compliance.default_country.")
@click.option("--currency", default="CNY", show_default=True, help="Of amounts without one.")
@click.option("--rejects", type=_NEW_FILE, help="Where bad rows go; FILE.rejects.csv.")
@pass_session
def import_(
    session: Session,
    file: Path,
    what: str,
    campaign: str | None,
    pairs: tuple[str, ...],
    map_file: Path | None,
    country: str | None,
    currency: str,
    rejects: Path | None,
) -> int:
    """Import cases, contracts, payments, contacts or communications from CSV or XLSX.

    UTF-8 or GB18030, any order of columns. Idempotent by reference: the same file twice changes
    nothing. Good rows are in; bad ones go to the reject file with line, column and reason, and the exit
    code is 1.
    """
    from dialer_engine.app import data

    config = session.offline()
    mapping = data.mapping_of(map_file, pairs)
    if what != "cases" and campaign is not None:
        raise click.UsageError("--campaign is for cases")
    with progress(session, "Import", size=True) as tell:
        told = data.import_cases(
            config,
            file,
            what=what,
            campaign=campaign,
            mapping=mapping,
            country=country,
            currency=currency,
            rejects=rejects,
            progress=tell,
        )
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)
    return int(told["rejected"] > 0)


@click.command(cls=Command)
@click.argument("what", type=click.Choice(("cases", "attempts", "case")))
@click.option("--to", type=_NEW_FILE, required=True, help="The file to write.")
@click.option("--case", help="The reference of the case, for `case`.")
@click.option("--campaign", help="Only this campaign.")
@click.option("--since", type=Moment(), help="Attempts from: today, 7d, or an ISO time.")
@click.option("--until", type=Moment(), help="Attempts until, written in the same way.")
@click.option("--form", type=click.Choice(("csv", "jsonl")), default="csv", show_default=True)
@unmasking
@pass_session
def export(
    session: Session, /, what: str, to: Path, unmask: bool, who: str, why: str, **wanted: Any
) -> None:
    """Export cases or attempts as CSV, or one case's whole file as JSON.

    The file is readable by you alone, and masked unless --unmask.
    """
    from dialer_engine.app import data

    wanted["asked"] = asked(unmask, who, why)
    with progress(session, "Export") as tell:
        told = data.export(session.offline(), what, to, progress=tell, **wanted)
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)
