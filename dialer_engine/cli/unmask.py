"""The options of commands that can show personal fields in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from dialer_engine.cli.base import both

if TYPE_CHECKING:
    from dialer_engine.app.unmask import Asked

unmasking: Callable[[Any], Any] = both(
    click.option(
        "--unmask", is_flag=True, help="Personal fields in full; with --who and --why, on record."
    ),
    click.option("--who", default="", help="Who answers for it."),
    click.option("--why", default="", help="The reason, for the record."),
)


def asked(unmask: bool, who: str, why: str) -> Asked | None:
    """What was asked for; None: masked. UsageError when half of it is missing."""
    if not unmask:
        if who or why:
            raise click.UsageError("--who and --why go with --unmask")
        return None
    if not (who and why):
        raise click.UsageError("--unmask needs --who and --why")
    from dialer_engine.app.unmask import Asked

    return Asked(who, why)
