"""The applications: the whole API for the Unix socket; for TCP ports the exchange alone, and the probes
alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from dialer_engine.domain.errors import DialerError
from dialer_engine.engine.api import EngineApi
from dialer_engine.web import errors
from dialer_engine.web.exchange_api import ExchangeApi
from dialer_engine.web.feed import KEEP_ALIVE_S
from dialer_engine.web.guard import ON_THE_SOCKET, Guard, Token
from dialer_engine.web.probes import Metrics, probe_routes
from dialer_engine.web.routes import exchange_routes, v1_routes

# The tokens that hold now.
Tokens = Callable[[], Sequence[Token]]


def build_app(
    api: EngineApi,
    *,
    metrics: Metrics | None = None,
    keep_alive_s: float = KEEP_ALIVE_S,
    exchange: ExchangeApi | None = None,
    tokens: Tokens = tuple,
) -> Starlette:
    """The whole API. metrics: returns Prometheus' text format (`prometheus_client.generate_latest`);
    None: /metrics is not there. exchange: None: its routes answer 404. The server sets
    `app.state.closing` to end the event streams.
    """
    routes = [*v1_routes(), *exchange_routes(), *probe_routes()]
    app = _application(routes, api, metrics, keep_alive_s)
    app.state.exchange = exchange
    app.state.guard = Guard(tokens, ON_THE_SOCKET)
    return app


def build_exchange_app(api: EngineApi, exchange: ExchangeApi, tokens: Tokens) -> Starlette:
    """Only the exchange, its description and /healthz: nothing that commands the daemon, and nothing
    without a token but /healthz.
    """
    alive = [route for route in probe_routes() if getattr(route, "path", "") == "/healthz"]
    app = _application([*exchange_routes(), *alive], api, None, KEEP_ALIVE_S)
    app.state.exchange = exchange
    app.state.guard = Guard(tokens, None)
    return app


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
