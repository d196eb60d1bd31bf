"""The work of a day: every job once a local day, again after a failure, not while another one is at it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from dialer_engine.domain.errors import StoreUnavailable
from dialer_engine.domain.units import Moment
from dialer_engine.engine.daily import Daily
from dialer_engine.ports.daily import Claim, Job, Step


class Clock:
    def __init__(self, utc: datetime) -> None:
        self.utc = utc

    def now(self) -> Moment:
        return Moment(0.0, self.utc)


class Book:
    """Two steps a job. elsewhere: jobs that another daemon is at. broken: fails."""

    def __init__(self) -> None:
        self.steps: list[tuple[date, Job]] = []
        self.claims = 0
        self.elsewhere: set[Job] = set()
        self.broken = False

    async def claim_day(
        self, day: date, job: Job, holder: str, now: datetime, until: datetime
    ) -> Claim:
        self.claims += 1
        return Claim(None if job in self.elsewhere else 0, False, {})

    async def day_step(
        self, day: date, job: Job, holder: str, now: datetime, until: datetime
    ) -> Step:
        if self.broken:
            raise StoreUnavailable("gone")
        self.steps.append((day, job))
        return Step({"cases": 1}, None if self.steps.count((day, job)) == 2 else 1)


NIGHT = datetime(2026, 11, 23, 15, 59, tzinfo=UTC)
CHINA = timezone(timedelta(hours=8))
FIRST, SECOND = date(2026, 11, 23), date(2026, 11, 24)


def made() -> tuple[Daily, Book, Clock]:
    book, clock = Book(), Clock(NIGHT)
    return Daily(book, clock, "me", CHINA, pause_s=0.0), book, clock


async def test_once_a_day_and_the_day_is_that_of_the_site() -> None:
    daily, book, clock = made()
    await daily.look()
    assert book.steps == [(FIRST, job) for job in Job for _ in range(2)]
    assert await daily.look() == []
    assert book.claims == len(Job)
    clock.utc += timedelta(minutes=1)
    await daily.look()
    assert book.steps[-1] == (SECOND, Job.RECALL)


async def test_what_another_one_is_at_is_looked_at_again() -> None:
    daily, book, _ = made()
    book.elsewhere = {Job.RECOUNT}
    assert [one.ours for one in await daily.look()] == [True, True, False, True]
    book.elsewhere = set()
    assert [one.job for one in await daily.look()] == [Job.RECOUNT]


async def test_a_store_that_is_away_is_asked_again() -> None:
    daily, book, _ = made()
    book.broken = True
    with pytest.raises(StoreUnavailable):
        await daily.look()
    book.broken = False
    assert len(await daily.look()) == len(Job)
