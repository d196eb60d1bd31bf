"""JSON out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
from starlette.responses import Response


class JsonAnswer(Response):
    """Plain data as JSON. Never cached: every answer is the state of a moment."""

    media_type = "application/json"

    def __init__(
        self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(content, status_code, {"Cache-Control": "no-store", **(headers or {})})

    def render(self, content: Any) -> bytes:
        """orjson writes NaN and infinity as null, which every reader of JSON understands."""
        return orjson.dumps(content, _plain, orjson.OPT_NON_STR_KEYS)


def _plain(value: Any) -> Any:
    """Amounts as text: a JSON number has no cents of its own."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(type(value).__name__)
