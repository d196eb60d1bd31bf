"""The virtual environment of the tree, `.venv`, from a wheelhouse outside the tree.

Rules:
- Every file's hash is in requirements/dev.txt and pip checks it; nothing unlisted is installed.
- The wheelhouse is made once for each lock and Python; with it a second clone needs no network.
- pip's own configuration and PIP_* variables (index, certificates, proxies) are respected.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path

from tools.setup.host import TREE, cache_dir, install_debian, need_disk, only_one, run
from tools.setup.say import Progress, SetupError

VENV = TREE / ".venv"
LOCK = TREE / "requirements" / "dev.txt"
STAMP = VENV / ".ready"
# Measured on x86-64, Python 3.11: wheels 45 MB, the environment 330 MB.
WHEELHOUSE_GIB = 0.3
VENV_GIB = 0.6
KEPT_WHEELHOUSES = 3


def ensure_venv() -> None:
    """Make `.venv` agree with the lock and setup.cfg; returns at once when it does."""
    if _stamp_is_current():
        return
    _need_venv_module()
    need_disk(TREE, VENV_GIB, "The virtual environment")
    with only_one():
        _create()
        house = _ensure_wheelhouse()
        _install(house)
    STAMP.write_text(_stamp(), encoding="utf-8")


def _python() -> str:
    """The interpreter that environments are made from (never the environment's own)."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _stamp() -> str:
    """What the environment is made from; a moved tree or another Python makes it stale."""
    sources = [LOCK, TREE / "setup.cfg", TREE / "requirements" / "runtime.in"]
    return json.dumps(
        {
            "sources": hashlib.sha256(b"\0".join(f.read_bytes() for f in sources)).hexdigest(),
            "python": sys.version,
            "base": sys.base_prefix,
            "tree": str(TREE),
        },
        indent=1,
    )


def _stamp_is_current() -> bool:
    try:
        return STAMP.read_text(encoding="utf-8") == _stamp() and (VENV / "bin/python").exists()
    except OSError:
        return False


def _need_venv_module() -> None:
    """Debian ships Python without ensurepip; python3-venv has it."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    install_debian(["python3-venv"], "Python cannot make virtual environments")
    importlib.invalidate_caches()
    if not importlib.util.find_spec("ensurepip"):
        raise SetupError(
            f"{sys.executable} still has no ensurepip. Use Debian's own Python: PYTHON=/usr/bin/python3 make …"
        )


def _create() -> None:
    if VENV.exists():
        shutil.rmtree(VENV)
    with Progress("virtual environment .venv", 1):
        run([_python(), "-m", "venv", str(VENV)], "venv")


def _pip(*words: str) -> list[str]:
    return [
        str(VENV / "bin/python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        *words,
    ]


def wheelhouse() -> Path:
    """Where the wheels of this lock for this Python are."""
    lock = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}-{sysconfig.get_platform()}"
    # Python 3.11.2 (Debian 12) needs a package that 3.11.3 does not: the exact version counts.
    return cache_dir() / "wheelhouse" / f"{tag}-{sys.version_info.micro}-{lock}"


def _ensure_wheelhouse() -> Path:
    house = wheelhouse()
    if (house / ".ready").exists():
        return house
    house.mkdir(parents=True, exist_ok=True)
    need_disk(house, WHEELHOUSE_GIB, "The wheelhouse")
    lock_lines = LOCK.read_text(encoding="utf-8")
    pins = len(re.findall(r"^[A-Za-z0-9][^ #]*==", lock_lines, re.MULTILINE))
    with Progress(f"downloading {pins} Python packages", pins) as bar:
        run(
            _pip(
                "download", "--require-hashes", "--only-binary=:all:", "--progress-bar=off",
                "--dest", str(house), "-r", str(LOCK),
            ),
            "pip-download",
            lambda line: bar.step(1, line[:50]) if line.startswith("Collecting") else None,
        )  # fmt: skip
    (house / ".ready").touch()
    _forget_old(house)
    return house


def _forget_old(current: Path) -> None:
    """Keep the newest wheelhouses: those of other branches and Pythons are likely to be wanted again."""
    others = [h for h in current.parent.iterdir() if h != current and h.is_dir()]
    others.sort(key=lambda h: h.stat().st_mtime, reverse=True)
    for house in others[KEPT_WHEELHOUSES:]:
        shutil.rmtree(house, ignore_errors=True)


def _install(house: Path) -> None:
    """Install the lock, then the project itself in place; neither asks an index."""
    wheels = len(list(house.glob("*.whl")))
    # Find-links of the machine's own pip configuration must not bring in files that the wheelhouse lacks.
    alone = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(house), "PIP_CONFIG_FILE": os.devnull}
    label = f"installing {wheels} Python packages into .venv"
    with Progress(label, wheels + 1, poll=_installed) as bar:
        run(
            _pip("install", "--require-hashes", "--progress-bar=off", "-r", str(LOCK)),
            "pip-install",
            env=alone,
        )
        bar.reach(wheels / (wheels + 1), "dialer-engine")
        run(
            _pip("install", "--no-deps", "--no-build-isolation", "-e", str(TREE)),
            "pip-install-project",
            env=alone,
        )


def _installed() -> int:
    """Packages that are in the environment already: pip says nothing while it unpacks."""
    return len(list(VENV.glob("lib/python3*/site-packages/*.dist-info")))
