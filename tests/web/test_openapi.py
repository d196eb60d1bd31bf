"""The document: every route and nothing else, the same as the file, and such that programs can read it."""

from __future__ import annotations

import json
import re

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from dialer_engine.app import _config_schema
from dialer_engine.cli.token import token
from dialer_engine.web.app import build_app
from dialer_engine.web.guard import RIGHTS
from dialer_engine.web.openapi import document
from dialer_engine.web.records import KINDS, NATURAL_KEYS, schema
from tests.web.fake_api import FakeEngineApi


def served(app: Starlette) -> set[tuple[str, str]]:
    return {
        (method, re.sub(r":\w+}", "}", route.path))
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or {"GET"}) - {"HEAD"}
    }


def test_every_route_is_in_it_and_nothing_else() -> None:
    paths = document()["paths"]
    told = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert told == served(build_app(FakeEngineApi()))


def test_operations_have_names_of_their_own_and_words() -> None:
    operations = [one for methods in document()["paths"].values() for one in methods.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    assert all(one["description"] and one["responses"]["default"] for one in operations)


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(document())
    known = document()["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= set(known)


def test_a_record_has_its_natural_key() -> None:
    for kind, keys in NATURAL_KEYS.items():
        assert set(keys) <= set(KINDS[kind])
        assert set(schema(kind)["required"]) & set(keys)


def test_the_rights_are_the_same_wherever_they_are_named() -> None:
    choices = next(one.type for one in token.params if one.name == "rights")
    assert RIGHTS == _config_schema.RIGHTS == tuple(getattr(choices, "choices", ()))


async def test_a_daemon_serves_it(web: httpx.AsyncClient) -> None:
    answer = await web.get("/openapi.json")
    assert answer.json() == json.loads(json.dumps(document()))
    assert answer.json()["openapi"].startswith("3.1")
