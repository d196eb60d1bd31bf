"""A link with short times, and what it told."""

from __future__ import annotations

import asyncio
import random
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from dialer_engine.ami import AmiConfig, AmiMessage, LinkState, LinkStatus
from dialer_engine.ami.link import AmiLink
from tests.ami.misbehaving import SECRET, Misbehaving, Script

# Long enough for a busy machine, short enough to be waited for. Nothing passes or fails by them.
PATIENCE = 20.0

QUICK = AmiConfig(
    host="127.0.0.1",
    username="dialer",
    secret=SECRET,
    node="test",
    connect_timeout=5.0,
    login_timeout=5.0,
    ping_interval=60.0,
    ping_deadline=5.0,
    reconnect_first=0.02,
    reconnect_cap=0.1,
    refused_retry=0.2,
)


@dataclass
class Told:
    """Everything that a link told, in order."""

    events: list[AmiMessage] = field(default_factory=list)
    received: list[float] = field(default_factory=list)
    statuses: list[LinkStatus] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    order: list[str] = field(default_factory=list)

    def on_event(self, message: AmiMessage, received: float) -> None:
        self.events.append(message)
        self.received.append(received)
        self.order.append(message.event)

    def on_state(self, status: LinkStatus) -> None:
        self.statuses.append(status)
        self.order.append(status.state.value)

    def on_desync(self, gap: int) -> None:
        self.gaps.append(gap)
        self.order.append(f"gap {gap}")

    def states(self) -> list[LinkState]:
        return [status.state for status in self.statuses]


async def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so; the test fails by a timeout if it never is."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.002)


@asynccontextmanager
async def linked(
    *scripts: Script,
    up: bool = True,
    config: AmiConfig = QUICK,
    tls: ssl.SSLContext | None = None,
    on_event: Callable[[AmiMessage, float], None] | None = None,
) -> AsyncIterator[tuple[AmiLink, Misbehaving, Told]]:
    """A server with these scripts, and a link to it; up if asked."""
    told = Told()
    async with Misbehaving(*scripts, tls=tls) as server:
        link = AmiLink(
            replace(config, port=server.port),
            on_event=on_event or told.on_event,
            on_state=told.on_state,
            on_desync=told.on_desync,
            rng=random.Random(7),
        )
        link.start()
        try:
            if up:
                await link.wait_up(PATIENCE)
            yield link, server, told
        finally:
            await link.close()
            assert link.pending == 0


@dataclass(frozen=True)
class Certificates:
    """Files of a CA and of a server certificate for localhost and 127.0.0.1; and of another CA."""

    ca: Path
    server: Path
    key: Path
    other_ca: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server, self.key)
        return context


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("tls")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for name in ("ca", "other"):
        _openssl(
            folder, "req", "-x509", *new_key, "-days", "2", "-subj", f"/CN=test {name}",
            "-keyout", f"{name}.key", "-out", f"{name}.pem",
        )  # fmt: skip
    (folder / "ext").write_text("subjectAltName=DNS:pbx.example,IP:127.0.0.1\n")
    _openssl(
        folder, "req", *new_key, "-subj", "/CN=pbx.example", "-keyout", "pbx.key", "-out", "pbx.csr"
    )
    _openssl(
        folder, "x509", "-req", "-in", "pbx.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", "pbx.pem",
    )  # fmt: skip
    return Certificates(
        ca=folder / "ca.pem",
        server=folder / "pbx.pem",
        key=folder / "pbx.key",
        other_ca=folder / "other.pem",
    )
