"""Strategy files and scripts: found, read, and handed to the pure room that knows what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from dialer_engine.app.yaml_marks import read_yaml
from dialer_engine.domain.errors import ConfigError
from dialer_engine.engine.settings import Course
from dialer_engine.strategy.model import Strategy
from dialer_engine.strategy.nodes import Node, Pairs, Problem, plain
from dialer_engine.strategy.read import is_strategy, parse_strategy
from dialer_engine.strategy.retry import RetryTable, retry_table
from dialer_engine.strategy.scripts import Library, read_scripts

_VERSION_DIGITS = 32
# Beside the package in a checkout, inside it in an installed wheel.
_PLACES = (Path(__file__).parents[2] / "strategies", Path(__file__).parents[1] / "strategies")


def shipped() -> Path:
    """The folder of the strategies that come with the dialer."""
    return next((place for place in _PLACES if place.is_dir()), _PLACES[0])


@dataclass(frozen=True, slots=True)
class Books:
    """All that is known of strategies. tables: retry tables of every one; courses: those with segments."""

    tables: dict[str, RetryTable]
    courses: dict[str, Course]
    library: Library


def read_books(own: Path | None = None) -> Books:
    """What ships, and what is in a folder of one's own, whose files win by name; ConfigError names
    the file that is wrong, or the folder that is not there.
    """
    places = [shipped()]
    if own is not None:
        if not own.is_dir():
            raise ConfigError(f"strategies.folder: {own} is no folder")
        places.append(own)
    tables: dict[str, RetryTable] = {}
    courses: dict[str, Course] = {}
    library = Library()
    for place in places:
        mine = read_tables(place)
        tables |= mine
        # One's own plain table takes the place of a shipped strategy, and the other way round.
        courses = {n: c for n, c in courses.items() if n not in mine} | read_courses(place)
        library = library.joined(load_library(place / "scripts"))
    # A folder that began as a copy has the same sentences again; one's own are said.
    musts = {must.id: must for must in library.disclosures}
    return Books(tables, courses, Library(library.scripts, tuple(musts.values())))


def read_strategies(folder: Path) -> dict[str, RetryTable]:
    """The retry table of every strategy of the folder by name; ConfigError names the file that is
    wrong.
    """
    found = read_tables(folder)
    if "default" not in found:
        raise ConfigError(f"{folder}: there must be a strategy `default.yaml`")
    return found


def read_tables(folder: Path) -> dict[str, RetryTable]:
    """The same, of a folder that need not have a `default.yaml`."""
    found: dict[str, RetryTable] = {}
    for name, node in _files(folder).items():
        try:
            found[name] = _retry_of(name, node)
        except ValueError as error:
            raise ConfigError(f"{folder / name}.yaml: {error}") from error
    return found


def read_courses(folder: Path) -> dict[str, Course]:
    """The same as `read_full`, each with the version of its file."""
    return {
        name: Course(strategy, version_of(folder / f"{name}.yaml"))
        for name, strategy in read_full(folder).items()
    }


def version_of(file: Path) -> str:
    """What names one state of a file: half of its SHA-256 is enough to tell any two apart."""
    return sha256(file.read_bytes()).hexdigest()[:_VERSION_DIGITS]


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


def script_versions(own: Path | None = None) -> dict[str, str]:
    """The version of the file of each script, by the script's id; one's own win, as in `read_books`."""
    found: dict[str, str] = {}
    for place in (shipped(), own) if own is not None else (shipped(),):
        folder = place / "scripts"
        for name, script in load_library(folder).scripts.items():
            found[name] = version_of(folder / script.file)
    return found


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
