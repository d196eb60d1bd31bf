"""What `top` knows: the last answers of the daemon, the last events, and which campaign is chosen.

Rules: no I/O, no terminal; keys and answers go in, requests come out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from dialer_engine.cli.paths import path

# Rows of the event list that are kept; a tall terminal shows this many.
_EVENTS_KEPT = 50
# One key press; ten of them are one more line for each agent.
RATIO_STEP = 0.1


@dataclass(frozen=True, slots=True)
class Request:
    """What a key asks of the daemon. told: what is said when it worked."""

    method: str
    where: str
    body: dict[str, Any]
    told: str


@dataclass(slots=True)
class TopState:
    """status, agents: as the API gave them last, None before the first answer. chosen: name of the
    campaign that keys act on. message: the last thing said to the user. reached: False while the
    daemon does not answer.
    """

    status: dict[str, Any] | None = None
    agents: list[dict[str, Any]] = field(default_factory=list)
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_EVENTS_KEPT))
    chosen: str | None = None
    message: str = ""
    reached: bool = True

    def answered(self, status: dict[str, Any], agents: list[dict[str, Any]]) -> None:
        """New figures. The choice stays as long as the campaign is there."""
        self.status, self.agents, self.reached = status, agents, True
        names = self.names()
        if self.chosen not in names:
            self.chosen = names[0] if names else None

    def names(self) -> list[str]:
        """Campaigns in the order in which they are shown."""
        return [row["name"] for row in self.campaigns()]

    def campaigns(self) -> list[dict[str, Any]]:
        """Campaigns of the last answer."""
        return self.status["campaigns"] if self.status else []

    def campaign(self) -> dict[str, Any] | None:
        """The chosen one."""
        return next((row for row in self.campaigns() if row["name"] == self.chosen), None)

    def next_campaign(self) -> None:
        """The choice moves down, and from the last to the first."""
        names = self.names()
        if names:
            here = names.index(self.chosen) if self.chosen in names else -1
            self.chosen = names[(here + 1) % len(names)]
            self.message = ""

    def toggle(self) -> Request | None:
        """Pause what dials, start what does not."""
        row = self.campaign()
        if row is None:
            return None
        action = "pause" if row["state"] == "started" else "start"
        return Request(
            "POST", path("campaigns", row["name"], action), {}, f"{row['name']}: {action}"
        )

    def turn(self, steps: int) -> Request | None:
        """Change the ratio. In another mode it would have no effect, and that is said instead."""
        row = self.campaign()
        if row is None:
            return None
        if row["mode"] != "ratio":
            self.message = f"{row['name']} dials {row['mode']}; a ratio works in mode ratio only"
            return None
        ratio = round(row["ratio"] + steps * RATIO_STEP, 2)
        told = f"{row['name']}: ratio {ratio:g}"
        return Request("PATCH", path("campaigns", row["name"]), {"ratio": ratio}, told)
