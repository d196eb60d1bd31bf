"""Holds: reasons for leaving a case alone, from when, until when, and by whom.

Rules: a hold is ended, never deleted; half-open spans; a hold without an end lasts until somebody
ends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from dialer_engine.domain.collections.codes import HoldKind


@dataclass(frozen=True, slots=True)
class Hold:
    """since, until: aware times. by: who set it. reason: in words."""

    kind: HoldKind
    since: datetime
    until: datetime | None = None
    by: str = ""
    reason: str = field(default="", repr=False)

    def is_in_force(self, now: datetime) -> bool:
        """[since, until)."""
        return self.since <= now and (self.until is None or now < self.until)


def in_force(holds: Iterable[Hold], now: datetime) -> frozenset[HoldKind]:
    """The kinds that hold the case now."""
    return frozenset(hold.kind for hold in holds if hold.is_in_force(now))
