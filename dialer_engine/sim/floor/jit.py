"""Compiled when numba is installed, plain Python when it is not: the one door to numba.

Machine code is kept beside the package, in a folder named after the sources of this room: numba itself
looks only at the file of the outermost function, and would go on with the old code of a changed callee.
Where the package may not be written (an installed wheel), numba's own user folder is tried, then memory
alone. `FLOOR_JIT=0` in the environment asks for plain Python.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])
_HERE = Path(__file__).parent

_numba: Any = None
if os.environ.get("FLOOR_JIT", "1") != "0":
    try:
        import numba as _numba
    except ImportError:
        _numba = None

COMPILED = _numba is not None


def _folder() -> str:
    """Where the machine code of exactly these sources is kept."""
    text = b"".join(path.read_bytes() for path in sorted(_HERE.glob("*.py")))
    return str(_HERE / "__pycache__" / f"jit-{hashlib.sha256(text).hexdigest()[:12]}")


def njit(function: _F) -> _F:
    """The function compiled, or itself."""
    if _numba is None:
        return function
    before = _numba.config.CACHE_DIR
    _numba.config.CACHE_DIR = _folder() if os.access(_HERE, os.W_OK) else before
    try:
        compiled: _F = _numba.njit(cache=True)(function)
    except RuntimeError:  # "cannot cache function: no locator available"
        compiled = _numba.njit(function)
    finally:
        _numba.config.CACHE_DIR = before
    return compiled
