"""Millions of invented cases: how quick is import, choosing the next 500 cases to call, the gate?

Without --url: a million cases in a new SQLite file, then ten million in a PostgreSQL server of its own,
which is removed at the end. With --url: only that database, which is created and filled when it holds no
cases yet, and kept; `--only draws` draws again from what is there. Figures go to build/bench/store.json.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import func, make_url, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.app.compliance import load_book
from dialer_engine.compliance.gate import Gate, RuleSet
from dialer_engine.store.keys import ENV_FILE, write_key
from dialer_engine.store.schema import attempts, cases
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.upgrade import upgrade
from tools import bench_compliance
from tools.bench import machine
from tools.bench_store import cluster, draws, loads, page, people

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "build" / "bench" / "store.json"
_SQLITE, _POSTGRES, _SHORT = 1_000_000, 10_000_000, 20_000
_DRAWS, _SHORT_DRAWS, _WARM = 400, 20, 10
_SAMPLE, _DECISIONS = 50_000, 100_000
_PG_HOME = Path("/tmp/bench-pg")
PARTS = ("load", "draws", "gate")


def main(arguments: Sequence[str]) -> int:
    """0, or argparse's 2."""
    given = _parser().parse_args(arguments)
    found = json.loads(given.to.read_text()) if given.to.exists() else {}
    found["machine"], found["date"] = machine.describe(), machine.now()
    load_before = machine.load()
    if given.only in ("", "gate"):
        found["gate"] = gate(_DECISIONS // (10 if given.short else 1))
    if given.only != "gate":
        _stores(given, found)
    found["load"] = {"before": load_before, "after": machine.load()}
    given.to.parent.mkdir(parents=True, exist_ok=True)
    given.to.write_text(json.dumps(found, indent=1) + "\n")
    print("\n".join(page.lines(found)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.bench_store", description=__doc__)
    parser.add_argument("--cases", type=int, help="how many; default a million, ten on PostgreSQL")
    parser.add_argument("--url", default="", help="this database only, and keep it")
    parser.add_argument("--short", action="store_true", help="20,000 cases on SQLite: seconds")
    parser.add_argument("--only", choices=PARTS, default="", help="one part of it")
    parser.add_argument("--draws", type=int, help=f"how many; default {_DRAWS}")
    parser.add_argument("--sample", type=int, help=f"rows of the file; default {_SAMPLE:,}")
    parser.add_argument("--seed", type=int, default=people.SEED)
    parser.add_argument("--to", type=Path, default=FIGURES, help="where the figures go")
    return parser


def _stores(given: argparse.Namespace, found: dict[str, Any]) -> None:
    if given.url:
        _one(given, given.url, found)
        return
    folder = Path(tempfile.mkdtemp(prefix="bench-store-"))
    try:
        _one(given, f"sqlite:///{folder}/dialer.db", found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.short:
        return
    with cluster.private(_PG_HOME) as server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(b"CREATE DATABASE bench")
        _one(given, make_url(server).set(database="bench").render_as_string(False), found)


def _one(given: argparse.Namespace, url: str, found: dict[str, Any]) -> None:
    """Load it unless it is, draw from it."""
    kind = make_url(url).get_backend_name()
    with tempfile.TemporaryDirectory(prefix="bench-store-") as folder:
        if kind != "sqlite" and ENV_FILE not in os.environ:
            _key(url, Path(folder))
        upgrade(url)
        told = asyncio.run(_measure(given, url, kind, Path(folder)))
    found[kind] = found.get(kind, {}) | told


def _key(url: str, folder: Path) -> None:
    """A server has no folder for a master key; ours goes with the run, so --url needs one that stays."""
    write_key(folder / "master.key")
    os.environ[ENV_FILE] = str(folder / "master.key")


async def _measure(given: argparse.Namespace, url: str, kind: str, folder: Path) -> dict[str, Any]:
    usual = _SHORT if given.short else _SQLITE if kind == "sqlite" else _POSTGRES
    wanted = given.cases or usual
    sample = given.sample or min(_SAMPLE, max(1_000, wanted // 10))
    store = SqlStore(url)
    await store.open()
    try:
        told: dict[str, Any] = {}
        if await store.database.read(_count, 1) == 0:
            told["bulk"] = await loads.past_the_door(store, url, range(1, wanted + 1), given.seed)
            told["file"] = await loads.through_the_door(
                store, folder, wanted + 1, sample, given.seed
            )
        if given.only != "load":
            told["draws"] = await _draw(given, store)
        told["cases"] = await store.database.read(_count)
        return told
    finally:
        await store.close()


async def _count(connection: AsyncConnection, most: int | None = None) -> int:
    query = select(cases.c.id).limit(most).subquery()
    return int(await connection.scalar(select(func.count()).select_from(query)) or 0)


async def _draw(given: argparse.Namespace, store: SqlStore) -> dict[str, Any]:
    known = await store.database.read(_attempts)
    one = draws.Draws(store, Gate(RuleSet(daily_cap=100), load_book(("cn",))), known)
    await one.run(_WARM)
    # As the daemon does when it has started.
    gc.collect()
    gc.freeze()
    one.times = draws.Times()
    await one.run(given.draws or (_SHORT_DRAWS if given.short else _DRAWS))
    return draws.summary(one.times) | {"memory_mib": one.memory.summary()}


async def _attempts(connection: AsyncConnection) -> int:
    """Ids go on where an earlier run ended."""
    return int(await connection.scalar(select(func.count()).select_from(attempts)) or 0)


def gate(count: int) -> dict[str, Any]:
    """Decisions a second on one core, presets of China."""
    now = bench_compliance.NOW.replace(hour=4)
    one = Gate(RuleSet(daily_cap=100), load_book(("cn",)))
    asked = bench_compliance.people(count, "CN", "Asia/Shanghai", "CN", now)
    one.decide(asked[0], now)
    rate, permits = bench_compliance.measure(one, asked, now)
    return {
        "decisions_per_s": round(rate),
        "of": count,
        "permits": permits,
        "rules": len(one.book.active),
    }
