"""Commands and their failures, Debian packages, disk, the lock, and deleting a root safely."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tools.setup import host
from tools.setup.say import SetupError

# For what takes milliseconds, on a machine that is busy with something else.
PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "dialer-engine"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_cache_is_where_xdg_wants_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.cache_dir() == cache
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(cache))
    assert host.cache_dir() == cache / ".cache" / "dialer-engine"


def test_a_command_reports_each_line_and_keeps_them_all(cache: Path) -> None:
    seen: list[str] = []
    host.run(
        python("import sys; print('one'); print('two', file=sys.stderr, flush=True)"),
        "try",
        seen.append,
    )
    assert sorted(seen) == ["one", "two"]
    assert "two" in (cache / "logs/try.log").read_text(encoding="utf-8")


def test_a_failure_shows_its_last_lines_and_where_the_rest_is(cache: Path) -> None:
    with pytest.raises(SetupError) as caught:
        host.run(python("[print('line', i) for i in range(40)]; raise SystemExit(7)"), "try")
    text = str(caught.value)
    assert "exit 7" in text
    assert "line 39" in text
    assert "line 20\n" not in text
    assert f"{cache}/logs/try.log" in text
    assert "network" not in text


@pytest.mark.parametrize(
    "said",
    [
        "Temporary failure resolving 'mirror'",
        "NewConnectionError: Failed to establish a new connection",
        "E: Failed getting release file",
    ],
)
def test_a_missing_network_is_named(said: str) -> None:
    with pytest.raises(
        SetupError, match="network, or the package registry behind it, cannot be reached"
    ):
        host.run(python(f"print({said!r}); raise SystemExit(1)"), "try")


def test_a_full_disk_is_refused_before_anything_begins(tmp_path: Path) -> None:
    with pytest.raises(
        SetupError, match=r"The root needs 1000000\.0 GiB in .*\n.*XDG_CACHE_HOME=/large/disk"
    ):
        host.need_disk(tmp_path, 1e6, "The root")
    host.need_disk(tmp_path, 0.000001, "The root")


def test_without_root_the_packages_to_install_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "has", lambda command: command == "apt-get")
    monkeypatch.setattr(host, "is_root", lambda: False)
    with pytest.raises(
        SetupError, match=r"only root can install it\. As root:\n    apt-get install debootstrap x"
    ):
        host.install_debian(["debootstrap", "x"], "It needs this")


def test_where_there_is_no_apt_the_debian_names_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "has", lambda command: False)
    with pytest.raises(SetupError, match=r"install debootstrap .* with your system's packager"):
        host.install_debian(["debootstrap"], "It needs this")


def test_root_installs_after_saying_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    apt.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\ncase "$*" in *update) exit 1;; esac\n'
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{apt.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(host, "is_root", lambda: True)
    host.install_debian(["debootstrap"], "It needs this")
    asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert asked[-1].endswith("install -y --no-install-recommends debootstrap")
    assert "It needs this: installing Debian packages: debootstrap" in capsys.readouterr().err


DEB822 = """\
Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security

Types: deb
URIs: http://mirror.example/debian
"""
ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb https://other.example/apt stable main
deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian/ bookworm main
"""


@pytest.mark.parametrize(
    ("sources", "mirror"),
    [
        (DEB822, "http://mirror.example/debian"),
        (ONE_LINE, "https://mirror.example/debian"),
        ("deb http://archive.example/ubuntu noble main\n", ""),
        ("", ""),
    ],
)
def test_debians_mirror_is_taken_from_apt(sources: str, mirror: str) -> None:
    assert host.find_mirror(sources) == mirror


def test_a_second_set_up_waits_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    inside, release = threading.Event(), threading.Event()
    said: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(host, "say", said.put)

    def first() -> None:
        with host.only_one():
            inside.set()
            release.wait()
            order.append("first")

    def second() -> None:
        with host.only_one():
            order.append("second")

    one, two = threading.Thread(target=first), threading.Thread(target=second)
    one.start()
    assert inside.wait(PATIENCE_S)
    two.start()
    try:
        message = said.get(timeout=PATIENCE_S)
    finally:
        release.set()
        one.join(PATIENCE_S)
        two.join(PATIENCE_S)
    assert order == ["first", "second"]
    assert "waiting for it" in message
    assert f"process {os.getpid()}" in message


def test_a_tree_without_mounts_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "root/dev").mkdir(parents=True)
    host.remove_tree(tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_nothing_is_deleted_through_a_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = tmp_path / "root/dev/null"
    precious.parent.mkdir(parents=True)
    precious.touch()
    monkeypatch.setattr(host, "mounts_below", lambda path: [tmp_path / "root/dev"])
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 1))
    with pytest.raises(SetupError, match="is still mounted"):
        host.remove_tree(tmp_path / "root")
    assert precious.exists()


def test_mounts_are_found_the_deepest_first() -> None:
    found = host.mounts_below(Path("/"))
    assert found
    assert found == sorted(found, key=lambda p: len(p.parts), reverse=True)
    assert host.mounts_below(Path("/nowhere")) == []
