"""What `dialer-engine recordings verify | list | export` do; the cli draws it.

Rules: nothing here writes to the recording folder, save for settling what a crash left in the
manifest; everything goes by the manifest, never by a walk through the folders; a WAV is hashed
while it is read, and one that differs from its seal is never given out as good.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal, Protocol

from dialer_engine.domain.errors import ManifestBroken, TargetNotEmpty, Unreadable
from dialer_engine.domain.units import AttemptId
from dialer_engine.recordings import naming
from dialer_engine.recordings._chain import Entry, Head
from dialer_engine.recordings.audio import BLOCK_BYTES, opened
from dialer_engine.recordings.manifest import ChainReport, Manifest

Progress = Callable[[int], None]

EXTRACT_FILE: Final = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class AuditReport:
    """chain: of the manifest. checked: WAVs that were hashed. gone, changed: relative paths of
    those that are not there, or not as sealed.
    """

    chain: ChainReport
    checked: int
    gone: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def good(self) -> bool:
        return self.chain.whole and not self.gone and not self.changed


def verify_all(
    root: Path,
    *,
    since: date | None = None,
    until: date | None = None,
    known: Head | None = None,
    progress: Progress | None = None,
) -> AuditReport:
    """Verify the whole chain, and hash every WAV that was sealed on these days (all, without).

    Reads every byte: about 300 MB a second a core at best. progress: called with the number of WAVs
    so far. known: a head kept elsewhere (log line `recordings_sealed`).
    """
    manifest = Manifest(root)
    with suppress(ManifestBroken, OSError):  # verify_chain says what is wrong, and where.
        if manifest.files():
            manifest.repair()
    chain = manifest.verify_chain(known)
    gone: list[str] = []
    changed: list[str] = []
    checked = 0
    for checked, entry in enumerate(manifest.entries(since, until), 1):
        state = _compare(root, entry)
        if state != "same":
            (gone if state == "gone" else changed).append(entry.path)
        if progress:
            progress(checked)
    return AuditReport(chain, checked, tuple(gone), tuple(changed))


def list_recordings(
    root: Path, *, since: date | None = None, until: date | None = None
) -> Iterator[Entry]:
    """Sealed recordings, oldest first, by the day of sealing."""
    return Manifest(root).entries(since, until)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """exported: attempts whose WAV is in `target`. unknown: not in the manifest. gone, changed:
    sealed, but not there or not as sealed, and therefore not exported.
    """

    target: Path
    exported: tuple[AttemptId, ...]
    unknown: tuple[AttemptId, ...]
    gone: tuple[AttemptId, ...]
    changed: tuple[AttemptId, ...]


def export(
    root: Path,
    attempts: Sequence[AttemptId],
    to: Path,
    form: Literal["dir", "zip"] = "dir",
    *,
    progress: Progress | None = None,
) -> ExportReport:
    """Copy these attempts' WAVs to a new folder or zip, flat, with their lines of the manifest in
    `manifest.jsonl`: each line's hash can be computed again from the line, each WAV's from the WAV.

    TargetNotEmpty when `to` exists. What is there is complete: it appears under its name at the
    end. BadValue: one of these is no attempt id.
    """
    wanted = list(dict.fromkeys(attempts))
    since = min(map(naming.day_of, wanted), default=date.max)
    sealed = Manifest(root).find_all(wanted, since)
    states: dict[AttemptId, str] = {}
    with _target(to, form) as target:
        for number, attempt in enumerate(wanted, 1):
            entry = sealed.get(attempt)
            states[attempt] = _export_one(root, entry, target) if entry else "unknown"
            if progress:
                progress(number)
        lines = [sealed[attempt].line() for attempt in wanted if states[attempt] == "same"]
        target.add(EXTRACT_FILE, lines)
    return _report(to, states)


def _report(to: Path, states: dict[AttemptId, str]) -> ExportReport:
    def of(state: str) -> tuple[AttemptId, ...]:
        return tuple(attempt for attempt, found in states.items() if found == state)

    return ExportReport(to, of("same"), of("unknown"), of("gone"), of("changed"))


# -- reading ---------------------------------------------------------------------------------------


def _compare(root: Path, entry: Entry) -> Literal["same", "gone", "changed"]:
    digest = hashlib.sha256()
    try:
        for block in _file_blocks(naming.local_path(root, entry.path)):
            digest.update(block)
    except FileNotFoundError:
        return "gone"
    except Unreadable:
        return "changed"
    return "same" if digest.hexdigest() == entry.sha256 else "changed"


def _file_blocks(path: Path) -> Iterator[bytes]:
    with opened(path) as fd:
        position = 0
        while block := os.pread(fd, BLOCK_BYTES, position):
            position += len(block)
            yield block


# -- writing ---------------------------------------------------------------------------------------


class _Target(Protocol):
    def add(self, name: str, blocks: Sequence[bytes] | Iterator[bytes]) -> None: ...


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    @contextmanager
    def at(cls, part: Path) -> Iterator[_Target]:
        part.mkdir()
        yield cls(part)

    def add(self, name: str, blocks: Sequence[bytes] | Iterator[bytes]) -> None:
        with (self._folder / name).open("xb") as file:
            for block in blocks:
                file.write(block)


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    @classmethod
    @contextmanager
    def at(cls, part: Path) -> Iterator[_Target]:
        # Stored: speech hardly shrinks, and a player may read it in place.
        with zipfile.ZipFile(part, "x", zipfile.ZIP_STORED) as archive:
            yield cls(archive)

    def add(self, name: str, blocks: Sequence[bytes] | Iterator[bytes]) -> None:
        with self._archive.open(name, "w", force_zip64=True) as file:
            for block in blocks:
                file.write(block)


@contextmanager
def _target(to: Path, form: Literal["dir", "zip"]) -> Iterator[_Target]:
    """A place that takes its name only when everything is in it."""
    if os.path.lexists(to):
        raise TargetNotEmpty(f"{to} exists already")
    part = to.with_name(naming.PART_PREFIX + to.name)
    if os.path.lexists(part):
        raise TargetNotEmpty(f"{part} is left from an export that was ended; remove it first")
    try:
        with _Folder.at(part) if form == "dir" else _Zip.at(part) as target:
            yield target
        part.rename(to)
    except BaseException:
        _clear(part)
        raise


def _clear(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def _export_one(root: Path, entry: Entry, target: _Target) -> str:
    """Two passes: a file that is not as sealed must not get into the export at all."""
    state = _compare(root, entry)
    if state == "same":
        path = naming.local_path(root, entry.path)
        target.add(path.name, _file_blocks(path))
    return state
