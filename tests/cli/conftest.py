"""A daemon without an engine, on a real socket, in a thread; and a way to run command lines."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import structlog

from dialer_engine.cli.main import invoke
from dialer_engine.web.app import build_app
from dialer_engine.web.server import serving
from tests.web.fake_api import FakeEngineApi


class Daemon:
    """The fake behind the real server. `stop` as a daemon stops; `call` runs something in its
    loop.
    """

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.fake = FakeEngineApi()
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._app = build_app(self.fake)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._up.wait(10)

    @property
    def is_up(self) -> bool:
        return self._thread.is_alive() and not self._stop.is_set()

    def fresh(self) -> None:
        """Another call centre behind the same socket."""
        self.fake = self._app.state.api = FakeEngineApi()
        self.fake.on_shutdown = self._stop.set

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with serving(self._app, self.socket):
            self._up.set()
            await self._stop.wait()

    def call(self, function: Callable[[], Any]) -> None:
        self._loop.call_soon_threadsafe(function)

    def later(self, seconds: float, function: Callable[[], Any]) -> None:
        self.call(lambda: self._loop.call_later(seconds, function))

    def stop(self) -> None:
        if self._thread.is_alive():
            self.call(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def _folder() -> Iterator[Path]:
    """Short: a socket path has 107 bytes."""
    with TemporaryDirectory(prefix="de-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def _daemons(_folder: Path) -> Iterator[list[Daemon]]:
    """One server for all tests, and another one after a test that stopped it."""
    started: list[Daemon] = []
    yield started
    for each in started:
        each.stop()


@pytest.fixture
def daemon(_daemons: list[Daemon], _folder: Path) -> Daemon:
    if not _daemons or not _daemons[-1].is_up:
        _daemons.append(Daemon(_folder / f"{len(_daemons)}.sock"))
    _daemons[-1].fresh()
    return _daemons[-1]


@pytest.fixture
def socket(request: pytest.FixtureRequest, _folder: Path) -> Path:
    """Of the daemon, if the test has one; else a path where nobody is."""
    if {"daemon", "fake"} & set(request.fixturenames):
        found: Daemon = request.getfixturevalue("daemon")
        return found.socket
    return _folder / "nobody.sock"


@pytest.fixture
def fake(daemon: Daemon) -> FakeEngineApi:
    return daemon.fake


@pytest.fixture
def run(
    socket: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """run("agents", "list") -> code, out, err."""
    for name in ("LC_ALL", "LC_MESSAGES", "DIALER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("DIALER_SOCKET", str(socket))

    def command(*arguments: str) -> Ran:
        capsys.readouterr()
        code = invoke(arguments)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    logging_before = structlog.get_config(), list(logging.root.handlers), logging.root.level
    yield command
    # Some commands send the log to this test's own stderr.
    structlog.configure(**logging_before[0])
    logging.root.handlers, logging.root.level = logging_before[1], logging_before[2]
