"""Choosing the next 500 callable cases, as the engine does it, while cases are being worked.

Rules: what is timed is what `engine/caselist.py` does when a list runs short: `SqlStore.candidates`, then
`SqlLaw.facts` for those that it gave; a quarter of the list is still held and left out, as in the engine.
Between two draws the gate decides on every case; of those it permits so many are dialled (attempts begun
with their reservations, ended with the next draw), and the rest of the list moves to another day, so that
no draw finds the rows of the one before.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from dialer_engine.compliance.facts import Facts
from dialer_engine.compliance.gate import Gate, Permit, RuleSet, local_day
from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd, Candidate, CaseNext
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CaseId, NodeName, TrunkName, attempt_id
from dialer_engine.store.law import SqlLaw
from dialer_engine.store.sql import SqlStore
from tools.bench.figures import spread
from tools.bench_store import bulk
from tools.bench_store.cpu import Cpu, backends
from tools.bench_store.loads import FROM_BULK
from tools.bench_store.memory import Memory

WANTED = 500
HELD = WANTED // 4
_CALLS, _TICK = 100, 25
_STEP = timedelta(seconds=5)
_LATER = timedelta(days=2)
_PROMISES = frozenset(
    {"identify_institution_first", "verify_identity", "record_call", "abandon_message"}
)
_HOUSE = RuleSet(daily_cap=100)


@dataclass(slots=True)
class Times:
    """Seconds of each draw. permits, asked: of the gate."""

    candidates: list[float] = field(default_factory=list)
    facts: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    candidates_cpu: list[float] = field(default_factory=list)
    begin: list[float] = field(default_factory=list)
    permits: int = 0
    asked: int = 0
    short: int = 0


class Draws:
    """One campaign that is drawn from and worked."""

    def __init__(self, store: SqlStore, gate: Gate, serial: int = 0) -> None:
        self._store, self._gate = store, gate
        self._law = SqlLaw(store, gate.book)
        self._serials = itertools.count(serial)
        self._open: list[AttemptDraft] = []
        self._held: list[CaseId] = []
        self.now = bulk.NOW
        self.times = Times()
        self.memory = Memory()
        self._cpu = Cpu()

    async def run(self, count: int) -> None:
        """So many draws."""
        self._cpu.backends = await self._store.database.read(backends)
        for _ in range(count):
            await self.once()
            self.memory.look()
        # Nothing stays open, or the next run would step over it in each draw.
        await self._end()

    async def once(self) -> None:
        """One draw, and the work that follows it."""
        self.now += _STEP
        cpu, began = self._cpu.used(), time.perf_counter()
        found = await self._store.candidates(FROM_BULK, WANTED, self.now, self._held, self._day)
        chosen, spent = time.perf_counter(), self._cpu.used() - cpu
        facts = await self._law.facts(found, self.now)
        known = time.perf_counter()
        self.times.candidates.append(chosen - began)
        self.times.facts.append(known - chosen)
        self.times.cpu.append(self._cpu.used() - cpu)
        self.times.candidates_cpu.append(spent)
        self.times.short += len(found) < WANTED
        await self._work(found, facts)

    def _day(self, zone: str | None) -> str:
        return local_day(zone, _HOUSE, self.now)

    async def _work(self, found: Sequence[Candidate], facts: Any) -> None:
        drafts: list[AttemptDraft] = []
        for one in found[:-HELD]:
            draft = self._decide(one, facts[one.case_id]) if len(drafts) < _CALLS else None
            if draft is not None:
                drafts.append(draft)
        dialled = {draft.case_id for draft in drafts}
        moved = [one for one in found[:-HELD] if one.case_id not in dialled]
        await self._store.postpone([self._later(one.case_id, one.tries) for one in moved])
        await self._end()
        for first in range(0, len(drafts), _TICK):
            began = time.perf_counter()
            refused = await self._store.begin_attempts(drafts[first : first + _TICK])
            self.times.begin.append(time.perf_counter() - began)
            self._open += [one for one in drafts[first : first + _TICK] if one.id not in refused]
        self._held = [one.case_id for one in found[-HELD:]]

    def _decide(self, one: Candidate, facts: Facts) -> AttemptDraft | None:
        name = attempt_id(int(self.now.timestamp() * 1000), next(self._serials).to_bytes(10, "big"))
        verdict = self._gate.decide(replace(facts, attempt=name, disclosures=_PROMISES), self.now)
        self.times.asked += 1
        if not isinstance(verdict, Permit):
            return None
        self.times.permits += 1
        return AttemptDraft(
            name, FROM_BULK, one.case_id, one.number, NodeName("pbx-1"), TrunkName("carrier-a"), self.now,
            verdict.local_day, verdict.daily_cap, verdict.evidence, one.tries + 1, verdict.reservation,
        )  # fmt: skip

    def _later(self, case_id: CaseId, tries: int) -> CaseNext:
        return CaseNext(FROM_BULK, case_id, self.now + _LATER, "postponed", tries)

    async def _end(self) -> None:
        ends = [
            AttemptEnd(
                one.id, Outcome.NO_ANSWER, "", 19, 480, None, None, one.planned_at, one.planned_at, None, None,
                self.now, None, None,
            )
            for one in self._open
        ]  # fmt: skip
        nexts = [self._later(one.case_id, one.try_no) for one in self._open]
        await self._store.end_attempts(ends, nexts)
        self._open = []


def summary(times: Times) -> dict[str, Any]:
    """p50 and p99 of each part and of both together, ms."""
    both = [a + b for a, b in zip(times.candidates, times.facts, strict=True)]
    return {
        "draws": len(both),
        "of": WANTED,
        "short": times.short,
        "candidates_ms": spread(times.candidates),
        "facts_ms": spread(times.facts),
        "choosing_ms": spread(both),
        "choosing_cpu_ms": spread(times.cpu),
        "candidates_cpu_ms": spread(times.candidates_cpu),
        "begin_25_ms": spread(times.begin) if times.begin else {},
        "permitted": round(times.permits / max(1, times.asked), 3),
    }
