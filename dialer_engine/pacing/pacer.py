"""The two simplest answers: lines in a fixed ratio to available agents, and one for each."""

from __future__ import annotations

from typing import Any

from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.errors import BadValue
from dialer_engine.pacing.snapshot import Decision, News, Pacer, Snapshot


class FixedRatio:
    """`ratio` lines for each available agent: new = floor(ratio * idle) - lines in flight.

    Calls that already wait for an agent count as lines, so that a rush of answers stops the
    dialling.
    """

    def __init__(self, ratio: float, max_ringing_per_agent: float = 12.0) -> None:
        if not ratio >= 1.0:  # so that not-a-number is refused too
            raise BadValue(f"pacing ratio must be at least 1, not {ratio}")
        self.ratio = ratio
        self.max_ringing_per_agent = max_ringing_per_agent

    def decide(self, snapshot: Snapshot) -> Decision:
        """See the class."""
        lines = min(self.ratio, self.max_ringing_per_agent) * snapshot.idle
        in_flight = len(snapshot.ringing) + len(snapshot.waiting)
        # A hair of tolerance, so that 1.1 * 10 is 11 lines in floating point too.
        wanted = max(0, int(lines + 1e-9) - in_flight)
        granted = max(0, min(wanted, snapshot.room))
        numbers = {
            "idle": snapshot.idle,
            "in_flight": in_flight,
            "ratio": self.ratio,
            "wanted": wanted,
        }
        return Decision(granted, self._why(snapshot, wanted, granted), numbers)

    def learn(self, news: News) -> None:
        """A ratio learns nothing."""

    def memory(self) -> dict[str, Any]:
        """Nothing was learned."""
        return {}

    def _why(self, snapshot: Snapshot, wanted: int, granted: int) -> str:
        if snapshot.idle == 0:
            return "no agent is available"
        if granted < wanted:
            return f"{wanted} wanted, the trunks have room for {granted}"
        lines = "1 line" if self.ratio == 1 else f"{self.ratio:g} lines"
        return f"{lines} for each available agent, of whom there are {snapshot.idle}"


class Progressive(FixedRatio):
    """One line for each available agent: nobody who answers can be left without one, save by an
    agent who vanishes.
    """

    def __init__(self) -> None:
        super().__init__(1.0)


def pacer_for(mode: DialMode, ratio: float) -> Pacer:
    """The pacer of a campaign's mode."""
    return Progressive() if mode is DialMode.PROGRESSIVE else FixedRatio(ratio)
