"""What is wrong, and what to do: the examination of a daemon, its PBX, its store and its
folders.
"""

from __future__ import annotations

from typing import Any

from dialer_engine.app.config import Loaded
from dialer_engine.engine.engine import Engine

Json = dict[str, Any]


async def examine(settings: Loaded, engine: Engine) -> list[Json]:
    """Each check with its level (ok, warn, fail), what was found, and what to change."""
    rows = [_store(engine), *_nodes(engine)]
    return rows


def _row(check: str, level: str, text: str, advice: str = "") -> Json:
    return {"check": check, "level": level, "text": text, "advice": advice}


def _store(engine: Engine) -> Json:
    if engine.ledger.ok:
        return _row("store", "ok", "takes writes")
    return _row(
        "store",
        "fail",
        engine.ledger.detail,
        "free disk space, or start the database, or mend its rights",
    )


def _nodes(engine: Engine) -> list[Json]:
    return [
        _row(f"node {h.node}", "ok", f"connected {h.version}")
        if h.connected
        else _row(
            f"node {h.node}",
            "fail",
            h.detail or "not connected",
            "check pbx.nodes in the configuration and the PBX",
        )
        for h in (node.health() for node in engine.nodes.values())
    ]
