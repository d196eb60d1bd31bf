"""products: list, show, check, import, schema. Needs no daemon."""

from __future__ import annotations

from pathlib import Path

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Group, pass_session
from dialer_engine.cli.session import Session
from dialer_engine.cli.show import Column

_FILE = click.Path(path_type=Path)
_PROBLEMS = (
    Column("Place", lambda row: f"{row['file']}:{row['line']}:{row['column']}"),
    Column("Level", "level", word=True),
    Column("Text", "text"),
)
_LIST = (
    Column("Creditor", "creditor"),
    Column("Product", "product"),
    Column("Debt", "debt_type"),
    Column("Rate a day", "daily_rate", right=True),
    Column("Fees", "fees", right=True),
    Column("Cost cap", "cost_cap", show.plain),
    Column("Promise grace", "promise_grace_days", right=True),
    Column("Roles", "roles", show.plain),
)


@click.group(cls=Group)
def products() -> None:
    """The products of creditors: stages, charges, promises, who may reduce what."""


@products.command("list")
@pass_session
def list_(session: Session) -> None:
    """The products that the store knows."""
    from dialer_engine.app import products as app

    rows = app.listing(session.offline())
    if session.json:
        show.emit_json(rows)
    else:
        show.show_table(session, "Products", _LIST, rows)


@products.command("show")
@click.argument("name")
@pass_session
def show_(session: Session, name: str) -> None:
    """One product as the file that would import it.

    NAME is its code, or CREDITOR/CODE where two creditors have one of that code.
    """
    from dialer_engine.app import products as app

    told = app.show(session.offline(), name)
    if session.json:
        show.emit_json(told)
    else:
        print(app.as_yaml(told), end="")


@products.command()
@click.argument("file", type=_FILE)
@pass_session
def check(session: Session, file: Path) -> int:
    """Check a product file.

    Names what is wrong with line, column and the nearest known name. Exit code 1 when there is an error.
    """
    from dialer_engine.app import products as app

    told = app.check(file)
    if session.json:
        show.emit_json(told)
        return int(not told["ok"])
    if told["problems"]:
        show.show_table(session, "", _PROBLEMS, told["problems"])
    if told["ok"]:
        print(f"{session.word('ok')}: {file}, {', '.join(told['products'])}")
    return int(not told["ok"])


@products.command("import")
@click.argument("file", type=_FILE)
@pass_session
def import_(session: Session, file: Path) -> None:
    """Take the products of a file into the store, all of them or none.

    The same file twice changes nothing. Charges follow with the next work of a day, for the days before too.
    """
    from dialer_engine.app import products as app

    told = app.import_(session.offline(), file)
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)


@products.command()
@pass_session
def schema(session: Session) -> None:
    """JSON Schema of product files, for editors."""
    from dialer_engine.app import products as app

    show.emit_json(app.schema())
