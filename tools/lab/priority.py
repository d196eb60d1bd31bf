"""The scheduling priority of a laboratory's switches, for whoever steers them.

Asterisk's `-p` is SCHED_RR, priority 10: on a machine that is busy a program of ordinary priority
then waits until no switch wants the core, which is what a steered call waits for as well.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def like(switch: int) -> Iterator[None]:
    """What the calling thread starts meanwhile has the priority of that process, from its first moment
    on and in all its threads. What is refused (no right, no such process) stays as it is.
    """
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.sched_setscheduler(0, os.sched_getscheduler(switch), os.sched_getparam(switch))
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


def named(pid: int) -> str:
    """The priority of a process in words: `rr 10`, or `nice 0` for an ordinary one."""
    policy = os.sched_getscheduler(pid)
    if policy in (os.SCHED_RR, os.SCHED_FIFO):
        name = "rr" if policy == os.SCHED_RR else "fifo"
        return f"{name} {os.sched_getparam(pid).sched_priority}"
    return f"nice {os.getpriority(os.PRIO_PROCESS, pid)}"
