"""The work of a day, in the daemon: charges, promises that are over, days past due, cases to take back.

Rules: done once a local day, at the start if that day's is not done, by one daemon of all that share the
store; in small transactions with a pause after each, because calls write into the same store; what fails is
tried again, and goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Protocol

import structlog

from dialer_engine.domain.errors import DialerError
from dialer_engine.domain.units import Moment
from dialer_engine.ports.daily import DailyBook, Job

log = structlog.get_logger(__name__)
_LOOK_S = 60.0
# A step takes some tens of milliseconds; whoever has not come back after this is gone.
_LEASE = timedelta(seconds=120)
# As long as a step or two: calls have the store to themselves for half of the time.
PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Done:
    """One job of a day. ours: this process did (the rest of) it. done: False: another one is at it."""

    job: Job
    ours: bool
    done: bool
    counts: Mapping[str, int]


class Now(Protocol):
    """What of the clock is needed here."""

    def now(self) -> Moment:
        """This instant."""
        ...


class Daily:
    """zone: whose calendar days count, the site's."""

    def __init__(
        self, book: DailyBook, clock: Now, holder: str, zone: tzinfo, pause_s: float = PAUSE_S
    ) -> None:
        self._book = book
        self._clock = clock
        self._holder = holder
        self._zone = zone
        self._pause_s = pause_s
        self._finished: set[tuple[date, Job]] = set()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.look()
            except DialerError as error:
                log.warning("the work of the day waits", error=str(error))
            except Exception:
                # Without this task promises would be open for ever.
                log.exception("the work of the day failed and is tried again")
            await asyncio.sleep(_LOOK_S)

    def today(self) -> date:
        """The day at the site."""
        return self._clock.now().utc.astimezone(self._zone).date()

    async def look(self) -> list[Done]:
        """What today still needs. StoreError, Conflict."""
        today = self.today()
        self._finished = {mark for mark in self._finished if mark[0] == today}
        left = [job for job in Job if (today, job) not in self._finished]
        return [await self.do(today, job) for job in left]

    async def do(self, day: date, job: Job) -> Done:
        """One job of a day, if it is not done and nobody is at it."""
        now = self._clock.now().utc
        claim = await self._book.claim_day(day, job, self._holder, now, now + _LEASE)
        if claim.after is None:
            if claim.done:
                self._finished.add((day, job))
            return Done(job, False, claim.done, claim.counts)
        while True:
            now = self._clock.now().utc
            step = await self._book.day_step(day, job, self._holder, now, now + _LEASE)
            if step.after is None:
                break
            await asyncio.sleep(self._pause_s)
        self._finished.add((day, job))
        log.info("the work of the day is done", day=day.isoformat(), job=job.value, **step.counts)
        return Done(job, True, True, step.counts)
