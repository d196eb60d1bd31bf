"""Paths of the API. Apart from the client, so that `--help` does not load an HTTP library."""

from __future__ import annotations

from urllib.parse import quote


def path(*parts: str) -> str:
    """Path below /api/v1 from its parts, each quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)
