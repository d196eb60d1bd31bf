"""A program gets the priority of a switch, in all its threads; who starts it keeps their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext

import pytest

from tools.lab.priority import like, named

_THREADED = """
import threading, sys
threading.Thread(target=threading.Event().wait, daemon=True).start()
print("up", flush=True)
sys.stdin.read()
"""
Start = Callable[[int | None], int]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program of two threads, like that process; its id."""
    with ExitStack() as stack:

        def begin(switch: int | None) -> int:
            with nullcontext() if switch is None else like(switch):
                program = stack.enter_context(
                    subprocess.Popen(
                        [sys.executable, "-c", _THREADED],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                    )
                )
            stack.callback(program.kill)
            assert program.stdout is not None
            program.stdout.readline()
            return program.pid

        yield begin


def test_every_thread_gets_what_the_switch_has(start: Start) -> None:
    switch = start(None)
    try:
        os.sched_setscheduler(switch, os.SCHED_RR, os.sched_param(10))
    except PermissionError:
        pytest.skip("real-time priority needs root or CAP_SYS_NICE")
    mine = named(os.getpid())
    program = start(switch)
    assert named(program) == "rr 10"
    threads = [int(one) for one in os.listdir(f"/proc/{program}/task")]
    assert len(threads) == 2
    assert {os.sched_getscheduler(one) for one in threads} == {os.SCHED_RR}
    assert named(os.getpid()) == mine


def test_an_ordinary_switch_leaves_it_ordinary(start: Start) -> None:
    program = start(start(None))
    assert named(program) == f"nice {os.getpriority(os.PRIO_PROCESS, program)}"
