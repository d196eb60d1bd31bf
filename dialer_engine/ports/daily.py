"""What the work of a day needs of the store.

Rules: a day's job is done once, whoever does it: `claim` is a lease, `step` renews it in the transaction of
its work and refuses when it was lost, and remembers how far it came; doing a job again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol


class Job(StrEnum):
    """In the order in which they are done: what is charged counts in what is owed; who paid or promised
    is judged before cases are taken back.
    """

    CHARGES = "charges"
    PROMISES = "promises"
    RECOUNT = "recount"
    RECALL = "recall"


@dataclass(frozen=True, slots=True)
class Claim:
    """after: where to go on, None when it is not ours to do. done: it is done for that day. counts: what it
    did so far.
    """

    after: int | None
    done: bool
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """counts: of the whole job so far. after: where to go on, None when it is done."""

    counts: Mapping[str, int]
    after: int | None


class DailyBook(Protocol):
    """The part of the store."""

    async def claim_day(
        self, day: date, job: Job, holder: str, now: datetime, until: datetime
    ) -> Claim:
        """Take the job, or find out why not."""
        ...

    async def day_step(
        self, day: date, job: Job, holder: str, now: datetime, until: datetime
    ) -> Step:
        """Some more of it, in one transaction. Conflict: somebody else has taken the job."""
        ...
