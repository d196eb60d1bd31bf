"""sd_notify against a real datagram socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialer_engine.app.notify import Notifier


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(5)
        yield receiver


def told(receiver: socket.socket) -> dict[str, str]:
    lines = receiver.recv(4096).decode().split("\n")
    return dict(line.split("=", 1) for line in lines)


def test_the_life_of_a_service(systemd: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": systemd.getsockname()})
    assert notifier.ready("2 nodes up")
    assert told(systemd) == {"READY": "1", "STATUS": "2 nodes up"}
    assert notifier.alive()
    assert told(systemd) == {"WATCHDOG": "1"}
    assert notifier.status("400 calls")
    assert told(systemd) == {"STATUS": "400 calls"}
    assert notifier.reloading()
    reload = told(systemd)
    assert reload["RELOADING"] == "1"
    assert reload["MONOTONIC_USEC"].isdigit()
    assert notifier.extend(2.5)
    assert told(systemd) == {"EXTEND_TIMEOUT_USEC": "2500000"}
    assert notifier.stopping()
    assert told(systemd) == {"STOPPING": "1"}


def test_a_status_cannot_smuggle_another_message(systemd: socket.socket) -> None:
    Notifier({"NOTIFY_SOCKET": systemd.getsockname()}).status("fine\nREADY=1")
    assert told(systemd) == {"STATUS": "fine READY=1"}


def test_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0dialer-test-{os.getpid()}")
        receiver.settimeout(5)
        assert Notifier({"NOTIFY_SOCKET": f"@dialer-test-{os.getpid()}"}).ready()
        assert told(receiver) == {"READY": "1"}


def test_without_systemd_nothing_happens_and_nothing_fails(tmp_path: Path) -> None:
    assert not Notifier({}).ready()
    assert not Notifier({"NOTIFY_SOCKET": "vsock:2:1234"}).ready()
    assert not Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()


def test_the_watchdog_is_fed_at_half_of_its_limit() -> None:
    assert Notifier({"WATCHDOG_USEC": "20000000"}).watchdog_s == 10.0
    assert (
        Notifier({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 10.0
    )
    assert Notifier({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}).watchdog_s is None
    assert Notifier({}).watchdog_s is None
