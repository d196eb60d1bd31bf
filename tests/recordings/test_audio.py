from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import math
import os
import resource
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialer_engine.domain.errors import StillWritten, Unreadable
from dialer_engine.recordings import audio
from dialer_engine.recordings.audio import AGENT, DEBTOR, Meter, convert, measure_wav, share_of
from tests.recordings.helpers import stereo

QUIET = share_of(-50.0)
SAME_FOLDER = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


def measured(data: bytes) -> audio.Levels:
    meter = Meter()
    meter.feed(data)
    return meter.levels()


# -- levels


def test_a_sine_is_measured_at_its_level_in_its_channel() -> None:
    levels = measured(stereo(2.0, debtor=440, agent=0))
    # 0.2 of full scale; a sine's RMS is its peak / sqrt(2).
    assert levels.peak_dbfs(DEBTOR) == pytest.approx(20 * math.log10(0.2), abs=0.05)
    assert levels.rms_dbfs(DEBTOR) == pytest.approx(20 * math.log10(0.2 / math.sqrt(2)), abs=0.05)
    assert levels.rms_dbfs(AGENT) == levels.peak_dbfs(AGENT) == float("-inf")
    assert levels.active_share(DEBTOR, QUIET) == 1.0
    assert levels.active_share(AGENT, QUIET) == 0.0
    assert levels.duration_s == 2.0


def test_activity_is_counted_inside_the_window_only() -> None:
    data = stereo(1.0, 0, 0) + stereo(1.0) + stereo(1.0, 0, 0)
    levels = measured(data)
    assert levels.active_s(AGENT, QUIET) == pytest.approx(1.0)
    assert levels.active_s(AGENT, QUIET, 0.0, 1.0) == 0.0
    assert levels.active_s(AGENT, QUIET, 1.0, 2.0) == pytest.approx(1.0)
    assert levels.active_s(AGENT, QUIET, 1.5, 99.0) == pytest.approx(0.5)
    assert levels.active_s(AGENT, QUIET, 5.0, 6.0) == 0.0
    assert levels.active_share(AGENT, QUIET, 5.0, 6.0) == 0.0


def test_the_loudest_sample_does_not_overflow() -> None:
    levels = measured(np.full((160, 2), -32768, "<i2").tobytes())
    assert levels.peak_dbfs(DEBTOR) == 0.0
    assert levels.rms_dbfs(DEBTOR) == pytest.approx(0.0)


def test_the_idle_code_of_a_law_is_not_signal() -> None:
    idle = np.where(np.arange(16000) % 2, 8, -8).astype("<i2")
    assert measured(np.column_stack([idle, idle]).tobytes()).active_s(DEBTOR, QUIET) == 0.0


def test_nothing_is_nothing() -> None:
    levels = measured(b"")
    assert levels.duration_s == 0.0
    assert levels.rms_dbfs(AGENT) == levels.peak_dbfs(AGENT) == float("-inf")


@given(st.binary(max_size=3000), st.lists(st.integers(0, 3000), max_size=12))
def test_any_split_of_the_bytes_measures_the_same(data: bytes, cuts: list[int]) -> None:
    whole, meter = measured(data), Meter()
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    for start, end in itertools.pairwise(edges):
        meter.feed(data[start:end])
    pieces = meter.levels()
    assert pieces.steps == whole.steps == len(data) // 4
    np.testing.assert_array_equal(pieces.rms, whole.rms)
    np.testing.assert_array_equal(pieces.peak, whole.peak)


# -- WAV


@SAME_FOLDER
@given(data=st.binary(max_size=5000))
def test_round_trip(tmp_path: Path, data: bytes) -> None:
    raw, wav = tmp_path / "x.raw", tmp_path / "x.wav"
    raw.write_bytes(data)
    made = convert(raw, wav)
    with wave.open(str(wav), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        assert file.readframes(file.getnframes()) == data[: len(data) // 4 * 4]
    content = wav.read_bytes()
    assert made.sha256 == hashlib.sha256(content).hexdigest()
    assert made.size_bytes == len(content)
    assert made.torn_bytes == len(data) % 4
    again = measure_wav(wav)
    assert (again.sha256, again.size_bytes, again.levels.steps) == (
        made.sha256,
        made.size_bytes,
        made.levels.steps,
    )
    assert raw.read_bytes() == data
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.raw", "x.wav"]


def test_a_file_of_many_blocks(tmp_path: Path) -> None:
    raw, data = tmp_path / "x.raw", stereo(30.0)
    raw.write_bytes(data)
    assert len(data) > 3 * audio.BLOCK_BYTES
    made = convert(raw, tmp_path / "x.wav")
    assert made.levels.duration_s == 30.0
    assert made.levels.active_share(AGENT, QUIET) == 1.0
    assert (tmp_path / "x.wav").read_bytes()[44:] == data


def test_the_same_raw_gives_the_same_wav_over_an_old_part(tmp_path: Path) -> None:
    raw, wav = tmp_path / "x.raw", tmp_path / "x.wav"
    raw.write_bytes(stereo(1.0))
    first = convert(raw, wav)
    (tmp_path / ".part-x.wav").write_bytes(b"left by a killed daemon" * 9999)
    assert convert(raw, wav).sha256 == first.sha256
    assert not (tmp_path / ".part-x.wav").exists()


def test_a_raw_that_grows_while_it_is_read_makes_no_wav(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, wav = tmp_path / "x.raw", tmp_path / "x.wav"
    raw.write_bytes(stereo(1.0))

    def append_meanwhile(fd: int) -> None:
        with raw.open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr(os, "fsync", append_meanwhile)
    with pytest.raises(StillWritten):
        convert(raw, wav)
    assert [path.name for path in tmp_path.iterdir()] == ["x.raw"]


def test_a_raw_that_shrinks_while_it_is_read_makes_no_wav(tmp_path: Path) -> None:
    raw = tmp_path / "x.raw"
    raw.write_bytes(stereo(0.1))
    with audio.opened(raw) as fd, pytest.raises(StillWritten):
        list(audio.blocks(fd, audio.Pcm(0, 10**6)))


def test_links_pipes_and_folders_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"1234")
    (tmp_path / "link.raw").symlink_to(secret)
    os.mkfifo(tmp_path / "pipe.raw")
    (tmp_path / "folder.raw").mkdir()
    for name in ("link.raw", "pipe.raw", "folder.raw"):
        with pytest.raises(Unreadable):
            convert(tmp_path / name, tmp_path / "x.wav")
    assert not (tmp_path / "x.wav").exists()


def test_longer_than_a_wav_can_be(tmp_path: Path) -> None:
    raw = tmp_path / "x.raw"
    raw.touch()
    os.truncate(raw, audio.MAX_DATA_BYTES + 1)
    with pytest.raises(Unreadable):
        convert(raw, tmp_path / "x.wav")


def _wav(channels: int = 2, width: int = 2, rate: int = 16000, data: bytes = b"\1\2\3\4") -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return buffer.getvalue()


def test_a_foreign_wav_is_read_with_its_own_rate(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(_wav(data=bytes(16000 * 4)))
    assert measure_wav(path).levels.duration_s == 1.0


def test_chunks_before_the_data_are_passed_over(tmp_path: Path) -> None:
    path, plain = tmp_path / "x.wav", _wav()
    path.write_bytes(plain[:36] + b"LIST\3\0\0\0abc\0" + plain[36:])
    assert measure_wav(path).levels.steps == 1


def test_a_data_chunk_that_claims_too_much_ends_with_the_file(tmp_path: Path) -> None:
    path, plain = tmp_path / "x.wav", _wav(data=bytes(400))
    path.write_bytes(plain[:40] + b"\xff\xff\xff\xff" + plain[44:])
    assert measure_wav(path).levels.steps == 100


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"RIFF\0\0\0\0WAVE",
        b"not a wav at all, just text",
        _wav()[:30],
        _wav(channels=1),
        _wav(width=1),
        b"RIFF\0\0\0\0WAVEdata\4\0\0\0\0\0\0\0",
    ],
)
def test_what_is_no_wav_of_ours(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(Unreadable):
        measure_wav(path)


@SAME_FOLDER
@given(position=st.integers(0, 43), value=st.integers(0, 255), cut=st.integers(0, 60))
def test_a_damaged_header_is_unreadable_or_read_and_never_anything_else(
    tmp_path: Path, position: int, value: int, cut: int
) -> None:
    content = bytearray(_wav(data=bytes(400)))
    content[position] = value
    path = tmp_path / "x.wav"
    path.write_bytes(bytes(content)[: len(content) - cut])
    with contextlib.suppress(Unreadable):
        assert measure_wav(path).levels.steps <= 100


# -- a full disk


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here; the test with RLIMIT_FSIZE stands in")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_raw_file_and_no_part(tiny_disk: Path) -> None:
    raw, data = tiny_disk / "x.raw", stereo(5.0)
    raw.write_bytes(data)
    with pytest.raises(OSError, match="No space left"):
        convert(raw, tiny_disk / "x.wav")
    assert raw.read_bytes() == data
    assert [path.name for path in tiny_disk.iterdir()] == ["x.raw"]


_LIMITED = """
import resource, signal, sys
from pathlib import Path
from dialer_engine.recordings.audio import convert
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
raw = Path(sys.argv[1])
try:
    convert(raw, raw.with_suffix(".wav"))
except OSError as error:
    sys.exit(error.errno)
"""


def test_a_file_size_limit_in_the_middle_of_a_write_loses_nothing(tmp_path: Path) -> None:
    raw, data = tmp_path / "x.raw", stereo(5.0)
    raw.write_bytes(data)
    assert hasattr(resource, "RLIMIT_FSIZE")
    assert hasattr(signal, "SIGXFSZ")
    done = subprocess.run([sys.executable, "-c", _LIMITED, str(raw)], check=False)
    assert done.returncode == 27  # EFBIG
    assert raw.read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["x.raw"]
