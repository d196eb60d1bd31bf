"""Strategy files: found, read, and handed to the pure room that knows what they mean."""

from __future__ import annotations

from pathlib import Path

import yaml

from dialer_engine.domain.errors import ConfigError
from dialer_engine.strategy.retry import RetryTable, retry_table

# Beside the package in a checkout, inside it in an installed wheel.
_PLACES = (Path(__file__).parents[2] / "strategies", Path(__file__).parents[1] / "strategies")


def shipped() -> Path:
    """The folder of the strategies that come with the dialer."""
    return next((place for place in _PLACES if place.is_dir()), _PLACES[0])


def read_strategies(folder: Path) -> dict[str, RetryTable]:
    """Every strategy of the folder by name; ConfigError names the file that is wrong."""
    found: dict[str, RetryTable] = {}
    for file in sorted(folder.glob("*.yaml")):
        try:
            data = yaml.safe_load(file.read_text(encoding="utf-8"))
            found[file.stem] = retry_table(file.stem, data if isinstance(data, dict) else {})
        # BadValue and what is no UTF-8 are ValueErrors.
        except (yaml.YAMLError, ValueError, OSError) as error:
            raise ConfigError(f"{file}: {error}") from error
    if "default" not in found:
        raise ConfigError(f"{folder}: there must be a strategy `default.yaml`")
    return found
