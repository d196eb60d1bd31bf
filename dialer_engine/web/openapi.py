"""The whole HTTP API as OpenAPI 3.1, from the tables of its routes.

Rules: nothing is written here that a table knows: paths from the routes, bodies from `described` and
`records`, words from the docstrings of the ports; the document is the same for the same version.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import dialer_engine
from dialer_engine.engine.api import EngineApi
from dialer_engine.web import probes
from dialer_engine.web.described import ROUTES, Described
from dialer_engine.web.exchange import EXCHANGE, PAGE_MOST, QUERIES, WRITTEN
from dialer_engine.web.exchange_api import ExchangeApi
from dialer_engine.web.records import KINDS, NATURAL_KEYS, schema
from dialer_engine.web.records_in import JSON_MOST, NDJSON
from dialer_engine.web.routes import _V1

Json = dict[str, Any]
_PREFIX = "/api/v1"
_TYPES: Mapping[type, Json] = {
    str: {"type": "string"},
    float: {"type": "number"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    list: {"type": "array", "items": {"type": "string"}},
    dict: {"type": "object"},
}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": PAGE_MOST}
_QUERY: Mapping[str, Json] = {
    "limit": _LIMIT,
    "reveal": {"type": "string", "enum": ["true", "false"]},
    "since": {"type": "string", "format": "date-time"},
    "until": {"type": "string", "format": "date-time"},
    "at": {"type": "string", "format": "date-time"},
}
_HEAD = """\
Control of the dialer, on its Unix socket, and the exchange with a bank's systems, also over the network with
a bearer token (`exchange.*` in the configuration). Records are known by their natural keys: sending one again
changes nothing and is answered in the same way."""


@cache
def document() -> Json:
    """OpenAPI 3.1 of this version."""
    paths: Json = {}
    for method, path, handler in _V1:
        found = _command(path, ROUTES[handler.__name__], handler.__name__)
        paths.setdefault(_PREFIX + path, {})[method.lower()] = found
    for method, path, handler in EXCHANGE:
        shown = _PREFIX + path.replace(":path", "")
        paths.setdefault(shown, {})[method.lower()] = _exchange(path, handler.__name__)
    paths["/openapi.json"] = {"get": _plain("openapi", "This document.", _json({"type": "object"}))}
    for name in ("healthz", "readyz", "metrics"):
        paths[f"/{name}"] = {"get": _probe(name)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dialer_engine",
            "version": dialer_engine.__version__,
            "description": _HEAD,
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


# -- routes ----------------------------------------------------------------------------------------


def _command(path: str, route: Described, name: str) -> Json:
    text = _words(getattr(EngineApi, route.asks))
    body = None
    if _takes_body(route):
        properties = {
            n: _TYPES[kind] | ({"enum": list(route.choices[n])} if n in route.choices else {})
            for n, kind in route.body.items()
        }
        body = {
            "required": bool(route.must),
            "content": _json(
                {
                    "type": "object", "properties": properties, "required": list(route.must),
                    "additionalProperties": False,
                }
            ),
        }  # fmt: skip
    kind: Json = _json({})
    if name == "events":
        kind = {"text/event-stream": {"schema": {"type": "string"}}}
    made = _plain(name, text, kind, route.status, _parameters(path, route.query))
    return {**made, "tags": ["control"], **({"requestBody": body} if body else {})}


def _takes_body(route: Described) -> bool:
    return bool(route.body)


def _exchange(path: str, name: str) -> Json:
    kind = name.removeprefix("post_")
    parameters = _parameters(path, QUERIES[name])
    security = {"tags": ["exchange"], "security": [{"bearer": []}, {}]}
    if kind == name:
        shape = _json({"$ref": "#/components/schemas/" + _ANSWERS[name]})
        return {
            **_plain(name, _words(getattr(ExchangeApi, name)), shape, 200, parameters),
            **security,
        }
    one = {"$ref": f"#/components/schemas/{kind}"}
    many = {"type": "array", "items": one, "maxItems": JSON_MOST}
    keys = " + ".join(NATURAL_KEYS[kind])
    text = (
        f"One record, a list of at most {JSON_MOST}, or any number as {NDJSON}. Known again by {keys}; the second of"
        " a key in one request is refused. received = accepted + rejected; problems name every record that is not in,"
        " and what was left out of those that are. A single record that is refused is a 400. The answer to NDJSON is"
        " NDJSON: the problems, then the count; complete is false when there were so many problems that the rest was"
        f" not read. {WRITTEN}: how many changed something."
    )
    done = {
        "application/json": {"schema": {"$ref": "#/components/schemas/received"}},
        NDJSON: {"schema": {"type": "string"}},
    }
    made = _plain(name, text, done, 200, parameters)
    made["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {"schema": {"anyOf": [one, many]}},
            NDJSON: {"schema": {"type": "string"}},
        },
    }
    made["responses"]["200"]["headers"] = {WRITTEN: {"schema": {"type": "integer"}}}
    return {**made, **security}


_ANSWERS = {
    "case_file": "object",
    "payment": "payment_state",
    "exceptions": "exceptions_page",
    "outcomes": "outcomes_page",
    "suppressions": "suppressions_page",
}


def _probe(name: str) -> Json:
    text = {"text/plain": {"schema": {"type": "string"}}}
    made = _plain(name, _words(getattr(probes, name)), _json({}) if name == "readyz" else text)
    if name == "readyz":
        made["responses"]["503"] = {"description": "Not ready, and why.", "content": _json({})}
    return {**made, "tags": ["probes"]}


def _plain(
    name: str, text: str, content: Json, status: int = 200, parameters: list[Json] | None = None
) -> Json:
    failed = {
        "description": "What went wrong.",
        "content": _json({"$ref": "#/components/schemas/error"}),
    }
    return {
        "operationId": name,
        "summary": re.split(r"(?<=[a-z)])[.;:] ", text)[0].rstrip("."),
        "description": text,
        "parameters": parameters or [],
        "responses": {str(status): {"description": "Done.", "content": content}, "default": failed},
    }


def _parameters(path: str, names: tuple[str, ...]) -> list[Json]:
    inside = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)", path)
    ]
    asked = [
        {"name": name, "in": "query", "schema": _QUERY.get(name, {"type": "string"})}
        for name in names
    ]
    return inside + asked


# -- shapes ----------------------------------------------------------------------------------------


def _json(shape: Json) -> Json:
    return {"application/json": {"schema": shape}}


def _text(*more: str) -> Json:
    return {"type": ["string", *more]}


def _made(fields: Mapping[str, Json]) -> Json:
    return {"type": "object", "properties": dict(fields), "required": list(fields)}


def _paged(item: Json, **more: Json) -> Json:
    cursor: Json = {"type": "string", "description": "the cursor of the next page"}
    fields: Json = {
        "items": {"type": "array", "items": item},
        "next": cursor,
        "more": {"type": "boolean"},
    }
    return _made({**fields, **more})


def _schemas() -> Json:
    maybe, count = _text("null"), {"type": "integer", "minimum": 0}
    problem = _made(
        {
            "line": {"type": "integer", "description": "record of a list, line of NDJSON; from 1"},
            "reference": {"type": "string", "description": "the record's natural key"},
            "field": {"type": "string", "description": "empty: the whole record"},
            "reason": _text(),
            "accepted": {"type": "boolean", "description": "the record is in all the same"},
        }
    )
    posting = _made(
        {
            "reference": _text(), "contract": maybe, "case": maybe, "stated_contract": _text(),
            "amount": _text(), "currency": _text(), "paid_on": _text(), "booked_at": _text(),
            "reverses": _text(), "matched_by": _text(), "fault": maybe,
        }
    )  # fmt: skip
    outcome = _made(
        {
            "attempt": _text(), "case": maybe, "campaign": _text(), "number": _text(),
            "planned_at": _text(), "answered_at": maybe, "ended_at": maybe, "outcome": _text(),
            "disposition": maybe, "talk_s": {"type": ["number", "null"]}, "agent": maybe,
        }
    )  # fmt: skip
    entry = _made(
        {
            "id": {"type": "integer"}, "list": _text(), "unit": _text(), "shown": _text(),
            "reason": _text(), "source": _text(), "added_by": _text(), "added_at": _text(),
            "until": maybe,
        }
    )  # fmt: skip
    return {
        **{kind: schema(kind) for kind in KINDS},
        "error": _made({"error": _text(), "code": _text(), "hint": _text()}),
        "received": _made(
            {
                "received": count, "accepted": count, "rejected": count,
                "complete": {"type": "boolean"},
                "problems": {"type": "array", "items": problem},
            }
        ),
        "problem": problem,
        "payment_state": posting,
        "exceptions_page": _paged(posting),
        "outcomes_page": _paged(outcome, waits_for=maybe),
        "suppressions_page": _paged(entry),
        "object": {"type": "object"},
    }  # fmt: skip


def _words(thing: Any) -> str:
    return " ".join((inspect.getdoc(thing) or "").split())
