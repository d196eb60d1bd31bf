"""What an attempt takes of its caps, in words that a store understands without knowing any rule.

Rules: pure plain data. The store counts, in the transaction of the attempt, what stands against each
claim, and refuses the attempt when one is full; then it writes one row for each unit, so that the
next one counts this attempt too. While an attempt is open it counts as everything that it may still
become; its outcome says what it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """At most `limit` contacts, this one included, may stand on `unit` since `since` (aware UTC; None:
    ever). A contact counts when its flags have one bit of `any_of`, every one of `all_of` and none of
    `none_of`. An open one counts unless `none_of` forbids it, when `open_counts`.
    """

    rule: str
    unit: str
    limit: int
    since: datetime | None
    all_of: int
    any_of: int
    none_of: int
    open_counts: bool


@dataclass(frozen=True, slots=True)
class Reservation:
    """at: when the contact is made, by the clock of who decided. flags: what it is so far. units:
    whose counters it is written to.
    """

    at: datetime
    flags: int
    units: tuple[str, ...]
    claims: tuple[Claim, ...] = ()
