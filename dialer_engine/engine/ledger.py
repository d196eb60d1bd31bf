"""What goes to the store, in groups, and is never lost while the process lives.

Rules: attempts are committed before anything is dialled and the caller waits for that; outcomes and
agents' events are queued and written in batches by one writer, again and again until the store
takes them; while it does not, `ok` is False and nobody dials. The queue is bounded by what was in
flight, because nothing new starts. No outcome is written while attempts are being committed: it may
be that of one of them; but first those of cases that are dialled again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd, CaseNext
from dialer_engine.domain.errors import CampaignHeld, StoreError
from dialer_engine.domain.units import AttemptId, CaseId
from dialer_engine.ports.store import AgentEventRow, DispositionRow, Store

log = structlog.get_logger(__name__)
# Long enough to gather a group (a transaction costs the loop as much as handling ten calls), short enough
# that no screen notices. What is lost with the process in that time the next start learns from the PBX.
_GATHER_S = 0.2
_BATCH = 500
_RETRY_FIRST_S = 0.2
_RETRY_MAX_S = 5.0

Job = Callable[[], Coroutine[Any, Any, Any]]


class Ledger:
    """ok: the store takes writes. pending: rows that wait. written: rows written so far. probe: a
    real write without effect, tried when the store failed and nothing is queued. on_change: told of
    `ok`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ends: deque[tuple[AttemptEnd, CaseNext | None]] = deque()
        self._events: deque[AgentEventRow] = deque()
        self._postponed: deque[CaseNext] = deque()
        self._dispositions: deque[DispositionRow] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._one_at_a_time = asyncio.Lock()
        self.ok = True
        self.detail = ""
        self.written = 0
        self.failures = 0
        self.on_change: Callable[[bool, str], None] = lambda ok, detail: None
        self.probe: Job | None = None

    @property
    def pending(self) -> int:
        return len(self._ends) + len(self._events) + len(self._postponed) + len(self._dispositions)

    def ending(self) -> set[AttemptId]:
        """Attempts whose outcome waits to be written."""
        return {end.id for end, _ in self._ends}

    async def begin(self, drafts: Sequence[AttemptDraft]) -> dict[AttemptId, str]:
        """Commit attempts; returns the refused ones with the reason. StoreError: none may be
        dialled.
        """
        try:
            async with self._one_at_a_time:
                await self._write_ends_of({draft.case_id for draft in drafts})
                refused = await self._store.begin_attempts(drafts)
        except CampaignHeld:
            raise
        except StoreError as error:
            self._failed(error)
            self._wake.set()
            raise
        self.written += len(drafts) - len(refused)
        return refused

    def end(self, end: AttemptEnd, following: CaseNext | None) -> None:
        """Queue an outcome and what follows for the case."""
        self._ends.append((end, following))
        self._queued()

    def agent_event(self, row: AgentEventRow) -> None:
        """Queue a change of an agent's day."""
        self._events.append(row)
        self._queued()

    def postpone(self, following: CaseNext) -> None:
        """Queue a case that the gate denied for now."""
        self._postponed.append(following)
        self._queued()

    def disposition(self, row: DispositionRow) -> None:
        """Queue what an agent said became of a talk."""
        self._dispositions.append(row)
        self._queued()

    async def flushed(self) -> None:
        """Returns when nothing waits any more."""
        await self._idle.wait()

    async def write(self) -> None:
        """For ever: write what is queued. After a failure the same rows again, slower and
        slower.
        """
        pause = _RETRY_FIRST_S
        while True:
            await self._wake.wait()
            await asyncio.sleep(_GATHER_S)
            try:
                await self._write_all()
            except Exception as error:
                # Not only StoreError: a writer that died would lose everything and say nothing.
                self._failed(error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _RETRY_MAX_S)
            else:
                pause = _RETRY_FIRST_S

    def _queued(self) -> None:
        self._idle.clear()
        self._wake.set()

    async def _write_all(self) -> None:
        """What waits now. What comes meanwhile gathers for the next time, unless it is a batch already."""
        full = True
        while full:
            full = max(len(self._ends), len(self._events), len(self._postponed)) > _BATCH
            await self._write_ends()
            await self._write_some(self._events, self._store.agent_events)
            await self._write_some(self._postponed, self._store.postpone)
            await self._write_dispositions()
        if not self.ok:
            await self._probe()
        if not self.pending:
            self._wake.clear()
            self._idle.set()

    async def _probe(self) -> None:
        """Nothing waits, and the last write failed: a real write tells whether the store is
        back.
        """
        if self.probe is not None:
            await self.probe()
        self._succeeded()

    async def _write_ends(self) -> None:
        async with self._one_at_a_time:
            await self._write_some_ends()

    async def _write_ends_of(self, cases: set[CaseId]) -> None:
        """Before a case is dialled again at once, over another trunk, the store must know that its last
        attempt is over, or it would refuse the next one.
        """
        while any(after is not None and after.case_id in cases for _, after in self._ends):
            await self._write_some_ends()

    async def _write_some_ends(self) -> None:
        rows = [self._ends[i] for i in range(min(_BATCH, len(self._ends)))]
        if not rows:
            return
        ends = [end for end, _ in rows]
        nexts = [after for _, after in rows if after is not None]
        await self._store.end_attempts(ends, nexts)
        self._drop(self._ends, len(rows))

    async def _write_some(
        self, queue: deque[Any], write: Callable[[list[Any]], Coroutine[Any, Any, None]]
    ) -> None:
        rows = [queue[i] for i in range(min(_BATCH, len(queue)))]
        if rows:
            await write(rows)
            self._drop(queue, len(rows))

    async def _write_dispositions(self) -> None:
        while self._dispositions:
            await self._store.disposition(self._dispositions[0])
            self._drop(self._dispositions, 1)

    def _drop(self, queue: deque[Any], count: int) -> None:
        for _ in range(count):
            queue.popleft()
        self.written += count
        self._succeeded()

    def _succeeded(self) -> None:
        if not self.ok:
            self.ok, self.detail = True, ""
            log.info("the store takes writes again")
            self.on_change(True, "")

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        known = isinstance(error, StoreError)
        # What is no error of ours may hold a row in its words.
        detail = str(error) if known else f"unexpected {type(error).__name__}; see the log"
        if self.ok:
            self.ok, self.detail = False, detail
            log.error(
                "the store does not take writes; dialling has stopped",
                error=detail,
                exc_info=not known,
            )
            self.on_change(False, detail)
