"""The renderer: a complete configuration of its own for each run, secrets closed, nothing outside the run."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tools.lab.errors import LabError
from tools.lab.lab import DEFAULT_MIX
from tools.lab.mix import load_mix
from tools.lab.ports import WORLD_ADDRESS, Ports, choose_ports
from tools.lab.render import NODES, SOURCE, Site, pbx_pjsip, phone_numbers, render

PORTS = Ports(5038, 5060, 5039, 5061, 5062, 5063, (10000, 20999), (21000, 31999))


def a_site(run_dir: Path) -> Site:
    return Site(
        run_dir, PORTS, phone_numbers(2, [2001]), "pbx-secret", "world-secret", "sip-secret"
    )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = a_site(tmp_path)
    render(made, load_mix(DEFAULT_MIX))
    return made


def test_shared_files_are_copied_as_shipped(site: Site) -> None:
    for node in NODES:
        for shipped in (SOURCE / node).glob("*.conf"):
            if shipped.name != "asterisk.conf":
                assert (site.etc(node) / shipped.name).read_bytes() == shipped.read_bytes()


def test_every_include_exists(site: Site) -> None:
    for node in NODES:
        etc = site.etc(node)
        for path in etc.glob("*.conf"):
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.startswith("#include"):
                    assert (etc / line.split()[1]).is_file(), f"{path.name}: {line}"


def test_every_folder_is_the_runs_own(site: Site) -> None:
    for node in NODES:
        text = (site.etc(node) / "site.d" / "directories.conf").read_text(encoding="utf-8")
        folders = [Path(line.split("=> ")[1]) for line in text.splitlines() if "=>" in line]
        assert len(folders) == 6
        assert all(folder.is_dir() and site.run_dir in folder.parents for folder in folders)


def test_secrets_are_in_closed_files_only(site: Site) -> None:
    for path in site.run_dir.rglob("*.conf"):
        if "secret" in path.read_text(encoding="utf-8").replace("manager-secret", ""):
            holds = any(s in path.read_text(encoding="utf-8") for s in ("pbx-secret", "sip-secret"))
            assert not holds or path.stat().st_mode & 0o077 == 0, path


def test_each_phone_has_endpoint_auth_and_address(site: Site) -> None:
    text = pbx_pjsip(site)
    for number in site.phones:
        for template in ("agent", "agent-auth", "agent-aor"):
            assert f"[agent-{number}]({template})" in text


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="too long"):
        render(a_site(tmp_path / ("x" * 100)), load_mix(DEFAULT_MIX))


def test_ports_are_free_and_different() -> None:
    ports = choose_ports()
    numbers = [ports.pbx_ami, ports.pbx_sip, ports.world_ami]
    numbers += [ports.carrier_a, ports.carrier_b, ports.phones]
    assert all(1024 < number < 65536 for number in numbers)
    assert len({ports.carrier_a, ports.carrier_b, ports.phones}) == 3
    assert ports.pbx_rtp[1] < ports.world_rtp[0]


def test_a_taken_port_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind((WORLD_ADDRESS, 0))
        port = holder.getsockname()[1]
        with pytest.raises(LabError, match=f"{port} \\(carrier_a\\).*taken"):
            choose_ports(carrier_a=port)


def test_an_unknown_port_name_is_refused() -> None:
    with pytest.raises(LabError, match="no such port: sip"):
        choose_ports(sip=5060)


def test_the_dialler_user_has_no_right_to_run_commands() -> None:
    text = (SOURCE / "pbx" / "manager.conf").read_text(encoding="utf-8")
    write = next(line for line in text.splitlines() if line.startswith("write = "))
    assert set(write.removeprefix("write = ").split(",")) == {"originate", "call", "reporting"}
