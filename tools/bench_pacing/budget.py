"""Which policies meet which days, on how many seeds: what fits into 15 minutes on two cores.

In any case: one seed of the controller everywhere, and in the rows that the issue gives a reference for all that
other dialers do, ten seeds each (three of the dear ones, as in the issue's own table). Then, while there is time:
ten seeds of the controller in those rows, in the other teams and rates of steady and hard days, and on the other
shapes; last what others do there, and more of the bound. The rows say how many seeds they have; all policies have
the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from tools.bench_pacing.cells import Cell, full, short
from tools.bench_pacing.jobs import Job
from tools.bench_pacing.policies import (
    BEST_RATIO,
    CLAIRVOYANT,
    CONTROLLER,
    ONE_TO_ONE,
    OPTIMUM,
    POLICIES,
)
from tools.bench_pacing.reference import reference

SEEDS, SHORT_SEEDS = 10, 2
# Most of the 15 minutes; the jobs that run at this time still come to their end.
MINUTES, SHORT_MINUTES = 14.5, 0.5
_RIVALS = (*(name for name in POLICIES if name != CONTROLLER), BEST_RATIO)
# Away from the reference rows a few days show where the others stand.
_FEW = 2
# Far from the target, or a bound, and hardly different from day to day; and dear.
_DEAR, _DEAR_SEEDS = ("omnidialer", "textbook"), 3
_CLAIRVOYANT_TEAMS = (3, 10, 30)
# Cost next to nothing: compiled with the floor.
_CHEAP = (ONE_TO_ONE, BEST_RATIO)
# From which round on: the controller on other days, on other shapes; what others do there; the rest of a bound.
_OTHER_DAYS, _SHAPES, _OTHERS, _LAST = SEEDS, 2 * SEEDS, 3 * SEEDS, 4 * SEEDS
_MAIN = ("steady", "hard")
# On the other shapes, only what the controller could be mistaken for.
_SHAPE_RIVALS = (ONE_TO_ONE, "vicidial-average")
_SHORT_RIVALS = tuple(name for name in _RIVALS if name != BEST_RATIO)


def is_reference(cell: Cell) -> bool:
    """Whether the issue says what a controller reaches here."""
    return reference(cell.scenario, cell.agents, cell.answer_rate, CONTROLLER) is not None


def _seeds(count: int) -> tuple[int, ...]:
    return tuple(range(1, count + 1))


def _bounds(cell: Cell, seeds: int, first: int = 0) -> Iterator[Job]:
    if cell.scenario == "markov":
        yield Job(cell, OPTIMUM, ())
    elif cell.scenario in _MAIN and cell.agents in _CLAIRVOYANT_TEAMS:
        for seed in _seeds(seeds):
            yield Job(cell, CLAIRVOYANT, (seed,), first if seed <= _DEAR_SEEDS else _LAST)


def _controller(cell: Cell, seeds: int, after: int = 0) -> Iterator[Job]:
    """One job a day, so that both cores end together; the first in any case, the others in their turn."""
    for seed in _seeds(seeds):
        yield Job(cell, CONTROLLER, (seed,), 0 if seed == 1 else after + seed - 1)


def _reference_jobs(cell: Cell, seeds: int) -> Iterator[Job]:
    yield from _controller(cell, seeds)
    for policy in _RIVALS:
        at_once = min(seeds, _DEAR_SEEDS) if policy in _DEAR else seeds
        yield Job(cell, policy, _seeds(at_once))
        if at_once < seeds:
            yield Job(cell, policy, _seeds(seeds)[at_once:], _LAST)
    yield from _bounds(cell, seeds)


def _other_jobs(cell: Cell, seeds: int) -> Iterator[Job]:
    is_main, few = cell.scenario in _MAIN, min(seeds, _FEW)
    yield from _controller(cell, seeds, after=_OTHER_DAYS if is_main else _SHAPES)
    for policy in _RIVALS if is_main else _SHAPE_RIVALS:
        if policy in _CHEAP:
            yield Job(cell, policy, _seeds(seeds), _OTHER_DAYS)
        else:
            yield Job(cell, policy, _seeds(few), _OTHERS)
    yield from _bounds(cell, few, _OTHERS)


def full_jobs(seeds: int = SEEDS) -> Iterator[Job]:
    """`make bench-pacing`."""
    for cell in full():
        yield from (_reference_jobs if is_reference(cell) else _other_jobs)(cell, seeds)


def short_jobs(seeds: int = SHORT_SEEDS) -> Iterator[Job]:
    """`make bench-pacing-short`."""
    for cell in short():
        yield from _controller(cell, seeds)
        for policy in _SHORT_RIVALS if cell.scenario in _MAIN else (ONE_TO_ONE,):
            yield Job(cell, policy, _seeds(1))
        yield from _bounds(cell, 1)
