"""One site: its folder, its configuration, its daemon as a process, and the API to steer it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from dialer_engine.cli.client import Client
from dialer_engine.domain.errors import DialerError
from tools.lab.lab import Lab
from tools.lab.priority import like
from tools.rig.people import noon_zone
from tools.rig.sockets import listens

_START_S = 30.0
_STOP_S = 30.0
_DRAINING_S = 10.0
_LOOK_S = 0.05
_LOG_LINES = 25
NODE = "pbx-1"
# What any single machine bears, so that a site is not held back by its limits unless a test wants
# that.
_CHANNELS = 600
_CPS = 100.0


class SiteError(Exception):
    """The site did not do what it should; the message holds the last lines of the daemon's log."""


class Site:
    """A daemon beside a laboratory. folder: everything of it. changes: keys of the configuration,
    dotted, replaced.
    """

    def __init__(
        self,
        lab: Lab,
        folder: Path,
        changes: Mapping[str, Any] | None = None,
        *,
        cps: float = _CPS,
        channels: int = _CHANNELS,
        trunks: Sequence[str] = ("carrier-a", "carrier-b"),
        store: str = "",
    ) -> None:
        self.lab = lab
        self.folder = folder.resolve()
        self.config = self.folder / "dialer.yaml"
        self.socket = self.folder / "api.sock"
        self.log = self.folder / "daemon.log"
        self.store = store or f"sqlite:///{self.folder / 'dialer.db'}"
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Client | None = None
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_config(dict(changes or {}), cps, channels, trunks)

    def __enter__(self) -> Site:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(graceful=False)
        if self._client is not None:
            self._client.__exit__(None, None, None)

    # -- configuration

    def _write_config(
        self, changes: dict[str, Any], cps: float, channels: int, trunks: Sequence[str]
    ) -> None:
        lab = self.lab
        tree: dict[str, Any] = {
            "daemon": {"state_dir": str(self.folder / "state"), "socket": str(self.socket), "log_format": "json"},
            "store": {"url": self.store},
            "pbx": {"nodes": [{
                "name": NODE, "host": lab.ami_host, "port": lab.ami_port, "username": lab.ami_user,
                "secret": lab.ami_secret, "recordings_dir": str(lab.recordings_dir),
                "recordings_dir_local": str(lab.recordings_dir),
            }]},
            "trunks": [
                {"name": name, "node": NODE, "dial": f"PJSIP/{{number}}@{name}", "number_format": "plus",
                 "max_channels": channels, "max_cps": cps, "priority": rank}
                for rank, name in enumerate(trunks)
            ],
            "agents": {"dial": "PJSIP/{phone}", "wrap_up_s": 3},
            # The gate counts the zone of a number's prefix too, and it may be night there now.
            "compliance": {
                "default_country": "GB", "default_zone": noon_zone(),
                "window_start": "00:00", "window_end": "23:59",
            },
            "recordings": {"slow_free_mib": 200, "stop_free_mib": 100},
        }  # fmt: skip
        self._tree = tree
        self.configure(changes)

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Change keys of the configuration file; the daemon reads them at its start or at a reload."""
        for key, value in changes.items():
            _set(self._tree, key.split("."), value)
        self.config.write_text(
            yaml.safe_dump(self._tree, sort_keys=False, allow_unicode=True), encoding="utf-8"
        )
        self.config.chmod(0o600)

    # -- commands and the API

    def cli(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `dialer-engine` with this site's configuration."""
        command = [sys.executable, "-m", "dialer_engine", "--config", str(self.config), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise SiteError(
                f"dialer-engine {' '.join(words)}: exit {done.returncode}\n{done.stderr}"
            )
        return done

    @property
    def api(self) -> Client:
        """The daemon's API; one client for the life of the site."""
        if self._client is None:
            self._client = Client(self.socket)
        return self._client

    def report(self, campaign: str | None = None) -> dict[str, Any]:
        """`dialer-engine report --json`."""
        words = ["--json", "report", *(["--campaign", campaign] if campaign else [])]
        found: dict[str, Any] = json.loads(self.cli(*words).stdout)
        return found

    # -- the daemon

    @property
    def pid(self) -> int:
        """The daemon's process."""
        if self._process is None:
            raise SiteError("the daemon does not run")
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the daemon and wait until it answers and has recovered."""
        out = self.log.open("ab")
        command = [sys.executable, "-m", "dialer_engine", "--config", str(self.config), "run"]
        env = {**os.environ, "PYTHONUNBUFFERED": "1"}
        # As the systemd unit recommends beside a real-time Asterisk: else the daemon starves on a busy machine.
        with like(self.lab.pid("pbx")):
            self._process = subprocess.Popen(
                command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=env
            )
        out.close()
        self.wait_ready()

    def wait_ready(self, limit_s: float = _START_S) -> None:
        """Until the daemon answers and its PBX is known."""
        self.wait(
            lambda: all(node["ready"] for node in self.api.get("/status")["nodes"]),
            "ready",
            limit_s,
        )

    def wait(self, condition: Any, what: str, limit_s: float = _START_S) -> None:
        """Until `condition()`; SiteError when it is not so after `limit_s`. Looked at once more when the time
        is over: this process may have been the one that stood still.
        """
        deadline, late = time.monotonic() + limit_s, False
        while not late:
            late = time.monotonic() >= deadline
            if self._process is not None and not self.runs:
                raise SiteError(
                    f"the daemon ended with exit code {self._process.returncode}\n{self.tail()}"
                )
            with contextlib.suppress(DialerError):
                # Looked at first, because httpcore leaves a socket open when nobody takes the call.
                if listens(self.socket) and condition():
                    return
            time.sleep(_LOOK_S)
        raise SiteError(f"not {what} within {limit_s:g} s\n{self.tail()}")

    def stop(self, graceful: bool = True, limit_s: float = _STOP_S) -> int:
        """SIGTERM (a second one when not graceful); returns the exit code."""
        if self._process is None:
            return 0
        if self.runs:
            self._process.send_signal(signal.SIGTERM)
            if not graceful:
                self._until_draining()
                self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            self._process = None
            raise SiteError(
                f"the daemon did not stop within {limit_s:g} s\n{self.tail()}"
            ) from None
        self._process = None
        return code

    def _until_draining(self) -> None:
        """Until the first signal has been taken: two that wait for a busy process become one. One that
        says nothing of it gets its second signal all the same.
        """
        deadline = time.monotonic() + _DRAINING_S
        while self.runs and time.monotonic() < deadline:
            with contextlib.suppress(DialerError):
                if listens(self.socket) and self.api.get("/status")["state"] != "running":
                    return
            time.sleep(_LOOK_S)

    def wait_ended(self, limit_s: float = _STOP_S) -> int:
        """Until the process has ended by itself; its exit code."""
        if self._process is None:
            return 0
        try:
            code = self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise SiteError(f"the daemon did not end within {limit_s:g} s\n{self.tail()}") from None
        self._process = None
        return code

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def tail(self, lines: int = _LOG_LINES) -> str:
        """The end of the daemon's log."""
        if not self.log.exists():
            return ""
        return "\n".join(
            self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        )

    # -- a working day

    def add_agents(self, count: int, first: int = 1001, mode: str = "nailed") -> list[str]:
        """Agents with the laboratory's phones; logged in, their phones are called."""
        ids = [str(first + i) for i in range(count)]
        for one in ids:
            self.api.post("/agents", {"id": one, "phone": f"agent-{one}", "mode": mode})
            self.api.post(f"/agents/{one}/login")
        return ids

    def wait_idle(self, count: int, limit_s: float = _START_S) -> None:
        """Until so many agents' legs are up and free."""
        self.wait(
            lambda: self.api.get("/status")["agents"]["line"].get("idle", 0) >= count,
            f"{count} agents idle",
            limit_s,
        )


def _set(tree: Any, path: list[str], value: Any) -> None:
    """A number in the path is a place in a list."""
    for word in path[:-1]:
        tree = tree[int(word)] if isinstance(tree, list) else tree.setdefault(word, {})
    tree[path[-1]] = value
