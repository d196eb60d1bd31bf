"""Which Asterisk the demo, the tests and the benchmark run: one on PATH, else Docker, else a Debian root.

Rules: the first of the three that works is taken; `DIALER_SETUP_PBX=path|docker|root` insists on one. The choice is
written to `build/pbx.json`, and `locate()` reads it back: tools/lab starts what it names.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tools.setup import debian_root
from tools.setup.host import TREE, has, is_root, run
from tools.setup.say import Progress, SetupError, say

Kind = Literal["path", "docker", "root"]
OLDEST = 20
CHOICE = TREE / "build" / "pbx.json"
IMAGE_DIR = TREE / "docker" / "asterisk"
# The name under which tools/lab starts it.
LAB_IMAGE = "dialer-engine/asterisk:lab"
# Lines that `docker build --progress=plain` printed for the image, for the bar.
EXPECTED_BUILD_LINES = 400


@dataclasses.dataclass(frozen=True)
class Pbx:
    """An Asterisk that can be started. `where` is a binary, an image tag or a root folder, by `kind`."""

    kind: Kind
    where: str
    version: str


def locate() -> Pbx | None:
    """The Asterisk that set-up chose last, if it is still there and still what this tree asks for."""
    try:
        chosen = Pbx(**json.loads(CHOICE.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    still_there: dict[Kind, Callable[[], bool]] = {
        "path": lambda: has("asterisk"),
        "docker": lambda: chosen.where == image_tag() and _has_image(chosen.where),
        "root": lambda: (
            chosen.where == str(debian_root.root_dir()) and debian_root.ready_version() is not None
        ),
    }
    return chosen if still_there[chosen.kind]() else None


def ensure_pbx() -> Pbx:
    """Find or make an Asterisk, and write the choice down.

    A choice that still holds is kept. Raises SetupError with every way that was tried when none works.
    """
    if given := os.environ.get("DIALER_ASTERISK_ROOT"):
        return _choose(_from_given_root(Path(given)))
    wish = os.environ.get("DIALER_SETUP_PBX")
    if not wish and (kept := locate()):
        return kept
    ways: dict[str, Callable[[], Pbx]] = {
        "path": _from_path,
        "docker": _from_docker,
        "root": _from_root,
    }
    if wish and wish not in ways:
        raise SetupError(
            f"DIALER_SETUP_PBX={wish} is unknown: use one of {', '.join(ways)}, or leave it unset."
        )
    refusals: list[str] = []
    for kind in [wish] if wish else ways:
        try:
            return _choose(ways[kind]())
        except SetupError as refusal:
            refusals.append(f"- {kind}: {refusal}")
    raise SetupError(_nothing_usable(refusals))


def _from_given_root(root: Path) -> Pbx:
    """A root that the user keeps; nothing is built or changed in it."""
    if not (root / "usr/sbin/asterisk").is_file():
        raise SetupError(
            f"DIALER_ASTERISK_ROOT={root} has no usr/sbin/asterisk: correct it or leave it unset."
        )
    return Pbx("root", str(root), debian_root.asterisk_in(root))


def _choose(pbx: Pbx) -> Pbx:
    text = json.dumps(dataclasses.asdict(pbx), indent=1) + "\n"
    if not CHOICE.exists() or CHOICE.read_text(encoding="utf-8") != text:
        CHOICE.parent.mkdir(exist_ok=True)
        CHOICE.write_text(text, encoding="utf-8")
        say(f"PBX: Asterisk {pbx.version} ({pbx.kind}: {pbx.where})")
    return pbx


def _nothing_usable(refusals: list[str]) -> str:
    return "\n".join(
        [
            "No Asterisk 20 or newer can be had here:",
            *refusals,
            "One of these is enough: an `asterisk` of version 20 or newer on PATH; a Docker engine that",
            "this user may use; or the same command as root on Debian (it then builds a Debian forky",
            "folder in the cache and leaves the system as it is).",
        ]
    )


def asterisk_version(text: str) -> tuple[int, str] | None:
    """Major number and full version from the output of `asterisk -V`."""
    found = re.search(r"Asterisk (?:certified[-/])?((\d+)\.\S+)", text)
    return (int(found[2]), found[1]) if found else None


def _from_path() -> Pbx:
    if not has("asterisk"):
        raise SetupError("no asterisk on PATH")
    output = subprocess.run(["asterisk", "-V"], capture_output=True, text=True, check=False).stdout
    version = asterisk_version(output)
    if version is None or version[0] < OLDEST:
        raise SetupError(
            f"the asterisk on PATH is {output.strip() or 'of no known version'}: {OLDEST} or newer is needed"
        )
    return Pbx("path", "asterisk", version[1])


def _docker_runs() -> bool:
    try:
        return (
            subprocess.run(
                ["docker", "info"], capture_output=True, timeout=10, check=False
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def image_tag() -> str:
    """The image's tag: a fingerprint of every file that it is built from."""
    digest = hashlib.sha256()
    for file in sorted(p for p in IMAGE_DIR.rglob("*") if p.is_file()):
        digest.update(str(file.relative_to(IMAGE_DIR)).encode() + b"\0" + file.read_bytes() + b"\0")
    return f"dialer-engine/asterisk:{digest.hexdigest()[:12]}"


def _from_docker() -> Pbx:
    if not _docker_runs():
        raise SetupError("no Docker engine that this user may use (docker info fails)")
    if not (IMAGE_DIR / "Dockerfile").exists():
        raise SetupError(f"there is no {IMAGE_DIR.relative_to(TREE)}/Dockerfile")
    tag = image_tag()
    if not _has_image(tag):
        _build_image(tag)
    command = ["docker", "run", "--rm", "--entrypoint", "/usr/sbin/asterisk", tag, "-V"]
    version = asterisk_version(
        subprocess.run(command, capture_output=True, text=True, check=False).stdout
    )
    if version is None:
        raise SetupError(f"the asterisk in the image {tag} does not start")
    return Pbx("docker", tag, version[1])


def _has_image(tag: str) -> bool:
    command = ["docker", "image", "inspect", tag]
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _build_image(tag: str) -> None:
    plain = {"BUILDKIT_PROGRESS": "plain"}
    with Progress(f"Docker image {tag}", EXPECTED_BUILD_LINES) as bar:
        run(
            ["docker", "build", "-t", tag, "-t", LAB_IMAGE, str(IMAGE_DIR)],
            "docker-build",
            lambda line: bar.step(1, line[:50]),
            env=plain,
        )


def _from_root() -> Pbx:
    version = debian_root.ready_version()
    if version is None and not is_root():
        raise SetupError("only root can build a Debian root")
    if not is_root():
        raise SetupError("a Debian root is there, but only root can start an Asterisk in it")
    return Pbx("root", str(debian_root.root_dir()), version or debian_root.ensure_root())
