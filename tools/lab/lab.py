"""The laboratory as an object: start, stop, kill and restart its two Asterisks."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tools.lab.ami import Ami
from tools.lab.backend import Backend, Child, find_backend
from tools.lab.errors import AmiError, LabError
from tools.lab.mix import load_mix
from tools.lab.ports import PBX_ADDRESS, WORLD_ADDRESS, choose_ports
from tools.lab.render import SOURCE, Site, phone_numbers, render
from tools.lab.speech import make_speech

BOOT_S = 30.0  # a loaded 2-core machine boots both in about 2 s
STOP_S = 5.0  # then SIGKILL: a laboratory has nothing to lose
POLL_S = 0.05
LOG_LINES = 15
LOGIN_EXTENSION = 77
SAMPLE_RATE = 8000  # of recordings: signed 16 bit little-endian, interleaved debtor, agent
DEFAULT_MIX = SOURCE / "world" / "mix.yaml"


def media_first() -> list[str]:
    """Asterisk's own real-time priority, where it may be had: sound that is late is lost, so on a busy
    machine the switches go before what steers them."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except OSError:
        return []
    return ["-p"]


class Lab:
    """A PBX and its world. Use as a context manager, or start() and stop().

    agents: speaking phones, agent-1001 up. extra_phones: others by number (2xxx tones, 3xxx that misbehave).
    mix: mix file; overrides: its top-level keys replaced (seed, time_scale, weights …).
    run_dir: kept after stop when given, else a temporary folder that is left for inspection only if start fails.
    ports: fixed ports by name (tools.lab.ports.Ports).
    """

    ami_host = PBX_ADDRESS
    ami_user = "dialer"
    world_ami_host = WORLD_ADDRESS
    world_ami_user = "lab"
    trunks = ("carrier-a", "carrier-b")

    def __init__(
        self,
        run_dir: Path | None = None,
        *,
        agents: int = 12,
        extra_phones: Iterable[int] = (),
        mix: Path = DEFAULT_MIX,
        overrides: Mapping[str, Any] | None = None,
        backend: Backend | None = None,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        """Choose backend, ports and secrets; nothing is written or started yet."""
        self.backend = backend or find_backend()
        self.mix = load_mix(mix, overrides)
        chosen_ports = choose_ports(**(ports or {}))
        self._own_dir = run_dir is None
        self.site = Site(
            run_dir=(run_dir or Path(tempfile.mkdtemp(prefix="lab-"))).resolve(),
            ports=chosen_ports,
            phones=phone_numbers(agents, extra_phones),
            pbx_secret=secrets.token_hex(16),
            world_secret=secrets.token_hex(16),
            sip_secret=secrets.token_hex(16),
        )
        self._children: dict[str, Child] = {}

    # ------------------------------------------------------------ how to reach it
    @property
    def run_dir(self) -> Path:
        """Folder of this run."""
        return self.site.run_dir

    @property
    def recordings_dir(self) -> Path:
        """Recordings of attempts, the same path for the daemon and the PBX."""
        return self.site.recordings

    @property
    def ami_port(self) -> int:
        """AMI of the PBX."""
        return self.site.ports.pbx_ami

    @property
    def ami_secret(self) -> str:
        """Secret of the PBX's user `dialer`."""
        return self.site.pbx_secret

    @property
    def world_ami_port(self) -> int:
        """AMI of the world."""
        return self.site.ports.world_ami

    @property
    def world_ami_secret(self) -> str:
        """Secret of the world's user `lab`."""
        return self.site.world_secret

    @property
    def phones(self) -> tuple[str, ...]:
        """Dial strings of agents' phones as the PBX calls them."""
        return tuple(f"PJSIP/agent-{number}" for number in self.site.phones)

    @property
    def agent_numbers(self) -> tuple[int, ...]:
        """Numbers of all phones."""
        return self.site.phones

    def pid(self, node: str = "pbx") -> int:
        """Process id of `pbx` or `world`."""
        return self._children[node].pid

    def ami(self) -> Ami:
        """A new link to the PBX as the dialler's user."""
        return Ami(self.ami_host, self.ami_port, self.ami_user, self.ami_secret)

    def world_ami(self) -> Ami:
        """A new link to the world."""
        return Ami(
            self.world_ami_host, self.world_ami_port, self.world_ami_user, self.world_ami_secret
        )

    # ------------------------------------------------------------ life
    def start(self) -> Lab:
        """Render, start the world, then the PBX; returns when both have booted. Raises LabError."""
        try:
            render(self.site, self.mix)
            make_speech(self.backend.sounds(self.run_dir / "sounds"), self.site.speech)
            self._launch("world")
            self._launch("pbx")
            self._await_boot("world")
            self._await_boot("pbx")
        except BaseException:
            self._stop_children()
            raise
        return self

    def stop(self) -> None:
        """Stop both; remove the run directory if it was a temporary one."""
        self._stop_children()
        if self._own_dir:
            shutil.rmtree(self.run_dir, ignore_errors=True)

    def __enter__(self) -> Lab:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def alive(self, node: str = "pbx") -> bool:
        """Whether that Asterisk runs."""
        child = self._children.get(node)
        return child is not None and child.poll() is None

    def kill_pbx(self) -> None:
        """End the PBX as a power cut would: no BYE, no flush."""
        child = self._children.pop("pbx")
        child.kill()
        child.wait(STOP_S)

    def start_pbx(self) -> None:
        """Start the PBX again after kill_pbx; returns when it has booted."""
        self._launch("pbx")
        self._await_boot("pbx")

    def restart_pbx(self) -> None:
        """Stop the PBX in order (calls are hung up), and start it again on the same ports and secrets."""
        self._stop_child("pbx")
        self.start_pbx()

    # ------------------------------------------------------------ the world's levers
    def congest(self, trunk: str, on: bool = True) -> None:
        """Make a carrier answer every call with 503, or stop that. `trunk` as in `trunks`."""
        name = f"CONGESTED_{trunk[-1].upper()}"
        with self.world_ami() as ami:
            ami.ask("Setvar", Variable=name, Value=int(on))

    def forget_tries(self) -> None:
        """Let the world count calls to each number from the first again."""
        # Refused when there is nothing to forget.
        with self.world_ami() as ami, contextlib.suppress(AmiError):
            ami.ask("DBDelTree", Family="try")

    def agent_dials_in(self, number: int, pin: str, phone: int | None = None) -> None:
        """A person at a phone dials the login extension and types number and PIN."""
        with self.world_ami() as ami:
            ami.ask(
                "Originate",
                {"LOGIN_NUMBER": str(number), "LOGIN_PIN": pin},
                Channel=f"PJSIP/{LOGIN_EXTENSION}@phone-{phone or number}",
                Context="phone-logs-in",
                Exten="s",
                Priority=1,
                Async="true",
            )

    def command(self, node: str, line: str) -> str:
        """What `asterisk -rx` prints for a CLI command."""
        config = str(self.site.etc(node) / "asterisk.conf")
        ran = self.backend.run(["asterisk", "-C", config, "-rx", line], self.run_dir)
        return ran.stdout + ran.stderr

    # ------------------------------------------------------------ inside
    def _launch(self, node: str) -> None:
        config = str(self.site.etc(node) / "asterisk.conf")
        argv = ["asterisk", "-f", *media_first(), "-C", config]
        with (self.run_dir / node / "console.log").open("ab") as log:
            self._children[node] = self.backend.start(argv, self.run_dir, log)

    def _await_boot(self, node: str) -> None:
        deadline = time.monotonic() + BOOT_S
        while time.monotonic() < deadline:
            if not self.alive(node):
                raise LabError(f"the {node} Asterisk ended while starting.\n{self.last_log(node)}")
            try:
                with self.ami() if node == "pbx" else self.world_ami() as ami:
                    ami.wait("FullyBooted", timeout=BOOT_S)
                return
            except (OSError, AmiError):
                time.sleep(POLL_S)
        raise LabError(
            f"the {node} Asterisk did not boot in {BOOT_S:.0f} s.\n{self.last_log(node)}"
        )

    def last_log(self, node: str) -> str:
        """The last lines of its console and log, for an error message."""
        home = self.run_dir / node
        parts = [f"Logs are in {home}."]
        for path in (home / "console.log", home / "log" / "messages"):
            if path.is_file():
                lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
                parts += [f"--- {path.name}", *lines[-LOG_LINES:]]
        return "\n".join(parts)

    def _stop_children(self) -> None:
        for node in list(self._children):
            self._stop_child(node)

    def _stop_child(self, node: str) -> None:
        child = self._children.pop(node)
        if child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(STOP_S)
