"""The store alone: attempts committed and ended a second, as the engine writes them, on this disk.

A commit is a commit: SQLite in WAL with `synchronous=FULL`, one transaction a batch. 25 attempts are a
tick at 100 calls a second; outcomes are gathered for 50 ms and written together.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd, CaseNext
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.case import Case, Number
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import (
    E164,
    AgentId,
    AttemptId,
    CampaignName,
    CaseId,
    NodeName,
    TrunkName,
    attempt_id,
)
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.upgrade import upgrade
from tools.bench.figures import spread
from tools.lab.mix import load_number

CAMPAIGN = CampaignName("bench")
_TICK, _GATHERED, _IMPORT = 25, 10, 1000


async def _fill(store: SqlStore, cases: int) -> float:
    """Rows a second of the import."""
    await store.save_campaign(Campaign(CAMPAIGN))
    batch = [Case(f"B-{i}", "", (Number(_number(i)),)) for i in range(cases)]
    began = time.perf_counter()
    for start in range(0, cases, _IMPORT):
        await store.import_batch(CAMPAIGN, batch[start : start + _IMPORT], datetime.now(UTC))
    return cases / (time.perf_counter() - began)


def _number(index: int) -> E164:
    return E164(load_number("talk", index))


def _draft(case: int) -> AttemptDraft:
    now = datetime.now(UTC)
    name = attempt_id(time.time_ns() // 1_000_000, secrets.token_bytes(10))
    return AttemptDraft(
        name, CAMPAIGN, CaseId(case + 1), _number(case), NodeName("pbx-1"), TrunkName("carrier-a"), now,
        now.date().isoformat(), 3, {"rules": "0" * 16, "attempts_today": 0, "decided_at": now.isoformat()},
    )  # fmt: skip


def _end(name: AttemptId) -> AttemptEnd:
    now = datetime.now(UTC)
    return AttemptEnd(
        name, Outcome.COMPLETED, "bridged", 16, None, AgentId("1001"), "not_asked", now, now, now, now, now,
        0.004, 12.0,
    )  # fmt: skip


async def _measure(url: str, count: int) -> dict[str, Any]:
    store = SqlStore(url)
    await store.open()
    try:
        imported = await _fill(store, count)
        begins: list[float] = []
        open_ones: list[AttemptDraft] = []
        for start in range(0, count, _TICK):
            drafts = [_draft(i) for i in range(start, min(count, start + _TICK))]
            began = time.perf_counter()
            refused = await store.begin_attempts(drafts)
            begins.append(time.perf_counter() - began)
            assert not refused
            open_ones += drafts
        ends = await _end_all(store, open_ones)
    finally:
        await store.close()
    return {
        "cases_imported_per_s": round(imported),
        "attempts_begun_per_s": round(count / sum(begins)),
        "begin_ms": {"rows": _TICK, **spread(begins)},
        "attempts_ended_per_s": round(count / sum(ends)),
        "end_ms": {"rows": _GATHERED, **spread(ends)},
    }


async def _end_all(store: SqlStore, drafts: list[AttemptDraft]) -> list[float]:
    times: list[float] = []
    for start in range(0, len(drafts), _GATHERED):
        part = drafts[start : start + _GATHERED]
        ends = [_end(one.id) for one in part]
        nexts = [CaseNext(CAMPAIGN, one.case_id, None, "completed", 1) for one in part]
        began = time.perf_counter()
        await store.end_attempts(ends, nexts)
        times.append(time.perf_counter() - began)
    return times


def measure(folder: Path, short: bool = False) -> dict[str, Any]:
    """Rows a second, in a new database in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    url = f"sqlite:///{folder.resolve() / 'bench.db'}"
    upgrade(url)
    try:
        return asyncio.run(_measure(url, 1000 if short else 5000))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
