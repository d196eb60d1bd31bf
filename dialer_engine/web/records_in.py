"""Records out of a request's body: one JSON object, a list of them, or one a line (NDJSON).

Rules: a JSON body is read up to its limit and no further; an NDJSON body has no limit but that of a line,
and of it no more than a batch is in memory: of a line that is longer nothing is kept but the fact; a line
number is that of the body; blank lines are nothing; a sender that stops sending is not waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request

from dialer_engine.domain.errors import BadValue
from dialer_engine.web.exchange_api import Line

NDJSON = "application/x-ndjson"
_LINES = frozenset({NDJSON, "application/ndjson", "application/jsonl"})
# A thousand records of a kilobyte; larger sets are to be sent line by line.
JSON_LIMIT = 1 << 20
JSON_MOST = 1000
# As of a CSV line: a case with its 600 attributes is a third of it.
LINE_LIMIT = 1 << 20
# The store is busy for some 10 ms with so many, and a call waits no longer than that for its turn.
BATCH = 100
_BATCH_BYTES = 1 << 20
# Longer than any pause of a living network.
_PATIENCE_S = 60.0
_BOM = b"\xef\xbb\xbf"


def is_lines(request: Request) -> bool:
    """The body is NDJSON; 415 when it is neither that nor JSON, or is packed."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "the body is packed; send it as it is")
    if kind not in _LINES and kind != "application/json":
        raise HTTPException(
            415, f"the body is declared neither as application/json nor as {NDJSON}"
        )
    return kind in _LINES


async def read_json(request: Request) -> tuple[list[Line], bool]:
    """The records, and whether it is a single one."""
    raw = bytearray()
    async for chunk in _chunks(request):
        raw += chunk
        if len(raw) > JSON_LIMIT:
            raise HTTPException(
                413,
                f"the body is larger than {JSON_LIMIT} bytes; send it as {NDJSON}, one record a line",
            )
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadValue(f"the body is not JSON ({where}): {error.msg}") from None
    if isinstance(data, dict):
        return [Line(1, data)], True
    if not isinstance(data, list):
        raise BadValue("the body is a record or a list of records")
    if len(data) > JSON_MOST:
        raise HTTPException(413, f"more than {JSON_MOST} records; send them as {NDJSON}")
    return [Line(number, one) for number, one in enumerate(data, 1)], False


async def read_lines(request: Request) -> AsyncIterator[list[Line]]:
    """Batches of at most BATCH records, none empty."""
    cutter = Cutter()
    batch: list[Line] = []
    size = 0
    async for chunk in _chunks(request):
        for line in cutter.feed(chunk):
            batch.append(line)
            size += len(line.data)
            if len(batch) >= BATCH or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
    batch += cutter.end()
    if batch:
        yield batch


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise HTTPException(408, f"nothing was sent for {_PATIENCE_S:g} s") from None
        if chunk is None:
            return
        yield chunk


class Cutter:
    """A stream of bytes as lines."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._count = 0
        self._skips = False

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that are whole now."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._keep(chunk[start:end])
            yield from self._line()
            start = end + 1
        self._keep(chunk[start:])

    def end(self) -> list[Line]:
        """The last line, when no line break ends it."""
        return list(self._line()) if self._rest or self._skips else []

    def _keep(self, part: bytes) -> None:
        if len(self._rest) + len(part) > self._limit:
            self._skips = True
            self._rest.clear()
        if not self._skips:
            self._rest += part

    def _line(self) -> Iterator[Line]:
        self._count += 1
        if self._skips:
            yield Line(self._count, b"", f"the line is longer than {self._limit:,} bytes")
        else:
            text = bytes(self._rest)
            if self._count == 1:
                text = text.removeprefix(_BOM)
            if text.strip():
                yield Line(self._count, text)
        self._rest.clear()
        self._skips = False


def pieces(lines: list[Line]) -> Iterator[list[Line]]:
    """In batches."""
    for start in range(0, len(lines), BATCH):
        yield lines[start : start + BATCH]
