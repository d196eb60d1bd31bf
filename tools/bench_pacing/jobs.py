"""The work, cut into jobs for processes of their own (spawn), the largest first.

A job is one policy on some seeds of one cell. Every job makes its policies anew and knows nothing of the
others; the seeds are the same for all policies, so are the persons.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from time import monotonic, process_time

from dialer_engine.pacing.snapshot import Pacer
from dialer_engine.sim.floor import run_day, run_ratio
from tools.bench_pacing.cells import Cell
from tools.bench_pacing.clairvoyant import clairvoyant_day
from tools.bench_pacing.markov import Model, optimum
from tools.bench_pacing.policies import (
    BEST_RATIO,
    CLAIRVOYANT,
    CONTROLLER,
    ONE_TO_ONE,
    OPTIMUM,
    POLICIES,
)
from tools.bench_pacing.rows import OneDay, one_day

_TICK_S = 0.25
# The controller of a large team is asked once a second only, so that ten seeds fit into the minutes: a handicap.
# Every other second would be too seldom: at 300 agents the abandonment then passes its target.
_COARSE_S, _MANY = 1.0, 100
# The running abandonment is looked at once a minute.
_TRACE_S = 60.0
# The fixed ratio in hindsight is sought on this grid, on the first seeds of the cell.
_RATIO_STEP, _RATIO_MOST = 0.1, 12.0
_SEARCH_SEEDS, _SEARCH_SEEDS_LARGE, _LARGE = 10, 4, 30
_BAR, _SAY_S = 40, 30.0
# Processor seconds of a day: some in any case, and more for each agent, from runs on two cores.
_PRICE = {
    CONTROLLER: (3.2, 0.03),
    CLAIRVOYANT: (1.8, 0.07),
    BEST_RATIO: (0.1, 0.01),
    ONE_TO_ONE: (0.02, 0.002),
    "issabel": (0.1, 0.003),
    "omnidialer": (0.3, 0.02),
    "textbook": (0.2, 0.02),
}
_USUAL_PRICE = (0.3, 0.01)


@dataclass(frozen=True, slots=True)
class Job:
    """policy: a name of `policies`. round: 0 is run in any case, later ones while there is time."""

    cell: Cell
    policy: str
    seeds: tuple[int, ...]
    round: int = 0

    @property
    def cost(self) -> float:
        """Processor seconds, roughly."""
        if self.policy == OPTIMUM:
            return self.cell.agents / 3
        once, each = _PRICE.get(self.policy, _USUAL_PRICE)
        return self.cell.days * len(self.seeds) * (once + each * self.cell.agents)


@dataclass(frozen=True, slots=True)
class Done:
    """What a job came to. seconds: of processor time. lines: the fixed ratio that was found. bound: the
    exact optimum's utilization and abandonment.
    """

    job: Job
    days: tuple[OneDay, ...]
    seconds: float
    lines: float | None = None
    bound: tuple[float, float] | None = None


def run(job: Job) -> Done:
    """In whichever process."""
    start = process_time()
    if job.policy == OPTIMUM:
        best = optimum(Model(job.cell.agents, job.cell.answer_rate), job.cell.target)
        return Done(job, (), process_time() - start, bound=(best.utilization, best.abandonment))
    lines = None
    if job.policy == BEST_RATIO:
        some = _SEARCH_SEEDS if job.cell.agents < _LARGE else _SEARCH_SEEDS_LARGE
        lines = best_ratio(job.cell, job.seeds[:some])
    days = tuple(simulated(job.cell, job.policy, seed, lines) for seed in job.seeds)
    return Done(job, days, process_time() - start, lines)


def simulated(cell: Cell, policy: str, seed: int, lines: float | None = None) -> OneDay:
    """One day of one policy."""
    if policy == CLAIRVOYANT:
        every = round(_TRACE_S / _TICK_S)
        return one_day(seed, clairvoyant_day(cell.day, seed, cell.target, every), cell.target)
    settings = cell.settings()
    if policy == ONE_TO_ONE or lines is not None:
        cap, every = settings.max_ringing_per_agent, round(_TRACE_S / _TICK_S)
        return one_day(seed, run_ratio(cell.day, lines or 1.0, seed, cap, every), cell.target)
    pacer: Pacer = POLICIES[policy](settings)
    tick = _COARSE_S if policy == CONTROLLER and cell.agents >= _MANY else _TICK_S
    every = max(1, round(_TRACE_S / float(getattr(pacer, "tick_s", tick))))
    return one_day(seed, run_day(cell.day, pacer, seed, tick, every), cell.target)


def best_ratio(cell: Cell, seeds: Sequence[int]) -> float:
    """The largest ratio whose mean abandonment on these seeds is within the target."""

    def within(step: int) -> bool:
        days = [simulated(cell, BEST_RATIO, seed, 1.0 + step * _RATIO_STEP) for seed in seeds]
        return sum(day.abandonment for day in days) <= cell.target * len(days)

    low, high = 0, round((_RATIO_MOST - 1.0) / _RATIO_STEP)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if within(middle) else (low, middle - 1)
    return 1.0 + low * _RATIO_STEP


def run_all(
    jobs: Iterable[Job],
    cores: int,
    told: Callable[[float, float], None],
    limit_s: float = math.inf,
) -> list[Done]:
    """The jobs on so many processes, round by round, in a round the dearest first. After `limit_s` no job
    of a later round than the first is begun. `told` hears the share that is done, and the cost of all.
    """
    # A process for each core: the threads of numpy's library would only take them from one another.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    waiting = sorted(jobs, key=lambda job: (-job.round, job.cost))
    whole, past, start = sum(job.cost for job in waiting), 0.0, monotonic()
    done: list[Done] = []
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        running: set[Future[Done]] = set()
        while waiting or running:
            while waiting and len(running) < cores:
                if waiting[-1].round and monotonic() - start > limit_s:
                    whole -= sum(job.cost for job in waiting)
                    waiting.clear()
                    break
                running.add(pool.submit(run, waiting.pop()))
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            done += [one.result() for one in ended]
            past += sum(one.result().job.cost for one in ended)
            told(past, whole)
    return done


class Bar:
    """A progress bar on stderr where that is a terminal; a line each half minute where it is not."""

    def __init__(self) -> None:
        self._start = self._said = monotonic()

    def __call__(self, past: float, whole: float) -> None:
        share = min(1.0, past / max(1e-9, whole))
        if sys.stderr.isatty():
            _draw(share)
        elif monotonic() - self._said > _SAY_S:
            self._said = monotonic()
            print(f"{self._said - self._start:4.0f} s {share:4.0%}", file=sys.stderr, flush=True)


def _draw(share: float) -> None:
    full = int(_BAR * share)
    end = "\n" if share == 1.0 else ""
    print(
        f"\r[{'#' * full}{'.' * (_BAR - full)}] {share:4.0%}", end=end, file=sys.stderr, flush=True
    )
