"""Progress on a terminal and elsewhere."""

from __future__ import annotations

import io
import threading

import pytest

from tools.setup import say
from tools.setup.say import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_and_at_the_end_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(say, "QUIET_S", 0.0)
    out = Terminal()
    with Progress("packages", 4, out) as bar:
        bar.step(1, "click")
    *_, drawn, end = out.getvalue().split("\r\033[K")
    assert drawn == "set-up: packages [######------------------] 25 % 0 s click"
    assert end == "set-up: packages: done (0 s)\n"


def test_a_pipe_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(say, "PLAIN_EVERY_S", 0.0)
    out = io.StringIO()
    with Progress("packages", 2, out) as bar:
        bar.step()
    assert out.getvalue() == "set-up: packages: 50 %\nset-up: packages: done (0 s)\n"


def test_an_estimate_that_was_too_low_waits_at_99() -> None:
    with Progress("packages", 2, io.StringIO()) as bar:
        bar.step(50)
        assert bar.percent == 99


def test_progress_does_not_go_back() -> None:
    with Progress("packages", 100, io.StringIO()) as bar:
        bar.reach(0.5)
        bar.reach(0.2)
        assert bar.percent == 50


def test_a_failure_is_not_called_done() -> None:
    out = io.StringIO()
    with pytest.raises(RuntimeError), Progress("packages", 1, out):
        raise RuntimeError
    assert out.getvalue() == "set-up: packages: FAILED (0 s)\n"


def test_a_silent_step_is_asked_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(say, "TICK_S", 0.001)
    asked = threading.Event()

    def poll() -> int:
        asked.set()
        return 3

    with Progress("packages", 4, io.StringIO(), poll=poll) as bar:
        assert asked.wait(10)
        while bar.units < 3:
            assert bar._ticker.is_alive()
        assert bar.percent == 75
