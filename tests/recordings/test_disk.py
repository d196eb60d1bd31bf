from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.errors import BadValue
from dialer_engine.ports.recordings import DiskState
from dialer_engine.recordings import disk
from dialer_engine.recordings.disk import DiskWatch, Room, Watermarks, judge, room_of

OK, SLOW, FULL = DiskState.OK, DiskState.SLOW, DiskState.FULL
MARKS = Watermarks(slow_bytes=1000, stop_bytes=100, slow_percent=10, stop_percent=2)
PLENTY = Room(10**9, 90.0, 90.0)


@pytest.mark.parametrize(
    ("room", "before", "after"),
    [
        (PLENTY, OK, OK),
        (Room(1000, 90, 90), OK, OK),
        (Room(999, 90, 90), OK, SLOW),
        (Room(100, 90, 90), OK, SLOW),
        (Room(99, 90, 90), OK, FULL),
        # Percent and inodes each count by themselves.
        (Room(10**9, 9.9, 90), OK, SLOW),
        (Room(10**9, 1.9, 90), OK, FULL),
        (Room(10**9, 90, 9.9), OK, SLOW),
        (Room(10**9, 90, 0.0), OK, FULL),
        (Room(10**9, 90, None), OK, OK),
        # Hysteresis: a tenth more room to leave a state.
        (Room(1050, 90, 90), SLOW, SLOW),
        (Room(1050, 90, 90), OK, OK),
        (Room(1100, 90, 90), SLOW, OK),
        (Room(105, 90, 90), FULL, FULL),
        (Room(111, 90, 90), FULL, SLOW),
        (Room(105, 90, 90), SLOW, SLOW),
        (PLENTY, FULL, OK),
        (None, OK, FULL),
    ],
)
def test_judge(room: Room | None, before: DiskState, after: DiskState) -> None:
    assert judge(room, MARKS, before) is after


@given(st.integers(0, 2000), st.sampled_from([OK, SLOW, FULL]))
def test_a_steady_disk_settles_at_once(free: int, before: DiskState) -> None:
    once = judge(Room(free, 90, 90), MARKS, before)
    assert judge(Room(free, 90, 90), MARKS, once) is once


@given(st.integers(0, 2000), st.integers(0, 2000), st.sampled_from([OK, SLOW, FULL]))
def test_more_room_is_never_worse(less: int, more: int, before: DiskState) -> None:
    less, more = sorted((less, more))
    rank = [FULL, SLOW, OK].index
    assert rank(judge(Room(less, 90, 90), MARKS, before)) <= rank(
        judge(Room(more, 90, 90), MARKS, before)
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"stop_bytes": 2000},
        {"stop_percent": 11.0},
        {"slow_percent": 101.0},
        {"hysteresis": -0.1},
        {"stop_bytes": -1},
    ],
)
def test_marks_that_make_no_sense(bad: dict[str, int]) -> None:
    with pytest.raises(BadValue):
        Watermarks(**{"slow_bytes": 1000, "stop_bytes": 100} | bad)


def test_a_real_disk_is_measured(tmp_path: Path) -> None:
    room = room_of(tmp_path)
    assert room.free_bytes > 0
    assert 0 <= room.percent <= 100


def test_a_folder_that_is_not_there_is_full(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert DiskWatch(tmp_path / "unmounted", MARKS, pool).state() is FULL


class _Bench:
    """A watch with a disk and a clock of the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, pool: ThreadPoolExecutor) -> None:
        self.room: Room | None = PLENTY
        self.now = 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.measured = threading.Semaphore(0)
        monkeypatch.setattr(disk, "room_of", self._room_of)
        self.watch = DiskWatch(Path("/"), MARKS, pool, monotonic=lambda: self.now)
        self.measured.acquire()
        self.pool = pool

    def _room_of(self, root: Path) -> Room:
        self.gate.wait(10)
        self.measured.release()
        if self.room is None:
            raise OSError(5, "Input/output error")
        return self.room

    def drain(self) -> None:
        """Wait until the worker has nothing left."""
        self.pool.submit(lambda: None).result(10)


def test_fresh_answers_are_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as pool:
        bench = _Bench(monkeypatch, pool)
        bench.room = Room(0, 90, 90)
        bench.now = 0.9
        assert bench.watch.state() is OK
        bench.drain()
        assert not bench.measured.acquire(blocking=False)
        bench.now = 1.0
        bench.watch.state()
        bench.drain()
        assert bench.watch.state() is FULL


def test_an_error_is_full_and_heals(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as pool:
        bench = _Bench(monkeypatch, pool)
        for room, state in ((None, FULL), (PLENTY, OK)):
            bench.room = room
            bench.now += 2
            bench.watch.state()
            bench.drain()
            assert bench.watch.state() is state


def test_a_hung_mount_is_full_and_blocks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as pool:
        bench = _Bench(monkeypatch, pool)
        bench.gate.clear()
        bench.now = 2.0
        assert bench.watch.state() is OK
        bench.now = 11.9
        assert bench.watch.state() is OK
        bench.now = 12.1
        assert bench.watch.state() is FULL
        bench.gate.set()
        bench.drain()
        assert bench.watch.state() is OK


def test_after_the_end_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ThreadPoolExecutor(1)
    bench = _Bench(monkeypatch, pool)
    pool.shutdown()
    bench.now = 5.0
    assert bench.watch.state() is FULL
