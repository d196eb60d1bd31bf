"""What one trunk can bear: channels, calls a second, and the breaker that stops dialling into a
fault.

Rules: pure; `now` is a monotonic time in seconds. The token bucket holds one second's worth of
calls at most, and at least one, so that over any window of w seconds at most
cps * w + max(1, cps) calls leave. The breaker
opens when a share of the last calls failed by the trunk's own fault, and after a pause lets one
call through to try.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import NodeName, TrunkName


@dataclass(frozen=True, slots=True)
class TrunkLimits:
    """max_channels: calls up or being set up at once. max_cps: calls a second. priority: lower is
    tried first. The breaker opens when at least `breaker_share` of the last `breaker_window` calls
    failed by the trunk's fault, and tries one call after `breaker_pause_s`.
    """

    name: TrunkName
    node: NodeName
    max_channels: int
    max_cps: float
    priority: int = 0
    breaker_window: int = 20
    breaker_share: float = 0.5
    breaker_pause_s: float = 30.0

    def __post_init__(self) -> None:
        for name, good in (
            ("max_channels", self.max_channels >= 0),
            ("max_cps", 0.0 < self.max_cps < math.inf),
            ("breaker_window", self.breaker_window >= 1),
            ("breaker_share", 0.0 < self.breaker_share <= 1.0),
            ("breaker_pause_s", 0.0 <= self.breaker_pause_s < math.inf),
        ):
            if not good:
                raise BadValue(f"trunk {self.name}: {name} cannot be {getattr(self, name)}")


class Breaker(StrEnum):
    """closed: dials. open: does not. trying: one call is out to see whether the trunk works
    again.
    """

    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"


@dataclass(slots=True)
class Trunk:
    """The present load of one trunk. Mutable, owned by the engine; every method is pure arithmetic
    on `now`.
    """

    limits: TrunkLimits
    in_use: int = 0
    tokens: float = 0.0
    refilled_at: float | None = None
    breaker: Breaker = Breaker.CLOSED
    opened_at: float = 0.0
    faults: deque[bool] = field(default_factory=deque)

    def room(self, now: float) -> int:
        """How many calls may be sent on this trunk right now."""
        self._refill(now)
        if self.breaker is Breaker.TRYING:
            return 0
        if self.breaker is Breaker.OPEN:
            waited = now - self.opened_at >= self.limits.breaker_pause_s
            return min(1, self._now_free()) if waited else 0
        return self._now_free()

    def take(self, now: float) -> None:
        """One call leaves. Only when `room` says so; else ValueError, and nothing is taken."""
        if self.room(now) < 1:
            raise ValueError(f"trunk {self.limits.name} has no room")
        if self.breaker is Breaker.OPEN:
            self.breaker = Breaker.TRYING
        self.tokens -= 1.0
        self.in_use += 1

    def adopt(self) -> None:
        """A call that was already up when the daemon started."""
        self.in_use += 1

    def give_back(self) -> None:
        """A call of this trunk ended."""
        self.in_use = max(0, self.in_use - 1)

    def report(self, fault: bool | None, now: float) -> Breaker | None:
        """How a call went; None: it says nothing of the trunk, it never left for example. Returns
        the breaker's new state when it changed.
        """
        if fault is None:
            # The one that tried may have been this one: without it, the next one tries.
            if self.breaker is Breaker.TRYING:
                self.breaker = Breaker.OPEN
                return self.breaker
            return None
        if self.breaker is Breaker.TRYING:
            return self._open(now) if fault else self._close()
        self.faults.append(fault)
        while len(self.faults) > self.limits.breaker_window:
            self.faults.popleft()
        return self._open(now) if self.breaker is Breaker.CLOSED and self._too_many() else None

    def _now_free(self) -> int:
        # Adopted calls may be more than a limit that was lowered since.
        return max(0, min(self.limits.max_channels - self.in_use, int(self.tokens)))

    def _refill(self, now: float) -> None:
        # At least one token must fit, or a trunk of less than one call a second would never dial.
        size = max(1.0, self.limits.max_cps)
        if self.refilled_at is None:
            self.tokens, self.refilled_at = size, now
        elif now > self.refilled_at:
            self.tokens = min(size, self.tokens + (now - self.refilled_at) * self.limits.max_cps)
            self.refilled_at = now

    def _too_many(self) -> bool:
        full = len(self.faults) >= self.limits.breaker_window
        return full and sum(self.faults) >= self.limits.breaker_share * len(self.faults)

    def _open(self, now: float) -> Breaker:
        self.breaker, self.opened_at = Breaker.OPEN, now
        self.faults.clear()
        return self.breaker

    def _close(self) -> Breaker:
        self.breaker = Breaker.CLOSED
        self.faults.clear()
        return self.breaker
