"""What happens to one finished recording. Blocking: for worker threads.

Rules
- A file is finished when its call is over for `settle_s` and it has not grown for half of that: by
  the file's own time, or, should the file server's clock be ahead, by its size between two visits.
- None means 'comes again': not finished yet, not there yet.
- What was sealed once is never overwritten. A WAV with another hash than its seal, or a raw file
  that goes on where a sealed WAV ends, is reported and both files stay.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from dialer_engine.domain.errors import BadValue, FolderUnusable, StillWritten, Unreadable
from dialer_engine.ports.store import ExpectedRecording, RecordingRow
from dialer_engine.recordings import naming
from dialer_engine.recordings._chain import Entry
from dialer_engine.recordings.audio import (
    HEADER_BYTES,
    STEP_BYTES,
    Measured,
    convert,
    measure_wav,
    sync_folder,
)
from dialer_engine.recordings.disk import Watermarks
from dialer_engine.recordings.manifest import Manifest
from dialer_engine.recordings.verify import Problem, Rules, Verdict, judge, status_of
from dialer_engine.recordings.worker import Worker

log = structlog.get_logger(__name__)

# Files whose size is remembered until they stop growing; far more than calls end in `gives_up_s`.
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class LibraryConfig:
    """root: the recording folder as the daemon sees it; it must exist. pbx_root: the same folder as
    the PBX sees it, empty when that is the same path.

    Remote PBX: the daemon reads what the PBX writes, so the folder must be a mount that both share
    (NFS, CephFS …), the same `pbx_root` on every node; nothing is fetched over the network.
    missing_after_s: must be longer than the mount caches directories (NFS `acdirmax`, 60 s unless
    mounted with less).

    folder_mode: of the dated folders; set-gid and group-writable, so that a PBX under another user
    of the group that `root` belongs to may write. gives_up_s: a file that still grows this long
    after its call ended is reported and left alone.

    workers: threads that handle files. apart: they have them converted and measured by a process of
    its own (`worker`), one at a time.
    """

    root: Path
    pbx_root: str = ""
    settle_s: float = 2.0
    missing_after_s: float = 10.0
    gives_up_s: float = 300.0
    folder_mode: int = 0o2770
    workers: int = 2
    apart: bool = True
    rules: Rules = field(default_factory=Rules)
    marks: Watermarks = field(default_factory=Watermarks)

    def __post_init__(self) -> None:
        if not self.root.is_absolute() or (self.pbx_root and not self.pbx_root.startswith("/")):
            raise BadValue("recordings.dir and recordings.pbx_dir must be absolute paths")
        if not 0 <= self.settle_s <= self.missing_after_s <= self.gives_up_s:
            raise BadValue("recordings: settle_s <= missing_after_s <= gives_up_s must hold")
        if self.workers < 1:
            raise BadValue("recordings.workers must be at least 1")


@dataclass(frozen=True, slots=True)
class Handled:
    """One recording on its way. entry: still to be sealed, None when it is already or there is
    nothing to seal. raw: to be removed when it is sealed.
    """

    row: RecordingRow
    entry: Entry | None = None
    raw: Path | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    """One recording and where it is. now: aware UTC."""

    expected: ExpectedRecording
    raw: Path
    wav: Path
    relative: str
    now: datetime

    @property
    def age_s(self) -> float:
        return (self.now - self.expected.ended_at).total_seconds()

    def row(self, verdict: Verdict, measured: Measured | None = None) -> RecordingRow:
        return RecordingRow(
            attempt=self.expected.attempt,
            path=self.relative,
            status=str(verdict.status),
            duration_s=round(measured.levels.duration_s, 3) if measured else None,
            talk_s=self.expected.talk_s,
            size_bytes=measured.size_bytes if measured else None,
            sha256=measured.sha256 if measured else None,
            problems=tuple(map(str, verdict.problems)),
            checked_at=self.now,
        )

    def entry(self, verdict: Verdict, measured: Measured) -> Entry:
        return Entry(
            attempt=self.expected.attempt,
            path=self.relative,
            sha256=measured.sha256,
            size_bytes=measured.size_bytes,
            duration_ms=round(measured.levels.duration_s * 1000),
            status=str(verdict.status),
            at=self.now.isoformat(timespec="milliseconds"),
        )


class Intake:
    """Takes finished recordings in. Any thread, several at once, but one attempt only once at a
    time.
    """

    def __init__(
        self, config: LibraryConfig, manifest: Manifest, worker: Worker | None = None
    ) -> None:
        """worker: converts and measures; without one it is done in the calling thread."""
        self._config, self._manifest, self._worker = config, manifest, worker
        # attempt -> (size, when it was seen), while a file looks as if it grew.
        self._sizes: dict[str, tuple[int, datetime]] = {}

    def handle(self, expected: ExpectedRecording, now: datetime) -> Handled | None:
        """Measure, convert and judge one recording; None: comes again. OSError, RecordingError and
        BadValue likewise change nothing that was there.
        """
        job = self._job(expected, now)
        if job.age_s < self._config.settle_s:
            return None
        if not os.path.lexists(job.raw):
            return self._without_raw(job)
        if not self._finished(job.raw, job):
            return self._growing(job)
        sealed = self._sealed(job) if job.wav.exists() else None
        return self._again(job, sealed, job.raw) if sealed else self._fresh(job)

    def seal(self, handled: list[Handled], now: datetime) -> None:
        """Seal a batch in the manifest, then remove its raw files. OSError, ManifestBroken: nothing
        was removed.
        """
        entries = [item.entry for item in handled if item.entry is not None]
        self._manifest.append(entries, now.date())
        for item in handled:
            if item.raw is not None:
                _remove(item.raw, item.row)

    # -- cases

    def _job(self, expected: ExpectedRecording, now: datetime) -> _Job:
        stem = naming.stem(expected.attempt)
        relative = f"{stem}{naming.WAV_SUFFIX}"
        base = self._config.root / stem.parent
        if not base.resolve().is_relative_to(self._config.root.resolve()):
            raise FolderUnusable("a dated folder leads out of the recording folder")
        raw = base / f"{stem.name}{naming.RAW_SUFFIX}"
        return _Job(expected, raw, self._config.root / relative, relative, now)

    def _fresh(self, job: _Job) -> Handled | None:
        try:
            measured = self._convert(job.raw, job.wav)
        except StillWritten:
            return None
        except Unreadable:
            return self._problem(job, Problem.UNREADABLE)
        torn = (Problem.TORN,) if measured.torn_bytes else ()
        verdict = judge(job.expected, measured.levels, self._config.rules, torn)
        return Handled(job.row(verdict, measured), job.entry(verdict, measured), job.raw)

    def _without_raw(self, job: _Job) -> Handled | None:
        if not os.path.lexists(job.wav):
            late = job.age_s >= self._config.missing_after_s
            return self._problem(job, Problem.NO_FILE) if late else None
        sealed = self._sealed(job)
        # Ours appear whole; one that is not sealed was written by the PBX, in its own time.
        if sealed is None and not self._finished(job.wav, job):
            return self._growing(job)
        return self._again(job, sealed, None)

    def _again(self, job: _Job, sealed: Entry | None, raw: Path | None) -> Handled:
        """A WAV that is there already, with its entry or without. raw: what is left of it."""
        try:
            measured = self._measure(job.wav)
        except Unreadable:
            return self._problem(job, Problem.UNREADABLE)
        changed = sealed is not None and (
            sealed.sha256 != measured.sha256 or not _same_length(raw, measured)
        )
        findings = (Problem.CHANGED,) if changed else ()
        verdict = judge(job.expected, measured.levels, self._config.rules, findings)
        entry = None if sealed else job.entry(verdict, measured)
        if not sealed:
            _sync(job.wav)
        return Handled(job.row(verdict, measured), entry, None if changed else raw)

    def _convert(self, raw: Path, wav: Path) -> Measured:
        return convert(raw, wav) if self._worker is None else self._worker.convert(raw, wav)

    def _measure(self, wav: Path) -> Measured:
        return measure_wav(wav) if self._worker is None else self._worker.measure_wav(wav)

    def _growing(self, job: _Job) -> Handled | None:
        if job.age_s < self._config.gives_up_s:
            return None
        return self._problem(job, Problem.STILL_WRITTEN)

    def _problem(self, job: _Job, problem: Problem) -> Handled:
        self._sizes.pop(job.expected.attempt, None)
        return Handled(job.row(Verdict(status_of([problem], self._config.rules), (problem,))))

    def _sealed(self, job: _Job) -> Entry | None:
        """The entry of this attempt, if the chain has one; what a crash left is settled first, so
        that an entry that is found is one that lasts.
        """
        self._manifest.repair()
        return self._manifest.find(job.expected.attempt, naming.day_of(job.expected.attempt))

    def _finished(self, path: Path, job: _Job) -> bool:
        found, pause = path.lstat(), self._config.settle_s / 2
        attempt = job.expected.attempt
        size, since = self._sizes.get(attempt, (-1, job.now))
        rests = size == found.st_size and (job.now - since).total_seconds() >= pause
        if rests or job.now.timestamp() - found.st_mtime >= pause:
            self._sizes.pop(attempt, None)
            return True
        if size != found.st_size:
            self._remember(attempt, found.st_size, job.now)
        return False

    def _remember(self, attempt: str, size: int, now: datetime) -> None:
        if len(self._sizes) >= _REMEMBERED:
            self._sizes.clear()
        self._sizes[attempt] = (size, now)


def _same_length(raw: Path | None, measured: Measured) -> bool:
    if raw is None:
        return True
    whole = raw.lstat().st_size // STEP_BYTES * STEP_BYTES
    return whole == measured.size_bytes - HEADER_BYTES


def _sync(path: Path) -> None:
    """Make a WAV that somebody else wrote last before it is sealed."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_folder(path.parent)


def _remove(raw: Path, row: RecordingRow) -> None:
    """The WAV is sealed, so a raw file that cannot be removed costs room and nothing else."""
    try:
        raw.unlink(missing_ok=True)
    except OSError as error:
        log.error("raw_recording_not_removed", attempt=row.attempt, error=error.strerror)
