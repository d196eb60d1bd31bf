"""What commands do to cases beside promises: show, hold, deal out, take back, complaints, notes, numbers, and
the work of a day.

Rules: as in `data.py`: every function blocks, arguments and answers are plain, what goes wrong is a
DialerError. Everything is masked but for who has the right and says why (`unmask.py`).
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import yaml

from dialer_engine.app import unmask
from dialer_engine.app.cases import day_of
from dialer_engine.app.clock import SystemClock
from dialer_engine.app.config import Config
from dialer_engine.app.stored import in_store
from dialer_engine.app.unmask import Asked
from dialer_engine.app.wiring import daily_work
from dialer_engine.domain.collections.allocation import (
    AllocationPolicy,
    Collector,
    RecallPolicy,
    allocate,
    judge_recall,
)
from dialer_engine.domain.collections.codes import HoldKind
from dialer_engine.domain.errors import BadValue
from dialer_engine.engine.daily import Daily
from dialer_engine.ports.daily import Job
from dialer_engine.store import case_notes, desks
from dialer_engine.store.sql import SqlStore

Json = dict[str, Any]
T = TypeVar("T")
_PAGE = 1000
_KEYS = frozenset({"policy", "collectors", "cases", "term_days"})


def who() -> str:
    """Who types, for the record."""
    return unmask.person()


def show(config: Config, reference: str, asked: Asked | None = None) -> Json:
    """The whole file of a case, with its campaigns and numbers; masked unless asked for more."""

    async def work(store: SqlStore) -> Json:
        full = asked is not None
        if asked is not None:
            await unmask.note(store, config, asked, "cases show", reference)
        file = await store.case_file(reference, datetime.now(UTC), reveal=full)
        case_id = await store.case_id(reference)
        return file | {
            "campaigns": await store.case_campaigns(case_id),
            "numbers": await store.case_numbers(reference, reveal=full),
        }

    return in_store(config, work)


def numbers(config: Config, reference: str, asked: Asked | None = None) -> list[Json]:
    """See `store.number_view.of_case`."""

    async def work(store: SqlStore) -> list[Json]:
        if asked is not None:
            await unmask.note(store, config, asked, "cases numbers", reference)
        return await store.case_numbers(reference, reveal=asked is not None)

    return in_store(config, work)


def number_reset(config: Config, reference: str, name: str) -> Json:
    """{cases}: how many have a number back. name: its id, or `all`."""

    async def work(store: SqlStore) -> Json:
        count = await store.reset_number(reference, name, datetime.now(UTC), by=who())
        return {"cases": count}

    return in_store(config, work)


def hold(
    config: Config, reference: str, kind: str, *, until: str | None, end: bool, reason: str
) -> Json:
    """Set or end a hold: {case, kind, until} or {case, kind, ended}."""
    which = HoldKind(kind)
    last = _moment(until) if until else None
    if end and until:
        raise BadValue("a hold is ended now, or lasts until a time; not both")
    if last is not None and last <= datetime.now(UTC):
        raise BadValue("a hold until a time that is over holds nothing")

    async def work(store: SqlStore) -> Json:
        case_id, now = await store.case_id(reference), datetime.now(UTC)
        if end:
            ended = await store.end_hold(case_id, which, now, by=who())
            return {"case": reference, "kind": kind, "ended": ended}
        await store.set_hold(case_id, which, now, until=last, by=who(), reason=reason)
        return {"case": reference, "kind": kind, "until": until}

    return in_store(config, work)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadValue("a time is written as 2026-12-01T09:00+08:00") from None


def complaint(config: Config, reference: str, about: str, text: str) -> Json:
    """{case, key}: the case is held from now on."""

    async def work(store: SqlStore) -> Json:
        now = datetime.now(UTC)
        key = await store.database.write(
            case_notes.complain, store.vault, reference, about, text, who(), now
        )
        return {"case": reference, "key": key, "hold": HoldKind.COMPLAINT.value}

    return in_store(config, work)


def note(config: Config, reference: str, text: str) -> Json:
    """{case}: the words are on its timeline, closed."""

    async def work(store: SqlStore) -> Json:
        now = datetime.now(UTC)
        await store.database.write(case_notes.write, store.vault, reference, text, who(), now)
        return {"case": reference}

    return in_store(config, work)


# -- who works which case --------------------------------------------------------------------------


def deal(config: Config, file: Path, *, dry_run: bool) -> Json:
    """{decisions [{case, collector, parts, why}], given, nobody, written}. file: see docs/howto/cases.md."""
    plan = _plan(file)
    policy = _made(AllocationPolicy, plan.get("policy") or {})
    people = [_collector(one) for one in plan.get("collectors") or ()]
    if not people:
        raise BadValue(f"{file}: it names no collectors")
    chosen = plan.get("cases") or {}
    term = plan.get("term_days")

    async def work(store: SqlStore) -> Json:
        now = datetime.now(UTC)
        every = [
            one async for one in _open_cases(store, now.date(), str(chosen.get("creditor", "")))
        ]
        waiting = every if chosen.get("owned") else [one for one in every if not one.owner]
        loads = Counter(one.owner for one in every if one.owner)
        able = [replace(one, load=loads[one.id]) for one in people]
        decisions = allocate(waiting, able, policy)
        # Who keeps a case keeps its term too.
        new = [one for one in decisions if not one.why.startswith("kept")]
        until = now.date() + timedelta(int(term)) if term else None
        if not dry_run:
            for start in range(0, len(new), _PAGE):
                part = new[start : start + _PAGE]
                await store.assign(part, {c.id: c for c in able}, now, recall_on=until, by=who())
        told = [
            {"case": d.case, "collector": d.collector, "parts": dict(d.parts), "why": d.why}
            for d in decisions
        ]
        given = sum(one.collector is not None for one in decisions)
        nobody = len(decisions) - given
        return {
            "decisions": told,
            "given": given,
            "nobody": nobody,
            "written": 0 if dry_run else len(new),
        }

    return in_store(config, work)


async def _open_cases(store: SqlStore, today: date, creditor: str) -> Any:
    after = 0
    while True:
        found = await store.database.read(
            case_notes.dealt, today, creditor=creditor, owned=True, after=after, limit=_PAGE
        )
        for _, one in found:
            yield one
        if len(found) < _PAGE:
            return
        after = found[-1][0]


def _plan(file: Path) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadValue(f"{file}: it cannot be read: {type(error).__name__}") from None
    if not isinstance(found, Mapping) or not found.keys() <= _KEYS:
        raise BadValue(f"{file}: its keys are {', '.join(sorted(_KEYS))}")
    return found


def _collector(row: Any) -> Collector:
    if not isinstance(row, Mapping) or "id" not in row:
        raise BadValue("a collector is a table with an id")
    sets = {n: frozenset(map(str, row.get(n) or ())) for n in ("skills", "languages")}
    return _made(Collector, {**row, "id": str(row["id"]), **sets})


def _made(kind: type[T], values: Mapping[str, Any]) -> T:
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    if not values.keys() <= known:
        raise BadValue(
            f"{', '.join(sorted(values.keys() - known))}: not one of {', '.join(sorted(known))}"
        )
    return kind(**values)


def recall(config: Config, *, idle_days: int | None, dry_run: bool) -> Json:
    """{decisions [{case, from, reasons, why}], recalled}: what is due to go back."""
    policy = RecallPolicy(idle_days=idle_days)

    async def work(store: SqlStore) -> Json:
        now = datetime.now(UTC)
        due, after = [], 0
        while True:
            page = await store.database.read(desks.held, now.date(), after, _PAGE)
            judged = [judge_recall(one, policy, now.date()) for _, one in page]
            due += [one for one in judged if one.is_due]
            if len(page) < _PAGE:
                break
            after = page[-1][0]
        back = 0
        for start in range(0, 0 if dry_run else len(due), _PAGE):
            back += await store.recall(due[start : start + _PAGE], now, by=who())
        told = [
            {
                "case": d.case,
                "from": d.holder,
                "reasons": [r.value for r in d.reasons],
                "why": d.why,
            }
            for d in due
        ]
        return {"decisions": told, "recalled": back}

    return in_store(config, work)


# -- the work of a day -----------------------------------------------------------------------------


def daily(config: Config, day: str | None, *, again: bool) -> list[Json]:
    """[{job, done, ours, …counts}] of the day, today at the site when None. again: though it is done. Of an
    earlier day only charges and promises: what is owed and who has a case is known of today only.
    """

    async def work(store: SqlStore) -> list[Json]:
        usual = daily_work(config, store)
        assert usual is not None
        when = day_of(day) if day else usual.today()
        if when > usual.today():
            raise BadValue("the work of a day that has not begun cannot be done")
        if again:
            await store.forget_day(when)
        jobs = list(Job) if when == usual.today() else [Job.CHARGES, Job.PROMISES]
        mine = Daily(store, SystemClock(), f"{socket.gethostname()}:{os.getpid()}", UTC)
        done = [await mine.do(when, job) for job in jobs]
        return [{"job": d.job.value, "done": d.done, "ours": d.ours, **d.counts} for d in done]

    return in_store(config, work)
