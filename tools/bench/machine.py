"""The machine that figures were taken on, and what its processes use (Linux, /proc)."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1024 * 1024
# Fields of /proc/<pid>/stat behind the command's name, which may hold spaces (proc(5)): utime,
# stime, num_threads, rss.
_UTIME, _STIME, _THREADS, _RSS = 11, 12, 17, 21


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used. cpu_s: of all its threads, since it began. rss: bytes."""

    cpu_s: float
    rss: int
    threads: int


def usage(pid: int) -> Usage:
    """Of a living process; ProcessLookupError or FileNotFoundError when it is gone."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    fields = text.rpartition(")")[2].split()
    cpu = (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS
    return Usage(cpu, int(fields[_RSS]) * _PAGE, int(fields[_THREADS]))


def open_files(pid: int) -> int:
    """File handles of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def load() -> float:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def now() -> str:
    """The time, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def describe() -> dict[str, Any]:
    """The machine and the code, for the head of a file of figures."""
    return {
        "cpus": os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * _PAGE // MIB,
        "system": platform.platform(),
        "python": platform.python_version(),
        **asdict(_code()),
    }


@dataclass(frozen=True, slots=True)
class _Code:
    commit: str
    changed: bool


def _code() -> _Code:
    return _Code(_git("rev-parse", "HEAD"), bool(_git("status", "--porcelain", "-uno")))


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
