"""completion: a script for the shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from dialer_engine.cli.base import Command

_VARIABLE = "_DIALER_ENGINE_COMPLETE"
_PROGRAM = "dialer-engine"


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a completion script for bash, zsh or fish.

    bash: dialer-engine completion bash > /etc/bash_completion.d/dialer-engine

    zsh: dialer-engine completion zsh > "${fpath[1]}/_dialer-engine"

    fish: dialer-engine completion fish > ~/.config/fish/completions/dialer-engine.fish
    """
    made = get_completion_class(shell)
    assert made is not None
    print(made(ctx.find_root().command, {}, _PROGRAM, _VARIABLE).source())
