"""The real daemon, without a PBX, steered by the real command line: the two keep one contract."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.cli.conftest import Ran, Run
from tests.cli.terminal import Program
from tests.web.fake_api import FakeEngineApi


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="de-") as name:
        yield Path(name)


@pytest.fixture
def here(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The daemon runs while the test does."""
    monkeypatch.delenv("DIALER_SOCKET")
    config = folder / "dialer.yaml"
    config.write_text(
        f"daemon: {{state_dir: {folder}, socket: {folder}/api.sock}}\n"
        f"store: {{url: 'sqlite:///{folder}/dialer.db'}}\n"
    )
    assert run("-c", str(config), "db", "upgrade").code == 0
    command = [sys.executable, "-m", "dialer_engine", "-c", str(config), "run"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            _wait(run, config, process, folder / "log")
            yield lambda *arguments: run("-c", str(config), *arguments)
        finally:
            process.kill()


def _wait(run: Run, config: Path, process: subprocess.Popen[bytes], log: Path) -> Ran:
    for _ in range(300):
        ran = run("-c", str(config), "status")
        if ran.code == 0:
            return ran
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(f"the daemon does not answer: {ran.err}")


def lacking(fake: Any, real: Any, where: str = "") -> list[str]:
    """Keys of the fake's answer that the real one does not have."""
    if isinstance(fake, dict) and isinstance(real, dict) and real:
        return [
            problem
            for key, value in fake.items()
            for problem in (
                lacking(value, real[key], f"{where}.{key}") if key in real else [f"{where}.{key}"]
            )
        ]
    if isinstance(fake, list) and fake and isinstance(real, list) and real:
        return lacking(fake[0], real[0], f"{where}[]")
    return []


# Names of states and counters differ with what happens; `since` of a node is there once it connects.
FREE = (".calls.", ".agents.line.", ".agents.presence.", ".counters.", ".outcomes.")


async def test_the_fake_tells_what_the_daemon_tells(here: Run) -> None:
    here("campaign", "create", "spring")
    here("agents", "add", "1001", "--skill", "en")
    fake = FakeEngineApi()
    pairs = [
        (await fake.status(), here("status", "--json").json),
        (await fake.campaigns(), here("campaign", "list", "--json").json),
        (await fake.agents(), here("agents", "list", "--json").json),
        (await fake.report(None, None, None), here("report", "--json").json),
        (await fake.doctor(), here("doctor", "--json").json),
    ]
    missing = [key for one, other in pairs for key in lacking(one, other)]
    assert [key for key in missing if not key.startswith(FREE)] == []


def test_a_day_of_work(here: Run, folder: Path) -> None:
    assert here("campaign", "create", "spring", "--mode", "ratio", "--ratio", "1.2").code == 0
    assert here("campaign", "create", "spring").code == 5
    assert here("campaign", "set", "spring", "ratio=99").code == 1
    (folder / "cases.csv").write_text("reference,mobile\nR1,+447700900001\nR2,+447700900002\n")
    assert here("import", str(folder / "cases.csv"), "--campaign", "spring").code == 0
    told = here("campaign", "start", "spring", "--json").json
    assert (told["state"], told["backlog"]["due"]) == ("started", 2)
    assert here("agents", "add", "1001", "--pin", "4711").code == 0
    assert here("agents", "login", "nobody").code == 4
    assert here("agents", "list", "--json").json[0]["presence"] == "logged_out"
    assert here("campaign", "pause", "spring", "--json").json["state"] == "paused"
    assert here("calls", "list", "--json").json == []
    assert here("calls", "history", "--json").json == []
    assert here("calls", "show", "a-01JD7E00000000000000000001").code == 4
    assert here("report").code == 0
    assert here("reload", "--json").json == {"changed": [], "needs_restart": []}
    assert here("run").code == 5
    assert here("stop").lines == ["the daemon has stopped"]
    assert here("status").code == 6
    assert "4711" not in (folder / "log").read_text()


def test_top_follows_it(here: Run, folder: Path) -> None:
    here("campaign", "create", "spring")
    config = str(folder / "dialer.yaml")
    program = Program([sys.executable, "-m", "dialer_engine", "-c", config, "top"])
    try:
        program.until(lambda s: "▶ spring" in s.text and "stopped" in s.text)
        program.press("p")
        program.until(lambda s: "started" in s.text and "campaign spring" in s.text)
        program.press("q")
        assert program.wait() == 0
        assert program.is_restored
    finally:
        program.close()
