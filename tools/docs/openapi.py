"""`docs/reference/openapi.json`: the document that a daemon serves at /openapi.json."""

from __future__ import annotations

import json

from dialer_engine.web.openapi import document


def openapi() -> str:
    """The file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
