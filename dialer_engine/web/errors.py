"""What goes wrong, as HTTP: `{error, code, hint}` and a status.

Rules: the status comes from the error's class, the nearest ancestor in the table; `code` is the
class in snake case, so that a client finds the class again; `hint` is the class's docstring, which
says what to do. An unexpected exception says nothing of itself outside the log.
"""

from __future__ import annotations

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dialer_engine.domain import errors as er
from dialer_engine.engine.api import error_code, error_hint
from dialer_engine.web.answers import JsonAnswer

log = structlog.get_logger(__name__)

# RFC 9110 section 15: 400 what was sent is wrong, 409 the state forbids it, 502 and 504 somebody
# behind us refused or kept silent, 503 try later.
STATUS: dict[type[er.DialerError], int] = {
    er.BadValue: 400,
    er.InjectionRefused: 400,
    er.NotPermitted: 403,
    er.NoRight: 403,
    er.NotFound: 404,
    er.Conflict: 409,
    er.CampaignHeld: 409,
    er.IllegalTransition: 409,
    er.ConfigError: 422,
    er.PbxError: 502,
    er.NotConnected: 503,
    er.PbxUnknown: 504,
    er.StoreError: 503,
    er.DialerError: 500,
}

_HTTP_CODES = {
    401: (
        "unauthorized",
        "Send `Authorization: Bearer TOKEN`; `dialer-engine token` makes one for exchange.tokens.",
    ),
    403: ("forbidden", "The token lacks this right; see exchange.tokens in the configuration."),
    408: (
        "timeout",
        "Send the whole body; what was read before is in, and sending it again is safe.",
    ),
    404: (
        "not_found",
        "The paths begin with /api/v1/; `dialer-engine --help` lists what there is.",
    ),
    405: ("method_not_allowed", "This path exists, but not for this method; see the Allow header."),
    413: ("too_large", "Send less: no request of this API needs that much."),
    415: ("unsupported_media_type", "Send the body as JSON, with Content-Type: application/json."),
}


def status_of(error: er.DialerError) -> int:
    """The HTTP status of this error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


async def dialer_error(request: Request, error: Exception) -> Response:
    """Handler for everything in the error tree."""
    assert isinstance(error, er.DialerError)
    body = {
        "error": str(error) or error_hint(type(error)),
        "code": error_code(type(error)),
        "hint": error_hint(type(error)),
    }
    return JsonAnswer(body, status_of(error))


async def http_error(request: Request, error: Exception) -> Response:
    """Handler for what the routing itself refuses."""
    assert isinstance(error, HTTPException)
    code, hint = _HTTP_CODES.get(error.status_code, ("http_error", ""))
    text = error.detail
    if error.status_code == 404:
        text = f"there is nothing at {request.url.path}"
    elif error.status_code == 405:
        text = f"{request.method} is not possible at {request.url.path}"
    body = {"error": text, "code": code, "hint": hint}
    return JsonAnswer(body, error.status_code, headers=dict(error.headers or {}))


def unexpected(request: Request, error: Exception) -> Response:
    """The answer to a bug: the traceback goes to the log and nowhere else."""
    log.error("api request failed", path=request.scope.get("path"), exc_info=error)
    body = {
        "error": "the daemon failed on this request",
        "code": "internal",
        "hint": "The daemon's log has the details under 'api request failed'; send them to the developers.",
    }
    return JsonAnswer(body, 500)
