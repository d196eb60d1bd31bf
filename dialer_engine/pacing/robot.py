"""Calls without agents: as many at once as there are channels, so many a second."""

from __future__ import annotations

from typing import Any

from dialer_engine.pacing.snapshot import Decision, News, Snapshot


class Robot:
    """At most `channels` calls at once, at most `cps` calls a second (a bucket of one second, of one
    call at least).
    """

    def __init__(self, channels: int, cps: float) -> None:
        self.channels = channels
        self.cps = cps
        self._tokens = max(1.0, cps)
        self._at: float | None = None

    def decide(self, snapshot: Snapshot) -> Decision:
        """How many now. In the snapshot of such a campaign `connecting` are calls that hear the
        message.
        """
        if self._at is not None:
            earned = max(0.0, snapshot.at - self._at) * self.cps
            self._tokens = min(max(1.0, self.cps), self._tokens + earned)
        self._at = snapshot.at
        up = snapshot.in_flight + snapshot.connecting
        free = self.channels - up
        granted = max(0, min(free, int(self._tokens + 1e-9), snapshot.room))
        self._tokens -= granted
        numbers = {"up": up, "channels": self.channels, "cps": self.cps}
        return Decision(granted, self._why(up, free, snapshot.room), numbers)

    def _why(self, up: int, free: int, room: int) -> str:
        if free <= 0:
            return f"all {self.channels} channels are in use"
        if room <= 0:
            return "the trunks have no room"
        return f"{up} of {self.channels} channels in use, {self.cps:g} calls a second"

    def learn(self, news: News) -> None:
        """Nothing to learn: nobody waits for an agent."""

    def memory(self) -> dict[str, Any]:
        """Nothing was learned."""
        return {}
