"""`tools/setup/run [venv] [pbx] [where] [clean]`: make what is named, in that order."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Callable, Sequence

from tools.setup.host import TREE
from tools.setup.pbx import ensure_pbx, locate
from tools.setup.say import SetupError, say
from tools.setup.venv import ensure_venv

LEFTOVERS = (
    "build",
    "dist",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    ".import_linter_cache",
)


def where() -> None:
    """Print the chosen PBX as JSON (null when there is none yet)."""
    pbx = locate()
    print(json.dumps(dataclasses.asdict(pbx) if pbx else None))


def clean() -> None:
    """Remove what was built in the tree; the cache outside of it stays."""
    for name in (*LEFTOVERS, ".venv", "dialer_engine.egg-info"):
        shutil.rmtree(TREE / name, ignore_errors=True)


STEPS: dict[str, Callable[[], object]] = {
    "venv": ensure_venv,
    "pbx": ensure_pbx,
    "where": where,
    "clean": clean,
}


def main(words: Sequence[str]) -> int:
    """Run the steps; the exit status is 0, or 1 with an explanation on stderr."""
    try:
        for word in words:
            if word not in STEPS:
                raise SetupError(f"unknown step {word!r}: use {', '.join(STEPS)}")
            STEPS[word]()
    except SetupError as error:
        say(f"cannot go on.\n{error}")
        return 1
    except KeyboardInterrupt:
        say("stopped; the same command goes on from here")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
