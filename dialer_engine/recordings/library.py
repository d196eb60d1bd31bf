"""The recording folder of one daemon: the `Recordings` port on a real disk.

Rules
- What is not finished, or could not be handled (disk full, manifest broken), gets no row: the store
  goes on expecting it and it comes again. Nothing is lost by trying again.
- Order: WAV on disk, entry sealed in the manifest, raw file removed, row returned. A crash at any
  point leaves either the raw file or a sealed WAV, often both.
- Mismatched and silent recordings are kept, converted and sealed too: they are evidence.
- Disk work runs in `workers` threads of our own, what computes in a process behind them (`worker`);
  one batch at a time is between WAV and seal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from dialer_engine.domain.errors import BadValue, FolderUnusable, NotSealed, RecordingError
from dialer_engine.domain.units import AttemptId, Moment
from dialer_engine.ports.recordings import DiskState
from dialer_engine.ports.store import ExpectedRecording, RecordingRow
from dialer_engine.recordings import naming
from dialer_engine.recordings.disk import DiskWatch
from dialer_engine.recordings.intake import Handled, Intake, LibraryConfig
from dialer_engine.recordings.manifest import Manifest
from dialer_engine.recordings.worker import Worker

__all__ = ["LibraryConfig", "RecordingLibrary"]

log = structlog.get_logger(__name__)

# Converted and not yet sealed at most: what a crash makes do again.
BATCH: Final = 32


def _utc_now() -> datetime:
    return datetime.now(UTC)


class RecordingLibrary:
    """Implements `ports.recordings.Recordings`. Build one a daemon, `close()` it at the end.

    utc_now: aware UTC, for what is due and when it was checked.
    """

    def __init__(
        self, config: LibraryConfig, *, utc_now: Callable[[], datetime] = _utc_now
    ) -> None:
        self._config, self._utc_now = config, utc_now
        self._pbx_root = config.pbx_root or str(config.root)
        self._pool = ThreadPoolExecutor(config.workers, "recordings")
        # Its own thread: a measurement must not wait behind conversions.
        self._disk_pool = ThreadPoolExecutor(1, "recordings-disk")
        self._one_batch = asyncio.Lock()
        self.manifest = Manifest(config.root)
        self.disk_watch = DiskWatch(config.root, config.marks, self._disk_pool)
        self._worker = Worker() if config.apart else None
        self._intake = Intake(config, self.manifest, self._worker)

    def path_for(self, attempt: AttemptId, now: Moment) -> str:
        """See the port. The folder's date is that of the attempt id, not of `now`, so that the
        place can be found again from the id alone. FolderUnusable when the folder cannot be made:
        do not dial then.
        """
        folder = self._config.root / naming.stem(attempt).parent
        try:
            self._make_folder(folder)
        except OSError as error:
            raise FolderUnusable(f"cannot make {folder}: {error.strerror}") from error
        return naming.to_pbx(attempt, self._pbx_root)

    def disk(self) -> DiskState:
        """See the port. Never waits for the disk: the last measurement, at most some seconds
        old.
        """
        return self.disk_watch.state()

    async def verify(self, expected: Sequence[ExpectedRecording]) -> list[RecordingRow]:
        """See the port. Rows for what is finished, in the order of `expected`; the rest has none
        and comes again. Waits up to `settle_s` for calls that have just ended. ManifestBroken,
        NotSealed: nothing could be sealed, nothing was removed.
        """
        await self._settled(expected)
        rows: list[RecordingRow] = []
        for start in range(0, len(expected), BATCH):
            try:
                async with self._one_batch:
                    rows += await self._batch(expected[start : start + BATCH])
            except RecordingError as error:
                if not rows:
                    raise
                log.error("recordings_not_sealed", error=type(error).__name__, reason=str(error))
                break
        return rows

    def close(self) -> None:
        """Wait for what is being converted, then end the threads and the process. A hung disk
        measurement is not waited for.
        """
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._worker is not None:
            self._worker.close()
        self._disk_pool.shutdown(wait=False, cancel_futures=True)

    # -- steps

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        # The root itself is never made: a disk that is not mounted must be noticed.
        for level in (folder.parent.parent, folder.parent, folder):
            try:
                level.mkdir()
                # Not by mkdir: the umask would cut it.
                level.chmod(self._config.folder_mode)
            except FileExistsError:
                continue

    async def _settled(self, expected: Sequence[ExpectedRecording]) -> None:
        """Wait until the last of these calls is over for `settle_s`."""
        now, settle = self._utc_now(), self._config.settle_s
        ages = [(now - item.ended_at).total_seconds() for item in expected]
        wait = settle - min(ages, default=settle)
        if wait > 0:
            await asyncio.sleep(min(wait, settle))

    async def _batch(self, expected: Sequence[ExpectedRecording]) -> list[RecordingRow]:
        loop, now = asyncio.get_running_loop(), self._utc_now()
        futures = [loop.run_in_executor(self._pool, self._handle, item, now) for item in expected]
        handled = [item for item in await asyncio.gather(*futures) if item is not None]
        try:
            await loop.run_in_executor(self._pool, self._intake.seal, handled, now)
        except OSError as error:
            raise NotSealed(f"the recording manifest: {error.strerror}") from error
        return [item.row for item in handled]

    def _handle(self, expected: ExpectedRecording, now: datetime) -> Handled | None:
        """One recording that cannot be handled must not hold up the others."""
        try:
            return self._intake.handle(expected, now)
        except (OSError, RecordingError, BadValue) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            kind = type(error).__name__
            log.error("recording_not_handled", attempt=expected.attempt, error=kind, reason=reason)
            return None
