"""The machine under us: commands, Debian packages, disk, cache folder, and one lock for all set-ups of this user.

Rules: Debian packages are installed only as root and are named before it happens; a command that fails shows the end of
its output, the file with all of it, and, when the network was the cause, says so.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tools.setup.say import Progress, SetupError, say

TREE = Path(__file__).resolve().parents[2]
SHOWN_LINES = 15
GIB = 1 << 30

_NO_NETWORK = re.compile(
    r"Temporary failure (in name resolution|resolving)|Could not resolve|Name or service not known"
    r"|Network is unreachable|Failed to establish a new connection|Connection (refused|timed out)"
    r"|unable to resolve host|NewConnectionError|Failed getting release file",
    re.IGNORECASE,
)


def cache_dir() -> Path:
    """The folder outside the tree that keeps what was downloaded or built: `$XDG_CACHE_HOME/dialer-engine`."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(base) / "dialer-engine"
    path.mkdir(parents=True, exist_ok=True)
    return path


def is_root() -> bool:
    """Whether Debian packages can be installed and a root folder be entered."""
    return os.geteuid() == 0


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold the lock of all set-ups that share the cache folder; a second one waits and says for whom."""
    with open(cache_dir() / "setup.lock", "a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            say(
                f"another set-up is at work (process {handle.read().strip() or '?'}): waiting for it"
            )
            fcntl.flock(handle, fcntl.LOCK_EX)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def need_disk(where: Path, gib: float, what: str) -> None:
    """Refuse to begin what the disk cannot hold."""
    free = shutil.disk_usage(where).free / GIB
    if free < gib:
        raise SetupError(
            f"{what} needs {gib:.1f} GiB in {where}, and {free:.1f} GiB are free.\n"
            "Free some space, or put the cache elsewhere: XDG_CACHE_HOME=/large/disk make …"
        )


def run(
    command: Sequence[str],
    log_name: str,
    on_line: Callable[[str], None] = lambda line: None,
    env: dict[str, str] | None = None,
) -> None:
    """Run a command, its output into a log file of the cache folder and line by line to `on_line`.

    Raises SetupError with the end of the output when the command fails.
    """
    log = cache_dir() / "logs" / f"{log_name}.log"
    log.parent.mkdir(exist_ok=True)
    tail: list[str] = []
    with (
        open(log, "w", encoding="utf-8", errors="replace") as out,
        subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            cwd=TREE,
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            out.write(line)
            tail = [*tail[-SHOWN_LINES:], line.rstrip()]
            on_line(line.rstrip())
    if process.returncode:
        raise SetupError(_failure(command, process.returncode, tail, log))


def _failure(command: Sequence[str], code: int, tail: list[str], log: Path) -> str:
    text = "\n".join(f"    {line}" for line in tail)
    found = _NO_NETWORK.search(log.read_text(encoding="utf-8", errors="replace"))
    why = (
        "\nThe network, or the package registry behind it, cannot be reached: connect and run the same command again;"
        "\nwhat is already downloaded is kept."
        if found
        else ""
    )
    return (
        f"`{' '.join(command[:6])} …` failed (exit {code}):\n{text}\nAll of its output: {log}{why}"
    )


def has(command: str) -> bool:
    """Whether a command is on PATH."""
    return shutil.which(command) is not None


def install_debian(packages: Sequence[str], why: str) -> None:
    """Install Debian packages as root, saying which and why; else say what to type.

    Raises SetupError where that is not possible.
    """
    names = " ".join(packages)
    if not has("apt-get"):
        raise SetupError(
            f"{why}: install {names} (their Debian names) with your system's packager."
        )
    if not is_root():
        raise SetupError(
            f"{why}, and only root can install it. As root:\n    apt-get install {names}"
        )
    say(f"{why}: installing Debian packages: {names}")
    apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", "-o", "APT::Status-Fd=1"]
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    with Progress(f"installing {names}", 100) as bar:
        # A dead third-party source makes `update` fail while Debian's own works: only `install` decides.
        with contextlib.suppress(SetupError):
            run([*apt, "update"], "apt-update", env=quiet)
        run(
            [*apt, "install", "-y", "--no-install-recommends", *packages],
            "apt-install",
            lambda line: _apt_progress(bar, line),
            env=quiet,
        )


def _apt_progress(bar: Progress, line: str) -> None:
    """`dlstatus:1:12.5:text` while it downloads, `pmstatus:name:50.0:text` while it installs."""
    kind, _, rest = line.partition(":")
    parts = rest.split(":")
    if kind not in ("dlstatus", "pmstatus") or len(parts) < 2:
        return
    with contextlib.suppress(ValueError):
        share = float(parts[1]) / 100
        bar.reach(share / 2 if kind == "dlstatus" else 0.5 + share / 2, parts[0])


def debian_mirror() -> str:
    """The mirror that this machine's apt uses, or '' for debootstrap's own default."""
    if wish := os.environ.get("DIALER_DEBIAN_MIRROR"):
        return wish
    folder = Path("/etc/apt")
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    text = "\n".join(f.read_text(encoding="utf-8", errors="replace") for f in files if f.is_file())
    return find_mirror(text)


def find_mirror(sources: str) -> str:
    """The first archive of Debian proper in apt's sources (either format), without the security archive."""
    lines = re.findall(
        r"^\s*(?:deb\s+(?:\[[^]]*\]\s*)?|URIs:\s*)(https?://\S+)", sources, re.MULTILINE
    )
    own = [u.rstrip("/") for u in lines if re.search(r"/debian/?$", u)]
    return own[0] if own else ""


def remove_tree(path: Path) -> None:
    """Delete a folder that a system was built in, after everything mounted below it is unmounted.

    Raises SetupError rather than delete through a mount (which could be this machine's own /dev).
    """
    for mount in mounts_below(path):
        subprocess.run(["umount", "-l", str(mount)], check=False, capture_output=True)
    if left := mounts_below(path):
        raise SetupError(
            f"{left[0]} is still mounted: unmount it (umount {left[0]}) and try again."
        )
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        raise SetupError(f"{path} cannot be removed: remove it by hand and try again.")


def mounts_below(path: Path) -> list[Path]:
    """Mount points inside a folder, the deepest first."""
    text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    points = [line.split()[4].encode().decode("unicode_escape") for line in text.splitlines()]
    inside = {Path(p) for p in points if Path(p).is_relative_to(path.resolve())}
    return sorted(inside, key=lambda p: len(p.parts), reverse=True)


def today() -> str:
    """The date for stamps, ISO 8601."""
    return time.strftime("%Y-%m-%d")
