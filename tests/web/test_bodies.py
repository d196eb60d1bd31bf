from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from dialer_engine.domain.errors import BadValue
from dialer_engine.web.bodies import BODY_LIMIT, whole_number
from tests.web.fake_api import FakeEngineApi

JSON = {"Content-Type": "application/json"}


async def test_body_over_the_limit_is_refused_while_it_is_read(
    web: httpx.AsyncClient, fake: FakeEngineApi
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1024
            yield b"x" * 1024

    answer = await web.post("/api/v1/campaigns", content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"
    assert sent <= BODY_LIMIT + 2048
    assert fake.asked == []


async def test_body_at_the_limit_is_read(web: httpx.AsyncClient) -> None:
    body = b'{"name": "n"' + b" " * (BODY_LIMIT - 13) + b"}"
    assert len(body) == BODY_LIMIT
    answer = await web.post("/api/v1/campaigns", content=body, headers=JSON)
    assert answer.status_code == 201


async def test_broken_json_says_where(web: httpx.AsyncClient) -> None:
    answer = await web.post("/api/v1/campaigns", content=b'{"name":\n  oops}', headers=JSON)
    assert answer.status_code == 400
    assert "line 2, column" in answer.json()["error"]


async def test_a_form_cannot_command_the_daemon(
    web: httpx.AsyncClient, fake: FakeEngineApi
) -> None:
    """A page in a browser can send a form anywhere, but not JSON."""
    answer = await web.post("/api/v1/shutdown", data={"graceful": "false"})
    assert answer.status_code == 415
    assert fake.asked == []


@pytest.mark.parametrize("text", ["", "-1", "1.0", "٣", "11", "x"])
def test_whole_number_refuses(text: str) -> None:
    with pytest.raises(BadValue, match="whole number from 0 to 10"):
        whole_number(text, "limit", 0, 10)


def test_whole_number() -> None:
    assert [whole_number(text, "n", 0, 10) for text in ("0", "10", "007")] == [0, 10, 7]
