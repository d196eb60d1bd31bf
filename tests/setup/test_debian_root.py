"""Building the Debian root, with a stand-in for debootstrap: stamps, interruptions, changed recipes, signatures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.setup import debian_root as root
from tools.setup.say import SetupError

DEBOOTSTRAP = """#!/bin/sh
echo "$@" >> {log}
for word in "$@"; do case "$word" in {cache}/asterisk-root-forky.partial-*) target=$word;; esac; done
echo "I: Retrieving asterisk"
mkdir -p $target/usr/share/doc/asterisk $target/usr/sbin
touch $target/usr/sbin/asterisk
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "dialer-engine"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("DIALER_DEBIAN_MIRROR", "http://mirror.example/debian")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setattr(root, "is_root", lambda: True)
    monkeypatch.setattr(root, "KEYRING", tmp_path / "keyring")
    monkeypatch.setattr(root, "SCRIPTS", tmp_path / "scripts")
    (tmp_path / "keyring").touch()
    (tmp_path / "bin").mkdir()
    put(tmp_path, "debootstrap", DEBOOTSTRAP)
    put(tmp_path, "chroot", "#!/bin/sh\necho Asterisk 22.10.1\n")
    return cache


def put(folder: Path, name: str, script: str) -> None:
    text = script.replace("{log}", f"{folder}/asked").replace("{cache}", f"{folder}/dialer-engine")
    (folder / "bin" / name).write_text(text, encoding="utf-8")
    (folder / "bin" / name).chmod(0o755)


def asked(cache: Path) -> list[str]:
    return (cache.parent / "asked").read_text(encoding="utf-8").splitlines()


def test_it_is_built_once_and_trimmed(cache: Path) -> None:
    assert root.ensure_root() == "22.10.1"
    assert root.ensure_root() == "22.10.1"
    assert len(asked(cache)) == 1
    assert root.ready_version() == "22.10.1"
    assert (root.root_dir() / "usr/sbin/asterisk").exists()
    assert not (root.root_dir() / "usr/share/doc").exists()
    assert sorted(p.name for p in cache.iterdir()) == ["asterisk-root-forky", "logs", "setup.lock"]


def test_signatures_are_always_checked(cache: Path) -> None:
    root.ensure_root()
    assert "--force-check-gpg" in asked(cache)[0]
    assert f"--keyring={cache.parent}/keyring" in asked(cache)[0]


def test_a_debootstrap_older_than_the_suite_uses_unstables_script(cache: Path) -> None:
    root.ensure_root()
    assert asked(cache)[0].endswith("http://mirror.example/debian sid")
    assert " forky " in asked(cache)[0]


def test_one_that_knows_the_suite_uses_its_own(cache: Path) -> None:
    (cache.parent / "scripts").mkdir()
    (cache.parent / "scripts/forky").touch()
    root.ensure_root()
    assert asked(cache)[0].endswith("http://mirror.example/debian")


def test_another_recipe_builds_anew(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root.ensure_root()
    monkeypatch.setattr(root, "PACKAGES", (*root.PACKAGES, "sox"))
    assert root.ready_version() is None
    root.ensure_root()
    assert "sox" in asked(cache)[1]
    assert not list(cache.glob("*.old-*"))


def test_a_failed_build_leaves_no_root_and_says_why(cache: Path) -> None:
    put(
        cache.parent, "debootstrap", DEBOOTSTRAP + "echo 'E: Failed getting release file'; exit 1\n"
    )
    with pytest.raises(SetupError, match="network"):
        root.ensure_root()
    assert not list(cache.glob("asterisk-root-*"))
    assert root.ready_version() is None


def test_an_unknown_key_says_what_to_upgrade(cache: Path) -> None:
    put(cache.parent, "debootstrap", "#!/bin/sh\necho 'E: Release signed by unknown key'; exit 1\n")
    with pytest.raises(SetupError, match="apt-get install debian-archive-keyring"):
        root.ensure_root()


def test_an_asterisk_that_does_not_start_is_no_root(cache: Path) -> None:
    put(cache.parent, "chroot", "#!/bin/sh\necho 'cannot execute' >&2; exit 126\n")
    with pytest.raises(SetupError, match="does not start: cannot execute"):
        root.ensure_root()
    assert not list(cache.glob("asterisk-root-*"))


def test_what_a_killed_build_left_is_removed_and_its_downloads_are_used(cache: Path) -> None:
    left = cache / "asterisk-root-forky.partial-1"
    left.mkdir(parents=True)
    root.ensure_root()
    assert not left.exists()
    assert f"--cache-dir={cache}/debs-forky" in asked(cache)[0]


def test_a_replaced_root_that_is_in_use_stays(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = cache / "asterisk-root-forky.old-1"
    old.mkdir(parents=True)
    monkeypatch.setattr(root, "in_use", lambda path: path == old)
    root.ensure_root()
    assert old.exists()


def test_this_process_uses_its_own_root() -> None:
    assert root.in_use(Path("/"))
    assert not root.in_use(Path("/nowhere"))


def test_too_small_a_disk_is_refused_before_the_download(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(root, "NEEDED_GIB", 1e6)
    with pytest.raises(SetupError, match="A Debian forky root with Asterisk needs"):
        root.ensure_root()
    assert not (cache.parent / "asked").exists()


def test_only_root_builds(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root, "is_root", lambda: False)
    with pytest.raises(SetupError, match="Only root"):
        root.ensure_root()


def test_missing_tools_are_installed_by_name(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[list[str]] = []
    monkeypatch.setattr(root, "has", lambda command: False)
    monkeypatch.setattr(root, "install_debian", lambda packages, why: wanted.append(list(packages)))
    (cache.parent / "keyring").unlink()
    root.ensure_root()
    assert wanted == [["debootstrap", "debian-archive-keyring"]]
