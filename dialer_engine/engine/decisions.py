"""What pacing decided: all of the last minutes in memory, and what is worth keeping for the store.

Rules: kept is a decision that dialled or cancelled something, or whose reason is another one than
before (numbers in it apart); decisions of one second with one reason become one row; what the store
does not take in time is forgotten from the front.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dialer_engine.domain.units import CampaignName, NodeName
from dialer_engine.pacing.snapshot import Decision, Snapshot
from dialer_engine.ports.store import DecisionRow

# Five minutes at four decisions a second.
RING = 1200
# Rows that wait for the store: an hour of one busy campaign.
_MOST_ROWS = 4000
_ONE_ROW_S = 1.0
_NUMBERS = re.compile(r"[\d.,%]+")


def numbers_of(shot: Snapshot, decision: Decision) -> dict[str, float]:
    """What was seen and what it was computed from, short enough to be kept."""
    seen: dict[str, float] = {
        "staffed": shot.staffed,
        "idle": shot.idle,
        "talking": len(shot.talking),
        "wrapping": len(shot.wrapping),
        "connecting": shot.connecting,
        "away": shot.away,
        "ringing": len(shot.ringing),
        "classifying": len(shot.classifying),
        "waiting": len(shot.waiting),
        "room": shot.room,
        "live": shot.live,
        "abandoned": shot.abandoned,
    }
    return seen | {key: float(f"{value:.4g}") for key, value in decision.numbers.items()}


@dataclass(slots=True)
class _Last:
    row: DecisionRow
    reason: str


class Decisions:
    """Of one campaign."""

    def __init__(self, campaign: CampaignName) -> None:
        self._campaign = campaign
        self.ring: deque[DecisionRow] = deque(maxlen=RING)
        self._rows: deque[DecisionRow] = deque(maxlen=_MOST_ROWS)
        self._last: dict[tuple[str, str], _Last] = {}

    def add(
        self,
        at: datetime,
        node: NodeName,
        policy: str,
        decision: Decision,
        started: int,
        numbers: Mapping[str, float],
    ) -> None:
        """One decision, and how many calls came of it."""
        row = DecisionRow(
            self._campaign, at, node, policy, decision.originate, started, len(decision.cancel), decision.why,
            dict(numbers),
        )  # fmt: skip
        self.ring.append(row)
        self._keep(row)

    def _keep(self, row: DecisionRow) -> None:
        key, reason = (row.node, row.policy), _NUMBERS.sub("#", row.why)
        last = self._last.get(key)
        same = last is not None and last.reason == reason
        if same and not (row.originate or row.cancelled):
            return
        if last is not None and same and row.at - last.row.at < timedelta(seconds=_ONE_ROW_S):
            joined = replace(
                last.row,
                originate=last.row.originate + row.originate,
                started=last.row.started + row.started,
                cancelled=last.row.cancelled + row.cancelled,
            )
            if self._rows and self._rows[-1] is last.row:
                self._rows[-1] = last.row = joined
                return
        self._rows.append(row)
        self._last[key] = _Last(row, reason)

    def waiting(self) -> list[DecisionRow]:
        """What is to be written; `written` takes it away."""
        return list(self._rows)

    def written(self, count: int) -> None:
        """The first `count` of `waiting` are in the store."""
        for _ in range(min(count, len(self._rows))):
            self._rows.popleft()

    def at(self, when: datetime | None) -> DecisionRow | None:
        """The decision that held then (None: the last one); None when it is not in memory any more."""
        if when is None:
            return self.ring[-1] if self.ring else None
        if not self.ring or when < self.ring[0].at:
            return None
        return next((row for row in reversed(self.ring) if row.at <= when), None)
