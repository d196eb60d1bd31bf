"""Strategy files and scripts: found, read, and handed to the pure room that knows what they mean."""

from __future__ import annotations

from pathlib import Path

from dialer_engine.app.yaml_marks import read_yaml
from dialer_engine.domain.errors import ConfigError
from dialer_engine.strategy.model import Strategy
from dialer_engine.strategy.nodes import Node, Pairs, Problem, plain
from dialer_engine.strategy.read import is_strategy, parse_strategy
from dialer_engine.strategy.retry import RetryTable, retry_table
from dialer_engine.strategy.scripts import Library, read_scripts

# Beside the package in a checkout, inside it in an installed wheel.
_PLACES = (Path(__file__).parents[2] / "strategies", Path(__file__).parents[1] / "strategies")


def shipped() -> Path:
    """The folder of the strategies that come with the dialer."""
    return next((place for place in _PLACES if place.is_dir()), _PLACES[0])


def read_strategies(folder: Path) -> dict[str, RetryTable]:
    """The retry table of every strategy of the folder by name; ConfigError names the file that is
    wrong.
    """
    found: dict[str, RetryTable] = {}
    for name, node in _files(folder).items():
        try:
            found[name] = _retry_of(name, node)
        except ValueError as error:
            raise ConfigError(f"{folder / name}.yaml: {error}") from error
    if "default" not in found:
        raise ConfigError(f"{folder}: there must be a strategy `default.yaml`")
    return found


def read_full(folder: Path) -> dict[str, Strategy]:
    """Every strategy of the folder that has segments, by name; plain retry tables are left out."""
    found: dict[str, Strategy] = {}
    for name, node in _files(folder).items():
        try:
            if is_strategy(node):
                found[name] = parse_strategy(name, node)
        except ValueError as error:
            raise ConfigError(f"{folder / name}.yaml: {error}") from error
    return found


def read_library(folder: Path) -> tuple[Library, list[tuple[str, Problem]]]:
    """All scripts of a folder, and the problems of its files: (file, problem)."""
    library, problems = Library(), []
    for file in sorted(folder.glob("*.yaml")):
        try:
            found, wrong = read_scripts(file.name, read_yaml(file))
        except (ValueError, OSError) as error:
            raise ConfigError(f"{file}: {error}") from error
        library = library.joined(found)
        problems += [(file.name, problem) for problem in wrong]
    return library, problems


def load_library(folder: Path) -> Library:
    """All scripts of a folder; ConfigError with every error in them."""
    library, problems = read_library(folder)
    wrong = [f"{folder / file}: {found}" for file, found in problems if not found.is_warning]
    if wrong:
        raise ConfigError("\n".join(wrong))
    return library


def _files(folder: Path) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for file in sorted(folder.glob("*.yaml")):
        try:
            found[file.stem] = read_yaml(file)
        # BadValue and what is no UTF-8 are ValueErrors.
        except (ValueError, OSError) as error:
            raise ConfigError(f"{file}: {error}") from error
    return found


def _retry_of(name: str, node: Node) -> RetryTable:
    if is_strategy(node):
        return parse_strategy(name, node).retry
    return retry_table(name, plain(node) if isinstance(node.value, Pairs) else {})
