"""The applications: the whole API for the Unix socket, and the probes alone for a TCP port."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from dialer_engine.domain.errors import DialerError
from dialer_engine.engine.api import EngineApi
from dialer_engine.web import errors
from dialer_engine.web.feed import KEEP_ALIVE_S
from dialer_engine.web.probes import Metrics, probe_routes
from dialer_engine.web.routes import v1_routes


def build_app(
    api: EngineApi, *, metrics: Metrics | None = None, keep_alive_s: float = KEEP_ALIVE_S
) -> Starlette:
    """The whole API. metrics: returns Prometheus' text format (`prometheus_client.generate_latest`);
    None: /metrics is not there. The server sets `app.state.closing` to end the event streams.
    """
    return _application([*v1_routes(), *probe_routes()], api, metrics, keep_alive_s)


def build_probe_app(api: EngineApi, *, metrics: Metrics | None = None) -> Starlette:
    """Only /healthz, /readyz and /metrics: nothing that could change anything or show a call, so it
    may listen where Prometheus and an orchestrator reach it.
    """
    return _application(probe_routes(), api, metrics, KEEP_ALIVE_S)


def _application(
    routes: Sequence[BaseRoute], api: EngineApi, metrics: Metrics | None, keep_alive_s: float
) -> Starlette:
    app = Starlette(
        routes=routes,
        exception_handlers={
            DialerError: errors.dialer_error,
            HTTPException: errors.http_error,
        },
    )
    app.state.api = api
    app.state.metrics = metrics
    app.state.keep_alive_s = keep_alive_s
    app.state.closing = asyncio.Event()
    return app
