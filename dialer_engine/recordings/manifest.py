"""The hash-chained manifest of a recording folder: append-only, one file a day, one chain.

Rules
- Files `manifest/YYYY-MM-DD.jsonl` hold entries in the order in which they were sealed; the chain
  runs on from file to file. `manifest/head.json` says where it ends: without it, cutting off the
  last lines would leave a chain that looks whole.
- `append` has sealed a batch when lines and head are on disk; only then may raw recordings go.
- A crash leaves at most unsealed bytes beyond the head: whole lines that continue the chain are
  sealed, the rest is cut off. Anything else that disagrees with the head is not a crash, and
  nothing is added to it any more (ManifestBroken).
- One writer at a time, by flock on `manifest/.lock`, also between daemons; each append reads the
  head anew. On NFS flock needs version 4 or Linux >= 2.6.12 at both ends.

Limit: whoever may write this folder can forge files and head together. Every batch logs its head
(`recordings_sealed`), so the journal, or wherever logs are shipped, is the witness:
`verify_chain(known=…)` compares with a head kept elsewhere.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import structlog

from dialer_engine.domain.errors import ManifestBroken
from dialer_engine.recordings._chain import (
    DAY_FILE,
    Entry,
    Head,
    follows,
    head_text,
    parse,
    parse_head,
)
from dialer_engine.recordings.audio import FILE_MODE, sync_folder, write_all
from dialer_engine.recordings.naming import MANIFEST_FOLDER

log = structlog.get_logger(__name__)

HEAD_FILE: Final = "head.json"
HEAD_PART: Final = "head.json.part"
LOCK_FILE: Final = ".lock"
FOLDER_MODE: Final = 0o750


@dataclass(frozen=True, slots=True)
class ChainProblem:
    """Something that is not as it was written. line: from 1, 0 for the file as a whole."""

    file: str
    line: int
    what: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """entries: that were read and valid. head: where the chain says that it ends, None when that is
    unreadable. problems: empty for a whole chain.
    """

    entries: int
    head: Head | None
    problems: tuple[ChainProblem, ...]

    @property
    def whole(self) -> bool:
        return not self.problems


class Manifest:
    """The manifest of one recording folder. Every method may be called from any thread; all block
    on disk, so not from an event loop.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / MANIFEST_FOLDER

    def append(self, entries: Sequence[Entry], today: date) -> list[Entry]:
        """Seal `entries` in this order and return them as sealed. All or nothing: an OSError (disk
        full) takes back what was written; ManifestBroken changes nothing.
        """
        if not entries:
            return []
        with self._locked() as head:
            sealed, text = _chain_on(head, entries)
            name = max(f"{today.isoformat()}.jsonl", head.file)
            offset = head.offset if name == head.file else 0
            self._write(name, offset, text)
            last = sealed[-1]
            try:
                self._prepare(Head(name, offset + len(text), last.seq, last.hash))
            except BaseException:
                self._cut(name, offset)
                raise
            self._place()
        log.info("recordings_sealed", entries=len(sealed), seq=last.seq, head=last.hash)
        return sealed

    def repair(self) -> Head:
        """Settle what a crash left, and say where the chain ends; ManifestBroken when it is more
        than a crash leaves.
        """
        with self._locked() as head:
            return head

    def files(self) -> list[str]:
        """The day files, oldest first."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        return sorted(name for name in names if DAY_FILE.match(name))

    def entries(self, since: date | None = None, until: date | None = None) -> Iterator[Entry]:
        """Valid entries sealed on these days, both included, oldest first. Invalid lines are left
        out: `verify_chain` is what finds them.
        """
        for name in self._files_of(since, until):
            with (self.folder / name).open("rb") as file:
                yield from (entry for entry in map(parse, file) if entry is not None)

    def find(self, attempt: str, since: date) -> Entry | None:
        """The entry of an attempt, sealed on `since` or later; the newest if there are several.
        Searches bytes, 30 MB for a day of 100,000 recordings.
        """
        needle = f'"attempt":"{attempt}"'.encode()
        for name in reversed(self._files_of(since, None)):
            line = _last_line_with(self.folder / name, needle)
            entry = parse(line) if line is not None else None
            if entry is not None:
                return entry
        return None

    def find_all(self, attempts: Collection[str], since: date) -> dict[str, Entry]:
        """The newest entry of each of many attempts, in one pass over the days from `since` on."""
        wanted = frozenset(attempts)
        return {entry.attempt: entry for entry in self.entries(since) if entry.attempt in wanted}

    def verify_chain(
        self, known: Head | None = None, progress: Callable[[int], None] | None = None
    ) -> ChainReport:
        """Read everything and report every place that was changed, removed, added or moved. Changes
        nothing. known: an earlier head, kept elsewhere, that must be part of the chain. progress:
        called with the number of entries so far, once a file.
        """
        if not self.files() and not (self.folder / HEAD_FILE).exists():
            return ChainReport(0, Head(), _known_problem(known, found=known is None))
        with self._lock_file() if os.access(self.folder, os.W_OK) else nullcontext():
            # Without the right to write this is a copy that nobody writes to either.
            head = self._read_head()
            sizes = {name: (self.folder / name).stat().st_size for name in self.files()}
        return _Audit(self.folder, head, sizes, known, progress).run()

    # -- the lock and the head

    @contextmanager
    def _locked(self) -> Iterator[Head]:
        """Hold the one writer's lock, with the chain settled after a crash."""
        self.folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        with self._lock_file():
            yield self._settled()

    @contextmanager
    def _lock_file(self) -> Iterator[None]:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(self.folder / LOCK_FILE, flags, FILE_MODE)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _read_head(self) -> Head | None:
        try:
            return parse_head((self.folder / HEAD_FILE).read_bytes())
        except FileNotFoundError:
            return None

    def _settled(self) -> Head:
        """The head, after sealing or cutting off what a crash left beyond it."""
        head = self._read_head()
        if head is None:
            return self._first_head()
        sealed = self._size(head.file) if head.file else 0
        if sealed < head.offset:
            raise ManifestBroken(f"{head.file} is shorter than its seal says")
        newer = [name for name in self.files() if name > head.file]
        if sealed == head.offset and not newer:
            return head
        return self._settle(head, newer)

    def _first_head(self) -> Head:
        if self.files() or (self.folder / HEAD_FILE).exists():
            raise ManifestBroken(f"{HEAD_FILE} is missing or unreadable")
        self._seal(Head())
        return Head()

    def _settle(self, head: Head, newer: list[str]) -> Head:
        end = head
        for name in [head.file, *newer] if head.file else newer:
            end = _valid_end(self.folder / name, name, end)
            surplus = self._size(name) - (end.offset if end.file == name else 0)
            if surplus:
                log.warning("manifest_torn_tail_cut", file=name, bytes=surplus)
            self._cut(name, end.offset if end.file == name else 0)
            if end.file != name:
                (self.folder / name).unlink()
        if end != head:
            self._seal(end)
        return end

    def _size(self, name: str) -> int:
        try:
            return (self.folder / name).stat().st_size
        except FileNotFoundError:
            return 0

    def _cut(self, name: str, size: int) -> None:
        with (self.folder / name).open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())

    def _write(self, name: str, offset: int, text: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(self.folder / name, flags, FILE_MODE)
        try:
            write_all(fd, text)
            os.fsync(fd)
        except BaseException:
            os.ftruncate(fd, offset)
            raise
        finally:
            os.close(fd)

    def _seal(self, head: Head) -> None:
        self._prepare(head)
        self._place()

    def _prepare(self, head: Head) -> None:
        """Put the next head on disk, beside the old one."""
        part = self.folder / HEAD_PART
        try:
            with part.open("wb") as file:
                file.write(head_text(head))
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _place(self) -> None:
        """The next head is the head; the folder's fsync covers a new day file too."""
        (self.folder / HEAD_PART).rename(self.folder / HEAD_FILE)
        sync_folder(self.folder)

    def _files_of(self, since: date | None, until: date | None) -> list[str]:
        first = f"{since.isoformat()}.jsonl" if since else ""
        last = f"{until.isoformat()}.jsonl" if until else "~"
        return [name for name in self.files() if first <= name <= last]


def _chain_on(head: Head, entries: Sequence[Entry]) -> tuple[list[Entry], bytes]:
    sealed: list[Entry] = []
    seq, prev = head.seq, head.hash
    for entry in entries:
        sealed.append(entry.chained(seq + 1, prev))
        seq, prev = sealed[-1].seq, sealed[-1].hash
    return sealed, b"".join(entry.line() for entry in sealed)


def _valid_end(path: Path, name: str, start: Head) -> Head:
    """How far the chain goes on in this file from `start`."""
    end = start if start.file == name else Head(name, 0, start.seq, start.hash)
    with path.open("rb") as file:
        file.seek(end.offset)
        for line in file:
            entry = parse(line)
            if entry is None or not follows(entry, end.seq, end.hash):
                break
            end = Head(name, end.offset + len(line), entry.seq, entry.hash)
    return end if end.seq > start.seq else start


def _last_line_with(path: Path, needle: bytes) -> bytes | None:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            found = text.rfind(needle)
            if found < 0:
                return None
            start, end = text.rfind(b"\n", 0, found) + 1, text.find(b"\n", found) + 1
            return text[start : end or len(text)]


def _known_problem(known: Head | None, *, found: bool) -> tuple[ChainProblem, ...]:
    if found or known is None:
        return ()
    what = f"entry {known.seq} with the hash that was kept elsewhere is not in the chain"
    return (ChainProblem("", 0, what),)


class _Audit:
    """One pass over the chain. After a break it goes on from the line that it found, so that the
    report names the places and not everything after the first of them.
    """

    def __init__(
        self,
        folder: Path,
        head: Head | None,
        sizes: dict[str, int],
        known: Head | None,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._folder, self._head, self._sizes = folder, head, sizes
        self._known, self._progress = known, progress
        self._known_found = known is None or known == Head()
        self._end = Head()
        self._entries = 0
        self._problems: list[ChainProblem] = []

    def run(self) -> ChainReport:
        for name, size in self._sizes.items():
            self._file(name, size)
            if self._progress:
                self._progress(self._entries)
        self._ends_at_head()
        problems = (*self._problems, *_known_problem(self._known, found=self._known_found))
        return ChainReport(self._entries, self._head, problems)

    def _file(self, name: str, size: int) -> None:
        position = 0
        with (self._folder / name).open("rb") as file:
            for number, line in enumerate(file, 1):
                if position >= size:
                    # Sealed by a running daemon since the audit began.
                    break
                position += len(line)
                self._line(name, number, line, position)

    def _line(self, name: str, number: int, line: bytes, position: int) -> None:
        entry = parse(line)
        if entry is None:
            self._problems.append(ChainProblem(name, number, "this line was changed or cut"))
            return
        if not follows(entry, self._end.seq, self._end.hash):
            what = f"entry {entry.seq} does not follow entry {self._end.seq}"
            self._problems.append(ChainProblem(name, number, what))
        self._entries += 1
        self._end = Head(name, position, entry.seq, entry.hash)
        if self._known and (entry.seq, entry.hash) == (self._known.seq, self._known.hash):
            self._known_found = True

    def _ends_at_head(self) -> None:
        if self._head is None:
            self._problems.append(ChainProblem(HEAD_FILE, 0, "missing or changed"))
        elif self._head != self._end:
            what = f"says that the chain ends with entry {self._head.seq}, not {self._end.seq}"
            self._problems.append(ChainProblem(HEAD_FILE, 0, what))
