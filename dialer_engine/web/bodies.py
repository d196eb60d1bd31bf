"""What a client sent, checked before the engine sees it.

Rules: an unknown name is an error with the nearest known one; a message never repeats a value,
because values may be PINs and telephone numbers; a body is read up to a limit and no further.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request

from dialer_engine.domain.errors import BadValue

# The largest body of this API is an agent's disposition note; 64 KiB is sixteen pages of it.
BODY_LIMIT = 64 * 1024

_WORDS: dict[type, str] = {
    str: "text",
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    list: "a list of texts",
    dict: "an object",
    type(None): "null",
}


async def json_body(
    request: Request,
    fields: Mapping[str, type],
    required: Collection[str] = (),
    limit: int = BODY_LIMIT,
) -> dict[str, Any]:
    """The body as an object with nothing but `fields`, of their types, and all of `required`."""
    raw = await _read(request, limit)
    data = _parse(raw) if raw.strip() else {}
    check_names(data, fields)
    for name in required:
        if name not in data:
            raise BadValue(f"{name} is missing")
    return {name: _typed(name, value, fields[name]) for name, value in data.items()}


def query(request: Request, names: Collection[str]) -> dict[str, str]:
    """The query parameters, each once, none unknown; empty ones count as not given."""
    items = request.query_params.multi_items()
    check_names([name for name, _ in items], names)
    if len({name for name, _ in items}) < len(items):
        raise BadValue("a query parameter is given twice")
    return {name: value for name, value in items if value}


def whole_number(text: str, name: str, low: int, high: int) -> int:
    """`text` as an integer between low and high."""
    if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
        raise BadValue(f"{name} must be a whole number from {low} to {high}")
    return int(text)


def check_names(given: Collection[str], known: Collection[str]) -> None:
    """BadValue for the first name that is not known, with the nearest one that is."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            listed = ", ".join(known) or "none"
            raise BadValue(f"unknown name {name[:40]!r}{guess} Known here: {listed}")


async def _read(request: Request, limit: int) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > limit:
            raise HTTPException(413, f"the body is larger than {limit} bytes")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if raw and kind != "application/json":
        raise HTTPException(415, "the body is not declared as JSON")
    return bytes(raw)


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadValue(f"the body is not JSON ({where}): {error.msg}") from None
    if not isinstance(data, dict):
        raise BadValue(f"the body must be a JSON object, not {_word(data)}")
    return data


def _typed(name: str, value: Any, kind: type) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if kind is int and type(value) is float and value.is_integer():
        return int(value)
    if type(value) is not kind:
        raise BadValue(f"{name} must be {_WORDS[kind]}, not {_word(value)}")
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        raise BadValue(f"{name} must be {_WORDS[kind]}")
    return value


def _word(value: Any) -> str:
    return "a list" if isinstance(value, list) else _WORDS.get(type(value), type(value).__name__)
