"""cases: what is noted of one case. Needs no daemon."""

from __future__ import annotations

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Group, pass_session
from dialer_engine.cli.session import Session


@click.group(cls=Group)
def cases() -> None:
    """Note what happens to a case."""


@cases.command()
@click.argument("reference", required=False, default="")
@click.option("--due", required=True, help="For when, such as 2026-12-01.")
@click.option("--amount", default="", help="How much; all that is owed if not given.")
@click.option("--currency", default="", help="ISO 4217; that of the case if not given.")
@click.option(
    "--attempt", default="", help="In which talk; the case's newest of today if not given."
)
@click.option("--by", default="", help="Who took it, such as the agent's number.")
@pass_session
def promise(
    session: Session, reference: str, due: str, amount: str, currency: str, attempt: str, by: str
) -> None:
    """Note that a debtor promised to pay.

    REFERENCE is the creditor's own key of the case; --attempt may name it instead. Payments keep
    the promise; when its day is over without them it is broken.
    """
    from dialer_engine.app import cases as app

    told = app.promise(
        session.offline(), reference, due=due, amount=amount, currency=currency, attempt=attempt, by=by
    )  # fmt: skip
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, told)
