"""Whatever the document allows, and what it does not, is answered without a 5xx: schemathesis over the real
application on a real SQLite store.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dialer_engine.web.openapi import document
from tests.web.bank import NUMBER, served

# An endless answer; tests/web/test_feed.py is about it.
_ENDLESS = "/api/v1/events"
# Not ready without a PBX, and says so with a 503.
_RIGHTLY_503 = "/readyz"
# Looks at the whole machine, for seconds.
_SLOW = "/api/v1/doctor"
OPERATIONS = [
    (method.upper(), path)
    for path, methods in document()["paths"].items()
    for method in methods
    if path not in (_ENDLESS, _RIGHTLY_503, _SLOW)
]
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("daemon"), whole=True) as url:
        prepare(url)
        yield url


def prepare(url: str) -> None:
    """Something to find: the same words as the document's examples would have."""
    with httpx.Client(base_url=f"{url}/api/v1") as client:
        client.post("/campaigns", json={"name": "0"})
        client.post("/agents", json={"id": "0"})
        client.post("/exchange/cases", json={"reference": "0", "mobile": NUMBER})
        client.post("/exchange/contracts", json={"contract": "0", "case": "0"})


_NUMBERS = ("mobile", "phone", "home", "work", "contact", "number", "numbers")


def known(body: Any) -> Any:
    """A record as chance made it, with the case and the number that are there: of chance alone few records
    would come as far as the store. A quarter is left as it is.
    """
    if isinstance(body, list):
        return [known(one) for one in body]
    if not isinstance(body, dict) or len(str(body)) % 4 == 1:
        return body
    made = dict(body)
    made |= {name: "0" for name in ("case", "contract") if isinstance(body.get(name), str)}
    made |= {name: NUMBER for name in _NUMBERS if isinstance(body.get(name), str)}
    if isinstance(body.get("value"), str) and body.get("kind") not in ("email", "address"):
        made["value"] = NUMBER
    if "reference" in body and "paid_on" not in body:
        made.setdefault("mobile", NUMBER)
    if "list" in body and isinstance(body.get("case"), str):
        made.pop("number", None)
    return made


def play(url: str, method: str, path: str, examples: int, number: int) -> None:
    """So many requests of one route, right ones and wrong ones."""
    schema = schemathesis.openapi.from_dict(document())
    schema.config.base_url = url
    operation = schema[path][method]
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        check = seed(number)(_checked(operation, mode, examples))
        with contextlib.suppress(Unsatisfiable, pytest.skip.Exception):
            check()


def _checked(operation: Any, mode: GenerationMode, examples: int) -> Any:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            case.body = known(case.body)
        case.call_and_validate(checks=CHECKS)

    return one


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_makes_the_daemon_fail(daemon: str, method: str, path: str) -> None:
    play(daemon, method, path, examples=12, number=20261122)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_many_requests_do_not_make_the_daemon_fail(daemon: str, method: str, path: str) -> None:
    examples = int(os.environ.get("DIALER_FUZZ_EXAMPLES", "500"))
    play(
        daemon, method, path, examples=examples, number=int(os.environ.get("DIALER_FUZZ_SEED", "1"))
    )
