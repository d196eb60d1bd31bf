import click

from dialer_engine.cli.base import Command


@click.command(cls=Command)
def top() -> None:
    """Watch live: agents, calls, campaigns, trunks."""
