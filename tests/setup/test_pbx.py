"""The choice of an Asterisk: by real commands on a made-up PATH."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tools.setup import debian_root, pbx
from tools.setup.say import SetupError


class Machine:
    """A machine with nothing on PATH but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.folder = folder

    def command(self, name: str, script: str) -> None:
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        file.chmod(0o755)

    def asked(self, name: str) -> list[str]:
        log = self.folder / name
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    it = Machine(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(it.bin))
    for name in ("DIALER_SETUP_PBX", "DIALER_ASTERISK_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pbx, "CHOICE", tmp_path / "build/pbx.json")
    monkeypatch.setattr(pbx, "IMAGE_DIR", tmp_path / "image")
    monkeypatch.setattr(pbx, "TREE", tmp_path)
    monkeypatch.setattr(pbx, "is_root", lambda: True)
    monkeypatch.setattr(debian_root, "is_root", lambda: True)
    (tmp_path / "image").mkdir()
    (tmp_path / "image/Dockerfile").write_text("FROM x\n", encoding="utf-8")
    return it


def prepared_root(version: str = "22.10.1") -> Path:
    root = debian_root.root_dir()
    root.mkdir(parents=True)
    stamp = {"recipe": debian_root.recipe(), "asterisk": version}
    (root / ".ready").write_text(json.dumps(stamp), encoding="utf-8")
    return root


DOCKER = """
echo "$@" >> {log}
case "$1 $2" in
"info "*) exit 0;;
"image inspect") test -e {built};;
"build "*) touch {built};;
"run "*) echo "Asterisk 22.5.0";;
esac
"""


def with_docker(machine: Machine, script: str = DOCKER) -> None:
    text = script.replace("{log}", f"{machine.folder}/docker").replace(
        "{built}", f"{machine.folder}/built"
    )
    # The stub needs touch, which the empty PATH lacks.
    machine.command("docker", f"PATH=/usr/bin:/bin\n{text}")


def test_a_new_asterisk_on_path_is_taken_first(machine: Machine) -> None:
    machine.command("asterisk", "echo Asterisk 20.9.3~dfsg")
    with_docker(machine)
    assert pbx.ensure_pbx() == pbx.Pbx("path", "asterisk", "20.9.3~dfsg")
    assert machine.asked("docker") == []
    assert pbx.locate() == pbx.Pbx("path", "asterisk", "20.9.3~dfsg")


def test_an_old_one_is_not(machine: Machine) -> None:
    machine.command("asterisk", "echo Asterisk 18.10.0")
    prepared_root()
    assert pbx.ensure_pbx().kind == "root"


def test_docker_is_next_and_its_image_is_built_once(machine: Machine) -> None:
    with_docker(machine)
    prepared_root()
    chosen = pbx.ensure_pbx()
    assert chosen == pbx.Pbx("docker", pbx.image_tag(), "22.5.0")
    assert pbx.ensure_pbx() == chosen
    builds = [line for line in machine.asked("docker") if line.startswith("build")]
    assert builds == [f"build -t {chosen.where} -t {pbx.LAB_IMAGE} {machine.folder}/image"]


def test_a_changed_dockerfile_makes_another_image(machine: Machine) -> None:
    before = pbx.image_tag()
    (machine.folder / "image/Dockerfile").write_text("FROM y\n", encoding="utf-8")
    assert pbx.image_tag() != before


def test_an_engine_that_cannot_build_gives_way_to_the_root(machine: Machine) -> None:
    with_docker(machine, DOCKER.replace("touch {built}", "echo no such image; exit 1"))
    root = prepared_root()
    assert pbx.ensure_pbx() == pbx.Pbx("root", str(root), "22.10.1")
    builds = [line for line in machine.asked("docker") if line.startswith("build")]
    pbx.ensure_pbx()
    assert len(builds) == 1


def test_a_docker_without_engine_is_no_docker(machine: Machine) -> None:
    machine.command("docker", "exit 1")
    prepared_root()
    assert pbx.ensure_pbx().kind == "root"


def test_one_kind_can_be_insisted_on(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.command("asterisk", "echo Asterisk 22.1.0")
    prepared_root()
    monkeypatch.setenv("DIALER_SETUP_PBX", "root")
    assert pbx.ensure_pbx().kind == "root"
    monkeypatch.setenv("DIALER_SETUP_PBX", "docker")
    with pytest.raises(SetupError, match="- docker: no Docker engine"):
        pbx.ensure_pbx()
    monkeypatch.setenv("DIALER_SETUP_PBX", "podman")
    with pytest.raises(SetupError, match="use one of path, docker, root"):
        pbx.ensure_pbx()


def test_a_root_of_ones_own(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DIALER_ASTERISK_ROOT", str(tmp_path / "mine"))
    with pytest.raises(SetupError, match="has no usr/sbin/asterisk"):
        pbx.ensure_pbx()
    binary = tmp_path / "mine/usr/sbin/asterisk"
    binary.parent.mkdir(parents=True)
    binary.touch()
    machine.command("chroot", "echo Asterisk 21.0.0")
    assert pbx.ensure_pbx() == pbx.Pbx("root", str(tmp_path / "mine"), "21.0.0")


def test_when_nothing_works_every_way_is_explained(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pbx, "is_root", lambda: False)
    with pytest.raises(SetupError) as caught:
        pbx.ensure_pbx()
    text = str(caught.value)
    for part in (
        "path: no asterisk on PATH",
        "docker: no Docker engine",
        "root: only root",
        "One of these is enough",
    ):
        assert part in text


def test_a_choice_that_is_gone_is_not_located(machine: Machine) -> None:
    assert pbx.locate() is None
    root = prepared_root()
    pbx.ensure_pbx()
    assert pbx.locate() is not None
    os.remove(root / ".ready")
    assert pbx.locate() is None


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("Asterisk 22.10.1~dfsg+~cs6.17-1", (22, "22.10.1~dfsg+~cs6.17-1")),
        ("Asterisk certified/20.7-cert3", (20, "20.7-cert3")),
        ("Asterisk GIT-master", None),
        ("", None),
    ],
)
def test_versions_as_asterisk_says_them(said: str, version: tuple[int, str] | None) -> None:
    assert pbx.asterisk_version(said) == version
