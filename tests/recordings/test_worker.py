"""The process that converts: it does what `audio` does, behind everybody else, and may die."""

from __future__ import annotations

import asyncio
import io
import os
import pickle
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dialer_engine.domain.errors import Unreadable
from dialer_engine.recordings import audio
from dialer_engine.recordings.library import LibraryConfig, RecordingLibrary
from dialer_engine.recordings.worker import Worker, serve
from tests.recordings.helpers import NOW, attempt, expected, stereo, write_raw

_MOMENT_S = 5.0


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


def _raw(folder: Path, seconds: float = 1.0) -> Path:
    path = folder / "x.raw"
    path.write_bytes(stereo(seconds))
    return path


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + _MOMENT_S
    while time.monotonic() < deadline:
        try:
            state = (
                Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
            )
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_it_makes_the_same_file_and_figures(worker: Worker, tmp_path: Path) -> None:
    raw = _raw(tmp_path)
    here, there = tmp_path / "here.wav", tmp_path / "there.wav"
    ours, theirs = audio.convert(raw, here), worker.convert(raw, there)
    assert here.read_bytes() == there.read_bytes()
    assert (ours.sha256, ours.size_bytes, ours.torn_bytes) == (
        theirs.sha256, theirs.size_bytes, theirs.torn_bytes,
    )  # fmt: skip
    np.testing.assert_array_equal(ours.levels.rms, theirs.levels.rms)
    assert worker.measure_wav(there).sha256 == ours.sha256


def test_what_it_cannot_read_is_told_as_usual(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "pipe.raw").symlink_to("/dev/zero")
    with pytest.raises(Unreadable, match="a link"):
        worker.convert(tmp_path / "pipe.raw", tmp_path / "x.wav")
    with pytest.raises(FileNotFoundError) as caught:
        worker.convert(tmp_path / "none.raw", tmp_path / "x.wav")
    assert caught.value.strerror == "No such file or directory"
    # It goes on after both.
    assert worker.convert(_raw(tmp_path), tmp_path / "x.wav").levels.duration_s == 1.0


def test_it_stands_behind_everybody(worker: Worker, tmp_path: Path) -> None:
    worker.convert(_raw(tmp_path), tmp_path / "x.wav")
    assert worker.pid is not None
    assert os.sched_getscheduler(worker.pid) == os.SCHED_BATCH
    assert os.getpriority(os.PRIO_PROCESS, worker.pid) == 19


def test_after_its_death_comes_another(worker: Worker, tmp_path: Path) -> None:
    raw = _raw(tmp_path)
    worker.convert(raw, tmp_path / "x.wav")
    first = worker.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert _gone(first)
    with pytest.raises(OSError, match="converts recordings ended"):
        worker.convert(raw, tmp_path / "x.wav")
    assert worker.convert(raw, tmp_path / "x.wav").levels.duration_s == 1.0
    assert worker.pid != first


def test_it_ends_with_its_input_and_not_by_a_signal_for_the_daemon(
    worker: Worker, tmp_path: Path
) -> None:
    raw = _raw(tmp_path)
    worker.convert(raw, tmp_path / "x.wav")
    process = worker._process
    assert process is not None
    assert process.stdin is not None
    for asked in (signal.SIGINT, signal.SIGTERM):
        process.send_signal(asked)
    assert worker.convert(raw, tmp_path / "x.wav").size_bytes
    process.stdin.close()
    assert process.wait(_MOMENT_S) == 0


def test_it_answers_one_by_one_until_the_input_ends(tmp_path: Path) -> None:
    asked, answers = io.BytesIO(), io.BytesIO()
    for name in ("none", "x"):
        pickle.dump(("convert", (tmp_path / f"{name}.raw", tmp_path / "x.wav")), asked)
    _raw(tmp_path)
    asked.seek(0)
    serve(asked, answers)
    answers.seek(0)
    assert isinstance(pickle.load(answers), FileNotFoundError)
    assert pickle.load(answers).levels.duration_s == 1.0


async def test_the_library_has_it_converted_there_and_tries_again(tmp_path: Path) -> None:
    """The process dies in the middle: no row, nothing lost; the next visit gives the row."""
    call = expected(attempt(1))
    raw = write_raw(tmp_path, call.attempt, stereo(10.0))
    os.utime(raw, (call.ended_at.timestamp(),) * 2)
    library = RecordingLibrary(LibraryConfig(tmp_path), utc_now=lambda: NOW)
    try:
        worker = library._worker
        assert worker is not None
        worker.convert(_raw(tmp_path), tmp_path / "warm.wav")
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        assert await asyncio.to_thread(_gone, worker.pid)
        assert await library.verify([call]) == []
        assert raw.exists()
        (row,) = await library.verify([call])
        assert row.status == "verified"
        assert not raw.exists()
        pid = worker.pid
    finally:
        library.close()
    assert pid is not None
    assert _gone(pid)
