"""cases offer; joins the group of `cases.py`."""

from __future__ import annotations

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import pass_session
from dialer_engine.cli.cases import cases
from dialer_engine.cli.session import Session

# "refused" of `failures.EXIT_CODES`.
_REFUSED = 3
_PLAN = (show.Column("Due on", "due_on"), show.Column("Amount", "amount", right=True))


@cases.command()
@click.argument("reference")
@click.option("--role", required=True, help="Whose limits hold, as the product names them.")
@click.option(
    "--reduce", multiple=True, metavar="PART=AMOUNT", help="Let go of so much of a part, such as fees=12.50."
)  # fmt: skip
@click.option("--months", type=click.IntRange(1, 600), help="The rest in so many monthly parts.")
@click.option("--first-on", default="", help="Due date of the first part; today if not given.")
@click.option(
    "--first-share", default="0", help="The first part as a share of the rest, such as 0.2."
)
@click.option("--contract", default="", help="Which contract, where the case has several.")
@pass_session
def offer(
    session: Session,
    reference: str,
    role: str,
    reduce: tuple[str, ...],
    months: int | None,
    first_on: str,
    first_share: str,
    contract: str,
) -> int:
    """May this role offer that: a reduction, instalments, or both.

    By the limits of the contract's product. What is allowed is noted in the case; what is owed stays as it
    is, until the creditor's own statement says otherwise. Exit code 3 when it is not allowed, with every reason
    and the least role that may.
    """
    from dialer_engine.app import offers

    wish = offers.Wish(role, reduce, months or 0, first_on, first_share, contract)
    told = offers.judge(session.offline(), reference, wish)
    if session.json:
        show.emit_json(told)
    else:
        show.everything(session, {name: value for name, value in told.items() if name != "plan"})
        if told["plan"]:
            show.show_table(session, "Instalments", _PLAN, told["plan"])
    return 0 if told["allowed"] else _REFUSED
