"""Which policies meet which days, on how many seeds: what fits into 15 minutes on two cores.

The controller has ten seeds everywhere; when the machine is too slow for that in its minutes, as many as fit,
and at least three (the rows say how many). The others are far from it, so that fewer days show where they
stand; their intervals are printed beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from tools.bench_pacing.cells import Cell, full, short
from tools.bench_pacing.jobs import Job
from tools.bench_pacing.policies import BEST_RATIO, CLAIRVOYANT, CONTROLLER, OPTIMUM

SEEDS, FIRST_SEEDS, SHORT_SEEDS = 10, 3, 2
# Most of the 15 minutes; the jobs that run at this time still come to their end.
MINUTES, SHORT_MINUTES = 13.5, 0.5
_RIVALS = {
    "one-to-one": 10,  # its true value is known: it tells how lucky the seeds are
    BEST_RATIO: 3,
    "vicidial-average": 3,
    "vicidial-hard-limit": 2,
    "vicidial-tapered": 2,
    "issabel": 5,
    "webitel": 2,
    "omnidialer": 3,
    "textbook": 2,
}
_BIG = 100  # from here on a day has so many calls that two say enough
_CLAIRVOYANT_TEAMS, _CLAIRVOYANT_SEEDS = (3, 10, 30), 2
_MAIN = ("steady", "hard")
# On the other shapes, only what the controller could be mistaken for.
_SHAPE_RIVALS = {"one-to-one": 2, "vicidial-average": 2}
_SHORT_RIVALS = {name: 1 for name in _RIVALS if name != BEST_RATIO}


def has_controller() -> bool:
    """Whether the controller is there."""
    return find_spec("dialer_engine.pacing.predictive") is not None


def _seeds(count: int) -> tuple[int, ...]:
    return tuple(range(1, count + 1))


def _controller(cell: Cell, seeds: int, first: int) -> Iterator[Job]:
    """One job a day, so that both cores end together; the days after the first few while there is time."""
    for seed in range(1, seeds + 1) if has_controller() else ():
        yield Job(cell, CONTROLLER, (seed,), max(0, seed - first))


def _rivals(cell: Cell, counts: dict[str, int]) -> Iterator[Job]:
    for policy, count in counts.items():
        yield Job(cell, policy, _seeds(min(count, 2) if cell.agents >= _BIG else count))


def _bounds(cell: Cell, seeds: int) -> Iterator[Job]:
    if cell.scenario == "markov":
        yield Job(cell, OPTIMUM, ())
    elif cell.scenario in _MAIN and cell.agents in _CLAIRVOYANT_TEAMS:
        yield Job(cell, CLAIRVOYANT, _seeds(seeds))


def full_jobs(seeds: int = SEEDS) -> Iterator[Job]:
    """`make bench-pacing`."""
    for cell in full():
        yield from _controller(cell, seeds, FIRST_SEEDS)
        yield from _rivals(cell, _RIVALS if cell.scenario in _MAIN else _SHAPE_RIVALS)
        yield from _bounds(cell, _CLAIRVOYANT_SEEDS)


def short_jobs(seeds: int = SHORT_SEEDS) -> Iterator[Job]:
    """`make bench-pacing-short`."""
    for cell in short():
        yield from _controller(cell, seeds, 1)
        yield from _rivals(cell, _SHORT_RIVALS if cell.scenario in _MAIN else {"one-to-one": 1})
        yield from _bounds(cell, 1)
