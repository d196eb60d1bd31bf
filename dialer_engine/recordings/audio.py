"""Two-channel recordings: read in blocks, measure, write as WAV.

Rules: the PBX writes headerless signed 16-bit little-endian samples at 8 kHz, left (0) the debtor,
right (1) what the debtor heard, chiefly the agent. Nothing is held in memory but one block and two
numbers a frame. A WAV appears under its name complete and on disk, or not at all; the raw file is
not touched here.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dialer_engine.domain.errors import StillWritten, Unreadable
from dialer_engine.recordings.naming import PART_PREFIX

DEBTOR: Final = 0
AGENT: Final = 1
CHANNELS: Final = 2
SAMPLE_RATE: Final = 8000
SAMPLE_BYTES: Final = 2
STEP_BYTES: Final = CHANNELS * SAMPLE_BYTES
# 20 ms, one RTP packet of G.711 (RFC 3551, 4.5.14: the default packet interval).
FRAME_S: Final = 0.02
FULL_SCALE: Final = 32768.0
# Four seconds of a call: large enough for numpy, small beside a disk's read-ahead.
BLOCK_BYTES: Final = 128 * 1024
# RIFF sizes are 32 bits; 36 of the header's 44 bytes count into the first.
MAX_DATA_BYTES: Final = 2**32 - 1 - 36
HEADER_BYTES: Final = 44
_PCM: Final = 1
FILE_MODE: Final = 0o640


@dataclass(frozen=True, slots=True)
class Pcm:
    """Where the samples of a file are: `size` bytes from `offset`, at `rate` samples a second."""

    offset: int
    size: int
    rate: int = SAMPLE_RATE

    @property
    def steps(self) -> int:
        """Whole samples of both channels; a torn last one is not counted."""
        return self.size // STEP_BYTES

    @property
    def torn_bytes(self) -> int:
        """Bytes after the last whole sample: the writer was killed."""
        return self.size % STEP_BYTES


@dataclass(frozen=True, slots=True)
class Levels:
    """What was measured. rms, peak: one row a frame of 20 ms, one column a channel, as share of
    full scale (0..1).
    """

    rate: int
    steps: int
    rms: NDArray[np.float32]
    peak: NDArray[np.float32]

    @property
    def duration_s(self) -> float:
        return self.steps / self.rate

    def active_s(
        self, channel: int, threshold: float, start_s: float = 0.0, end_s: float | None = None
    ) -> float:
        """Seconds of frames whose RMS is above `threshold`, of those that lie at least half in
        [start_s, end_s).
        """
        return float(np.count_nonzero(self._window(channel, start_s, end_s) > threshold)) * FRAME_S

    def active_share(
        self, channel: int, threshold: float, start_s: float = 0.0, end_s: float | None = None
    ) -> float:
        """The share of frames in [start_s, end_s) that are active; 0 when there is none."""
        window = self._window(channel, start_s, end_s)
        return float(np.count_nonzero(window > threshold)) / len(window) if len(window) else 0.0

    def peak_dbfs(self, channel: int) -> float:
        """The highest sample in dB below full scale; -inf for digital silence."""
        return dbfs(float(self.peak[:, channel].max(initial=0.0)))

    def rms_dbfs(self, channel: int) -> float:
        """The mean power in dB below full scale; -inf for digital silence."""
        frames = self.rms[:, channel].astype(np.float64)
        return dbfs(float(np.sqrt(np.mean(frames**2)))) if len(frames) else dbfs(0.0)

    def _window(self, channel: int, start_s: float, end_s: float | None) -> NDArray[np.float32]:
        first = max(0, round(start_s / FRAME_S))
        last = len(self.rms) if end_s is None else max(first, round(end_s / FRAME_S))
        return self.rms[first:last, channel]


def dbfs(share: float) -> float:
    """A share of full scale in dB."""
    return 20.0 * float(np.log10(share)) if share > 0 else float("-inf")


def share_of(level_dbfs: float) -> float:
    """A level in dB below full scale as a share of it."""
    return float(10.0 ** (level_dbfs / 20.0))


class Meter:
    """Measures samples as they come, in pieces of any size; the pieces change nothing."""

    def __init__(self, rate: int = SAMPLE_RATE) -> None:
        self._rate = rate
        self._frame_bytes = max(1, round(rate * FRAME_S)) * STEP_BYTES
        self._rest = b""
        self._steps = 0
        self._rms: list[NDArray[np.float32]] = []
        self._peak: list[NDArray[np.float32]] = []

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        data = self._rest + data if self._rest else data
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        if whole:
            self._measure(data[:whole], self._frame_bytes)

    def levels(self) -> Levels:
        """What was measured, at the end. A last frame that is not full counts as one frame; a torn
        last sample does not count.
        """
        whole = len(self._rest) - len(self._rest) % STEP_BYTES
        if whole:
            self._measure(self._rest[:whole], whole)
        self._rest = b""
        empty = np.zeros((0, CHANNELS), np.float32)
        return Levels(
            self._rate,
            self._steps,
            np.concatenate([empty, *self._rms]),
            np.concatenate([empty, *self._peak]),
        )

    def _measure(self, data: bytes, frame_bytes: int) -> None:
        samples = np.frombuffer(data, dtype="<i2").reshape(-1, frame_bytes // STEP_BYTES, CHANNELS)
        # Squares of 16 bits in float32 are off by 6e-8 at most; the sum is in float64.
        power = np.mean(np.square(samples, dtype=np.float32), axis=1, dtype=np.float64)
        peak = np.abs(samples.astype(np.int32)).max(axis=1)
        self._rms.append((np.sqrt(power) / FULL_SCALE).astype(np.float32))
        self._peak.append((peak / FULL_SCALE).astype(np.float32))
        self._steps += len(data) // STEP_BYTES


# -- files -----------------------------------------------------------------------------------------


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A file descriptor for reading. Only of a plain file, never through a link as the last part,
    and never waiting for a pipe: whoever can write the folder must not choose what the daemon reads
    or hold it up. Unreadable for anything else.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise Unreadable("a link, not a recording") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Unreadable("not a plain file")
        yield fd
    finally:
        os.close(fd)


def blocks(fd: int, pcm: Pcm, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The samples of an open file in blocks; StillWritten when the file turns out shorter."""
    position, end = pcm.offset, pcm.offset + pcm.steps * STEP_BYTES
    while position < end:
        data = os.pread(fd, min(block_bytes, end - position), position)
        if not data:
            raise StillWritten("a recording became shorter while it was read")
        position += len(data)
        yield data


def wav_header(data_bytes: int, rate: int = SAMPLE_RATE) -> bytes:
    """The 44 bytes before `data_bytes` of two-channel 16-bit PCM (RIFF WAVE, Microsoft 1991)."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + data_bytes, b"WAVE", b"fmt ", 16, _PCM, CHANNELS, rate),
        *(rate * STEP_BYTES, STEP_BYTES, SAMPLE_BYTES * 8, b"data", data_bytes),
    )


def wav_layout(fd: int) -> Pcm:
    """Where the samples of an open WAV are; Unreadable when it is not 16-bit PCM in two channels.

    A data chunk that claims more than there is (a writer that was killed) ends with the file.
    """
    size = os.fstat(fd).st_size
    if os.pread(fd, 4, 0) != b"RIFF" or os.pread(fd, 4, 8) != b"WAVE":
        raise Unreadable("not a RIFF WAVE file")
    rate, position = 0, 12
    while position + 8 <= size:
        name, length = struct.unpack("<4sI", os.pread(fd, 8, position))
        if name == b"fmt ":
            rate = _pcm_rate(os.pread(fd, 16, position + 8))
        elif name == b"data" and rate:
            return Pcm(position + 8, min(length, size - position - 8), rate)
        position += 8 + length + length % 2
    raise Unreadable("a WAV without format or data")


def _pcm_rate(chunk: bytes) -> int:
    if len(chunk) < 16:
        raise Unreadable("the WAV ends in its format")
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk)
    if (code, channels, bits) != (_PCM, CHANNELS, SAMPLE_BYTES * 8) or not rate:
        raise Unreadable("the WAV is not 16-bit PCM in two channels")
    return int(rate)


@dataclass(frozen=True, slots=True)
class Measured:
    """A WAV on disk. sha256: of the whole file, hexadecimal. torn_bytes: dropped from its end."""

    levels: Levels
    size_bytes: int
    sha256: str
    torn_bytes: int


def measure_wav(path: Path) -> Measured:
    """Measure and hash a WAV that is there already."""
    with opened(path) as fd:
        pcm = wav_layout(fd)
        meter = Meter(pcm.rate)
        for block in blocks(fd, pcm):
            meter.feed(block)
        return Measured(meter.levels(), os.fstat(fd).st_size, sha256_of(fd), pcm.torn_bytes)


def convert(raw: Path, wav: Path) -> Measured:
    """Write `raw` as `wav`, measured and hashed on the way. The same raw gives the same bytes.

    When it returns, the WAV is on disk under its name. When it raises (OSError: disk full, rights;
    StillWritten: the raw file changed meanwhile), there is no new WAV and the raw file is as it was.
    """
    part = wav.with_name(PART_PREFIX + wav.name)
    with opened(raw) as source:
        pcm = Pcm(0, os.fstat(source).st_size)
        if pcm.size > MAX_DATA_BYTES:
            raise Unreadable("longer than a WAV can be (37 hours)")
        try:
            measured = _write_part(source, pcm, part)
            if os.fstat(source).st_size != pcm.size:
                raise StillWritten("a recording grew while it was read")
            part.rename(wav)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    sync_folder(wav.parent)
    return measured


def _write_part(source: int, pcm: Pcm, part: Path) -> Measured:
    """Write header and samples and see them on disk. A part that a killed daemon left is
    overwritten.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    meter, digest = Meter(pcm.rate), hashlib.sha256()
    header = wav_header(pcm.steps * STEP_BYTES, pcm.rate)
    target = os.open(part, flags, FILE_MODE)
    try:
        digest.update(header)
        write_all(target, header)
        for block in blocks(source, pcm):
            meter.feed(block)
            digest.update(block)
            write_all(target, block)
        os.fsync(target)
    finally:
        os.close(target)
    size = HEADER_BYTES + pcm.steps * STEP_BYTES
    return Measured(meter.levels(), size, digest.hexdigest(), pcm.torn_bytes)


def write_all(fd: int, data: bytes) -> None:
    """Write everything, however many writes it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_folder(folder: Path) -> None:
    """Make names in `folder` last: a rename is on disk only when its folder is."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sha256_of(fd: int) -> str:
    """SHA-256 of an open file from its start, hexadecimal."""
    digest, position = hashlib.sha256(), 0
    while block := os.pread(fd, BLOCK_BYTES, position):
        digest.update(block)
        position += len(block)
    return digest.hexdigest()
