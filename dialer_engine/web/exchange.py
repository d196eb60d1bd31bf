"""The routes of the exchange with a bank's systems.

Rules: a record is known by its natural key (`records.NATURAL_KEYS`), and `Idempotency-Key` is not needed:
the same again changes nothing and gives the same body, and the header `Dialer-Written` says how many
records changed something; records received = accepted + rejected, and every rejected one is named with its
reason, which never repeats a value; personal fields are masked unless the caller may unmask and asks to.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import IO

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dialer_engine.domain.errors import BadValue
from dialer_engine.web.answers import JsonAnswer
from dialer_engine.web.bodies import query, whole_number
from dialer_engine.web.exchange_api import Batch, ExchangeApi, Intake, Json
from dialer_engine.web.guard import READ, UNMASK, WRITE, Caller, allowed
from dialer_engine.web.pacing import user_of
from dialer_engine.web.records import KINDS
from dialer_engine.web.records_in import NDJSON, is_lines, pieces, read_json, read_lines

Handler = Callable[[Request], Awaitable[Response]]
log = structlog.get_logger(__name__)
# Of a million records with a fault in each the first tenth says enough; then the sender is told to stop.
PROBLEMS_MOST = 100_000
PAGE_MOST = 1000
_PAGE = 100
_IN_MEMORY = 1 << 20
_PIECE = 1 << 16
WRITTEN = "Dialer-Written"
QUERIES: dict[str, tuple[str, ...]] = {
    **{f"post_{kind}": ("campaign",) if kind == "cases" else () for kind in KINDS},
    "case_file": ("reveal",),
    "payment": (),
    "exceptions": ("cursor", "limit"),
    "outcomes": ("since", "cursor", "limit", "campaign"),
    "suppressions": ("list", "cursor", "limit"),
}


def _api(request: Request) -> ExchangeApi:
    api: ExchangeApi | None = request.app.state.exchange
    if api is None:
        raise HTTPException(404)
    return api


# -- records in ------------------------------------------------------------------------------------


def _post(kind: str) -> Handler:
    async def post(request: Request) -> Response:
        caller = allowed(request, WRITE)
        campaign = query(request, QUERIES[f"post_{kind}"]).get("campaign")
        by_line = is_lines(request)
        intake = _api(request).intake(kind, campaign=campaign, by=_name(request, caller))
        try:
            return await (_many(request, intake) if by_line else _few(request, intake))
        finally:
            intake.close()

    post.__name__ = f"post_{kind}"
    return post


def _name(request: Request, caller: Caller) -> str:
    return caller.name or user_of(request) or "api"


async def _few(request: Request, intake: Intake) -> Response:
    """A record or a list of them; one alone that is refused is an error."""
    lines, is_single = await read_json(request)
    total = Batch()
    for part in pieces(lines):
        done = await intake.take(part)
        total.add(done)
        total.problems += done.problems
    body: Json = {**total.told(), "complete": True, "problems": total.problems}
    if is_single and total.rejected:
        first = total.problems[0]
        text = f"{first['field']}: {first['reason']}" if first["field"] else first["reason"]
        refused = {
            "error": text,
            "code": "rejected",
            "hint": "Correct the record and send it again.",
        }
        return JsonAnswer({**refused, **body}, 400)
    return JsonAnswer(body, headers={WRITTEN: str(total.written)})


async def _many(request: Request, intake: Intake) -> Response:
    """Any number of records; the answer is NDJSON too: the problems, then the count."""
    # Closed when the answer has gone out.
    spool = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
    total, problems, complete = Batch(), 0, True
    try:
        async for part in read_lines(request):
            done = await intake.take(part)
            total.add(done)
            spool.writelines(orjson.dumps(one) + b"\n" for one in done.problems)
            problems += len(done.problems)
            if problems > PROBLEMS_MOST:
                complete = False
                break
        last = {**total.told(), "complete": complete}
        if not complete:
            last["read_until"] = part[-1].number
        spool.write(orjson.dumps(last) + b"\n")
        spool.seek(0)
    except BaseException:
        spool.close()
        raise
    headers = {WRITTEN: str(total.written), "Cache-Control": "no-store"}
    return StreamingResponse(_pour(spool), headers=headers, media_type=NDJSON)


async def _pour(spool: IO[bytes]) -> AsyncIterator[bytes]:
    with spool:
        while piece := spool.read(_PIECE):
            yield piece


# -- what is read back -----------------------------------------------------------------------------


async def case_file(request: Request) -> Response:
    caller = allowed(request, READ)
    reveal = query(request, QUERIES["case_file"]).get("reveal", "false")
    if reveal not in ("true", "false"):
        raise BadValue("reveal must be true or false")
    by = None
    if reveal == "true":
        allowed(request, UNMASK)
        by = _name(request, caller)
        log.info("a case's file is read unmasked", by=by)
    found = await _api(request).case_file(request.path_params["reference"], by)
    return JsonAnswer(found)


async def payment(request: Request) -> Response:
    allowed(request, READ)
    return JsonAnswer(await _api(request).payment(request.path_params["reference"]))


async def exceptions(request: Request) -> Response:
    allowed(request, READ)
    asked, limit = _page(request, "exceptions")
    return JsonAnswer(await _api(request).exceptions(asked.get("cursor", ""), limit))


async def outcomes(request: Request) -> Response:
    allowed(request, READ)
    asked, limit = _page(request, "outcomes")
    since, cursor = asked.get("since"), asked.get("cursor", "")
    return JsonAnswer(await _api(request).outcomes(since, cursor, limit, asked.get("campaign")))


async def suppressions(request: Request) -> Response:
    allowed(request, READ)
    asked, limit = _page(request, "suppressions")
    found = await _api(request).suppressions(asked.get("list"), asked.get("cursor", ""), limit)
    return JsonAnswer(found)


def _page(request: Request, route: str) -> tuple[dict[str, str], int]:
    asked = query(request, QUERIES[route])
    return asked, whole_number(asked.get("limit", str(_PAGE)), "limit", 1, PAGE_MOST)


async def openapi(request: Request) -> Response:
    """This API as OpenAPI 3.1."""
    from dialer_engine.web.openapi import document

    request.app.state.guard.caller(request)
    return JsonAnswer(document())


# A reference may hold slashes.
EXCHANGE: tuple[tuple[str, str, Handler], ...] = (
    *(("POST", f"/exchange/{kind}", _post(kind)) for kind in KINDS),
    ("GET", "/exchange/cases/{reference:path}", case_file),
    ("GET", "/exchange/payments/{reference:path}", payment),
    ("GET", "/exchange/exceptions", exceptions),
    ("GET", "/exchange/outcomes", outcomes),
    ("GET", "/exchange/suppressions", suppressions),
)
