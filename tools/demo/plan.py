"""What the demonstration does: how many cases, at what speed of life, and what must have been seen
at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tools.demo.debtors import EARLY, MID, People
from tools.lab.mix import number_for

AGENTS = 12
# Dialling ends after so many attempts, and after five minutes in any case.
ATTEMPTS = 330
LIMIT_S = 300.0
SEED = 20261121
RING_TIMEOUT_S = 10.0

# The invented numbers are British, and the law holds hours where a number may be: so that a demonstration
# can be given at any time of day, its hours are (but for a minute around midnight) the whole day.
ANY_TIME = {"compliance.window_start": "00:00", "compliance.window_end": "23:59"}

# Life at about five times its speed, so that three hundred calls fit into a few minutes: shorter
# talks, shorter ringing.
WORLD: dict[str, Any] = {
    "seed": SEED,
    "ring": {"median": 2.5, "sigma": 0.5, "min": 0.3, "max": 14.0},
    "talk": {"median": 7.5, "sigma": 0.6, "min": 3.0, "max": 40.0},
    "machine": {"pause": 0.6, "listens": 8.0},
    "silence": {"lasts": 6.0},
    "cancel_cross": {"dial_timeout": RING_TIMEOUT_S, "spread": 0.1},
}


@dataclass(frozen=True)
class Plan:
    """One campaign of the demonstration. first: the world's behaviours that its first numbers
    force, so that each kind of outcome is seen for certain; the rest is chance. people: who owes what,
    for the strategy to choose from.
    """

    name: str
    title: str
    cases: int
    settings: dict[str, Any]
    first: tuple[str, ...]
    people: People


EVENING = Plan(
    "evening",
    "1:1, by the strategy for the first month",
    420,
    {"strategy": "early", "mode": "progressive", "ring_timeout_s": RING_TIMEOUT_S, "wrap_up_s": 2.0},
    ("busy", "no_answer", "declined", "unallocated", "unallocated_said", "suspended_said", "switched_off",
     "congestion", "codec", "cancel_cross", "silence", "reinvite", "talk"),
    EARLY,
)  # fmt: skip
MACHINES = Plan(
    "machines",
    "with answering machine detection, by the strategy for M2 and M3; the team takes a break meanwhile",
    100,
    {
        "strategy": "mid",
        "mode": "progressive",
        "ring_timeout_s": RING_TIMEOUT_S,
        "wrap_up_s": 2.0,
        "amd": True,
    },
    ("machine", "machine", "machine", "answer_hangup", "answer_hangup"),
    MID,
)
PLANS = (EVENING, MACHINES)
# What the world does must come out as these.
WANTED = (
    "completed", "abandoned", "machine", "hung_up_early", "busy", "no_answer", "rejected", "invalid_number",
    "out_of_service", "switched_off", "congestion", "incompatible",
)  # fmt: skip


def special(plan: Plan) -> list[str]:
    """The numbers that go first."""
    seen: dict[str, int] = {}
    found: list[str] = []
    for kind in plan.first:
        found.append(number_for(kind, seen.get(kind, 0)))
        seen[kind] = seen.get(kind, 0) + 1
    return found
