"""The tables that the program prints: rows with intervals, what the issue says beside them, and the rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from tools.bench_pacing.policies import CONTROLLER, ORDER
from tools.bench_pacing.rows import key

_HEAD = (
    f"{'policy':<20} {'days':>4} {'utilization':>14} {'issue':>6} {'diff':>7} "
    f"{'abandonment':>14} {'issue':>6} {'>target':>7} {'worst':>6} {'wait s':>6} {'us':>7}"
)
_ALLOWED_UNDER_REFERENCE = 0.005
_WORST_DAY = 1.1  # times the target: 3.3 % of 3 %
_OF_OPTIMUM = 0.985


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By scenario as they first came, team, answer rate, policy."""
    scenarios = list(dict.fromkeys(one["scenario"] for one in rows))
    return sorted(
        rows,
        key=lambda one: (
            scenarios.index(one["scenario"]),
            one["agents"],
            one["answer_rate"],
            ORDER.index(one["policy"]),
        ),
    )


def _with_half(value: float, half: float | None) -> str:
    return f"{value:.4f}" + (f" ±{half:.4f}" if half is not None else " " * 8)


def _or_blank(value: float | None, form: str, width: int) -> str:
    return f"{value:{form}}" if value is not None else " " * width


def line(one: dict[str, Any]) -> str:
    """One row for people."""
    said, lost = one["reference_utilization"], one["reference_abandonment"]
    gap = one["utilization"] - said if said is not None else None
    return (
        f"{one['policy']:<20} {one['seeds']:>4} "
        f"{_with_half(one['utilization'], one['utilization_half_width']):>14} "
        f"{_or_blank(said, '6.3f', 6)} {_or_blank(gap, '+7.4f', 7)} "
        f"{_with_half(one['abandonment'], one['abandonment_half_width']):>14} "
        f"{_or_blank(lost, '6.3f', 6)} {one['share_of_day_over_target']:>7.2f} "
        f"{one['worst_day_abandonment']:>6.3f} {one['mean_wait_s']:>6.2f} {one['decision_us']:>7.1f}"
    ).rstrip()


def tables(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """All lines; rows must be in order."""
    for (scenario, agents, rate), group in groupby(rows, key):
        cell = list(group)
        bound = cell[0]["bound_utilization"]
        beside = f", bound {bound:.4f}" if bound is not None else ""
        yield ""
        yield f"{scenario}: {agents} agents, answer rate {rate:g}, target {cell[0]['target']:.1%}{beside}"
        yield from _luck(cell)
        yield _HEAD
        yield from map(line, cell)


def _luck(cell: Sequence[dict[str, Any]]) -> Iterator[str]:
    """1:1 has nothing to choose: where it differs from the issue's, the days do."""
    for one in cell:
        if one["policy"] == "one-to-one" and one["reference_utilization"] is not None:
            gap = one["utilization"] - one["reference_utilization"]
            yield f"(our days differ from the issue's by {gap:+.4f} under 1:1, over {one['seeds']} seeds)"


def verdicts(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What the issue asks of the controller, and whether the figures hold it."""
    mine = [one for one in rows if one["policy"] == CONTROLLER]
    if not mine:
        yield "the controller was not run (dialer_engine/pacing/predictive.py is missing)"
        return
    yield from _against_reference(mine)
    days = sum(one["seeds"] for one in mine)
    over = sum(one["seeds"] * one["share_of_day_over_target"] for one in mine)
    yield f"seed-days above the target: {over:.0f} of {days} (aim: at most one of twenty)"
    yield from _worst(mine)
    for one in mine:
        if one["scenario"] == "markov" and one["bound_utilization"]:
            share = one["utilization"] / one["bound_utilization"]
            yield f"of the exact optimum, {one['agents']} agents: {share:.4f} (aim: {_OF_OPTIMUM})"


def _against_reference(mine: list[dict[str, Any]]) -> Iterator[str]:
    said = [one for one in mine if one["reference_utilization"] is not None]
    under = [
        one
        for one in said
        if one["utilization"] < one["reference_utilization"] - _ALLOWED_UNDER_REFERENCE
    ]
    yield f"rows more than 0.005 under the issue's reference: {len(under)} of {len(said)}"
    for one in under:
        gap = one["utilization"] - one["reference_utilization"]
        yield f"  {one['scenario']} {one['agents']} agents {one['answer_rate']:g}: {gap:+.4f}"


def _worst(mine: list[dict[str, Any]]) -> Iterator[str]:
    worst = [one for one in mine if one["worst_day_after_300_answers"] is not None]
    bad = [one for one in worst if one["worst_day_after_300_answers"] > _WORST_DAY * one["target"]]
    yield f"rows with a day of 300 answers or more above 1.1 times its target: {len(bad)} of {len(worst)}"
    for one in bad:
        name = f"{one['scenario']} {one['agents']} agents {one['answer_rate']:g}"
        yield f"  {name}: {one['worst_day_after_300_answers']:.4f}"
