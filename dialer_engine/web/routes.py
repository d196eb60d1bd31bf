"""The routes of /api/v1/: each handler reads what was sent, asks the engine once, and answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dialer_engine.domain.errors import BadValue, DialerError
from dialer_engine.engine.api import CAMPAIGN_FIELDS, LISTEN_MODES, TOPICS, EngineApi
from dialer_engine.web.answers import JsonAnswer
from dialer_engine.web.bodies import check_names, whole_number
from dialer_engine.web.described import body_of, query_of
from dialer_engine.web.errors import unexpected
from dialer_engine.web.exchange import EXCHANGE, openapi
from dialer_engine.web.feed import KEEP_ALIVE_S, EventStream
from dialer_engine.web.pacing import ROUTES, user_of

Handler = Callable[[Request], Awaitable[Response]]

# One page of history; more would only make the daemon hold more at once.
_HISTORY_LIMIT = 1000
_HISTORY_DEFAULT = 50
_SCREEN_TOPIC = "agent/"


def _api(request: Request) -> EngineApi:
    api: EngineApi = request.app.state.api
    return api


# -- the whole -------------------------------------------------------------------------------------


async def status(request: Request) -> Response:
    return JsonAnswer(await _api(request).status())


async def doctor(request: Request) -> Response:
    return JsonAnswer(await _api(request).doctor())


async def reload(request: Request) -> Response:
    await body_of(request, "reload")
    return JsonAnswer(await _api(request).reload())


async def shutdown(request: Request) -> Response:
    body = await body_of(request, "shutdown")
    limit = body.get("limit_s")
    if limit is not None and not limit >= 0:
        raise BadValue("limit_s must not be negative")
    answer = await _api(request).shutdown(body.get("graceful", True), limit)
    return JsonAnswer(answer, 202)


async def report(request: Request) -> Response:
    asked = query_of(request, "report")
    api = _api(request)
    return JsonAnswer(
        await api.report(asked.get("campaign"), asked.get("since"), asked.get("until"))
    )


# -- campaigns -------------------------------------------------------------------------------------


async def campaigns(request: Request) -> Response:
    return JsonAnswer(await _api(request).campaigns())


async def campaign(request: Request) -> Response:
    return JsonAnswer(await _api(request).campaign(request.path_params["name"]))


async def create_campaign(request: Request) -> Response:
    body = await body_of(request, "create_campaign")
    return JsonAnswer(await _api(request).create_campaign(body), 201)


async def change_campaign(request: Request) -> Response:
    body = await body_of(request, "change_campaign")
    if not body:
        raise BadValue(f"nothing to change; name any of {', '.join(CAMPAIGN_FIELDS)}")
    name, who = request.path_params["name"], user_of(request)
    return JsonAnswer(await _api(request).change_campaign(name, body, who))


async def start_campaign(request: Request) -> Response:
    await body_of(request, "start_campaign")
    return JsonAnswer(await _api(request).start_campaign(request.path_params["name"]))


async def pause_campaign(request: Request) -> Response:
    await body_of(request, "pause_campaign")
    return JsonAnswer(await _api(request).pause_campaign(request.path_params["name"]))


async def stop_campaign(request: Request) -> Response:
    await body_of(request, "stop_campaign")
    return JsonAnswer(await _api(request).stop_campaign(request.path_params["name"]))


# -- agents ----------------------------------------------------------------------------------------


async def agents(request: Request) -> Response:
    return JsonAnswer(await _api(request).agents())


async def add_agent(request: Request) -> Response:
    body = await body_of(request, "add_agent")
    return JsonAnswer(await _api(request).add_agent(body), 201)


async def login_agent(request: Request) -> Response:
    await body_of(request, "login_agent")
    return JsonAnswer(await _api(request).login_agent(request.path_params["agent"]))


async def logout_agent(request: Request) -> Response:
    await body_of(request, "logout_agent")
    return JsonAnswer(await _api(request).logout_agent(request.path_params["agent"]))


async def pause_agent(request: Request) -> Response:
    body = await body_of(request, "pause_agent")
    agent = request.path_params["agent"]
    return JsonAnswer(await _api(request).pause_agent(agent, body.get("reason", "")))


async def resume_agent(request: Request) -> Response:
    await body_of(request, "resume_agent")
    return JsonAnswer(await _api(request).resume_agent(request.path_params["agent"]))


async def end_wrap_up(request: Request) -> Response:
    await body_of(request, "end_wrap_up")
    return JsonAnswer(await _api(request).end_wrap_up(request.path_params["agent"]))


async def dispose(request: Request) -> Response:
    body = await body_of(request, "dispose")
    answer = await _api(request).dispose(
        request.path_params["agent"], body["code"], body.get("note", ""), body.get("attempt")
    )
    return JsonAnswer(answer)


async def listen(request: Request) -> Response:
    body = await body_of(request, "listen")
    mode = body.get("mode", LISTEN_MODES[0])
    agent = request.path_params["agent"]
    return JsonAnswer(await _api(request).listen(agent, body["phone"], mode), 202)


# -- calls -----------------------------------------------------------------------------------------


async def calls(request: Request) -> Response:
    return JsonAnswer(await _api(request).calls(query_of(request, "calls")))


async def call(request: Request) -> Response:
    return JsonAnswer(await _api(request).call(request.path_params["attempt"]))


async def hangup_call(request: Request) -> Response:
    await body_of(request, "hangup_call")
    return JsonAnswer(await _api(request).hangup_call(request.path_params["attempt"]))


async def history(request: Request) -> Response:
    asked = query_of(request, "history")
    limit = whole_number(asked.get("limit", str(_HISTORY_DEFAULT)), "limit", 1, _HISTORY_LIMIT)
    found = await _api(request).call_history(asked.get("campaign"), limit, asked.get("before"))
    return JsonAnswer(found)


# -- feed ------------------------------------------------------------------------------------------


async def events(request: Request) -> Response:
    wanted = query_of(request, "events").get("topics", ",".join(TOPICS))
    topics = tuple(dict.fromkeys(name for name in wanted.split(",") if name))
    check_names([t for t in topics if not t.startswith(_SCREEN_TOPIC)], TOPICS)
    if request.method == "HEAD":
        return Response(media_type=EventStream.media_type)
    state = request.app.state
    keep_alive: float = getattr(state, "keep_alive_s", KEEP_ALIVE_S)
    return EventStream(_api(request).subscribe(topics), state.closing, keep_alive)


_V1: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/status", status),
    ("GET", "/doctor", doctor),
    ("POST", "/reload", reload),
    ("POST", "/shutdown", shutdown),
    ("GET", "/report", report),
    ("GET", "/events", events),
    ("GET", "/campaigns", campaigns),
    ("POST", "/campaigns", create_campaign),
    ("GET", "/campaigns/{name}", campaign),
    ("PATCH", "/campaigns/{name}", change_campaign),
    ("POST", "/campaigns/{name}/start", start_campaign),
    ("POST", "/campaigns/{name}/pause", pause_campaign),
    ("POST", "/campaigns/{name}/stop", stop_campaign),
    ("GET", "/agents", agents),
    ("POST", "/agents", add_agent),
    ("POST", "/agents/{agent}/login", login_agent),
    ("POST", "/agents/{agent}/logout", logout_agent),
    ("POST", "/agents/{agent}/pause", pause_agent),
    ("POST", "/agents/{agent}/resume", resume_agent),
    ("POST", "/agents/{agent}/wrapup", end_wrap_up),
    ("POST", "/agents/{agent}/dispose", dispose),
    ("POST", "/agents/{agent}/listen", listen),
    ("GET", "/calls", calls),
    ("GET", "/calls/{attempt}", call),
    ("POST", "/calls/{attempt}/hangup", hangup_call),
    ("GET", "/history", history),
    *ROUTES,
)


def v1_routes() -> list[BaseRoute]:
    """The routes that command the daemon."""
    return made_routes(_V1)


def exchange_routes() -> list[BaseRoute]:
    """The routes of a bank's systems, and what describes them all."""
    return [*made_routes(EXCHANGE), Route("/openapi.json", openapi)]


def made_routes(table: tuple[tuple[str, str, Handler], ...]) -> list[BaseRoute]:
    """One starlette route for each path, so that 405 lists every method the path has."""
    paths: dict[str, dict[str, Handler]] = {}
    for method, path, handler in table:
        paths.setdefault(path, {})[method] = handler
    return [_route(path, by_method) for path, by_method in paths.items()]


def _route(path: str, by_method: dict[str, Handler]) -> Route:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        try:
            return await by_method[method](request)
        except (DialerError, HTTPException):
            raise
        except ClientDisconnect:
            # Nobody is there to read it.
            return Response(status_code=400)
        except Exception as error:
            # Answered here, because starlette would raise it again for the server to log once more.
            return unexpected(request, error)

    return Route("/api/v1" + path, endpoint, methods=list(by_method))
