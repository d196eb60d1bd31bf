"""A fixed ratio of lines to idle agents, and 1:1 as its smallest."""

from __future__ import annotations

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import Snapshot
from dialer_engine.sim.rivals.base import Rival, half_up


class Ratio(Rival):
    """`new = round(L * idle) - in_flight`. In flight: ringing, or answered and without an agent."""

    why = "lines in a fixed ratio to idle agents"

    def __init__(self, settings: PacingSettings, lines: float) -> None:
        super().__init__(settings)
        self.lines = lines

    def wanted(self, snapshot: Snapshot) -> int:
        """See the class."""
        if not snapshot.idle:
            return 0
        in_flight = len(snapshot.ringing) + len(snapshot.waiting) + len(snapshot.classifying)
        return half_up(self.lines * snapshot.idle) - in_flight


class OneToOne(Ratio):
    """One call in flight for each idle agent."""

    def __init__(self, settings: PacingSettings) -> None:
        super().__init__(settings, 1.0)
