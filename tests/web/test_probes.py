from __future__ import annotations

import httpx
import pytest

from dialer_engine.domain.errors import StoreUnavailable
from dialer_engine.web.app import build_app, build_probe_app
from tests.web.fake_api import FakeEngineApi


async def test_healthz_asks_nobody(web: httpx.AsyncClient, fake: FakeEngineApi) -> None:
    fake.failing = StoreUnavailable()
    assert (await web.get("/healthz")).text == "ok\n"
    assert fake.asked == []


async def test_ready(web: httpx.AsyncClient) -> None:
    answer = await web.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("state", "draining", "the daemon is draining"),
        ("store_ok", False, "the store does not take writes: read-only"),
        ("connected", False, "no PBX node is connected"),
        ("disk", "full", "the recording disk is full"),
    ],
)
async def test_not_ready(
    web: httpx.AsyncClient, fake: FakeEngineApi, name: str, value: object, reason: str
) -> None:
    setattr(fake, name, value)
    answer = await web.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "reasons": [reason]})


async def test_metrics(web: httpx.AsyncClient) -> None:
    answer = await web.get("/metrics")
    assert answer.text == "# HELP up\nup 1\n"
    assert answer.headers["content-type"].startswith("text/plain; version=")


async def test_metrics_that_nobody_gives_are_not_there(fake: FakeEngineApi) -> None:
    transport = httpx.ASGITransport(build_app(fake))
    async with httpx.AsyncClient(transport=transport, base_url="http://daemon") as web:
        assert (await web.get("/metrics")).status_code == 404


async def test_probe_app_has_the_probes_and_nothing_else(fake: FakeEngineApi) -> None:
    transport = httpx.ASGITransport(build_probe_app(fake, metrics=lambda: b"up 1\n"))
    async with httpx.AsyncClient(transport=transport, base_url="http://daemon") as web:
        found = {
            path: (await web.get(path)).status_code
            for path in ("/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/calls")
        }
    assert list(found.values()) == [200, 200, 200, 404, 404]
