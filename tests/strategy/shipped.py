"""What ships, read once for the tests of this room."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from dialer_engine.app.yaml_marks import read_yaml
from dialer_engine.strategy.model import Strategy
from dialer_engine.strategy.nodes import Problem
from dialer_engine.strategy.read import is_strategy, parse_strategy
from dialer_engine.strategy.scripts import Library, read_scripts

FOLDER = Path(__file__).parents[2] / "strategies"


@cache
def library() -> Library:
    """All shipped scripts."""
    found = Library()
    for file in sorted((FOLDER / "scripts").glob("*.yaml")):
        found = found.joined(read_scripts(file.name, read_yaml(file))[0])
    return found


def script_problems() -> list[Problem]:
    """What is wrong in the files of shipped scripts."""
    files = sorted((FOLDER / "scripts").glob("*.yaml"))
    return [found for file in files for found in read_scripts(file.name, read_yaml(file))[1]]


@cache
def strategies() -> dict[str, Strategy]:
    """The shipped strategies of format 1 by name."""
    nodes = {file.stem: read_yaml(file) for file in sorted(FOLDER.glob("*.yaml"))}
    return {name: parse_strategy(name, node) for name, node in nodes.items() if is_strategy(node)}
