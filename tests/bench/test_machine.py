"""What is read of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from tools.bench.machine import MIB, children, own_memory, usage


def test_children_are_found_whichever_thread_started_them() -> None:
    started: list[subprocess.Popen[bytes]] = []
    is_up, go_on = threading.Event(), threading.Event()

    def start() -> None:
        started.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
        is_up.set()
        go_on.wait(10.0)

    before = set(children(os.getpid()))
    thread = threading.Thread(target=start)
    start_here = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    thread.start()
    try:
        assert is_up.wait(10.0)
        found = set(children(os.getpid())) - before
        assert found == {start_here.pid, started[0].pid}
    finally:
        go_on.set()
        thread.join()
        for process in (start_here, *started):
            process.kill()
            process.communicate()
    assert set(children(os.getpid())) == before


def test_own_memory_is_what_no_file_stands_behind() -> None:
    before = own_memory(os.getpid())
    held = bytearray(b"x") * (32 * MIB)
    grown = own_memory(os.getpid()) - before
    assert 0.9 * len(held) < grown < 2 * len(held)
    assert own_memory(os.getpid()) < usage(os.getpid()).rss
