"""Is there room for more recordings?

Rules: bytes, share of the disk and share of its inodes are judged separately and the worst counts;
a state is left only when there is more room by `hysteresis` than it was entered with, so dialling
does not flap; what cannot be measured is full (fail closed), and so is a disk that does not answer:
a hung network mount blocks its reader for minutes and must not block the daemon with it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import structlog

from dialer_engine.domain.errors import BadValue
from dialer_engine.ports.recordings import DiskState

log = structlog.get_logger(__name__)

_WORST_FIRST = (DiskState.FULL, DiskState.SLOW, DiskState.OK)
_GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Watermarks:
    """Below `slow_*` dialling slows down, below `stop_*` it stops. Bytes, and percent of the disk
    and of its inodes. A recording takes 32 kB a second, twice while it is converted: 2 GiB are a
    little over nine hours of talk. hysteresis: 0.1 is a tenth more room than the mark.
    """

    slow_bytes: int = 10 * _GIB
    stop_bytes: int = 2 * _GIB
    slow_percent: float = 10.0
    stop_percent: float = 3.0
    hysteresis: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.stop_bytes <= self.slow_bytes:
            raise BadValue("recordings.disk: stop_bytes must be between 0 and slow_bytes")
        if not 0 <= self.stop_percent <= self.slow_percent <= 100:
            raise BadValue("recordings.disk: stop_percent must be between 0 and slow_percent")
        if self.hysteresis < 0:
            raise BadValue("recordings.disk: hysteresis must not be negative")


@dataclass(frozen=True, slots=True)
class Room:
    """What is free for us (not for root). percent: of the bytes; inode_percent: None where the file
    system has no fixed number of them.
    """

    free_bytes: int
    percent: float
    inode_percent: float | None


def room_of(root: Path) -> Room:
    """Measure; OSError when it cannot be."""
    stat = os.statvfs(root)
    percent = 100.0 * stat.f_bavail / stat.f_blocks if stat.f_blocks else 0.0
    inodes = 100.0 * stat.f_favail / stat.f_files if stat.f_files else None
    return Room(stat.f_bavail * stat.f_frsize, percent, inodes)


def judge(room: Room | None, marks: Watermarks, before: DiskState) -> DiskState:
    """The state of the disk. room: None when it could not be measured. Pure."""
    if room is None:
        return DiskState.FULL
    return min(
        _level(room.free_bytes, marks.slow_bytes, marks.stop_bytes, marks, before),
        _level(room.percent, marks.slow_percent, marks.stop_percent, marks, before),
        _level(room.inode_percent, marks.slow_percent, marks.stop_percent, marks, before),
        key=_WORST_FIRST.index,
    )


def _level(
    free: float | None, slow: float, stop: float, marks: Watermarks, before: DiskState
) -> DiskState:
    if free is None:
        return DiskState.OK
    leave = 1.0 + marks.hysteresis
    if free < stop * (leave if before is DiskState.FULL else 1.0):
        return DiskState.FULL
    if free < slow * (1.0 if before is DiskState.OK else leave):
        return DiskState.SLOW
    return DiskState.OK


class DiskWatch:
    """The state of one disk, measured in a worker thread so that a hung mount cannot stop the
    caller. The first measurement is made when the watch is built, and is waited for.

    fresh_s: a younger answer is given again. patience_s: a measurement that takes longer counts as
    full.
    """

    def __init__(
        self,
        root: Path,
        marks: Watermarks,
        executor: Executor,
        *,
        fresh_s: float = 1.0,
        patience_s: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root, self._marks, self._executor = root, marks, executor
        self._fresh_s, self._patience_s, self._monotonic = fresh_s, patience_s, monotonic
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._measured_at = float("-inf")
        self._state = DiskState.OK
        self.room: Room | None = None
        self._measure()

    def state(self) -> DiskState:
        """The last measurement; asks for a new one when it is not fresh. Never waits."""
        with self._lock:
            now = self._monotonic()
            if self._asked_at is None and now - self._measured_at >= self._fresh_s:
                try:
                    self._executor.submit(self._measure)
                except RuntimeError:  # The executor was shut down: nobody measures any more.
                    return DiskState.FULL
                self._asked_at = now
            waiting = self._asked_at is not None and now - self._asked_at > self._patience_s
            return DiskState.FULL if waiting else self._state

    def _measure(self) -> None:
        reason = ""
        try:
            room = room_of(self._root)
        except OSError as error:
            room, reason = None, error.strerror or "unknown"
        with self._lock:
            before, self._state = self._state, judge(room, self._marks, self._state)
            self.room, self._measured_at, self._asked_at = room, self._monotonic(), None
        if before is not self._state:
            log.warning(
                "recording_disk_state", before=str(before), now=str(self._state), error=reason
            )
