"""The laboratory's own life: side by side, killed, restarted, failing with words."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import IO

import pytest

from tests.pbx_calls import Calls
from tools.lab.backend import ROOT_ENV, Child, HostBackend, find_backend
from tools.lab.errors import BackendMissing, LabError
from tools.lab.lab import Lab
from tools.lab.mix import number_for


def test_a_wrong_root_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ROOT_ENV, str(tmp_path))
    with pytest.raises(BackendMissing, match="has no /usr/sbin/asterisk"):
        find_backend()


@pytest.mark.pbx
def test_two_side_by_side(lab: Lab) -> None:
    with Lab(agents=1, backend=lab.backend) as other:
        assert other.ami_port != lab.ami_port
        assert lab.alive()
        run_dir = other.run_dir
    assert not run_dir.exists()
    assert lab.alive()


@pytest.mark.pbx
def test_killed_and_started_again(lab: Lab) -> None:
    """What ended more than a second before the crash can still be asked, and living legs are gone."""
    with Lab(agents=1, backend=lab.backend, overrides={"time_scale": 10}) as own:
        with own.ami() as ami:
            calls = Calls(own, ami, "killed")
            calls.dial("a-00000001", number_for("busy"))
            calls.outcome("a-00000001")
            calls.answered("a-00000002", number_for("long_talk"))
            time.sleep(1.5)
        own.kill_pbx()
        assert not own.alive()
        own.start_pbx()
        with own.ami() as ami:
            calls = Calls(own, ami, "killed")
            assert calls.ended_row("a-00000001")[2] == "17"
            ami.ask("CoreShowChannels")
            shown = ami.wait("CoreShowChannelsComplete")
            assert shown["ListItems"] == "0"


@pytest.mark.pbx
def test_a_taken_port_is_told_before_anything_starts(lab: Lab) -> None:
    with pytest.raises(LabError, match="taken"):
        Lab(backend=lab.backend, ports={"pbx_ami": lab.ami_port})


class DyingBackend(HostBackend):
    """In the place of Asterisk, a program that says why and ends."""

    def start(self, argv: list[str], run_dir: Path, log: IO[bytes]) -> Child:
        """Fail as an Asterisk with a broken configuration does."""
        return subprocess.Popen(["sh", "-c", "echo cannot open modules.conf; exit 1"], stdout=log)

    def sounds(self, scratch: Path) -> Path:
        """None are needed: the voices are there already."""
        return scratch


def test_an_asterisk_that_dies_shows_its_last_lines(tmp_path: Path) -> None:
    (tmp_path / "speech").mkdir()
    (tmp_path / "speech" / ".complete").touch()
    lab = Lab(tmp_path, agents=1, backend=DyingBackend())
    with pytest.raises(LabError, match=r"(?s)world Asterisk ended.*cannot open modules\.conf"):
        lab.start()
    assert not lab.alive("pbx")
