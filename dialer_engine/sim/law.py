"""Books of compliance in memory: `MemoryLaw`, behind `ports.law.Law`. For simulations and tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dialer_engine.compliance.counting import Contact
from dialer_engine.compliance.facts import Facts
from dialer_engine.compliance.rules import Override
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.errors import StoreUnavailable
from dialer_engine.domain.units import E164, AttemptId, CaseId
from dialer_engine.ports.law import Flying


@dataclass(slots=True)
class MemoryLaw:
    """lists: by number or case, the names of the lists. down: why nothing works, empty while it does.
    records: denials, as they were put on record. wide: overrides of numbers and campaigns, by counter.
    units: contacts on counters that are no case's.
    """

    lists: dict[E164 | CaseId, tuple[str, ...]] = field(default_factory=dict)
    extra: dict[CaseId, dict[str, Any]] = field(default_factory=dict)
    records: list[tuple[CaseId, Mapping[str, Any]]] = field(default_factory=list)
    wide: dict[str, tuple[Override, ...]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    units: dict[str, tuple[Contact, ...]] = field(default_factory=dict)
    down: str = ""
    changes: int = 0

    def suppress(self, whom: E164 | CaseId, *names: str) -> None:
        """Put a number or a case on lists."""
        self.lists[whom] = names
        self.changes += 1

    async def _turn(self) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise StoreUnavailable(self.down)

    async def facts(self, candidates: Sequence[Candidate], now: datetime) -> Mapping[CaseId, Facts]:
        """See the port."""
        await self._turn()
        return {one.case_id: self._facts(one) for one in candidates}

    def _facts(self, one: Candidate) -> Facts:
        names = (*self.lists.get(one.number, ()), *self.lists.get(one.case_id, ()))
        return Facts(
            AttemptId(""), one.number, one.zone, one.attempts_today, one.counted_day,
            lists=names, **self.extra.get(one.case_id, {}),
        )  # fmt: skip

    async def version(self) -> int:
        """See the port."""
        await self._turn()
        return self.changes

    async def suppressed(
        self, calls: Sequence[Flying], now: datetime
    ) -> Mapping[AttemptId, tuple[str, ...]]:
        """See the port."""
        await self._turn()
        found = {}
        for call in calls:
            number = self.lists.get(call.number, ()) if call.number else ()
            names = (*number, *self.lists.get(call.case_id, ()))
            if names:
                found[call.attempt] = names
        return found

    async def lifted(
        self, cases: Sequence[CaseId], now: datetime
    ) -> Mapping[CaseId, tuple[Override, ...]]:
        """See the port."""
        await self._turn()
        found = {case: self.extra.get(case, {}).get("overrides", ()) for case in cases}
        return {
            case: tuple(one for one in given if one.until > now)
            for case, given in found.items()
            if given
        }

    async def lifted_widely(self, now: datetime) -> Mapping[str, tuple[Override, ...]]:
        """See the port."""
        await self._turn()
        return self.wide

    async def counted(
        self, keys: Sequence[str], now: datetime
    ) -> Mapping[str, tuple[Contact, ...]]:
        """See the port."""
        await self._turn()
        return {key: self.units[key] for key in keys if key in self.units}

    async def said(self, words: Mapping[str, str], now: datetime) -> None:
        """See the port."""
        await self._turn()
        self.words |= words

    async def denied(self, records: Sequence[tuple[CaseId, Mapping[str, Any]]]) -> None:
        """See the port."""
        await self._turn()
        self.records += records
