"""How an Asterisk is run: from this host, from a prepared Debian root, or from a container image.

Rules:
- A backend shows the run directory to Asterisk under the same path as the host has it, so that a path in the
  configuration or in an AMI header means the same file on both sides.
- A backend leaves nothing behind: mounts are private to the process and end with it, even after SIGKILL.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from tools.lab.errors import BackendMissing, LabError
from tools.setup.pbx import LAB_IMAGE, OLDEST, locate

ROOT_NAME = "asterisk-root-forky"
SPEAKER = "en_US_f_Allison"  # Debian names the English sounds after her
ROOT_ENV = "DIALER_ASTERISK_ROOT"


class Child(Protocol):
    """A started Asterisk."""

    @property
    def pid(self) -> int:
        """Process id on this host, 0 when it is gone."""

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""

    def terminate(self) -> None:
        """Ask it to stop now (calls are hung up)."""

    def kill(self) -> None:
        """End it as a power cut would."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises subprocess.TimeoutExpired."""


class Backend(Protocol):
    """A way to run Asterisk."""

    @property
    def label(self) -> str:
        """Its name in messages: host, chroot or docker."""

    def start(self, argv: list[str], run_dir: Path, log: IO[bytes]) -> Child:
        """Start `argv` (an asterisk command line in the foreground), its output into `log`."""

    def run(self, argv: list[str], run_dir: Path) -> subprocess.CompletedProcess[str]:
        """Run a short command beside it, such as `asterisk -rx`."""

    def sounds(self, scratch: Path) -> Path:
        """A folder on this host with the English sound files (wav); may copy them into `scratch`."""


def _first_sounds(share: Path) -> Path:
    """The sounds folder under an Asterisk data folder; Debian names it after the speaker."""
    for name in (SPEAKER, "en"):
        folder = share / "sounds" / name
        if (folder / "demo-congrats.wav").is_file():
            return folder
    raise LabError(
        f"no English sound files (wav) under {share}/sounds: install asterisk-core-sounds-en-wav there"
    )


@dataclass(frozen=True)
class HostBackend:
    """The Asterisk on PATH. Run as whoever calls; the run directory is theirs."""

    binary: str = "asterisk"
    share: Path = Path("/usr/share/asterisk")
    label: str = "host"

    def start(self, argv: list[str], run_dir: Path, log: IO[bytes]) -> Child:
        """Start it; see Backend."""
        return subprocess.Popen(
            [self.binary, *argv[1:]],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )

    def run(self, argv: list[str], run_dir: Path) -> subprocess.CompletedProcess[str]:
        """Run a short command; see Backend."""
        return _run([self.binary, *argv[1:]])

    def sounds(self, scratch: Path) -> Path:
        """The host's own sounds."""
        for share in (self.share, Path("/var/lib/asterisk")):
            if (share / "sounds").is_dir():
                return _first_sounds(share)
        raise LabError(f"no sounds folder under {self.share}")


@dataclass(frozen=True)
class ChrootBackend:
    """An Asterisk in a Debian root made by debootstrap. Needs root rights (mount and chroot)."""

    root: Path
    label: str = "chroot"

    def start(self, argv: list[str], run_dir: Path, log: IO[bytes]) -> Child:
        """Start it in mounts of its own; the process is Asterisk itself, so killing it leaves nothing."""
        return subprocess.Popen(
            self._wrap(argv, run_dir),
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )

    def run(self, argv: list[str], run_dir: Path) -> subprocess.CompletedProcess[str]:
        """Run a short command; see Backend."""
        return _run(self._wrap(argv, run_dir))

    def sounds(self, scratch: Path) -> Path:
        """The root's own sounds."""
        return _first_sounds(self.root / "usr/share/asterisk")

    def _wrap(self, argv: list[str], run_dir: Path) -> list[str]:
        script = (
            'set -e; root=$1; run=$2; shift 2; mount --rbind /dev "$root/dev"; '
            'mount -t proc proc "$root/proc"; mount -t tmpfs tmpfs "$root/tmp"; '
            'mkdir -p "$root$run"; mount --bind "$run" "$root$run"; exec chroot "$root" "$@"'
        )
        command = ["sh", "-c", script, "lab", str(self.root), str(run_dir), *argv]
        return ["unshare", "--mount", "--propagation", "private", "--", *command]


@dataclass
class ContainerChild:
    """A container in the foreground of a `docker run` client; signals go to the container."""

    client: subprocess.Popen[bytes]
    name: str

    @property
    def pid(self) -> int:
        """Process id of Asterisk on the host, 0 when it is gone."""
        shown = _run(["docker", "inspect", "-f", "{{.State.Pid}}", self.name])
        return int(shown.stdout.strip() or 0) if shown.returncode == 0 else 0

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""
        return self.client.poll()

    def terminate(self) -> None:
        """SIGTERM inside."""
        _run(["docker", "kill", "-s", "TERM", self.name])

    def kill(self) -> None:
        """SIGKILL inside."""
        _run(["docker", "kill", self.name])

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the client, which ends with the container."""
        return self.client.wait(timeout)


@dataclass(frozen=True)
class DockerBackend:
    """An Asterisk image on a local Docker engine, in the host's network."""

    image: str = LAB_IMAGE
    label: str = "docker"

    def start(self, argv: list[str], run_dir: Path, log: IO[bytes]) -> Child:
        """Start it as the calling user, so that recordings belong to that user."""
        # Without the capability for it, real-time priority ends an Asterisk in a container.
        argv = [word for word in argv if word != "-p"]
        name = f"dialer-lab-{os.getpid()}-{Path(argv[argv.index('-C') + 1]).parents[1].name}"
        _run(["docker", "rm", "-f", name])
        command = ["docker", "run", "--rm", "--name", name, *self._options(run_dir), self.image]
        client = subprocess.Popen(
            [*command, *argv[1:]], stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        return ContainerChild(client, name)

    def run(self, argv: list[str], run_dir: Path) -> subprocess.CompletedProcess[str]:
        """Run a short command; see Backend."""
        return _run(["docker", "run", "--rm", *self._options(run_dir), self.image, *argv[1:]])

    def sounds(self, scratch: Path) -> Path:
        """Copy the image's sounds to `scratch`, once."""
        target = scratch / "sounds"
        if not target.is_dir():
            target.mkdir(parents=True)
            container = _run(["docker", "create", self.image]).stdout.strip()
            voice = f"{container}:/usr/share/asterisk/sounds/{SPEAKER}"
            copied = _run(["docker", "cp", "-q", voice, str(target)])
            _run(["docker", "rm", container])
            if copied.returncode:
                raise LabError(f"cannot copy sounds from {self.image}: {copied.stderr.strip()}")
        return _first_sounds(scratch)

    @staticmethod
    def _options(run_dir: Path) -> list[str]:
        user = f"{os.getuid()}:{os.getgid()}"
        mount = f"{run_dir}:{run_dir}"
        return ["--network", "host", "--user", user, "--entrypoint", "asterisk", "-v", mount]


def default_root() -> Path:
    """Where `make` prepares the Debian root; a file `.ready` in it marks it complete."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "dialer-engine" / ROOT_NAME


def find_backend() -> Backend:
    """The first that is usable: DIALER_ASTERISK_ROOT, what set-up chose, PATH, Docker, the prepared root.

    Raises BackendMissing with every place looked at.
    """
    chosen = os.environ.get(ROOT_ENV)
    if chosen:
        return ChrootBackend(_usable_root(Path(chosen)))
    kept = locate()
    if kept:
        return _named(kept.kind, kept.where)
    if _host_version() >= OLDEST:
        return HostBackend()
    if _has_image(LAB_IMAGE):
        return DockerBackend()
    if (default_root() / ".ready").is_file():
        return ChrootBackend(_usable_root(default_root()))
    raise BackendMissing(
        f"no Asterisk found: none of version {OLDEST} or newer on PATH, no Docker image"
        f" {LAB_IMAGE}, no prepared root {default_root()}. `make demo` and `make test` prepare one."
    )


def _named(kind: str, where: str) -> Backend:
    """The backend that tools/setup has written down."""
    if kind == "docker":
        return DockerBackend(where)
    if kind == "root":
        return ChrootBackend(_usable_root(Path(where)))
    return HostBackend(where)


def _usable_root(root: Path) -> Path:
    if not (root / "usr/sbin/asterisk").is_file():
        raise BackendMissing(f"{root} has no /usr/sbin/asterisk: correct it, or prepare it again")
    if os.geteuid() != 0:
        raise BackendMissing(
            f"{root} can be used by root only (mount, chroot): run as root, or use Docker"
        )
    return root


def _host_version() -> int:
    binary = shutil.which("asterisk")
    found = re.search(r"Asterisk (\d+)\.", _run([binary, "-V"]).stdout) if binary else None
    return int(found.group(1)) if found else 0


def _has_image(image: str) -> bool:
    if not shutil.which("docker"):
        return False
    return _run(["docker", "image", "inspect", image]).returncode == 0


def _run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
