"""The simulated agents' words: after a talk they say what became of it, and some debtors have promised.

Rules: what they say is chance with a seed, not a model of anybody; a promise is noted by the same function as
`dialer-engine cases promise`; some promises are kept before the demonstration ends, by an imported payment.
"""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dialer_engine.app import cases
from dialer_engine.app.config import load
from tools.rig.site import Site

Json = dict[str, Any]
_CODES = (("promise", 40), ("callback", 30), ("refused", 30))
_PAY_EVERY = 4


class Collectors:
    """What the agents of a site say. promised: what was noted, in order."""

    def __init__(self, site: Site, seed: int) -> None:
        self._site = site
        self._config = load(site.config).config
        self._rng = random.Random(seed)
        self._seen: set[str] = set()
        self.promised: list[Json] = []

    def look(self, agents: list[Json]) -> None:
        """Each talk that has ended since the last look gets its word."""
        for agent in agents:
            attempt = agent["attempt"]
            if agent["line"] == "wrap_up" and attempt and attempt not in self._seen:
                self._seen.add(attempt)
                self._say(agent["id"], attempt)

    def _say(self, agent: str, attempt: str) -> None:
        known = set(self._config.agents.dispositions.values())
        codes = [(code, weight) for code, weight in _CODES if code in known]
        code = self._rng.choices([c for c, _ in codes], [w for _, w in codes])[0]
        self._site.api.post(f"/agents/{agent}/dispose", {"code": code, "attempt": attempt})
        if code == "promise":
            due = datetime.now(UTC).date() + timedelta(days=self._rng.randint(1, 7))
            part = self._rng.choice(("", "50.00", "100.00"))
            self.promised.append(
                cases.promise(
                    self._config, attempt=attempt, amount=part, due=due.isoformat(), by=agent
                )
            )

    def pay(self, file: Path) -> int:
        """Every fourth keeps the promise at once: a file for `import --what payments`; how many."""
        paid = self.promised[::_PAY_EVERY]
        today = datetime.now(UTC).date()
        with file.open("w", encoding="utf-8", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(("reference", "contract", "amount", "currency", "paid_on"))
            for i, one in enumerate(paid):
                amount, currency = one["amount"].replace(",", "").split()
                rows.writerow((f"PAY-{i:04d}", f"{one['case']}-C1", amount, currency, today))
        return len(paid)
