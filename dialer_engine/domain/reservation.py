"""What an attempt takes of its caps, in words that a store understands without knowing any rule.

Rules: pure plain data. The store counts, in the transaction of the attempt, what stands against each
claim, and refuses the attempt when one is full; then it writes one row for each unit, so that the
next one counts this attempt too. While an attempt is open it counts as everything that it may still
become; its outcome says what it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

# The flag of a contact that is not over yet; `compliance.counting.Flag` names the others.
OPEN: Final = 1


class Claim(NamedTuple):
    """At most `limit` contacts, this one included, may stand on `unit` since `since` (aware UTC; None:
    ever). A contact counts when its flags have one bit of `any_of`, every one of `all_of` and none of
    `none_of`; an open one has the bits of `open_is` as well.
    """

    rule: str
    unit: str
    limit: int
    since: datetime | None
    all_of: int
    any_of: int
    none_of: int
    open_is: int

    def counts(self, at: datetime, flags: int) -> bool:
        """Whether a contact stands against this claim."""
        if self.since is not None and at < self.since:
            return False
        if flags & self.none_of or not flags & self.any_of:
            return False
        have = flags | self.open_is if flags & OPEN else flags
        return have & self.all_of == self.all_of


@dataclass(frozen=True, slots=True)
class Reservation:
    """at: when the contact is made, by the clock of who decided. flags: what it is so far. units:
    whose counters it is written to.
    """

    at: datetime
    flags: int
    units: tuple[str, ...]
    claims: tuple[Claim, ...] = ()
