"""The exchange with a bank's systems: `ExchangeApi` over the store and the engine.

Rules: records are read in a thread, a batch at a time, and each batch is one transaction, so that neither
memory nor a call in flight feels how much a bank sends; batches of several senders take turns; whatever
stops a case's calls (a payment, a hold) is told to the engine when its transaction is over.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from dialer_engine.app.exchange_read import Taken, Trouble, read
from dialer_engine.app.exchange_write import Told, Writer
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import CampaignName, CaseId
from dialer_engine.store import bank, case_notes
from dialer_engine.store.import_csv import Seen
from dialer_engine.store.rows import Rules
from dialer_engine.store.sql import SqlStore
from dialer_engine.web.exchange_api import Batch, Line
from dialer_engine.web.records import NATURAL_KEYS

Json = dict[str, Any]
_ATTEMPT = re.compile(r"a-[0-9A-HJKMNP-TV-Z]{26}\Z")
_ROW = re.compile(r"[0-9]{1,18}\Z")
_YEARS = range(1970, 2200)


class Exchange:
    """rules: country and currency of what states none, as configured now. paid, held: tell the engine."""

    def __init__(
        self,
        store: SqlStore,
        rules: Callable[[], Rules],
        paid: Callable[[CaseId], object],
        held: Callable[[CaseId], object],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._rules = rules
        self._paid = paid
        self._held = held
        self._now = now
        self._turn = asyncio.Lock()

    def intake(self, kind: str, *, campaign: str | None, by: str) -> _Intake:
        """See ExchangeApi."""
        name = CampaignName(campaign) if campaign else None
        writer = Writer(self._store, self._rules(), name, by, self._paid, self._held, self._now)
        return _Intake(kind, self._rules(), writer, self._turn)

    async def case_file(self, reference: str, unmasked_for: str | None) -> Json:
        """See ExchangeApi."""
        case, now, by = _clean(reference), self._now(), unmasked_for
        if by is not None:
            told = {"v": 1, "what": "exchange case file", "who": by}
            await self._store.database.write(case_notes.unmasked, told, by, case, now)
        return await self._store.case_file(case, now, reveal=by is not None)

    async def payment(self, reference: str) -> Json:
        """See ExchangeApi."""
        return await self._store.database.read(bank.payment, _clean(reference))

    async def exceptions(self, cursor: str, limit: int) -> Json:
        """See ExchangeApi."""
        return await self._store.database.read(bank.exceptions, _row(cursor), limit)

    async def outcomes(
        self, since: str | None, cursor: str, limit: int, campaign: str | None
    ) -> Json:
        """See ExchangeApi."""
        if cursor and not _ATTEMPT.match(cursor):
            raise BadValue("cursor is not one that this API gave")
        after = cursor or (bank.first_id(_time(since)) if since else "")
        name = CampaignName(_clean(campaign)) if campaign else None
        store = self._store
        return await store.database.read(bank.outcomes, store.ids, name, after, limit, self._now())

    async def suppressions(self, name: str | None, cursor: str, limit: int) -> Json:
        """See ExchangeApi."""
        only = _clean(name) if name else None
        return await self._store.database.read(
            bank.suppressed, only, _row(cursor), limit, self._now()
        )


def _clean(text: str) -> str:
    """PostgreSQL takes no NUL."""
    if "\x00" in text:
        raise BadValue("there is a NUL character in it")
    return text


def _row(cursor: str) -> int:
    if cursor and not _ROW.match(cursor):
        raise BadValue("cursor is not one that this API gave")
    return int(cursor or 0)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.utcoffset() is None or found.year not in _YEARS:
        raise BadValue("since is a time with a zone, such as 2026-11-23T00:00:00+08:00")
    return found


class _Intake:
    """See `web.exchange_api.Intake`."""

    def __init__(self, kind: str, rules: Rules, writer: Writer, turn: asyncio.Lock) -> None:
        self._kind, self._rules, self._writer, self._turn = kind, rules, writer, turn
        self._seen = Seen()

    async def take(self, lines: Sequence[Line]) -> Batch:
        """See the port."""
        taken = await asyncio.to_thread(self._read, lines)
        good = [one for one in taken if one.is_good]
        async with self._turn:
            told = await self._written(good)
        return _batch(taken, told)

    async def _written(self, good: Sequence[Taken]) -> Told:
        if not good:
            return Told()
        write: Callable[[Sequence[Taken]], Awaitable[Told]] = getattr(self._writer, self._kind)
        return await write(good)

    def close(self) -> None:
        """See the port."""
        self._seen.close()

    def _read(self, lines: Sequence[Line]) -> list[Taken]:
        found = [self._one(line) for line in lines]
        for one in found:
            self._refuse_second(one)
        return found

    def _one(self, line: Line) -> Taken:
        fault, data = line.fault, line.data
        if not fault and isinstance(data, bytes):
            try:
                data = orjson.loads(data)
            except orjson.JSONDecodeError as error:
                fault = f"this is not JSON (column {error.colno})"
        if fault:
            return Taken(line.number, "", None, {}, [Trouble("", fault)])
        return read(self._kind, line.number, data, self._rules)

    def _refuse_second(self, one: Taken) -> None:
        if not one.is_good:
            return
        key = "\x00".join(str(one.said.get(name)) for name in NATURAL_KEYS[self._kind])
        earlier = self._seen.first_line(key, one.line)
        if earlier is not None:
            one.refuse(f"record {earlier} has the same key, and is the one that counts")


def _batch(taken: Sequence[Taken], told: Told) -> Batch:
    found = Batch(received=len(taken), written=told.written)
    for one in taken:
        why = told.refused.get(one.line)
        if why is not None:
            one.refuse(why)
        troubles = [*one.troubles]
        if one.line in told.noted:
            troubles.append(Trouble("", told.noted[one.line]))
        found.accepted += one.is_good
        found.problems += [
            {
                "line": one.line, "reference": one.reference, "field": t.field, "reason": t.reason,
                "accepted": one.is_good,
            }
            for t in troubles
        ]  # fmt: skip
    return found
