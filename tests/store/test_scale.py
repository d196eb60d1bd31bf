"""How it behaves with a million cases, and what a batch costs. The figures are printed (`-s`); what is
judged is only that nothing grows with the number of cases.

DIALER_SCALE_CASES sets the number of cases.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.outcome import Outcome
from dialer_engine.store import SqlStore
from dialer_engine.store.cases import number_place
from dialer_engine.store.schema import campaign_cases, case_numbers, cases
from dialer_engine.store.vault import Vault
from tests.store.building import LOANS, NOW, at, day_of, draft_for, end, follow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

_CASES = int(os.environ.get("DIALER_SCALE_CASES", "1000000"))
_PART = 20_000
_BATCH = 50
_ROUNDS = 200


async def _add(connection: AsyncConnection, vault: Vault, first: int, count: int) -> None:
    """Three of four cases are not due before tomorrow, at each of five priorities."""
    ids = range(first, first + count)
    blank = {
        "days_past_due": 30, "language": "", "skill": "",
        "number_count": 1, "fingerprint": "",
    }  # fmt: skip
    members = {"campaign_id": 1, "tries": 0, "number_rank": 0, "reason": ""}
    await connection.execute(
        insert(cases), [{**blank, "id": i, "reference": f"C{i}", "priority": i % 5} for i in ids]
    )
    await connection.execute(
        insert(case_numbers),
        [
            {
                "case_id": i,
                "rank": 0,
                "number": vault.close(number_place(i, 0), f"+4477{i:08d}"),
                "number_key": vault.number(f"+4477{i:08d}"),
                "label": "",
                "zone": "Europe/London",
            }
            for i in ids
        ],
    )
    await connection.execute(
        insert(campaign_cases),
        [
            {
                **members,
                "case_id": i,
                "priority": i % 5,
                "due_at": at(-i % 997 if i % 4 == 0 else 86_400),
            }
            for i in ids
        ],
    )


async def _fill(store: SqlStore, total: int) -> None:
    await store.save_campaign(Campaign(LOANS))
    for first in range(1, total + 1, _PART):
        await store.database.write(_add, store.vault, first, min(_PART, total + 1 - first))


async def _timed(call: Callable[[], Awaitable[Any]]) -> float:
    started = time.perf_counter()
    await call()
    return time.perf_counter() - started


async def test_a_campaign_of_a_million(store: SqlStore) -> None:
    started = time.perf_counter()
    await _fill(store, _CASES)
    print(f"\n{_CASES:,} cases written in {time.perf_counter() - started:.1f} s")
    seek, begin, finish = [], [], []
    for _ in range(_ROUNDS):
        now = at(1000)
        started = time.perf_counter()
        found = await store.candidates(LOANS, _BATCH, now, [], day_of)
        seek.append(time.perf_counter() - started)
        assert len(found) == _BATCH
        drafts = [draft_for(candidate) for candidate in found]
        begin.append(await _timed(lambda d=drafts: store.begin_attempts(d)))  # type: ignore[misc]
        ends = [end(d.id, Outcome.BUSY) for d in drafts]
        nexts = [follow(d.case_id, at(90_000)) for d in drafts]
        finish.append(await _timed(lambda e=ends, n=nexts: store.end_attempts(e, n)))  # type: ignore[misc]
    for name, times in (("candidates", seek), ("begin_attempts", begin), ("end_attempts", finish)):
        middle, worst = statistics.median(times) * 1000, max(times) * 1000
        rate = _BATCH / statistics.median(times)
        print(f"{name:15} of {_BATCH}: p50 {middle:.2f} ms, max {worst:.1f} ms, {rate:,.0f}/s")
    counted = await _timed(lambda: store.backlog(LOANS, at(1000)))
    reported = await _timed(lambda: store.report(LOANS, None, NOW))
    print(f"backlog {counted * 1000:.0f} ms, report {reported * 1000:.0f} ms")
    assert len(await store.calls(LOANS, 20, None)) == 20
