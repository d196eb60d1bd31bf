"""A terminal for tests: runs a program in a pty and keeps the screen that a person would see.

Understands what rich writes (ECMA-48: cursor, erase, alternate screen); an escape sequence that it
does not know fails the test rather than being guessed at.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

_CSI = re.compile(r"\x1b\[([?>]?)([0-9;]*)([A-Za-z])")
_OSC = re.compile(r"\x1b\][^\x07\x1b]*(\x07|\x1b\\)")


class Screen:
    """Rows of characters. modes: private modes that are on (25 cursor, 1049 alternate screen)."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.modes = {25}
        self.row = self.column = 0
        self._pending = ""
        self._wipe()

    def _wipe(self) -> None:
        self.cells = [[" "] * self.columns for _ in range(self.rows)]

    @property
    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.cells]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def feed(self, text: str) -> None:
        text = self._pending + text
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = _CSI.match(text, at) or _OSC.match(text, at)
                if found is None:
                    assert len(text) - at < 64, f"unknown escape sequence {text[at : at + 16]!r}"
                    break
                if found.re is _CSI:
                    self._control(found[1], found[2], found[3])
                at = found.end()
            else:
                self._write(text[at])
                at += 1
        self._pending = text[at:]

    def _write(self, char: str) -> None:
        if char == "\n":
            self.row = min(self.row + 1, self.rows - 1)
        elif char == "\r":
            self.column = 0
        elif char.isprintable():
            wide = 2 if unicodedata.east_asian_width(char) in "WF" else 1
            if self.column + wide > self.columns:
                # A full-screen program that runs over the margin has miscounted.
                assert 1049 not in self.modes, f"line too long: {self.lines[self.row]!r}"
                self.row, self.column = min(self.row + 1, self.rows - 1), 0
            self.cells[self.row][self.column] = char
            if wide == 2:
                self.cells[self.row][self.column + 1] = ""
            self.column += wide

    def _control(self, private: str, parameters: str, name: str) -> None:
        numbers = [int(n) if n else 0 for n in parameters.split(";")]
        if private:
            assert name in "hl", f"unknown control {private}{parameters}{name}"
            (self.modes.update if name == "h" else self.modes.difference_update)(numbers)
            if numbers == [1049]:
                self._wipe()
        elif name == "H":
            self.row, self.column = max(numbers[0], 1) - 1, max((*numbers, 1)[1], 1) - 1
        elif name == "A":
            self.row = max(0, self.row - max(numbers[0], 1))
        elif name == "J":
            self._wipe()
        elif name == "K":
            self.cells[self.row][self.column :] = [" "] * (self.columns - self.column)
        else:
            assert name == "m", f"unknown control {parameters}{name}"


def _take_terminal() -> None:
    """In the child: Ctrl-C becomes a signal only on a controlling terminal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Program:
    """A program on a terminal of its own."""

    def __init__(
        self, command: Sequence[str], rows: int = 40, columns: int = 140, **env: str
    ) -> None:
        self.screen = Screen(rows, columns)
        self.raw = ""
        self._master, slave = pty.openpty()
        self._slave = slave
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=_take_terminal,
            env={**os.environ, "TERM": "xterm-256color", "LANG": "en_GB.UTF-8", **env},
        )  # fmt: skip

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if (rows, columns) != (self.screen.rows, self.screen.columns):
            self.screen = Screen(rows, columns)
            self.process.send_signal(signal.SIGWINCH)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def until(self, seen: Callable[[Screen], Any], limit_s: float = 20.0) -> Screen:
        """Read until the screen is so; else fail with what it shows."""
        end = time.monotonic() + limit_s
        while not seen(self.screen):
            assert time.monotonic() < end, f"not seen within {limit_s} s:\n{self.screen.text}"
            self._read(0.05)
        return self.screen

    def _read(self, wait_s: float) -> None:
        if select.select([self._master], [], [], wait_s)[0]:
            text = os.read(self._master, 65536).decode(errors="replace")
            self.raw += text
            self.screen.feed(text)

    def wait(self, limit_s: float = 20.0) -> int:
        """The exit code; what the program still wrote is read."""
        end = time.monotonic() + limit_s
        while self.process.poll() is None:
            assert time.monotonic() < end, f"did not end:\n{self.screen.text}"
            self._read(0.05)
        self._read(0.2)
        return self.process.returncode

    @property
    def is_restored(self) -> bool:
        """As it was: line mode and echo, cursor shown, main screen."""
        now = termios.tcgetattr(self._slave)
        return now == self.before and 25 in self.screen.modes and 1049 not in self.screen.modes

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._slave)
        os.close(self._master)
