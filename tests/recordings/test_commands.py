from __future__ import annotations

import hashlib
import os
import zipfile
from datetime import date
from pathlib import Path

import pytest

from dialer_engine.domain.errors import BadValue, TargetNotEmpty
from dialer_engine.domain.units import AttemptId
from dialer_engine.recordings import commands
from dialer_engine.recordings._chain import parse
from dialer_engine.recordings.commands import export, list_recordings, verify_all
from dialer_engine.recordings.intake import Intake, LibraryConfig
from dialer_engine.recordings.manifest import Manifest
from tests.recordings.helpers import NOW, attempt, expected, stereo, write_raw


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three sealed recordings."""
    root = tmp_path / "rec"
    root.mkdir()
    intake = Intake(LibraryConfig(root), Manifest(root))
    for number in range(3):
        call = expected(attempt(number))
        raw = write_raw(root, call.attempt, stereo(10.0, 400 + number))
        os.utime(raw, (call.ended_at.timestamp(),) * 2)
        handled = intake.handle(call, NOW)
        assert handled is not None
        intake.seal([handled], NOW)
    return root


def wav(root: Path, number: int) -> Path:
    return root / "2026/11/21" / f"{attempt(number)}.wav"


def test_all_is_well(root: Path) -> None:
    seen: list[int] = []
    report = verify_all(root, progress=seen.append)
    assert report.good
    assert report.checked == 3
    assert seen == [1, 2, 3]


def test_gone_changed_and_replaced_by_a_link_are_told_apart(root: Path) -> None:
    wav(root, 0).unlink()
    content = bytearray(wav(root, 1).read_bytes())
    content[-1] ^= 1
    wav(root, 1).write_bytes(content)
    moved = wav(root, 2).rename(root / "elsewhere.wav")
    wav(root, 2).symlink_to(moved)
    report = verify_all(root)
    assert not report.good
    assert report.chain.whole
    assert report.gone == (f"2026/11/21/{attempt(0)}.wav",)
    assert report.changed == tuple(f"2026/11/21/{attempt(n)}.wav" for n in (1, 2))


def test_a_crash_is_settled_and_damage_is_not(root: Path) -> None:
    file = root / "manifest/2026-11-21.jsonl"
    with file.open("ab") as tail:
        tail.write(b'{"torn')
    assert verify_all(root).good
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    assert not verify_all(root).good
    assert file.read_bytes() == content[:-1]


def test_only_some_days_are_hashed(root: Path) -> None:
    wav(root, 0).unlink()
    report = verify_all(root, since=date(2026, 11, 22))
    assert report.good
    assert report.checked == 0


def test_an_empty_folder_is_well(tmp_path: Path) -> None:
    assert verify_all(tmp_path).good
    assert list(list_recordings(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_list(root: Path) -> None:
    assert [entry.attempt for entry in list_recordings(root)] == [attempt(n) for n in range(3)]
    assert list(list_recordings(root, until=date(2026, 11, 20))) == []


def test_export_to_a_folder(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    report = export(root, [attempt(2), attempt(0), attempt(2), attempt(9)], target)
    assert report.exported == (attempt(2), attempt(0))
    assert report.unknown == (attempt(9),)
    names = {"manifest.jsonl", f"{attempt(0)}.wav", f"{attempt(2)}.wav"}
    assert {path.name for path in target.iterdir()} == names
    for line in (target / "manifest.jsonl").read_bytes().splitlines(True):
        entry = parse(line)
        assert entry is not None
        content = (target / Path(entry.path).name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry.sha256


def test_export_to_a_zip(root: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    target = tmp_path / "out.zip"
    report = export(root, [attempt(1)], target, "zip", progress=seen.append)
    assert report.exported == (attempt(1),)
    assert seen == [1]
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert archive.read(f"{attempt(1)}.wav") == wav(root, 1).read_bytes()
        assert archive.namelist()[-1] == "manifest.jsonl"


def test_what_is_not_as_sealed_is_not_exported(root: Path, tmp_path: Path) -> None:
    wav(root, 0).unlink()
    wav(root, 1).write_bytes(b"other")
    report = export(root, [attempt(n) for n in range(3)], tmp_path / "out")
    assert (report.gone, report.changed) == ((attempt(0),), (attempt(1),))
    assert report.exported == (attempt(2),)
    assert not (tmp_path / "out" / f"{attempt(1)}.wav").exists()


@pytest.mark.parametrize("form", ["dir", "zip"])
def test_nothing_is_overwritten_and_nothing_half_is_left(
    root: Path, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    target.touch()
    with pytest.raises(TargetNotEmpty):
        export(root, [attempt(0)], target, form)  # type: ignore[arg-type]
    target.unlink()

    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(commands, "_export_one", fail)
    with pytest.raises(OSError, match="No space"):
        export(root, [attempt(0)], target, form)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["rec"]


def test_no_export_by_a_path(root: Path, tmp_path: Path) -> None:
    with pytest.raises(BadValue):
        export(root, [AttemptId("../../etc/passwd")], tmp_path / "out")
    assert export(root, [], tmp_path / "none").exported == ()
