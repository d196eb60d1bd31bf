"""Originates a second: up in steps until a side is late.

Rules: a step counts by what the observer saw begin on the PBX in it, its first second left out. The
engine dials four times a second, so what is counted are whole ticks, from the first call that is seen: no
share of a burst is won or lost at the edges. A side is late when more than 2 % of the calls of those
ticks did not come: at 200 a second and 15 ticks, 15 calls, or 75 ms. CPU is taken over the whole step.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from tools.bench.figures import middle, ratio
from tools.bench.machine import Stretch, load
from tools.bench.observer import Observer, Story
from tools.bench.sides import Side
from tools.lab.lab import Lab

STEPS: tuple[float, ...] = (50.0, 75.0, 100.0, 125.0, 150.0, 200.0)
# Where CPU a call is compared: the rate that issue 2 aims at.
COMPARED = 50.0
_IN_TIME = 0.98
_TICK_S = 0.25
_SETTLE_S = 1.0
_UNDER_WAY_S = 0.2


@dataclass(frozen=True, slots=True)
class Step:
    """One step. seen: calls a second that began. bridged: share of the answered. *_cpu_s: CPU seconds
    a call. *_cores: CPU of the stretch; others: of everything that is not ours.
    """

    asked: float
    seen: float
    late: bool
    bridged: float
    side_cpu_s: float
    pbx_cpu_s: float
    world_cpu_s: float
    side_cores: float
    pbx_cores: float
    world_cores: float
    others_cores: float
    idle_cores: float
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
    stretch = Stretch(side.pid, lab.pid("pbx"), lab.pid("world"))
    time.sleep(step_s)
    used = stretch.end()
    story = observer.story()
    began = max(1, story.begun(stretch.start, stretch.stop))
    seen = rate_seen(story, stretch.start, stretch.stop)
    late = seen < _IN_TIME * asked
    # Those of the last moments may be under way.
    until = stretch.stop - _UNDER_WAY_S
    held = [one for one in story.attempts.values() if one.held and one.held < until]
    bridged = sum(one.bridged is not None for one in held) / max(1, len(held))
    return Step(
        asked, round(seen, 1), late, round(bridged, 3),
        used.side_s / began, used.pbx_s / began, used.world_s / began, used.side, used.pbx, used.world,
        used.others, used.idle, round(story.events / used.seconds), load(),
    )  # fmt: skip


def rate_seen(story: Story, start: float, stop: float) -> float:
    """Calls a second that began, over the whole ticks from the first call in the stretch on."""
    first = story.first(start, stop)
    ticks = 0 if first is None else int((stop - first) / _TICK_S)
    if first is None or not ticks:
        return 0.0
    return story.begun(first, first + ticks * _TICK_S) / (ticks * _TICK_S)


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
