"""What commands of pacing have in common: which policies there are, and files of what was learned."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from dialer_engine.domain.errors import BadValue
from dialer_engine.engine.api_pacing import SHADOW_POLICIES

_POLICIES = [one for one in SHADOW_POLICIES if one != "none"]
Command = TypeVar("Command", bound=Callable[..., Any])
# `-` is stdin; a path that cannot be read is told by `read_learned`.
LEARNED = click.Path(dir_okay=False, allow_dash=True)


def compared(command: Command) -> Command:
    """Options of a command that lets policies work through days: named, target, ratio, learned."""
    for option in (
        click.option(
            "--learned", type=LEARNED, help="What was learned: a file of `pacing export`."
        ),
        click.option(
            "--ratio", type=float, help="Lines for each free agent, for the policy ratio."
        ),
        click.option(
            "--target",
            type=float,
            help="Share of live answers that may be abandoned: 0.03 is 3 %.",
        ),
        click.option(
            "--policy",
            "named",
            type=click.Choice(_POLICIES),
            multiple=True,
            help="Also: predictive, progressive, ratio. May be repeated.",
        ),
    ):
        command = option(command)
    return command


def read_learned(file: str) -> dict[str, Any]:
    """A file of `pacing export`, `-` for stdin; BadValue."""
    try:
        with click.open_file(file, encoding="utf-8") as source:
            found = json.load(source)
    except ValueError as error:
        raise BadValue(f"the file is not JSON: {error}") from None
    except OSError as error:
        raise BadValue(f"the file cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise BadValue("this is not what `dialer-engine pacing export` writes")
    return found
