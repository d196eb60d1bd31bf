"""The terminal while `top` runs: keys without Enter, and everything as before at the end.

Rules: whatever ends the program - a key, a signal, an error - the terminal is restored; only
`kill -9` leaves it, and `reset` helps then.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_QUIT = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@contextmanager
def keys(on_key: Callable[[str], None]) -> Iterator[None]:
    """Call `on_key` with each character typed, until the block ends."""
    loop = asyncio.get_running_loop()
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    loop.add_reader(fd, _read, fd, on_key)
    try:
        yield
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _read(fd: int, on_key: Callable[[str], None]) -> None:
    """An empty read is the end of the terminal (the window was closed): as `q`."""
    try:
        typed = os.read(fd, 64)
    except OSError:
        typed = b""
    for key in typed.decode(errors="ignore") or "q":
        on_key(key)


@contextmanager
def signals(quit_: Callable[[], None]) -> Iterator[None]:
    """Signals that would end the program call `quit_` instead, so that the way out is the usual one.
    Ctrl-Z is not taken: a stopped program would leave the screen as it is.
    """
    loop = asyncio.get_running_loop()
    for number in _QUIT:
        loop.add_signal_handler(number, quit_)
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)
        for number in _QUIT:
            loop.remove_signal_handler(number)
