"""The scheduling priority of a laboratory's switches, for whoever steers them.

Asterisk's `-p` is SCHED_RR, priority 10: on a machine that is busy a program of ordinary priority
then waits until no switch wants the core, which is what a steered call waits for as well.
"""

from __future__ import annotations

import contextlib
import os


def beside(pid: int, switch: int) -> str:
    """Give a process, with all its threads, the priority that another one has; what it has now, for
    people. Threads that it starts later inherit it. What is refused (no right) stays as it was.
    """
    policy, param = os.sched_getscheduler(switch), os.sched_getparam(switch)
    for thread in os.listdir(f"/proc/{pid}/task"):
        # A thread may have ended meanwhile.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.sched_setscheduler(int(thread), policy, param)
    return named(pid)


def named(pid: int) -> str:
    """The priority of a process in words: `rr 10`, or `nice 0` for an ordinary one."""
    policy = os.sched_getscheduler(pid)
    if policy in (os.SCHED_RR, os.SCHED_FIFO):
        name = "rr" if policy == os.SCHED_RR else "fifo"
        return f"{name} {os.sched_getparam(pid).sched_priority}"
    return f"nice {os.getpriority(os.PRIO_PROCESS, pid)}"
