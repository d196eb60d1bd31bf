"""Unix sockets of what a test has started."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def listens(path: Path) -> bool:
    """Whether somebody takes calls there: the file is there a moment before, and stays after a kill."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True
