from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dialer_engine.domain.errors import BadValue, FolderUnusable, ManifestBroken, NotSealed
from dialer_engine.domain.units import AttemptId, Moment
from dialer_engine.ports.recordings import DiskState, Recordings
from dialer_engine.ports.store import ExpectedRecording
from dialer_engine.recordings import audio, intake, library, naming
from dialer_engine.recordings.library import LibraryConfig, RecordingLibrary
from dialer_engine.recordings.verify import Rules
from tests.recordings.helpers import DIALLED, NOW, attempt, expected, stereo, write_raw

Make = Callable[..., RecordingLibrary]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Iterator[Make]:
    made: list[RecordingLibrary] = []

    def build(**settings: object) -> RecordingLibrary:
        config = replace(LibraryConfig(tmp_path, apart=False), **settings)  # type: ignore[arg-type]
        made.append(RecordingLibrary(config, utc_now=clock))
        return made[-1]

    yield build
    for item in made:
        item.close()


def recorded(root: Path, number: int = 0, data: bytes | None = None) -> ExpectedRecording:
    """A finished call with its raw file, last written when the call ended."""
    call = expected(attempt(number))
    raw = write_raw(root, call.attempt, stereo(10.0) if data is None else data)
    os.utime(raw, (call.ended_at.timestamp(),) * 2)
    return call


def wav_of(root: Path, call: ExpectedRecording) -> Path:
    return root / f"{naming.stem(call.attempt)}.wav"


def raw_of(root: Path, call: ExpectedRecording) -> Path:
    return wav_of(root, call).with_suffix(".raw")


# -- path_for and disk


def test_it_is_the_port(make: Make) -> None:
    port: Recordings = make()
    assert port.disk() in set(DiskState)


def test_path_for_makes_the_folder_that_the_pbx_writes_to(make: Make, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        path = make(pbx_root="/rec").path_for(attempt(), Moment(0.0, DIALLED))
    finally:
        os.umask(before)
    assert path == f"/rec/2026/11/21/{attempt()}"
    for folder in ("2026", "2026/11", "2026/11/21"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o2770


def test_path_for_does_not_depend_on_when_it_is_asked(make: Make, tmp_path: Path) -> None:
    late = Moment(0.0, DIALLED + timedelta(days=1))
    assert make().path_for(attempt(), late) == f"{tmp_path}/2026/11/21/{attempt()}"


def test_a_root_that_is_not_there_is_never_made(make: Make, tmp_path: Path) -> None:
    unmounted = make(root=tmp_path / "unmounted")
    with pytest.raises(FolderUnusable):
        unmounted.path_for(attempt(), Moment(0.0, DIALLED))
    assert unmounted.disk() is DiskState.FULL
    assert not (tmp_path / "unmounted").exists()


def test_no_path_for_what_is_no_attempt(make: Make) -> None:
    with pytest.raises(BadValue):
        make().path_for(AttemptId("../../x"), Moment(0.0, DIALLED))


@pytest.mark.parametrize(
    "bad",
    [
        {"root": Path("relative")},
        {"pbx_root": "relative"},
        {"settle_s": 20.0},
        {"missing_after_s": 400.0},
        {"workers": 0},
    ],
)
def test_settings_that_make_no_sense(make: Make, bad: dict[str, object]) -> None:
    with pytest.raises(BadValue):
        make(**bad)


# -- verify


async def test_a_good_recording(make: Make, tmp_path: Path) -> None:
    call = recorded(tmp_path)
    (row,) = await make().verify([call])
    assert (row.status, row.problems) == ("verified", ())
    assert row.path == f"{naming.stem(call.attempt)}.wav"
    assert (row.duration_s, row.talk_s, row.checked_at) == (10.0, 9.0, NOW)
    assert row.size_bytes == wav_of(tmp_path, call).stat().st_size
    assert not raw_of(tmp_path, call).exists()
    (entry,) = make().manifest.entries()
    assert (entry.attempt, entry.sha256, entry.status) == (call.attempt, row.sha256, "verified")


async def test_a_whole_evening(make: Make, tmp_path: Path) -> None:
    calls = [recorded(tmp_path, n, stereo(10.0) if n % 3 else b"") for n in range(80)]
    rows = await make().verify(calls)
    assert [row.attempt for row in rows] == [call.attempt for call in calls]
    assert [row.status for row in rows] == [
        "verified" if n % 3 else "mismatched" for n in range(80)
    ]
    report = make().manifest.verify_chain()
    assert report.whole
    assert report.entries == 80


async def test_mismatched_and_silent_ones_are_kept_and_sealed(make: Make, tmp_path: Path) -> None:
    calls = [recorded(tmp_path, 1, stereo(5.0)), recorded(tmp_path, 2, stereo(10.0, 440, 0))]
    rows = await make(rules=Rules()).verify(calls)
    assert [row.status for row in rows] == ["mismatched", "silent"]
    assert [row.problems for row in rows] == [("too_short",), ("silent_agent",)]
    assert [entry.status for entry in make().manifest.entries()] == ["mismatched", "silent"]


async def test_missing_only_after_its_time(make: Make, clock: Clock) -> None:
    call = expected(attempt(), ended_at=NOW - timedelta(seconds=9))
    assert await make().verify([call]) == []
    clock.now += timedelta(seconds=1)
    (row,) = await make().verify([call])
    assert (row.status, row.problems, row.sha256) == ("missing", ("no_file",), None)


async def test_a_file_that_was_just_written_comes_again(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    call = recorded(tmp_path)
    os.utime(raw_of(tmp_path, call), (NOW.timestamp(),) * 2)
    made = make()
    assert await made.verify([call]) == []
    clock.now += timedelta(seconds=1)
    assert len(await made.verify([call])) == 1


async def test_a_file_server_with_a_fast_clock_is_judged_by_size(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    call, made = recorded(tmp_path, data=stereo(9.0)), make()
    raw = raw_of(tmp_path, call)
    ahead = (NOW.timestamp() + 3600,) * 2
    for piece in (b"", stereo(1.0)):
        with raw.open("ab") as file:
            file.write(piece)
        os.utime(raw, ahead)
        assert await made.verify([call]) == []
        clock.now += timedelta(seconds=1)
    (row,) = await made.verify([call])
    assert (row.status, row.duration_s) == ("verified", 10.0)


async def test_a_file_that_grows_for_ever_is_reported_and_left(
    make: Make, tmp_path: Path, clock: Clock
) -> None:
    call, made = recorded(tmp_path), make()
    raw = raw_of(tmp_path, call)
    clock.now = call.ended_at + timedelta(seconds=299)
    os.utime(raw, (clock.now.timestamp(),) * 2)
    assert await made.verify([call]) == []
    clock.now += timedelta(seconds=2)
    with raw.open("ab") as file:
        file.write(b"more")
    os.utime(raw, (clock.now.timestamp(),) * 2)
    (row,) = await made.verify([call])
    assert (row.status, row.problems) == ("mismatched", ("still_written",))
    assert raw.exists()
    assert not wav_of(tmp_path, call).exists()


async def test_it_waits_for_a_call_that_has_just_ended(make: Make, tmp_path: Path) -> None:
    call = recorded(tmp_path)
    ended = datetime.now(NOW.tzinfo)
    os.utime(raw_of(tmp_path, call), (ended.timestamp(),) * 2)
    config = LibraryConfig(tmp_path, settle_s=0.2)
    made = RecordingLibrary(config)
    try:
        (row,) = await made.verify([replace(call, ended_at=ended)])
        assert row.status == "verified"
    finally:
        made.close()


async def test_half_a_sample_at_the_end_is_a_finding(make: Make, tmp_path: Path) -> None:
    (row,) = await make().verify([recorded(tmp_path, data=stereo(10.0) + b"\1\2\3")])
    assert (row.status, row.problems, row.duration_s) == ("verified", ("torn",), 10.0)


async def test_one_bad_recording_does_not_hold_up_the_others(make: Make, tmp_path: Path) -> None:
    bad = replace(expected(attempt(1)), attempt=AttemptId("../../etc"))
    linked = recorded(tmp_path, 2)
    raw_of(tmp_path, linked).unlink()
    raw_of(tmp_path, linked).symlink_to("/etc/passwd")
    os.utime(raw_of(tmp_path, linked), (linked.ended_at.timestamp(),) * 2, follow_symlinks=False)
    rows = await make().verify([bad, linked, recorded(tmp_path, 3)])
    assert [row.problems for row in rows] == [("unreadable",), ()]
    assert raw_of(tmp_path, linked).is_symlink()


async def test_a_dated_folder_that_leads_outside(make: Make, tmp_path: Path) -> None:
    root, outside = tmp_path / "rec", tmp_path / "outside"
    outside.mkdir()
    (root / "2026/11").mkdir(parents=True)
    (root / "2026/11/21").symlink_to(outside)
    call = recorded(root)
    assert await make(root=root).verify([call]) == []
    assert (outside / f"{call.attempt}.raw").exists()
    assert not list(outside.glob("*.wav"))


# -- crashes and full disks


def crash(*_: object) -> None:
    raise KeyboardInterrupt


async def _crash_at(
    made: RecordingLibrary, call: ExpectedRecording, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Do as a daemon that is killed at `place`."""
    with monkeypatch.context() as patch:
        if place == "before_wav":
            patch.setattr(intake, "convert", crash)
        elif place == "before_seal":
            patch.setattr(made.manifest, "append", crash)
        elif place == "before_head":
            patch.setattr(made.manifest, "_place", crash)
        elif place == "before_remove":
            patch.setattr(intake, "_remove", crash)
        with pytest.raises(KeyboardInterrupt):
            _take_in(made, call)


def _take_in(made: RecordingLibrary, call: ExpectedRecording) -> None:
    """What a worker thread does, up to the row that never gets to the store."""
    task = intake.Intake(LibraryConfig(made.manifest.folder.parent), made.manifest)
    handled = task.handle(call, NOW)
    assert handled is not None
    task.seal([handled], NOW)
    crash()


@pytest.mark.parametrize(
    "place", ["before_wav", "before_seal", "before_head", "before_remove", "before_row"]
)
async def test_a_crash_anywhere_loses_nothing_and_seals_once(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    make().manifest.repair()
    call = recorded(tmp_path)
    await _crash_at(make(), call, monkeypatch, place)
    after = make()
    (row,) = await after.verify([call])
    assert (row.status, row.problems) == ("verified", ())
    assert not raw_of(tmp_path, call).exists()
    assert [entry.sha256 for entry in after.manifest.entries()] == [row.sha256]
    assert after.manifest.verify_chain().whole
    # And asked once more, as when the row was lost.
    assert await after.verify([call]) == [row]
    assert len(list(after.manifest.entries())) == 1


async def test_a_sealed_wav_that_was_changed_is_found_when_asked_again(
    make: Make, tmp_path: Path
) -> None:
    call, made = recorded(tmp_path), make()
    await made.verify([call])
    wav = wav_of(tmp_path, call)
    wav.write_bytes(wav.read_bytes()[:-4] + b"\0\0\0\0")
    (row,) = await made.verify([call])
    assert (row.status, row.problems) == ("mismatched", ("changed",))


async def test_a_sealed_wav_is_not_overwritten_by_a_raw_that_turns_up(
    make: Make, tmp_path: Path
) -> None:
    call, made = recorded(tmp_path), make()
    await made.verify([call])
    before = wav_of(tmp_path, call).read_bytes()
    recorded(tmp_path, data=stereo(12.0))
    (row,) = await made.verify([call])
    assert row.problems == ("changed",)
    assert wav_of(tmp_path, call).read_bytes() == before
    assert raw_of(tmp_path, call).exists()


async def test_a_wav_that_the_pbx_wrote_itself_is_sealed(make: Make, tmp_path: Path) -> None:
    call = recorded(tmp_path)
    audio.convert(raw_of(tmp_path, call), wav_of(tmp_path, call))
    raw_of(tmp_path, call).unlink()
    os.utime(wav_of(tmp_path, call), (call.ended_at.timestamp(),) * 2)
    (row,) = await make().verify([call])
    assert row.status == "verified"
    assert [entry.sha256 for entry in make().manifest.entries()] == [row.sha256]


async def test_a_full_disk_at_the_wav_keeps_the_raw_and_comes_again(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, made = recorded(tmp_path), make()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(intake, "convert", full)
        assert await made.verify([call]) == []
    assert raw_of(tmp_path, call).exists()
    assert len(await made.verify([call])) == 1


async def test_a_full_disk_at_the_seal_keeps_the_raw(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, made = recorded(tmp_path), make()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(made.manifest, "append", full)
        with pytest.raises(NotSealed, match="No space"):
            await made.verify([call])
    assert raw_of(tmp_path, call).exists()
    (row,) = await made.verify([call])
    assert row.status == "verified"


async def test_a_broken_manifest_stops_sealing_and_removes_nothing(
    make: Make, tmp_path: Path
) -> None:
    made = make()
    await made.verify([recorded(tmp_path, 1)])
    (made.manifest.folder / "head.json").unlink()
    call = recorded(tmp_path, 2)
    with pytest.raises(ManifestBroken):
        await made.verify([call])
    assert raw_of(tmp_path, call).exists()


async def test_rows_of_earlier_batches_are_not_lost(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "BATCH", 2)
    made, calls = make(), [recorded(tmp_path, n) for n in range(6)]
    sealing, times = made.manifest.append, iter([True, True])

    def twice(*args: object) -> object:
        if next(times, False):
            return sealing(*args)  # type: ignore[arg-type]
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(made.manifest, "append", twice)
        rows = await made.verify(calls)
    assert [row.attempt for row in rows] == [call.attempt for call in calls[:4]]
    assert len(await made.verify(calls[4:])) == 2


# -- threads


async def test_no_more_conversions_at_once_than_workers(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, both = threading.Lock(), threading.Barrier(2, timeout=10)
    running, most, plain = 0, 0, audio.convert

    def counted(raw: Path, wav: Path) -> object:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait()
        with lock:
            running -= 1
        return plain(raw, wav)

    monkeypatch.setattr(intake, "convert", counted)
    rows = await make(workers=2).verify([recorded(tmp_path, n) for n in range(8)])
    assert len(rows) == 8
    assert most == 2
