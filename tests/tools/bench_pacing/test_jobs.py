"""Jobs on small cells: that they do what they say, alone and in processes of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer_engine.sim.floor import run_day, steady_day
from dialer_engine.sim.rivals.ratio import Ratio
from tools.bench_pacing.cells import Cell
from tools.bench_pacing.jobs import Job, best_ratio, run, run_all
from tools.bench_pacing.policies import ORDER, POLICIES

SMALL = Cell("steady", replace(steady_day(4, 0.3), length_s=1200.0))


@pytest.mark.parametrize("policy", [name for name in POLICIES if name != "predictive"])
def test_every_rival_has_its_days(policy: str) -> None:
    done = run(Job(SMALL, policy, (1, 2)))
    assert [day.seed for day in done.days] == [1, 2]
    assert all(0.2 < day.utilization < 1.0 for day in done.days)


def test_days_are_the_same_again() -> None:
    first, again = (run(Job(SMALL, "vicidial-average", (3,))).days[0] for _ in range(2))
    assert (first.utilization, first.abandonment) == (again.utilization, again.abandonment)


def test_the_best_ratio_is_the_largest_within_the_target() -> None:
    lines = best_ratio(SMALL, (1, 2))

    def lost(ratio: float) -> float:
        days = [run_day(SMALL.day, Ratio(SMALL.settings(), ratio), seed) for seed in (1, 2)]
        return sum(day.abandonment for day in days) / 2

    assert lost(lines) <= 0.03
    assert lost(lines + 1.0) > 0.03


def test_every_policy_has_a_place_in_the_tables() -> None:
    assert set(POLICIES) < set(ORDER)


def test_processes_of_their_own_give_the_same() -> None:
    jobs = [Job(SMALL, "one-to-one", (1,)), Job(SMALL, "issabel", (1, 2))]
    told: list[tuple[float, float]] = []
    apart = {
        done.job.policy: done.days for done in run_all(jobs, 2, lambda a, b: told.append((a, b)))
    }
    for job in jobs:
        figures = [(day.seed, day.utilization, day.live) for day in run(job).days]
        assert [(day.seed, day.utilization, day.live) for day in apart[job.policy]] == figures
    assert len(told) == 2


def test_when_the_time_is_used_only_the_first_round_is_run() -> None:
    jobs = [Job(SMALL, "issabel", (seed,), round=seed) for seed in range(3)]
    told: list[tuple[float, float]] = []
    done = run_all(jobs, 1, lambda past, whole: told.append((past, whole)), limit_s=0.0)
    assert [one.job.round for one in done] == [0]
    assert told[-1][0] == pytest.approx(jobs[0].cost)
