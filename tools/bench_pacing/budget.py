"""Which policies meet which days, on how many seeds: what fits into 15 minutes on two cores.

The rows that the issue gives a reference for come first: ten seeds of the controller and of every other policy,
three of the clairvoyant. Then the other cells, seed by seed while there is time, up to ten of the controller;
last the clairvoyant's other seven. The rows say how many seeds they have; all policies have the same ones.
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
# A bound that hardly differs from day to day (the intervals in docs/reference/pacing-bench.md).
_BOUND_SEEDS, _CLAIRVOYANT_TEAMS = 3, (3, 10, 30)
_MAIN = ("steady", "hard")
# On the other shapes, only what the controller could be mistaken for.
_SHAPE_RIVALS = (ONE_TO_ONE, "vicidial-average")
_SHORT_RIVALS = tuple(name for name in _RIVALS if name != BEST_RATIO)


def is_reference(cell: Cell) -> bool:
    """Whether the issue says what a controller reaches here."""
    return reference(cell.scenario, cell.agents, cell.answer_rate, CONTROLLER) is not None


def _seeds(count: int) -> tuple[int, ...]:
    return tuple(range(1, count + 1))


def _bounds(cell: Cell, seeds: int, after: int = 0) -> Iterator[Job]:
    if cell.scenario == "markov":
        yield Job(cell, OPTIMUM, ())
    elif cell.scenario in _MAIN and cell.agents in _CLAIRVOYANT_TEAMS:
        for seed in _seeds(seeds):
            late = 2 * SEEDS if seed > _BOUND_SEEDS else 0
            yield Job(cell, CLAIRVOYANT, (seed,), late + _round(seed, after))


def _controller(cell: Cell, seeds: int, after: int = 0) -> Iterator[Job]:
    """One job a day, so that both cores end together."""
    for seed in _seeds(seeds):
        yield Job(cell, CONTROLLER, (seed,), _round(seed, after))


def _round(seed: int, after: int) -> int:
    """The first seed in any case, the others in their turn."""
    return 0 if seed == 1 else after + seed - 1


def _reference_jobs(cell: Cell, seeds: int) -> Iterator[Job]:
    yield from _controller(cell, seeds)
    for policy in _RIVALS:
        yield Job(cell, policy, _seeds(seeds))
    yield from _bounds(cell, seeds)


def _other_jobs(cell: Cell, seeds: int) -> Iterator[Job]:
    few = min(seeds, _FEW)
    yield from _controller(cell, seeds, after=SEEDS)
    for policy in _RIVALS if cell.scenario in _MAIN else _SHAPE_RIVALS:
        yield Job(cell, policy, _seeds(few), SEEDS + 1)
    yield from _bounds(cell, few, after=SEEDS)


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
