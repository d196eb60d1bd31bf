"""The house itself: packaging, locks and import contracts agree with the folders."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import dialer_engine

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "dialer_engine"
ROOMS = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
# docs/design.md: rooms that import nothing that waits, reads or draws lots.
PURE = {"domain", "pacing", "compliance", "strategy", "quality", "bot", "reports"}


def contracts() -> dict[str, dict[str, Any]]:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    return {c["id"]: c for c in tomllib.loads(text)["tool"]["importlinter"]["contracts"]}


def pins(name: str) -> dict[str, str]:
    text = (REPOSITORY / "requirements" / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def test_every_room_has_its_place_in_the_layers() -> None:
    layers = " ".join(contracts()["house"]["layers"])
    assert set(re.findall(r"\((\w+)\)", layers)) >= ROOMS


def test_every_pure_room_that_exists_is_kept_pure() -> None:
    kept = {name.removeprefix("dialer_engine.") for name in contracts()["pure"]["source_modules"]}
    assert kept == PURE & ROOMS


@pytest.mark.parametrize("forbidden", ["asyncio", "time", "random", "threading", "socket"])
def test_pure_rooms_get_time_and_chance_as_inputs(forbidden: str) -> None:
    assert forbidden in contracts()["pure"]["forbidden_modules"]


def test_every_adapter_that_exists_is_out_of_reach_of_web_and_cli() -> None:
    adapters = {"store", "ami", "esl", "live", "recordings", "sim"} & ROOMS
    named = {
        n.removeprefix("dialer_engine.") for n in contracts()["web-and-cli"]["forbidden_modules"]
    }
    assert named == adapters


def test_the_version_is_written_once() -> None:
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    assert setup["metadata"]["version"] == "attr: dialer_engine.__version__"
    assert re.fullmatch(r"\d+\.\d+\.\d+", dialer_engine.__version__)
    written = [p for p in PACKAGE.rglob("*.py") if "__version__ =" in p.read_text(encoding="utf-8")]
    assert written == [PACKAGE / "__init__.py"]


def test_both_locks_name_the_same_versions() -> None:
    runtime, dev = pins("runtime.txt"), pins("dev.txt")
    assert runtime.items() <= dev.items()


def test_the_lock_holds_for_debian_12() -> None:
    """Its Python is 3.11.2, and redis wants async-timeout before 3.11.3."""
    text = (REPOSITORY / "requirements/dev.txt").read_text(encoding="utf-8")
    assert "async-timeout" in text
    assert "python_full_version < '3.11.3'" in text


def test_every_pin_has_a_hash_and_no_line_names_a_host() -> None:
    for name in ("runtime.txt", "dev.txt"):
        text = (REPOSITORY / "requirements" / name).read_text(encoding="utf-8")
        blocks = re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]
        assert all("--hash=sha256:" in block for block in blocks)
        assert "://" not in text


def test_every_direct_dependency_is_locked() -> None:
    for source, lock in (("runtime.in", "runtime.txt"), ("dev.in", "dev.txt")):
        lines = (REPOSITORY / "requirements" / source).read_text(encoding="utf-8").splitlines()
        names = {
            found[0].lower()
            for line in lines
            if (found := re.match(r"[A-Za-z][A-Za-z0-9-]*", line))
        }
        assert names <= pins(lock).keys()


def test_the_licence_is_apache_2_in_full() -> None:
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.slow
def test_a_wheel_has_everything_that_the_daemon_reads(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("dialer_engine", "strategies", "requirements"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / name, source / name, symlinks=True, ignore=ignored)
    for name in ("setup.cfg", "pyproject.toml", "LICENSE"):
        shutil.copy(REPOSITORY / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(tmp_path), str(source)], check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    data = {
        "dialer_engine/py.typed",
        "dialer_engine/strategies/default.yaml",
        "dialer_engine/store/migrations/script.py.mako",
        "dialer_engine/store/migrations/versions/0001_first_tables.py",
    }
    assert data <= names
