"""A private redis-server for the tests that need a real one."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.rig.sockets import listens

_START_S = 30.0


class Server:
    """A redis-server of our own on a Unix socket, with nothing on disk."""

    def __init__(self, folder: Path, binary: str) -> None:
        self._binary, self._folder = binary, folder
        self._socket = folder / "redis.sock"
        self.url = f"unix://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ["--port", "0", "--unixsocket", str(self._socket), "--save", ""]
        arguments += ["--appendonly", "no", "--dir", str(self._folder)]
        self._process = subprocess.Popen(
            [self._binary, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _START_S
        while not listens(self._socket):
            if time.monotonic() > deadline:
                raise RuntimeError("redis-server did not open its socket")
            time.sleep(0.01)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None
        self._socket.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Alive, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Server]:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    server = Server(tmp_path, binary)
    server.start()
    yield server
    server.kill()
