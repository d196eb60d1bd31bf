"""The routes on pacing, and on cases that one agent holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from dialer_engine.engine.api import EngineApi
from dialer_engine.web.answers import JsonAnswer
from dialer_engine.web.bodies import whole_number
from dialer_engine.web.described import body_of, query_of

Handler = Callable[[Request], Awaitable[Response]]
# What was learned on a few nodes; a node takes some 30 KiB.
LEARNED_LIMIT = 4 * 1024 * 1024
CHANGES_LIMIT = 1000
_CHANGES_DEFAULT = 20
_USER_LENGTH = 64


def user_of(request: Request) -> str:
    """Who asks, as the client says: whoever may open the socket may say anything, so this is a note for
    colleagues and no proof.
    """
    given = request.headers.get("x-dialer-user", "")
    return "".join(c for c in given if c.isprintable())[:_USER_LENGTH]


def _api(request: Request) -> EngineApi:
    api: EngineApi = request.app.state.api
    return api


async def pacing(request: Request) -> Response:
    return JsonAnswer(await _api(request).pacing(request.path_params["name"]))


async def explain(request: Request) -> Response:
    asked = query_of(request, "explain")
    return JsonAnswer(await _api(request).explain(request.path_params["name"], asked.get("at")))


async def shadow(request: Request) -> Response:
    return JsonAnswer(await _api(request).shadow(request.path_params["name"], None))


async def set_shadow(request: Request) -> Response:
    body = await body_of(request, "set_shadow")
    return JsonAnswer(await _api(request).shadow(request.path_params["name"], body["policy"]))


async def export_learned(request: Request) -> Response:
    return JsonAnswer(await _api(request).export_learned(request.path_params["name"]))


async def import_learned(request: Request) -> Response:
    body = await body_of(request, "import_learned", LEARNED_LIMIT)
    name, who = request.path_params["name"], user_of(request)
    return JsonAnswer(await _api(request).import_learned(name, body["learned"], who))


async def changes(request: Request) -> Response:
    asked = query_of(request, "changes")
    limit = whole_number(asked.get("limit", str(_CHANGES_DEFAULT)), "limit", 1, CHANGES_LIMIT)
    return JsonAnswer(await _api(request).campaign_changes(request.path_params["name"], limit))


async def accept_case(request: Request) -> Response:
    await body_of(request, "accept_case")
    return JsonAnswer(await _api(request).accept_case(request.path_params["agent"]), 202)


async def skip_case(request: Request) -> Response:
    body = await body_of(request, "skip_case")
    agent = request.path_params["agent"]
    return JsonAnswer(await _api(request).skip_case(agent, body.get("reason", "")))


async def dial_case(request: Request) -> Response:
    body = await body_of(request, "dial_case")
    agent = request.path_params["agent"]
    found = await _api(request).dial_case(agent, body["campaign"], body["reference"])
    return JsonAnswer(found, 202)


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/campaigns/{name}/changes", changes),
    ("GET", "/campaigns/{name}/pacing", pacing),
    ("GET", "/campaigns/{name}/pacing/explain", explain),
    ("GET", "/campaigns/{name}/pacing/shadow", shadow),
    ("POST", "/campaigns/{name}/pacing/shadow", set_shadow),
    ("GET", "/campaigns/{name}/pacing/learned", export_learned),
    ("PUT", "/campaigns/{name}/pacing/learned", import_learned),
    ("POST", "/agents/{agent}/accept", accept_case),
    ("POST", "/agents/{agent}/skip", skip_case),
    ("POST", "/agents/{agent}/dial", dial_case),
)
