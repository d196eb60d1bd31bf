"""The API in memory, without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from dialer_engine.web.app import build_app
from tests.web.fake_api import FakeEngineApi


@pytest.fixture
def fake() -> FakeEngineApi:
    return FakeEngineApi()


@pytest.fixture
async def web(fake: FakeEngineApi) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application. An exception that comes through fails the test."""
    app = build_app(fake, metrics=lambda: b"# HELP up\nup 1\n")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://daemon") as client:
        yield client
