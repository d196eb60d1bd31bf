"""When the environment is stale, which wheelhouse belongs to it, and a second clone without a network."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.setup import venv
from tools.setup.__main__ import main
from tools.setup.say import SetupError

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with the files that an environment is made from, and an environment that looks finished."""
    tree = tmp_path / "tree"
    (tree / "requirements").mkdir(parents=True)
    (tree / ".venv/bin").mkdir(parents=True)
    (tree / ".venv/bin/python").touch()
    for name in ("setup.cfg", "requirements/dev.txt", "requirements/runtime.in"):
        shutil.copy(REPOSITORY / name, tree / name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(venv, "TREE", tree)
    monkeypatch.setattr(venv, "VENV", tree / ".venv")
    monkeypatch.setattr(venv, "LOCK", tree / "requirements/dev.txt")
    monkeypatch.setattr(venv, "STAMP", tree / ".venv/.ready")
    (tree / ".venv/.ready").write_text(venv._stamp(), encoding="utf-8")
    return tree


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `ensure_venv` makes, instead of making it."""
    made: list[str] = []
    monkeypatch.setattr(venv, "_create", lambda: made.append("create"))
    monkeypatch.setattr(venv, "_ensure_wheelhouse", lambda: Path("/house"))
    monkeypatch.setattr(venv, "_install", lambda house: made.append(f"install from {house}"))
    return made


def test_a_finished_environment_is_left_alone(tree: Path, built: list[str]) -> None:
    venv.ensure_venv()
    assert built == []


@pytest.mark.parametrize("name", ["setup.cfg", "requirements/dev.txt", "requirements/runtime.in"])
def test_a_changed_source_makes_it_anew_once(tree: Path, built: list[str], name: str) -> None:
    with open(tree / name, "a", encoding="utf-8") as file:
        file.write("# changed\n")
    venv.ensure_venv()
    venv.ensure_venv()
    assert built == ["create", "install from /house"]


def test_an_environment_of_another_python_or_place_is_made_anew(
    tree: Path, built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version", "3.12.0 (main)")
    venv.ensure_venv()
    assert built != []


def test_an_interrupted_build_is_not_taken_for_a_finished_one(
    tree: Path, built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(house: Path) -> None:
        raise SetupError("no network")

    monkeypatch.setattr(venv, "_install", fail)
    (tree / ".venv/.ready").unlink()
    with pytest.raises(SetupError):
        venv.ensure_venv()
    assert not (tree / ".venv/.ready").exists()


def test_the_wheelhouse_belongs_to_lock_and_python(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = venv.wheelhouse()
    assert first == venv.wheelhouse()
    (tree / "requirements/dev.txt").write_text("other==1\n", encoding="utf-8")
    assert venv.wheelhouse() != first


def test_old_wheelhouses_are_forgotten(tmp_path: Path) -> None:
    for number in range(6):
        house = tmp_path / str(number)
        house.mkdir()
        os.utime(house, (number, number))
    venv._forget_old(tmp_path / "0")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "3", "4", "5"]


def test_without_ensurepip_debians_package_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tree: Path, built: list[str]
) -> None:
    wanted: list[list[str]] = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(venv, "install_debian", lambda packages, why: wanted.append(list(packages)))
    (tree / ".venv/.ready").unlink()
    with pytest.raises(SetupError, match="PYTHON=/usr/bin/python3"):
        venv.ensure_venv()
    assert wanted == [["python3-venv"]]


def test_an_unknown_step_is_an_error_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["vnev"]) == 1
    assert "unknown step 'vnev': use venv, pbx, where, clean" in capsys.readouterr().err


def test_the_first_step_needs_no_python_but_says_so(tmp_path: Path) -> None:
    """`run` on a machine without Python and without root: POSIX sh only."""
    for name in ("dirname", "id"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    (tmp_path / "apt-get").write_text("#!/bin/sh\nexit 100\n", encoding="utf-8")
    (tmp_path / "apt-get").chmod(0o755)
    result = subprocess.run(
        ["/bin/sh", str(REPOSITORY / "tools/setup/run"), "where"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "Python 3.11 or newer is needed" in result.stderr
    assert "apt-get install python3 python3-venv" in result.stderr


@pytest.mark.slow
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare"
)
def test_a_second_clean_clone_needs_no_network(tmp_path: Path) -> None:
    """This tree's own set-up has filled the cache; its clone runs where there is not even a loopback."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(clone)], check=True)
    result = subprocess.run(
        ["unshare", "--net", "make", "-C", str(clone), "setup"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    shown = subprocess.run([clone / ".venv/bin/python", "-c", "import dialer_engine"], check=False)
    assert shown.returncode == 0
