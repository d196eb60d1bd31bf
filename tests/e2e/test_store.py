"""The store is locked, read-only or full, or the recordings' disk is: dialling stops with a reason that
can be read, talks go on, no outcome is lost, and dialling goes on by itself.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.e2e.feed import Feed
from tests.e2e.floor import Floor, open_floor
from tools.lab.mix import number_for as number_that
from tools.rig.people import numbers as drama_numbers

pytestmark = [
    pytest.mark.pbx,
    pytest.mark.skipif(os.geteuid() != 0, reason="small disks are mounted, which only root may"),
]
AGENTS = 4
QUICK = {"store.busy_timeout_s": 1, "recordings.slow_free_mib": 12, "recordings.stop_free_mib": 8}
HELD_S = 4.0
# Pages of an empty database and its log take about 1 MB.
STORE_BYTES = 8 * 1024 * 1024
LAB_SIZE = "90m"


@contextmanager
def _mounted(folder: Path, *mount: str) -> Iterator[Path]:
    folder.mkdir()
    try:
        subprocess.run(["mount", *mount, str(folder)], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"a small disk cannot be mounted here: {error.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _ext4(folder: Path) -> Iterator[Path]:
    """An image with ext4, which holds open files to `chattr +i`, as tmpfs does not."""
    image = folder.with_suffix(".img")
    with image.open("wb") as out:
        out.truncate(STORE_BYTES)
    quiet = ["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(image)]
    subprocess.run(quiet, check=True, capture_output=True)
    with _mounted(folder, "-o", "loop", str(image)) as mounted:
        yield mounted


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """The database and everything of the PBX are each on a small disk of their own."""
    folder = tmp_path_factory.mktemp("e2e")
    small = ("-t", "tmpfs", "-o", f"size={LAB_SIZE}", "tmpfs")
    with _ext4(folder / "store") as store, _mounted(folder / "lab", *small):
        url = f"sqlite:///{store / 'dialer.db'}"
        with open_floor(folder, agents=AGENTS, changes=QUICK, store=url) as opened:
            opened.site.add_agents(AGENTS)
            opened.site.wait_idle(AGENTS)
            yield opened


@pytest.fixture
def floor(shared: Floor) -> Iterator[Floor]:
    """Each test begins with a daemon that runs, no call up, and agents who are free."""
    yield shared
    shared.clear()
    shared.all_idle(AGENTS)


class Trouble:
    """A campaign that dials, two talks that stand, and one that ends in the middle of the trouble."""

    def __init__(self, floor: Floor, name: str, first: int) -> None:
        self.floor, self.name = floor, name
        self.talks = floor.talk(
            f"{name}-talks", [number_that("long_talk", first + i) for i in (0, 1)]
        )
        dialled = [number for number, _ in zip(drama_numbers(), range(2000), strict=False)]
        self.dialled = dialled[first * 100 : first * 100 + 100]
        floor.start(floor.campaign(name, self.dialled))
        floor.until(lambda: len(floor.attempts(name)) >= 3, "dialling")
        self.up = {one.uniqueid for one in floor.world.calls(self.talks)}

    def stands_still(self, seconds: float) -> None:
        """Nothing is dialled, and who talks goes on talking."""
        # What had been committed when the trouble began is on its way.
        self.floor.dialled()
        seen = len(self.floor.world.calls())
        time.sleep(seconds)
        assert len(self.floor.world.calls()) == seen
        assert self.up <= self.floor.world.up()

    def why(self) -> str:
        return str(self.floor.site.api.get(f"/campaigns/{self.name}")["why"])

    def store(self) -> dict[str, object]:
        found: dict[str, object] = self.floor.site.api.get("/status")["store"]
        return found

    def one_ends(self) -> str:
        """One of the talks ends now: its outcome must not be lost."""
        attempt = self.talks.pop(next(iter(self.talks)))
        self.floor.hang_up([attempt])
        self.floor.until(lambda: attempt not in {c["attempt"] for c in self.floor.calls()}, "ended")
        self.up = {one.uniqueid for one in self.floor.world.calls(self.talks)}
        return attempt

    def is_over(self) -> None:
        """Dialling again, without anybody's doing; then the end of it, with whole books."""
        floor = self.floor
        count = len(floor.attempts(self.name))
        floor.until(lambda: len(floor.attempts(self.name)) > count + 2, "dialling again")
        assert self.store()["ok"]
        floor.site.api.post(f"/campaigns/{self.name}/stop")
        floor.site.api.post(f"/campaigns/{self.name}-talks/stop")
        floor.hang_up_all()
        floor.quiet()
        floor.never_twice()


def _settled(floor: Floor, attempt: str) -> bool:
    return floor.rows("select outcome from attempts where id = ?", attempt) == [("completed",)]


def test_locked(floor: Floor) -> None:
    trouble = Trouble(floor, "locked", 0)
    alarms = Feed(floor.site, "alarms")
    path = floor.site.store.partition("///")[2]
    with closing(sqlite3.connect(path, timeout=10.0, isolation_level=None)) as other:
        other.execute("begin immediate")
        floor.until(lambda: not trouble.store()["ok"], "noticed")
        assert "locked" in str(trouble.store()["detail"])
        floor.until(lambda: "store" in trouble.why(), "a reason")
        attempt = trouble.one_ends()
        trouble.stands_still(HELD_S)
        other.execute("rollback")
    floor.until(lambda: _settled(floor, attempt), "settled")
    trouble.is_over()
    floor.until(lambda: len(alarms.named("store")) >= 2, "told")
    assert [one["ok"] for one in alarms.named("store")] == [False, True]
    alarms.close()


def test_read_only(floor: Floor) -> None:
    trouble = Trouble(floor, "readonly", 2)
    folder = Path(floor.site.store.partition("///")[2]).parent
    files = [str(one) for one in folder.glob("dialer.db*") if not one.name.endswith("shm")]
    subprocess.run(["chattr", "+i", *files], check=True)
    try:
        floor.until(lambda: not trouble.store()["ok"], "noticed")
        floor.until(lambda: "store" in trouble.why(), "a reason")
        attempt = trouble.one_ends()
        trouble.stands_still(2.0)
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)
    floor.until(lambda: _settled(floor, attempt), "settled")
    trouble.is_over()


def test_store_disk_full(floor: Floor) -> None:
    trouble = Trouble(floor, "full", 4)
    filler = Path(floor.site.store.partition("///")[2]).parent / "filler"
    _fill(filler)
    try:
        floor.until(lambda: not trouble.store()["ok"], "noticed")
        assert "full" in str(trouble.store()["detail"])
        floor.until(lambda: "store" in trouble.why(), "a reason")
        attempt = trouble.one_ends()
        trouble.stands_still(2.0)
    finally:
        filler.unlink()
    floor.until(lambda: _settled(floor, attempt), "settled")
    trouble.is_over()


@pytest.mark.slow
def test_killed_while_the_store_is_locked(floor: Floor) -> None:
    trouble = Trouble(floor, "both", 6)
    path = floor.site.store.partition("///")[2]
    with closing(sqlite3.connect(path, timeout=10.0, isolation_level=None)) as other:
        other.execute("begin immediate")
        floor.until(lambda: not trouble.store()["ok"], "noticed")
        attempt = trouble.one_ends()
        # The outcome is nowhere but in the memory of the daemon, and in the notes of the PBX.
        floor.site.kill()
        other.execute("rollback")
    floor.site.start()
    floor.until(lambda: _settled(floor, attempt), "settled")
    trouble.is_over()


def test_recordings_disk_full(floor: Floor) -> None:
    trouble = Trouble(floor, "recordings", 8)
    filler = floor.lab.recordings_dir / "filler"
    stat = os.statvfs(floor.lab.recordings_dir)
    filler.write_bytes(b"\0" * (stat.f_bavail * stat.f_frsize - 6 * 1024 * 1024))
    try:
        floor.until(lambda: floor.site.api.get("/status")["disk"] == "full", "noticed")
        floor.until(lambda: "recordings" in trouble.why(), "a reason")
        attempt = trouble.one_ends()
        trouble.stands_still(2.0)
        floor.until(lambda: _settled(floor, attempt), "settled")
    finally:
        filler.unlink()
    floor.until(lambda: floor.site.api.get("/status")["disk"] != "full", "room again")
    trouble.is_over()
    floor.matched()
    status = floor.rows("select status from recordings where attempt_id = ?", attempt)
    assert status == [("verified",)]
    assert any(kind == "disk" for kind, _ in floor.alarms())


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as out:
        for size in (65536, 4096):
            try:
                while True:
                    out.write(b"\0" * size)
            except OSError:
                continue
