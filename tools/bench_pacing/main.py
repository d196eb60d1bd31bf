"""The command: runs the jobs, prints the tables, leaves the rows, and draws the page when asked to."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from tools.bench_pacing import budget, decision, page
from tools.bench_pacing.cells import Cell
from tools.bench_pacing.jobs import Bar, Done, Job, run_all
from tools.bench_pacing.policies import BEST_RATIO, CLAIRVOYANT, OPTIMUM, ORDER
from tools.bench_pacing.rows import OneDay, row, with_bounds
from tools.bench_pacing.table import in_order, tables, verdicts

ROOT = Path(__file__).resolve().parents[2]
ROWS = ROOT / "build" / "bench" / "pacing.json"


def main(arguments: Sequence[str]) -> int:
    """0, or argparse's 2."""
    given = _parser().parse_args(arguments)
    if given.decision:
        print("\n".join(decision.lines()))
        return 0
    if given.page:
        page.write(json.loads(ROWS.read_text()), ROOT / "docs" / "reference")
        return 0
    start = monotonic()
    jobs = _chosen(given)
    done = run_all(jobs, given.cores, Bar(), _limit_s(given))
    rows = in_order(to_rows(done))
    seconds = monotonic() - start
    ROWS.parent.mkdir(parents=True, exist_ok=True)
    ROWS.write_text(json.dumps(rows, indent=1) + "\n")
    print("\n".join(tables(rows)), "", *verdicts(rows), sep="\n")
    print(*_spent(done), sep="\n")
    print(_machine(given.cores))
    core_s = sum(one.seconds for one in done)
    print(f"rows in {ROWS.relative_to(ROOT)}; {seconds:.0f} s, {core_s:.0f} core seconds of work")
    if given.docs:
        page.write(rows, ROOT / "docs" / "reference")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.bench_pacing", description=__doc__)
    parser.add_argument("--short", action="store_true", help="less than a minute")
    parser.add_argument("--seeds", type=int, help="days of the controller in each cell")
    parser.add_argument("--only", default="", help="only cells whose name contains this")
    parser.add_argument("--policy", default="", help="only policies whose name contains this")
    parser.add_argument("--minutes", type=float, help="begin no further seeds then; 0: no limit")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--docs", action="store_true", help="write the page and the plots too")
    parser.add_argument("--page", action="store_true", help="only that, from the last rows")
    parser.add_argument("--decision", action="store_true", help="time one large decision")
    return parser


def _chosen(given: argparse.Namespace) -> list[Job]:
    make = budget.short_jobs if given.short else budget.full_jobs
    jobs = make(given.seeds) if given.seeds else make()
    chosen = [job for job in jobs if given.only in job.cell.name and given.policy in job.policy]
    if not chosen:
        raise SystemExit("no such cell or policy")
    return chosen


def _limit_s(given: argparse.Namespace) -> float:
    usual = budget.SHORT_MINUTES if given.short else budget.MINUTES
    minutes = usual if given.minutes is None else given.minutes
    return 60 * minutes or math.inf


def to_rows(done: Iterable[Done]) -> list[dict[str, Any]]:
    """Gather the jobs of one policy and cell, in the order of the cells; and give each its bound."""
    days: dict[tuple[Cell, str], list[OneDay]] = defaultdict(list)
    rows, lines = [], {}
    for one in done:
        place = (one.job.cell, one.job.policy)
        if one.bound is not None:
            rows.append(_optimum_row(one.job.cell, *one.bound))
        else:
            days[place] += one.days
            lines[place] = one.lines
    for (cell, policy), some in days.items():
        some.sort(key=lambda day: day.seed)
        new = row(cell.scenario, cell.agents, cell.answer_rate, cell.target, policy, some)
        if policy == BEST_RATIO:
            new["lines"] = lines[cell, policy]
        rows.append(new)
    with_bounds(rows, (CLAIRVOYANT, OPTIMUM))
    return rows


def _optimum_row(cell: Cell, utilization: float, abandonment: float) -> dict[str, Any]:
    """A bound that was computed and not simulated: no seeds, no days."""
    exact = OneDay(0, utilization, abandonment, 0, 0.0, 0.0, 0.0, 0.0)
    new = row(cell.scenario, cell.agents, cell.answer_rate, cell.target, OPTIMUM, [exact])
    return {**new, "seeds": 0, "share_of_day_over_target": 0.0}


def _spent(done: Iterable[Done]) -> Iterator[str]:
    """Where the processor time went."""
    spent: dict[str, float] = defaultdict(float)
    for one in done:
        spent[one.job.policy] += one.seconds
    yield "core seconds of each policy:"
    yield ", ".join(f"{name} {spent[name]:.0f}" for name in ORDER if name in spent)


def _machine(cores: int) -> str:
    return f"{cores} processes on {os.cpu_count()} cores, Python {platform.python_version()}"
