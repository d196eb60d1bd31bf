from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from dialer_engine.domain import errors as er
from dialer_engine.engine.api import error_class, error_code, error_hint
from dialer_engine.web.errors import status_of
from tests.web.fake_api import FakeEngineApi


def tree(kind: type[er.DialerError] = er.DialerError) -> Iterator[type[er.DialerError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == er.__name__:
            yield from tree(child)


@pytest.mark.parametrize("kind", list(tree()))
async def test_every_error_of_the_tree_travels(
    web: httpx.AsyncClient, fake: FakeEngineApi, kind: type[er.DialerError]
) -> None:
    fake.failing = kind("why it went wrong")
    answer = await web.get("/api/v1/status")
    assert answer.status_code == status_of(kind()) >= 400
    assert answer.json() == {
        "error": "why it went wrong",
        "code": error_code(kind),
        "hint": error_hint(kind),
    }
    assert error_class(answer.json()["code"]) is kind


def test_codes_are_unlike() -> None:
    kinds = list(tree())
    assert len({error_code(kind) for kind in kinds}) == len(kinds) > 20


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (er.BadValue, 400),
        (er.NotPermitted, 403),
        (er.NoRight, 403),
        (er.NotFound, 404),
        (er.Conflict, 409),
        (er.CampaignHeld, 409),
        (er.ConfigError, 422),
        (er.DialerError, 500),
        (er.PbxRefused, 502),
        (er.StoreUnavailable, 503),
        (er.NotConnected, 503),
        (er.ActionTimeout, 504),
    ],
)
def test_status_by_class(kind: type[er.DialerError], status: int) -> None:
    assert status_of(kind()) == status


async def test_unknown_code_of_a_newer_daemon_is_still_an_error() -> None:
    assert error_class("from_the_future") is er.DialerError


async def test_error_without_text_says_its_hint(
    web: httpx.AsyncClient, fake: FakeEngineApi
) -> None:
    fake.failing = er.StoreUnavailable()
    assert (await web.get("/api/v1/status")).json()["error"] == error_hint(er.StoreUnavailable)


async def test_a_bug_says_nothing_of_itself(web: httpx.AsyncClient, fake: FakeEngineApi) -> None:
    fake.failing = RuntimeError("secret of the house")
    answer = await web.get("/api/v1/status")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "secret" not in answer.text


async def test_nothing_there(web: httpx.AsyncClient) -> None:
    answer = await web.get("/api/v1/campagins")
    assert answer.status_code == 404
    assert answer.json()["error"] == "there is nothing at /api/v1/campagins"
    assert answer.json()["code"] == "not_found"


async def test_wrong_method(web: httpx.AsyncClient) -> None:
    answer = await web.delete("/api/v1/campaigns/spring")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "PATCH"}
