"""Import, timed: a creditor's file through everything that `dialer-engine import` does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.units import CampaignName
from dialer_engine.store.import_csv import import_cases
from dialer_engine.store.sql import SqlStore
from tools.bench_store import bulk, people
from tools.bench_store.memory import Memory

FROM_FILE, FROM_BULK = CampaignName("from-file"), CampaignName("bench")


async def through_the_door(
    store: SqlStore, folder: Path, first: int, count: int, seed: int
) -> dict[str, Any]:
    """Import a file of `count` people; the second time nothing of it is new."""
    path = people.write_file(folder / "cases.csv", range(first, first + count), seed)
    await store.save_campaign(Campaign(FROM_FILE))
    memory, again = Memory(), Memory()
    began = time.perf_counter()
    told = await import_cases(
        store, path, campaign=FROM_FILE, on_progress=lambda *_: memory.look(), due_at=bulk.NOW
    )
    took = time.perf_counter() - began
    if told.new != count:
        raise RuntimeError(f"{told.new:,} of {count:,} rows were imported; see {told.rejects}")
    began = time.perf_counter()
    await import_cases(
        store, path, campaign=FROM_FILE, on_progress=lambda *_: again.look(), due_at=bulk.NOW
    )
    return {
        "rows": count,
        "rows_per_s": round(count / took),
        "again_rows_per_s": round(count / (time.perf_counter() - began)),
        "memory_mib": memory.summary(),
        "memory_again_mib": again.summary(),
    }


async def past_the_door(store: SqlStore, url: str, indexes: range, seed: int) -> dict[str, Any]:
    """Write so many cases in bulk."""
    await store.save_campaign(Campaign(FROM_BULK))
    campaign = await store.database.read(store.ids.of, FROM_BULK)
    memory = Memory()
    began = time.perf_counter()
    marks: list[float] = []

    def tell(done: int) -> None:
        memory.look()
        marks.append(time.perf_counter() - began)
        if done % 500_000 == 0 or done == len(indexes):
            print(f"  {done:>10,} cases in bulk, {done / marks[-1]:,.0f} a second", flush=True)

    bulk.load(url, store.vault, campaign, indexes, seed, tell)
    took = time.perf_counter() - began
    return {
        "rows": len(indexes),
        "rows_per_s": round(len(indexes) / took),
        "writing_s": round(marks[-1], 1),
        "indexes_s": round(took - marks[-1], 1),
        "memory_mib": memory.summary(),
    }
