from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer_engine.domain.errors import ManifestBroken
from dialer_engine.recordings import manifest as module
from dialer_engine.recordings._chain import GENESIS, Head, head_text, parse, parse_head
from dialer_engine.recordings.manifest import Manifest
from tests.recordings.helpers import attempt, entry

DAY = date(2026, 11, 21)
NEXT = DAY + timedelta(days=1)
# Each example makes files.
FILES = settings(deadline=None, max_examples=150)


def filled(root: Path) -> Manifest:
    """Seven entries, in three batches, over two days."""
    manifest = Manifest(root)
    manifest.append([entry(n) for n in range(3)], DAY)
    manifest.append([entry(3)], DAY)
    manifest.append([entry(n) for n in range(4, 7)], NEXT)
    return manifest


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("original")
    filled(root)
    return root


@contextmanager
def copy_of(original: Path) -> Iterator[Path]:
    """A copy to damage, for one example."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "rec"
        shutil.copytree(original, root)
        yield root


def day_files(root: Path) -> list[Path]:
    return [Manifest(root).folder / name for name in Manifest(root).files()]


# -- the chain


def test_it_is_one_chain_over_the_days(tmp_path: Path) -> None:
    manifest = filled(tmp_path)
    entries = list(manifest.entries())
    assert [item.seq for item in entries] == [1, 2, 3, 4, 5, 6, 7]
    assert [item.prev for item in entries] == [GENESIS, *(item.hash for item in entries[:-1])]
    assert manifest.files() == ["2026-11-21.jsonl", "2026-11-22.jsonl"]
    report = manifest.verify_chain()
    assert report.whole
    assert report.entries == 7
    assert report.head is not None
    assert report.head.hash == entries[-1].hash


def test_nothing_at_all_is_whole(tmp_path: Path) -> None:
    assert Manifest(tmp_path).verify_chain().whole
    assert Manifest(tmp_path).append([], DAY) == []
    assert list(tmp_path.iterdir()) == []


def test_another_instance_goes_on(tmp_path: Path) -> None:
    filled(tmp_path)
    (sealed,) = Manifest(tmp_path).append([entry(9)], NEXT)
    assert sealed.seq == 8
    assert Manifest(tmp_path).verify_chain().whole


def test_a_clock_that_steps_back_does_not_write_into_an_earlier_day(tmp_path: Path) -> None:
    manifest = filled(tmp_path)
    manifest.append([entry(9)], DAY - timedelta(days=30))
    assert manifest.files() == ["2026-11-21.jsonl", "2026-11-22.jsonl"]
    assert manifest.verify_chain().whole


def test_entries_of_some_days(tmp_path: Path) -> None:
    manifest = filled(tmp_path)
    assert [item.seq for item in manifest.entries(since=NEXT)] == [5, 6, 7]
    assert [item.seq for item in manifest.entries(until=DAY)] == [1, 2, 3, 4]
    assert list(manifest.entries(since=NEXT + timedelta(days=1))) == []


def test_find(tmp_path: Path) -> None:
    manifest = filled(tmp_path)
    for number in range(7):
        found = manifest.find(attempt(number), DAY)
        assert found is not None
        assert found.seq == number + 1
    assert manifest.find(attempt(99), DAY) is None
    assert manifest.find(attempt(0), NEXT) is None
    wanted = [attempt(1), attempt(6), attempt(99)]
    assert {item.seq for item in manifest.find_all(wanted, DAY).values()} == {2, 7}


# -- damage is found


def test_the_report_names_the_place(original: Path) -> None:
    with copy_of(original) as root:
        file = day_files(root)[0]
        file.write_bytes(file.read_bytes().replace(b'"duration_ms":1,', b'"duration_ms":9,'))
        report = Manifest(root).verify_chain()
        assert not report.whole
        assert (report.problems[0].file, report.problems[0].line) == ("2026-11-21.jsonl", 2)


@FILES
@given(data=st.data())
def test_any_flipped_bit_is_found(original: Path, data: st.DataObject) -> None:
    with copy_of(original) as root:
        names = [*Manifest(root).files(), "head.json"]
        path = Manifest(root).folder / data.draw(st.sampled_from(names))
        content = bytearray(path.read_bytes())
        bit = data.draw(st.integers(0, len(content) * 8 - 1))
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        assert not Manifest(root).verify_chain().whole


@FILES
@given(data=st.data())
def test_any_truncation_is_found(original: Path, data: st.DataObject) -> None:
    with copy_of(original) as root:
        path = data.draw(st.sampled_from(day_files(root)))
        os.truncate(path, data.draw(st.integers(0, path.stat().st_size - 1)))
        assert not Manifest(root).verify_chain().whole


@FILES
@given(data=st.data())
def test_any_other_order_of_lines_is_found(original: Path, data: st.DataObject) -> None:
    with copy_of(original) as root:
        files = day_files(root)
        lines = [line for file in files for line in file.read_bytes().splitlines(True)]
        moved = data.draw(st.permutations(lines))
        kept = data.draw(st.integers(0, len(lines)))
        files[0].write_bytes(b"".join(moved[:kept]))
        files[1].write_bytes(b"".join(moved[kept:]))
        # Where the file ends is part of the seal; lines in their order and place are the original.
        assert Manifest(root).verify_chain().whole == (moved == lines and kept == 4)


@FILES
@given(data=st.data())
def test_any_removed_or_doubled_line_is_found(original: Path, data: st.DataObject) -> None:
    with copy_of(original) as root:
        path = data.draw(st.sampled_from(day_files(root)))
        lines = path.read_bytes().splitlines(True)
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at : at + 1] = [lines[at]] * data.draw(st.sampled_from([0, 2]))
        path.write_bytes(b"".join(lines))
        assert not Manifest(root).verify_chain().whole


def test_a_removed_day_or_head_is_found(original: Path) -> None:
    for name in ("2026-11-21.jsonl", "2026-11-22.jsonl", "head.json"):
        with copy_of(original) as root:
            (Manifest(root).folder / name).unlink()
            assert not Manifest(root).verify_chain().whole


def test_a_line_forged_with_a_right_hash_breaks_the_chain(original: Path) -> None:
    with copy_of(original) as root:
        file = day_files(root)[0]
        lines = file.read_bytes().splitlines(True)
        second = parse(lines[1])
        assert second is not None
        lines[1] = entry(77).chained(2, second.prev).line()
        file.write_bytes(b"".join(lines))
        report = Manifest(root).verify_chain()
        assert [problem.line for problem in report.problems] == [3]


def test_a_head_kept_elsewhere_finds_a_chain_forged_from_its_start(original: Path) -> None:
    kept = Manifest(original).verify_chain().head
    assert kept is not None
    assert Manifest(original).verify_chain(kept).whole
    with tempfile.TemporaryDirectory() as name:
        forged = Manifest(Path(name))
        forged.append([entry(n) for n in range(20, 27)], DAY)
        assert forged.verify_chain().whole
        assert not forged.verify_chain(kept).whole
        assert not Manifest(Path(name) / "nothing").verify_chain(kept).whole
        # An earlier head stays part of the chain when it grows.
        early = forged.verify_chain().head
        forged.append([entry(30)], NEXT)
        assert forged.verify_chain(early).whole


def test_a_head_that_leads_elsewhere_is_no_head() -> None:
    for file in ("../../etc/cron.d/x", "2026-11-21.jsonl/../x", "x"):
        assert parse_head(head_text(Head(file, 1, 1, GENESIS))) is None
    for text in (b"", b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"file":""}'):
        assert parse_head(text) is None
        assert parse(text) is None
    assert parse_head(head_text(Head())) == Head()


# -- crashes


@FILES
@given(data=st.data())
def test_a_torn_tail_is_cut_and_whole_lines_are_sealed(original: Path, data: st.DataObject) -> None:
    """A crash between lines and head: any prefix of the batch is on disk, the head is the old."""
    with copy_of(original) as root:
        manifest = Manifest(root)
        head = (manifest.folder / "head.json").read_bytes()
        day = data.draw(st.sampled_from([NEXT, NEXT + timedelta(days=1)]))
        before = {file: file.stat().st_size for file in day_files(root)}
        manifest.append([entry(n) for n in range(10, 13)], day)
        file = day_files(root)[-1]
        full = file.read_bytes()
        keep = data.draw(st.integers(before.get(file, 0), len(full)))
        rubbish = data.draw(st.sampled_from([b"", b"\0" * 100, b"\n", b'{"v":1}\n', full[-300:]]))
        left = full[:keep] + rubbish
        file.write_bytes(left)
        (manifest.folder / "head.json").write_bytes(head)

        # Rubbish may happen to be what was cut off.
        differ = (n for n, (a, b) in enumerate(zip(full, left, strict=False)) if a != b)
        same = next(differ, min(len(full), len(left)))
        whole = 7 + full[before.get(file, 0) : same].count(b"\n")
        again = Manifest(root)
        assert again.repair().seq == whole
        (sealed,) = again.append([entry(20)], day)
        assert sealed.seq == whole + 1
        report = again.verify_chain()
        assert report.whole, report.problems
        assert report.entries == whole + 1


def test_a_crash_before_the_first_head(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.append([entry(1)], DAY)
    (manifest.folder / "head.json").write_bytes(head_text(Head()))
    assert Manifest(tmp_path).repair().seq == 1
    assert Manifest(tmp_path).verify_chain().whole


@pytest.mark.parametrize("damage", ["cut", "no_head", "bad_head", "gone"])
def test_what_is_no_crash_stops_the_chain(original: Path, damage: str) -> None:
    with copy_of(original) as root:
        manifest = Manifest(root)
        last, head = day_files(root)[-1], manifest.folder / "head.json"
        if damage == "cut":
            os.truncate(last, last.stat().st_size - 1)
        elif damage == "no_head":
            head.unlink()
        elif damage == "bad_head":
            head.write_bytes(b"{}")
        else:
            last.unlink()
        before = {file: file.read_bytes() for file in day_files(root)}
        with pytest.raises(ManifestBroken):
            manifest.append([entry(9)], NEXT)
        assert {file: file.read_bytes() for file in day_files(root)} == before
        assert not manifest.verify_chain().whole


def test_a_batch_that_cannot_be_written_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = filled(tmp_path)
    before = day_files(tmp_path)[-1].read_bytes()

    def half(fd: int, data: bytes) -> None:
        os.write(fd, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_all", half)
        with pytest.raises(OSError, match="No space"):
            manifest.append([entry(8), entry(9)], NEXT)
    assert day_files(tmp_path)[-1].read_bytes() == before
    assert manifest.verify_chain().whole
    assert manifest.append([entry(8)], NEXT)[0].seq == 8


def test_a_real_full_disk(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        manifest, sealed = Manifest(folder), 0
        failure: OSError | None = None
        while failure is None and sealed < 10_000:
            try:
                batch = [entry(n) for n in range(sealed, sealed + 10)]
                sealed = manifest.append(batch, DAY)[-1].seq
            except OSError as error:
                failure = error
        assert failure is not None
        assert failure.errno == errno.ENOSPC
        assert sealed > 0
        # What was acknowledged is there, nothing else is, and settling needs no room.
        assert manifest.repair().seq == sealed
        report = manifest.verify_chain()
        assert report.whole
        assert report.entries == sealed
    finally:
        subprocess.run(["umount", str(folder)], check=True)


# -- several writers


def _append_many(root: Path, first: int) -> None:
    manifest = Manifest(root)
    for number in range(first, first + 30):
        manifest.append([entry(number)], DAY)


def test_threads_share_one_chain(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(manifest.append, [entry(n), entry(n + 500)], DAY) for n in range(100)]
        seqs = sorted(item.seq for job in jobs for item in job.result())
    assert seqs == list(range(1, 201))
    assert manifest.verify_chain().whole


def test_two_daemons_share_one_chain(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    daemons = [spawn.Process(target=_append_many, args=(tmp_path, n * 100)) for n in range(2)]
    for daemon in daemons:
        daemon.start()
    # An audit while both write sees a whole chain every time.
    while any(daemon.is_alive() for daemon in daemons):
        assert Manifest(tmp_path).verify_chain().whole
    for daemon in daemons:
        daemon.join()
        assert daemon.exitcode == 0
    report = Manifest(tmp_path).verify_chain()
    assert report.whole
    assert report.entries == 60
