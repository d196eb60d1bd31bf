"""The whole team takes a short break while somebody has answered: who answers finds nobody, waits for two
seconds, and hears the safe-harbour message.

Rules: a break begins while an answered call is still being listened to for a machine, because a call that only
rings is cancelled by pacing when its agents vanish, and nobody would be abandoned; there is one break at
least, and no more once an abandoned call was seen.
"""

from __future__ import annotations

from typing import Any

from tools.rig.site import Site

Json = dict[str, Any]
BREAK_S = 6.0
# So long they work before the first break, and between two.
_WORK_S = 12.0
_MOST = 8


class Team:
    """All agents of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._next = _WORK_S
        self._back_at = float("inf")
        self.breaks = 0

    def look(self, status: Json, agents: list[Json], elapsed_s: float) -> None:
        """Begin or end a break, if it is time."""
        if elapsed_s >= self._back_at:
            self._all(agents, "resume")
            self._back_at, self._next = float("inf"), elapsed_s + _WORK_S
        elif elapsed_s >= self._next and self._is_wanted(status):
            self._all(agents, "pause", {"reason": "rest"})
            self.breaks += 1
            self._back_at, self._next = elapsed_s + BREAK_S, float("inf")

    def _is_wanted(self, status: Json) -> bool:
        seen = any(one["today"]["abandoned"] for one in status["campaigns"])
        listening = status["calls"].get("answered", 0) > 0
        return listening and not seen and self.breaks < _MOST

    def _all(self, agents: list[Json], what: str, body: Json | None = None) -> None:
        for agent in agents:
            self._site.api.post(f"/agents/{agent['id']}/{what}", body)
