"""Originates a second: up in steps until a side is late.

Rules: a step counts by what the observer saw begin on the PBX in it, its first second left out; a
side is late when less than 95 % of the step's rate came. CPU is taken over the same stretch.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from tools.bench.figures import middle, ratio
from tools.bench.machine import load, usage
from tools.bench.observer import Observer
from tools.bench.sides import Side
from tools.lab.lab import Lab

STEPS = (25.0, 50.0, 75.0, 100.0, 125.0, 150.0, 175.0, 200.0)
# Where CPU a call is compared: the rate that issue 2 aims at.
COMPARED = 50.0
_IN_TIME = 0.95
_SETTLE_S = 1.0
_UNDER_WAY_S = 0.2


@dataclass(frozen=True, slots=True)
class Step:
    """One step. seen: calls a second that began. cpu: seconds a call. bridged: share of the answered."""

    asked: float
    seen: float
    late: bool
    bridged: float
    side_cpu_s: float
    pbx_cpu_s: float
    world_cpu_s: float
    side_cores: float
    pbx_cores: float
    events_per_s: float
    load: float


def climb(side: Side, lab: Lab, observer: Observer, step_s: float) -> list[Step]:
    """Steps until the side is late, that one included."""
    steps: list[Step] = []
    for asked in STEPS:
        steps.append(_step(side, lab, observer, asked, step_s))
        if steps[-1].late:
            break
    side.rate(0)
    return steps


def _step(side: Side, lab: Lab, observer: Observer, asked: float, step_s: float) -> Step:
    side.rate(asked)
    time.sleep(_SETTLE_S)
    observer.story()
    pids = (side.pid, lab.pid("pbx"), lab.pid("world"))
    before, start = [usage(pid).cpu_s for pid in pids], time.time()
    time.sleep(step_s)
    after, end = [usage(pid).cpu_s for pid in pids], time.time()
    story = observer.story()
    began = max(1, story.begun(start, end))
    seen = began / (end - start)
    ours, pbx, world = (b - a for a, b in zip(before, after, strict=True))
    # Those of the last moments may be under way.
    told = [one for one in story.attempts.values() if one.held and one.held < end - _UNDER_WAY_S]
    return Step(
        asked, round(seen, 1), seen < _IN_TIME * asked,
        round(sum(one.bridged is not None for one in told) / max(1, len(told)), 3),
        round(ours / began, 5), round(pbx / began, 5), round(world / began, 5),
        round(ours / (end - start), 3), round(pbx / (end - start), 3),
        round(story.events / (end - start)), load(),
    )  # fmt: skip


def sustained(steps: list[Step]) -> float:
    """The highest rate at which it was not late, as seen."""
    return max((step.seen for step in steps if not step.late), default=0.0)


def summary(rounds: dict[str, list[list[Step]]]) -> dict[str, Any]:
    """Both sides beside each other."""
    rates = {name: middle([sustained(steps) for steps in runs]) for name, runs in rounds.items()}
    at = {
        name: [s for steps in runs for s in steps if s.asked == COMPARED]
        for name, runs in rounds.items()
    }
    cpu = {name: middle([s.side_cpu_s for s in steps]) for name, steps in at.items()}
    pbx = {name: middle([s.pbx_cpu_s for s in steps]) for name, steps in at.items()}
    return {
        "originates_per_s": {**rates, "ratio": ratio(rates["engine"], rates["bare"])},
        "cpu_ms_per_call": {
            "at_calls_per_s": COMPARED,
            **{name: round(1000 * one, 2) for name, one in cpu.items()},
            "asterisk": round(1000 * pbx["engine"], 2),
            "asterisk_under_bare": round(1000 * pbx["bare"], 2),
            "ratio": ratio(cpu["engine"], cpu["bare"]),
            "engine_to_asterisk": ratio(cpu["engine"], pbx["engine"]),
        },
        "rounds": {n: [[asdict(s) for s in steps] for steps in runs] for n, runs in rounds.items()},
    }
