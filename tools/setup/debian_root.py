"""A Debian forky system in a folder, only to have an Asterisk 22 in it: Debian 12 and 13 ship none.

Rules:
- Built by debootstrap in a folder of its own, tried out, then renamed: a folder of the right name is a complete one.
- `.ready` carries the recipe's fingerprint; a changed package list builds anew.
- The archive's signature is checked, always: Debian 12's debian-archive-keyring (2023.3+deb12u2) knows the key that
  signs forky. There is no way round it here.
- What was downloaded before an interruption is used by the next attempt.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

from tools.setup.host import (
    cache_dir,
    debian_mirror,
    has,
    install_debian,
    is_root,
    need_disk,
    only_one,
    remove_tree,
    run,
    today,
)
from tools.setup.say import Progress, SetupError, say

SUITE = "forky"
# The wav prompts are the source of the speech that tools/lab plays; asterisk itself brings the modules.
PACKAGES = ("asterisk", "asterisk-core-sounds-en-wav")
RECIPE_VERSION = 1
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SCRIPTS = Path("/usr/share/debootstrap/scripts")
# Measured 2026-11: 340 MB when built, 560 MB before the trimming, 200 MB of packages beside it meanwhile.
NEEDED_GIB = 1.5
# Lines beginning with 'I:' that debootstrap printed for this list (198 packages), for the bar.
EXPECTED_LINES = 870
# Not needed to run an Asterisk.
DROPPED = ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man")


def root_dir() -> Path:
    """Where the finished root is, whether or not it has been built."""
    return cache_dir() / f"asterisk-root-{SUITE}"


def recipe() -> str:
    """A fingerprint of everything that shapes the root."""
    text = json.dumps([RECIPE_VERSION, SUITE, sorted(PACKAGES), platform.machine()])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def ready_version() -> str | None:
    """The Asterisk version in the finished root, or None when there is none of this recipe."""
    try:
        stamp = json.loads((root_dir() / ".ready").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(stamp["asterisk"]) if stamp.get("recipe") == recipe() else None


def ensure_root() -> str:
    """Build the root unless it is there. Returns the Asterisk version in it."""
    if version := ready_version():
        return version
    if not is_root():
        raise SetupError("Only root can build a Debian root.")
    with only_one():
        return ready_version() or _build()


def _build() -> str:
    _clean_up()
    need_disk(cache_dir(), NEEDED_GIB, "A Debian forky root with Asterisk")
    _need_tools()
    partial = cache_dir() / f"asterisk-root-{SUITE}.partial-{os.getpid()}"
    say(
        f"no Asterisk 20 or newer here: building Debian {SUITE} with {', '.join(PACKAGES)} in {root_dir()}"
    )
    try:
        _debootstrap(partial)
        version = asterisk_in(partial)
        _finish(partial, version)
    except BaseException:
        remove_tree(partial)
        raise
    shutil.rmtree(_debs(), ignore_errors=True)
    return version


def _debs() -> Path:
    """Downloaded packages, kept until the root is complete so that an interrupted build goes on from them."""
    return cache_dir() / f"debs-{SUITE}"


def _clean_up() -> None:
    """Remove what killed builds and replaced roots left behind, unless something still runs in it."""
    for pattern in (f"asterisk-root-{SUITE}.partial-*", f"asterisk-root-{SUITE}.old-*"):
        for left in cache_dir().glob(pattern):
            if in_use(left):
                say(f"{left} is still in use: left in place")
            else:
                remove_tree(left)


def in_use(root: Path) -> bool:
    """Whether a process has this folder as its root."""
    for link in Path("/proc").glob("[0-9]*/root"):
        try:
            if link.samefile(root):
                return True
        except OSError:
            continue
    return False


def _need_tools() -> None:
    missing = [] if has("debootstrap") else ["debootstrap"]
    if not KEYRING.exists():
        missing.append("debian-archive-keyring")
    if missing:
        install_debian(missing, "The Debian root is built by debootstrap")


def _debootstrap(target: Path) -> None:
    _debs().mkdir(parents=True, exist_ok=True)
    command = [
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        f"--cache-dir={_debs()}",
        "--force-check-gpg",
        f"--keyring={KEYRING}",
        SUITE,
        str(target),
        debian_mirror(),
    ]
    # A debootstrap older than the suite has no script of that name; unstable's fits.
    if not (SCRIPTS / SUITE).exists():
        command.append("sid")
    with Progress(f"Debian {SUITE} with Asterisk", EXPECTED_LINES) as bar:
        try:
            run(command, "debootstrap", lambda line: _count(bar, line))
        except SetupError as error:
            raise SetupError(f"{error}{_signature_hint(str(error))}") from None


def _count(bar: Progress, line: str) -> None:
    if line.startswith("I: "):
        bar.step(1, line[3:])


def _signature_hint(text: str) -> str:
    if "signature" not in text and "keyring" not in text:
        return ""
    return "\nThis machine's keyring is too old for the archive: apt-get install debian-archive-keyring (as root)."


def asterisk_in(root: Path) -> str:
    """The version of the Asterisk inside, as it says itself. Raises SetupError when it does not start."""
    result = subprocess.run(
        ["chroot", str(root), "/usr/sbin/asterisk", "-V"],
        capture_output=True,
        text=True,
        check=False,
    )
    words = result.stdout.split()
    if result.returncode or len(words) < 2:
        raise SetupError(f"The Asterisk in {root} does not start: {result.stderr.strip()}")
    return words[1]


def _finish(partial: Path, version: str) -> None:
    for name in DROPPED:
        shutil.rmtree(partial / name, ignore_errors=True)
    stamp = {"recipe": recipe(), "asterisk": version, "packages": PACKAGES, "built": today()}
    (partial / ".ready").write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    if root_dir().exists():
        root_dir().rename(cache_dir() / f"asterisk-root-{SUITE}.old-{os.getpid()}")
    partial.rename(root_dir())
    _clean_up()
