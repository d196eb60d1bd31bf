"""Which days are run: every cell once, the controller everywhere, the teams and rates of the issue."""

from __future__ import annotations

from collections import defaultdict

from tools.bench_pacing import budget
from tools.bench_pacing.cells import RATES, TEAMS, full, short
from tools.bench_pacing.policies import CONTROLLER, ORDER
from tools.bench_pacing.reference import COLUMNS, reference


def test_a_cell_is_known_by_its_kind_team_and_rate() -> None:
    for cells in (full(), short()):
        keys = [(cell.scenario, cell.agents, cell.answer_rate) for cell in cells]
        assert len(keys) == len(set(keys))


def test_teams_and_rates_of_the_issue() -> None:
    there = {(cell.scenario, cell.agents, cell.answer_rate) for cell in full()}
    for scenario in ("steady", "hard"):
        for agents in TEAMS:
            for rate in RATES:
                assert (scenario, agents, rate) in there


def test_the_controller_has_ten_seeds_in_every_cell() -> None:
    jobs = [job for job in budget.full_jobs() if job.policy == CONTROLLER]
    for cell in full():
        assert sorted(job.seeds[0] for job in jobs if job.cell == cell) == list(range(1, 11))


def test_every_policy_has_the_same_ten_seeds_in_the_rows_of_the_issue() -> None:
    cells = [cell for cell in full() if budget.is_reference(cell)]
    assert len(cells) == 19
    for cell in cells:
        seeds: dict[str, list[int]] = defaultdict(list)
        for job in budget.full_jobs():
            if job.cell == cell:
                seeds[job.policy] += job.seeds
        wanted = set(ORDER) - {"optimum"} - ({"clairvoyant"} if cell.agents > 30 else set())
        assert set(seeds) == wanted
        assert all(sorted(some) == list(range(1, 11)) for some in seeds.values())


def test_every_policy_meets_the_steady_and_the_hard_day() -> None:
    jobs = list(budget.full_jobs())
    for scenario in ("steady", "hard"):
        met = {job.policy for job in jobs if job.cell.scenario == scenario}
        assert met >= set(ORDER) - {CONTROLLER, "optimum"}


def test_a_cell_s_settings_fit_its_day() -> None:
    for cell in full():
        settings = cell.settings()
        assert settings.target == cell.target
        assert settings.wait_limit_s == 2.0


def test_reference_figures() -> None:
    assert reference("hard", 10, 0.6, "predictive") == (0.870, 0.026)
    assert reference("steady", 3, 0.1, "omnidialer") is None
    assert reference("steady", 30, 0.1, "clairvoyant") == (0.962, None)
    assert set(COLUMNS) < set(ORDER)


def test_rows_of_the_issue_come_first_then_other_days_then_other_shapes_seed_by_seed() -> None:
    of: dict[tuple[bool, bool], set[tuple[int, int]]] = defaultdict(set)
    for job in budget.full_jobs():
        if job.policy == CONTROLLER:
            is_main = job.cell.scenario in ("steady", "hard")
            of[budget.is_reference(job.cell), is_main].add((job.seeds[0], job.round))
    assert of[True, True] == {(seed, seed - 1) for seed in range(1, 11)}
    assert of[False, True] == {(1, 0)} | {(seed, seed + 9) for seed in range(2, 11)}
    assert of[False, False] == {(1, 0)} | {(seed, seed + 19) for seed in range(2, 11)}


def test_what_other_dialers_do_in_the_rows_of_the_issue_is_run_in_any_case() -> None:
    seeds: dict[str, set[int]] = defaultdict(set)
    for job in budget.full_jobs():
        if budget.is_reference(job.cell) and not job.round:
            seeds[job.policy].update(job.seeds)
    for policy in set(ORDER) - {CONTROLLER, "optimum"}:
        dear = policy in ("omnidialer", "textbook", "clairvoyant")
        assert seeds[policy] == set(range(1, 4 if dear else 11)), policy


def test_what_is_dear_takes_no_time_from_the_controller() -> None:
    jobs = list(budget.full_jobs())
    last = max(job.round for job in jobs if job.policy == CONTROLLER)
    late = [job for job in jobs if job.policy != CONTROLLER and max(job.seeds, default=0) > 3]
    dear = [job for job in late if job.policy in ("omnidialer", "textbook", "clairvoyant")]
    assert dear
    assert all(job.round > last for job in dear)
