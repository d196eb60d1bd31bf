"""What the exchange asks of the daemon: the port of `web/exchange.py`, provided by `app/exchange.py`.

Rules: as `engine.api`; a record is known by its natural key (`records.NATURAL_KEYS`), so that sending it
again changes nothing and is answered in the same way; what was written the first time is told apart
(`Batch.written`), not in the answer's body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One record as it came. number: its line, from 1. data: what the JSON said, or its text, not read
    yet. fault: why it cannot be read at all, or empty.
    """

    number: int
    data: Any = field(repr=False)
    fault: str = ""


@dataclass(slots=True)
class Batch:
    """What became of records. written: how many were new or changed something. problems: [{line,
    reference, field, reason, accepted}]; accepted: it is in all the same.
    """

    received: int = 0
    accepted: int = 0
    written: int = 0
    problems: list[Json] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """How many are not in."""
        return self.received - self.accepted

    def add(self, other: Batch) -> None:
        """Count another one; the problems are left to the caller."""
        self.received += other.received
        self.accepted += other.accepted
        self.written += other.written

    def told(self) -> Json:
        """For an answer."""
        return {
            "received": self.received,
            "accepted": self.accepted,
            "rejected": self.rejected,
        }


class Intake(Protocol):
    """Records of one request. The same key twice in a request: the first counts."""

    async def take(self, lines: Sequence[Line]) -> Batch:
        """Read and write them, in one transaction where the kind allows it."""
        ...

    def close(self) -> None:
        """Forget what was seen."""
        ...


class ExchangeApi(Protocol):
    """The door for a bank's systems."""

    def intake(self, kind: str, *, campaign: str | None, by: str) -> Intake:
        """Begin to take records of a kind (`records.KINDS`). campaign: where cases are to be dialled. by:
        who sends them, for the record.
        """
        ...

    async def case_file(self, reference: str, unmasked_for: str | None) -> Json:
        """Everything known of a case: case, facts, contracts, payments, promises, holds, contacts, related,
        complaints, timeline, record. Personal fields are masked unless somebody with the right asks, whose
        look is on record before he has it. NotFound.
        """
        ...

    async def payment(self, reference: str) -> Json:
        """One posting as it is in the book; NotFound."""
        ...

    async def exceptions(self, cursor: str, limit: int) -> Json:
        """{items, next, more}: postings that belong to no contract yet, or that need a look (对账异常)."""
        ...

    async def outcomes(
        self, since: str | None, cursor: str, limit: int, campaign: str | None
    ) -> Json:
        """{items, next, more, waits_for}: what became of attempts, in the order in which they were made.
        since: of attempts made from this time on; cursor: `next` of the page before, which wins. waits_for:
        when the first attempt was made that is not over yet, or whose agent may still be writing; nothing
        later is told before it is, so that a cursor never passes anything.
        """
        ...

    async def suppressions(self, name: str | None, cursor: str, limit: int) -> Json:
        """{items, next, more}: who is not called, masked. name: one list only."""
        ...
