"""The machine that figures were taken on, and what its processes use (Linux, /proc)."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import time
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


@dataclass(frozen=True, slots=True)
class Shares:
    """CPU of a stretch, in cores. side, pbx, world: of those processes. others: of everything else
    on the machine that is not this program. idle: of all cores. seconds: the stretch. side_s, pbx_s,
    world_s: CPU seconds.
    """

    side: float
    pbx: float
    world: float
    others: float
    idle: float
    seconds: float
    side_s: float
    pbx_s: float
    world_s: float


def own_memory(pid: int) -> int:
    """Bytes of a process that no file stands behind, swapped out or not (RssAnon and VmSwap of
    proc(5)). What leaks is here; pages of programs and libraries the kernel takes and brings back
    as it likes. Errors as `usage`.
    """
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return sum(int(fields.get(one, "0 kB").split()[0]) * 1024 for one in ("RssAnon", "VmSwap"))


class Stretch:
    """From its making to `end`. world: processes of the world."""

    def __init__(self, side: int, pbx: int, *world: int) -> None:
        self._pids = (side, pbx, os.getpid(), *world)
        self._cpu, self._machine = self._used(), _machine()
        self.start = self.stop = time.time()

    def _used(self) -> list[float]:
        return [usage(pid).cpu_s for pid in self._pids]

    def end(self) -> Shares:
        """What was used."""
        self.stop = time.time()
        cpu = [b - a for a, b in zip(self._cpu, self._used(), strict=True)]
        busy, idle = (b - a for a, b in zip(self._machine, _machine(), strict=True))
        took = self.stop - self.start
        rest = max(0.0, busy - sum(cpu))
        side, pbx, world = cpu[0], cpu[1], sum(cpu[3:])

        def cores(seconds: float) -> float:
            return round(seconds / took, 3)

        return Shares(
            cores(side), cores(pbx), cores(world), cores(rest), cores(idle), took, side, pbx, world
        )  # fmt: skip


def _machine() -> tuple[float, float]:
    """CPU seconds of all cores since the machine began: busy, and idle or waiting for a disk."""
    first = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()[1:9]
    ticks = [int(one) / _TICKS for one in first]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, idle


def children(pid: int) -> list[int]:
    """Processes that this one has started and that live."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        # A thread may end while it is looked at.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, (thread / "children").read_text(encoding="ascii").split())
    return found


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
