"""A program gets the priority of a switch, in all its threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tools.lab.priority import beside, named

_THREADED = """
import threading, sys
threading.Thread(target=threading.Event().wait, daemon=True).start()
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def programs() -> Iterator[tuple[int, int]]:
    with ExitStack() as stack:
        pids = []
        for _ in range(2):
            program = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _THREADED], stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            )
            stack.callback(program.kill)
            assert program.stdout is not None
            program.stdout.readline()
            pids.append(program.pid)
        yield pids[0], pids[1]


def _may_be_real_time() -> bool:
    answer: list[bool] = []

    def attempt() -> None:
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        except OSError:
            answer.append(False)
        else:
            answer.append(True)

    trying = threading.Thread(target=attempt)
    trying.start()
    trying.join()
    return answer[0]


def test_every_thread_gets_what_the_switch_has(programs: tuple[int, int]) -> None:
    if not _may_be_real_time():
        pytest.skip("real-time priority needs root or CAP_SYS_NICE")
    switch, program = programs
    os.sched_setscheduler(switch, os.SCHED_RR, os.sched_param(10))
    assert beside(program, switch) == "rr 10"
    threads = [int(one) for one in os.listdir(f"/proc/{program}/task")]
    assert len(threads) == 2
    assert {os.sched_getscheduler(one) for one in threads} == {os.SCHED_RR}


def test_an_ordinary_switch_leaves_it_ordinary(programs: tuple[int, int]) -> None:
    switch, program = programs
    assert beside(program, switch).startswith("nice ")
    assert named(program) == f"nice {os.getpriority(os.PRIO_PROCESS, program)}"
