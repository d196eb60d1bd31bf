"""docs/reference/pacing-bench.md and its plots, from the rows of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tools.bench_pacing.plot import draw
from tools.bench_pacing.policies import CONTROLLER, ORDER
from tools.bench_pacing.rows import key

_PLOTS = {"steady": "pacing-plot-steady.svg", "hard": "pacing-plot-hard.svg"}
_INTRO = """\
# Pacing: the benchmark's figures

Written by `make bench-pacing ARGS=--docs`; do not edit. The days, teams and figures of the world are those of
`dialer_engine/sim/floor/scenario.py`; the rules of other dialers are in `dialer_engine/sim/rivals/`, written
from their published formulas.

- **days**: how many, each of another seed; all policies meet the same persons. Rows that the issue has figures
  of have ten (OMniDialer, the textbook and the clairvoyant three or more); then the controller on the other steady
  and hard days, and the rest, as many as there was time for. The controller and the rivals are asked four times a
  second; the controller of 100 agents and more once a second, a handicap.
- **utilization**: talk and wrap-up over the time agents were logged in and not on a break. ± is half of the
  95 % interval of the mean over days.
- **abandonment**: answered calls that no agent took in time, over answered calls; mean over days.
- **days over**: the share of seed-days whose abandonment at the end of the day was above the target
  (`share_of_day_over_target` in `build/bench/pacing.json`).
- **time over**: the share of minutes at which abandoned over answered so far was above the target.
- **worst**: the largest abandonment of a day.
- **clairvoyant**: a policy that knows how and when each call will end, and not how long talks last. A bound in
  practice, not a proof.
- **optimum**: exact, by linear programming, for the Markov model (exponential ring, handling and patience of the
  same means). No policy can do better there.
- **best-fixed-ratio**: the best constant found afterwards on the same days (30 agents and more: on the first four).
- **decision, us**: to learn and decide, mean over the times a policy was asked; while nothing happens it is not
  asked. The controller's innermost loops are compiled here; in the daemon they are numpy's and it decides the
  same in half as much time again (`python -m tools.bench_pacing --decision` times that). 0: compiled with the
  floor, nobody was asked.

The issue's figures come from another simulator and other seeds: where 1:1, which has nothing to choose, differs
from the issue's, the days differ and not the policies. On steady days a renewal argument gives 1:1 exactly (one
call after the other until a person answers: .473, .746 and .871 at answer rates of 0.1, 0.3 and 0.6), which
is what we have and, for 30 and 100 agents, the issue too; its figures of 3 and 10 agents are up to .005 luckier.
On hard days ours lie another .006 lower for all teams, over 40 seeds. Breaks do not explain it: they begin when
an agent is idle and lose as many calls under 1:1 as the issue has (.0004 to .0008); without any break 1:1 is .007
higher, without the absence .001, without the outage .002, and breaks that end on schedule change nothing; neither
would time on breaks in the denominator (it takes .09). A fall of the answer rate by 0.2 an hour at the end instead
of 0.3, or wrap-ups that are 1.4 times as long too from 4 to 6 h, would explain a part. So the hard rows are compared
on days that are a little poorer than the issue's."""


def write(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """The page and its plots."""
    parts = [_INTRO]
    for scenario, name in _PLOTS.items():
        chosen = [one for one in rows if one["scenario"] == scenario]
        if chosen:
            draw(chosen, f"{scenario.capitalize()} days", folder / name)
            parts.append(f"![Utilization against abandonment, {scenario} days]({name})")
    parts += ["## The controller", *_table(_of(rows, CONTROLLER), first="scenario")]
    parts += ["## All policies", *_all(rows)]
    text = "\n\n".join(parts)
    (folder / "pacing-bench.md").write_text(text + "\n", encoding="utf-8")


def _of(rows: Sequence[dict[str, Any]], policy: str) -> list[dict[str, Any]]:
    return [one for one in rows if one["policy"] == policy]


def _all(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    for scenario, agents, rate in dict.fromkeys(map(key, rows)):
        cell = [one for one in rows if key(one) == (scenario, agents, rate)]
        cell.sort(key=lambda one: ORDER.index(one["policy"]))
        yield f"### {scenario}, {agents} agents, answer rate {rate:g}"
        yield from _table(cell, first="policy")


def _table(rows: list[dict[str, Any]], first: str) -> Iterator[str]:
    """One markdown table; first: what names a row."""
    if not rows:
        yield "Not run."
        return
    head = ["scenario", "agents", "answer rate"] if first == "scenario" else ["policy"]
    head += ["days", "utilization", "issue", "bound", "abandonment", "issue", "days over"]
    head += ["time over", "worst", "wait, s", "decision, us"]
    lines = [_cells(head), _cells(["---"] * len(head))]
    lines += [_cells(_figures(one, first)) for one in rows]
    yield "\n".join(lines)


def _cells(texts: list[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def _figures(one: dict[str, Any], first: str) -> list[str]:
    named = [one["scenario"], str(one["agents"]), f"{one['answer_rate']:g}"]
    return [
        *(named if first == "scenario" else [_policy(one)]),
        str(one["seeds"]),
        _number(one["utilization"], 3) + _half(one["utilization_half_width"], 3),
        _number(one["reference_utilization"], 3),
        _number(one["bound_utilization"], 3),
        _number(one["abandonment"], 4) + _half(one["abandonment_half_width"], 4),
        _number(one["reference_abandonment"], 3),
        _number(one["share_of_day_over_target"], 2),
        _number(one["share_of_time_over_target"], 2),
        _number(one["worst_day_abandonment"], 4),
        _number(one["mean_wait_s"], 2),
        _number(one["decision_us"], 1),
    ]


def _policy(one: dict[str, Any]) -> str:
    lines = one.get("lines")
    return f"{one['policy']} ({lines:.1f})" if lines else str(one["policy"])


def _number(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:.{places}f}"


def _half(value: float | None, places: int) -> str:
    return "" if value is None else f" ± {value:.{places}f}"
