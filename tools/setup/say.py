"""What set-up tells the person who waits: steps, progress bars, and errors that say what to do.

Rules: on a terminal one bar redraws itself; elsewhere (CI, a pipe) the same step prints a plain line now and then.
A step that is over leaves one line with the time it took.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

PLAIN_EVERY_S = 10.0
BAR_CELLS = 24
QUIET_S = 0.3
TICK_S = 0.5


class SetupError(Exception):
    """Set-up cannot go on. The text is for the person at the terminal and ends with what to do."""


def say(text: str) -> None:
    """Print one line of set-up's own, on stderr so that a target's output stays clean."""
    print(f"set-up: {text}", file=sys.stderr, flush=True)


class Progress:
    """A step with a known or estimated number of units; use as a context manager.

    `total` may be an estimate: the bar then waits at 99 % until the step is really over. A step that says nothing for
    long is asked by `poll` how many units it has done; its bar moves on its own.
    """

    def __init__(
        self,
        label: str,
        total: int,
        out: TextIO | None = None,
        poll: Callable[[], int] = lambda: 0,
    ) -> None:
        self.label = label
        self._poll = poll
        self._over = threading.Event()
        self._drawing = threading.Lock()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self.total = max(total, 1)
        self.units = 0
        self.note = ""
        self.out = out if out is not None else sys.stderr
        self.started = time.monotonic()
        self.shown = self.started if not self.out.isatty() else 0.0

    def __enter__(self) -> Progress:
        self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._over.set()
        self._ticker.join()
        self._finish("done" if kind is None else "FAILED")

    def _tick(self) -> None:
        while not self._over.wait(TICK_S):
            self.units = max(self.units, self._poll())
            self._show()

    @property
    def percent(self) -> int:
        """How far the step is, 0 to 99; 100 is printed only at the end."""
        return min(99, self.units * 100 // self.total)

    def step(self, units: int = 1, note: str = "") -> None:
        """Count units as done and redraw if it is time."""
        self.units += units
        self.note = note or self.note
        self._show()

    def reach(self, fraction: float, note: str = "") -> None:
        """Set how far the step is, 0.0 to 1.0."""
        self.units = max(self.units, int(fraction * self.total))
        self.step(0, note)

    def _show(self) -> None:
        with self._drawing:
            self._show_if_due()

    def _show_if_due(self) -> None:
        now = time.monotonic()
        on_terminal = self.out.isatty()
        if now - self.shown < (QUIET_S if on_terminal else PLAIN_EVERY_S):
            return
        self.shown = now
        if on_terminal:
            self._draw()
        else:
            print(f"set-up: {self.label}: {self.percent} %", file=self.out, flush=True)

    def _draw(self) -> None:
        filled = self.percent * BAR_CELLS // 100
        bar = "#" * filled + "-" * (BAR_CELLS - filled)
        spent = time.monotonic() - self.started
        line = f"set-up: {self.label} [{bar}] {self.percent:2d} % {spent:.0f} s {self.note}"
        print("\r\033[K" + line[: shutil.get_terminal_size().columns - 1], end="", file=self.out)
        self.out.flush()

    def _finish(self, how: str) -> None:
        start = "\r\033[K" if self.out.isatty() else ""
        spent = time.monotonic() - self.started
        print(f"{start}set-up: {self.label}: {how} ({spent:.0f} s)", file=self.out, flush=True)
