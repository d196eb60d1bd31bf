"""From days to rows: means over seeds with 95 % intervals (Student), and what a day's rules are judged by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dialer_engine.sim.floor import TRACE, DayResult
from tools.bench_pacing.reference import reference

# Student's t, 97.5 %, by degrees of freedom from 1 on; beyond the last, the normal's with a little room.
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179)
_STUDENT_BEYOND = 2.16
# The issue judges a day by 3.3 % "once 300 calls were answered".
_SETTLED = 300
_AT, _LIVE, _ABANDONED = TRACE.index("at"), TRACE.index("live"), TRACE.index("abandoned")


@dataclass(frozen=True, slots=True)
class OneDay:
    """What one seed-day came to. over_time: share of its minutes at which abandoned over live answers so
    far was above the target. worst_running: the largest such share after 300 answers (0 when there were
    fewer).
    """

    seed: int
    utilization: float
    abandonment: float
    live: int
    mean_wait_s: float
    decision_us: float
    over_time: float
    worst_running: float
    attempts: int = 0
    early: int = 0


def one_day(seed: int, result: DayResult, target: float) -> OneDay:
    """From a result with a trace."""
    trace = result.trace
    answered = trace[trace[:, _LIVE] > 0]
    rate = answered[:, _ABANDONED] / answered[:, _LIVE]
    settled = rate[answered[:, _LIVE] >= _SETTLED]
    return OneDay(
        seed=seed,
        utilization=result.utilization,
        abandonment=result.abandonment,
        live=result.live,
        mean_wait_s=result.mean_wait_s,
        decision_us=result.decision_us,
        over_time=float((rate > target).sum()) / max(1, len(trace)),
        worst_running=float(settled.max()) if len(settled) else 0.0,
        attempts=result.attempts,
        early=result.early,
    )


def half_width(values: Sequence[float]) -> float | None:
    """Half of the 95 % interval of the mean; None of fewer than two."""
    count = len(values)
    if count < 2:
        return None
    student = _STUDENT[count - 2] if count - 2 < len(_STUDENT) else _STUDENT_BEYOND
    return student * float(np.std(values, ddof=1)) / math.sqrt(count)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def row(
    scenario: str,
    agents: int,
    answer_rate: float,
    target: float,
    policy: str,
    days: Sequence[OneDay],
) -> dict[str, Any]:
    """One row of pacing.json; `bound_utilization` is filled in by `with_bounds`."""
    busy = [day.utilization for day in days]
    lost = [day.abandonment for day in days]
    said = reference(scenario, agents, answer_rate, policy)
    settled = [day.abandonment for day in days if day.live >= _SETTLED]
    return {
        "scenario": scenario,
        "agents": agents,
        "answer_rate": answer_rate,
        "policy": policy,
        "seeds": len(days),
        "utilization": _mean(busy),
        "abandonment": _mean(lost),
        "mean_wait_s": _mean([day.mean_wait_s for day in days]),
        "share_of_day_over_target": _mean([float(value > target) for value in lost]),
        "worst_day_abandonment": max(lost),
        "decision_us": _mean([day.decision_us for day in days]),
        "bound_utilization": None,
        "target": target,
        "utilization_half_width": half_width(busy),
        "abandonment_half_width": half_width(lost),
        "share_of_time_over_target": _mean([day.over_time for day in days]),
        "worst_day_after_300_answers": max(settled, default=None),
        "worst_running_after_300_answers": max(day.worst_running for day in days),
        "answers_a_day": _mean([day.live for day in days]),
        "cancelled_early_a_day": _mean([day.early for day in days]),
        "reference_utilization": said.utilization if said else None,
        "reference_abandonment": said.abandonment if said else None,
    }


def key(one: dict[str, Any]) -> tuple[str, int, float]:
    """The cell of a row."""
    return one["scenario"], one["agents"], one["answer_rate"]


def with_bounds(rows: list[dict[str, Any]], bounds: Sequence[str]) -> None:
    """Each row learns the bound of its cell: the utilization of the policies that are bounds."""
    known = {key(one): one["utilization"] for one in rows if one["policy"] in bounds}
    for one in rows:
        one["bound_utilization"] = known.get(key(one))


def paired(mine: Sequence[OneDay], other: Sequence[OneDay]) -> tuple[float, float | None] | None:
    """Mean difference of utilization on the seeds that both had, and half of its interval."""
    theirs = {day.seed: day.utilization for day in other}
    gaps = [day.utilization - theirs[day.seed] for day in mine if day.seed in theirs]
    return (_mean(gaps), half_width(gaps)) if gaps else None
