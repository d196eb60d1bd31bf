"""What machines ask: is it alive, may it be sent work, what are its figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from dialer_engine.engine.api import EngineApi
from dialer_engine.web.answers import JsonAnswer

Metrics = Callable[[], bytes]


async def healthz(request: Request) -> Response:
    """Alive: the loop answers."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


async def readyz(request: Request) -> Response:
    """Ready: running, the store takes writes, and a PBX is connected; else 503 and why."""
    api: EngineApi = request.app.state.api
    reasons = not_ready(await api.status())
    return JsonAnswer({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)


def not_ready(status: dict[str, Any]) -> list[str]:
    """Why no work should be sent to this daemon."""
    reasons = []
    if status["state"] != "running":
        reasons.append(f"the daemon is {status['state']}")
    if not status["store"]["ok"]:
        reasons.append(f"the store does not take writes: {status['store']['detail']}")
    if not any(node["connected"] for node in status["nodes"]):
        reasons.append("no PBX node is connected")
    if status["disk"] == "full":
        reasons.append("the recording disk is full")
    return reasons


async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    exposition: Metrics | None = request.app.state.metrics
    if exposition is None:
        raise HTTPException(404)
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)


def probe_routes() -> list[BaseRoute]:
    """/healthz, /readyz, /metrics."""
    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]
