"""token: a bearer token for one of a bank's systems. Needs no daemon."""

from __future__ import annotations

import hashlib
import secrets

import click

from dialer_engine.cli import show
from dialer_engine.cli.base import Command, pass_session
from dialer_engine.cli.session import Session

_RIGHTS = ("exchange.read", "exchange.write", "unmask")
# As RFC 6750 wants it: nobody can guess 256 bits, and a plain hash of them is enough to keep.
_BYTES = 32


@click.command(cls=Command)
@click.argument("name")
@click.option(
    "--right",
    "rights",
    multiple=True,
    type=click.Choice(_RIGHTS),
    default=("exchange.read",),
    show_default=True,
    help="What it may; once for each.",
)
@pass_session
def token(session: Session, name: str, rights: tuple[str, ...]) -> None:
    """Make a token for one of a bank's systems.

    It is shown once and kept nowhere. Put the lines into exchange.tokens of the configuration and run
    `dialer-engine reload`; give the token to the bank.
    """
    made = secrets.token_urlsafe(_BYTES)
    digest = hashlib.sha256(made.encode()).hexdigest()
    if session.json:
        show.emit_json({"name": name, "token": made, "sha256": digest, "rights": list(rights)})
        return
    print(made)
    print()
    print("exchange:\n  tokens:")
    print(f"    - name: {name}\n      sha256: {digest}\n      rights: [{', '.join(rights)}]")
