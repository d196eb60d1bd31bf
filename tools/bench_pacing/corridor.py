"""`python -m tools.bench_pacing.corridor`: the production engine on the virtual PBX beside the controller alone on
the floor simulator, on the same persons. What the corridor from a decision to a talk costs.

Rules: both have the same draws, the same settings and the same policy; figures of the engine are those of
its books (attempts and agents' events in the store), those of the floor are its counters; means over seeds
with 95 % intervals, and of the difference, seed by seed.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import structlog

from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.outcome import Outcome
from dialer_engine.engine.account import LIVE
from dialer_engine.pacing.pacer import pacer_for
from dialer_engine.sim.engine_day import EngineDay, campaign_for, engine_day, starts_at
from dialer_engine.sim.floor import Day, run_day, steady_day
from dialer_engine.store import workday
from tools.bench_pacing.rows import half_width

FILE = Path("build/bench/corridor.json")
_HOURS, _SEEDS, _AGENTS, _RATE = 4.0, 4, 10, 0.3
_MODES = (DialMode.PREDICTIVE, DialMode.PROGRESSIVE)
SHOWN = ("utilization", "abandonment", "mean_wait_s", "attempts", "live", "cancelled")


@dataclass(frozen=True, slots=True)
class Figures:
    """One seed-day. mean_wait_s: of answered people until an agent had them."""

    utilization: float
    abandonment: float
    mean_wait_s: float
    attempts: float
    live: float
    cancelled: float


def by_engine(day: Day, seed: int, mode: DialMode, target: float = 0.03) -> Figures:
    """The production engine's day, from its books. AssertionError when a handler or a task raised."""
    books = engine_day(day, seed, campaign_for(day, mode, target))
    assert books.faults == 0, "the engine met an error of its own"
    assert not books.store.open_ones(), "attempts have no outcome"
    ends = [one.end for one in books.store.attempts.values() if one.end is not None]
    outcomes = Counter(end.outcome for end in ends)
    live = sum(outcomes[one] for one in LIVE)
    waits = [end.waited_s or 0.0 for end in ends if end.outcome is Outcome.COMPLETED]
    return Figures(
        _utilization(books),
        outcomes[Outcome.ABANDONED] / max(1, live),
        sum(waits) / max(1, len(waits)),
        len(ends),
        live,
        books.cancelled,
    )


def _utilization(books: EngineDay) -> float:
    events = books.store.events
    days = [
        workday.measured(
            who, [(one.kind, one.at) for one in events if one.agent == who], books.begin, books.end
        )
        for who in books.agents
    ]
    return workday.utilization(days) or 0.0


def by_floor(day: Day, seed: int, mode: DialMode, target: float = 0.03) -> Figures:
    """The controller's day on the floor simulator, at the same hours of the day."""
    start = starts_at(day)
    same_hours = replace(day, start_hour=start.hour + start.minute / 60.0)
    found = run_day(same_hours, pacer_for(campaign_for(day, mode, target)), seed)
    return Figures(
        found.utilization,
        found.abandonment,
        found.mean_wait_s,
        found.attempts,
        found.live,
        found.cancelled,
    )


def both(day: Day, seed: int, mode: DialMode) -> tuple[Figures, Figures]:
    """One seed of both, in whichever process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return by_engine(day, seed, mode), by_floor(day, seed, mode)


def compare(pairs: Sequence[tuple[Figures, Figures]]) -> list[dict[str, Any]]:
    """A row for each figure: engine, floor, difference, each with half of its interval; within: the
    interval of the difference holds 0, or the difference is below what is shown.
    """
    rows = []
    for name in SHOWN:
        engine, floor = ([getattr(one[side], name) for one in pairs] for side in (0, 1))
        apart = [one - other for one, other in zip(engine, floor, strict=True)]
        mean, half = sum(apart) / len(apart), half_width(apart)
        rows.append(
            {
                "figure": name,
                "engine": sum(engine) / len(engine),
                "engine_half_width": half_width(engine),
                "floor": sum(floor) / len(floor),
                "floor_half_width": half_width(floor),
                "difference": mean,
                "difference_half_width": half,
                "within": abs(mean) <= max(half or 0.0, _SMALL.get(name, 0.0)),
            }
        )
    return rows


# Below this a difference is none that anybody would see: the engine's clock and the floor's are rounded
# differently, and agents log in one moment after the start.
_SMALL = {"utilization": 0.001, "abandonment": 0.0005, "mean_wait_s": 0.005}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it. Exit code 1 when a share or a wait is apart by more than chance."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench_pacing.corridor", description=__doc__
    )
    parser.add_argument("--hours", type=float, default=_HOURS)
    parser.add_argument("--seeds", type=int, default=_SEEDS)
    parser.add_argument("--agents", type=int, default=_AGENTS)
    parser.add_argument("--answer-rate", type=float, default=_RATE)
    given = parser.parse_args(arguments)
    day = replace(steady_day(given.agents, given.answer_rate), length_s=given.hours * 3600.0)
    began = monotonic()
    cores = os.cpu_count() or 1
    result: dict[str, Any] = {"day": {"scenario": "steady", **vars(given)}, "modes": {}}
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        running = {
            mode: [pool.submit(both, day, seed, mode) for seed in range(1, given.seeds + 1)]
            for mode in _MODES
        }
        for mode, futures in running.items():
            pairs = [future.result() for future in futures]
            rows = compare(pairs)
            days = [{"engine": asdict(one), "floor": asdict(other)} for one, other in pairs]
            result["modes"][mode.value] = {"rows": rows, "seeds": days}
            _show(mode, rows, given)
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(f"{FILE}, {monotonic() - began:.0f} s")
    judged = [
        row for mode in result["modes"].values() for row in mode["rows"] if row["figure"] in _SMALL
    ]
    return 0 if all(row["within"] for row in judged) else 1


def _show(mode: DialMode, rows: Sequence[dict[str, Any]], given: argparse.Namespace) -> None:
    print(f"{mode.value}: {given.agents} agents, answer rate {given.answer_rate:g}, "
          f"{given.seeds} days of {given.hours:g} h")  # fmt: skip
    print(f"  {'':14}{'engine':>20}{'floor':>20}{'difference':>22}")
    for row in rows:
        cells = [_cell(row[one], row[f"{one}_half_width"], row["figure"])
                 for one in ("engine", "floor", "difference")]  # fmt: skip
        mark = "" if row["within"] else "  apart"
        print(f"  {row['figure']:14}{cells[0]:>20}{cells[1]:>20}{cells[2]:>22}{mark}")


def _cell(mean: float, half: float | None, figure: str) -> str:
    digits = 4 if figure in _SMALL else 0
    return f"{mean:.{digits}f}" + (f" ± {half:.{digits}f}" if half is not None else "")


if __name__ == "__main__":
    raise SystemExit(main())
