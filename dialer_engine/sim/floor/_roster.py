"""When agents come, leave and come back: drawn for each agent of a seed, the same under every policy."""

from __future__ import annotations

import math

import numpy as np

from dialer_engine.sim.floor import columns as col
from dialer_engine.sim.floor.draws import AGENT_STREAM, Floats, uniforms
from dialer_engine.sim.floor.scenario import Day

_ARRIVE = AGENT_STREAM
_BREAK = AGENT_STREAM + 100
_ABSENCE = AGENT_STREAM + 200
_PART = AGENT_STREAM + 300


def _some(day: Day, seed: int, stream: int, share: float) -> list[int]:
    """A share of the agents, rounded to whole ones, drawn by lot."""
    lots = uniforms(seed, stream, 0, day.agents)
    return [int(agent) for agent in np.argsort(lots)[: round(share * day.agents)]]


def _spread(day: Day, seed: int, stream: int, middle: float, spread: float) -> Floats:
    return middle + spread * (2.0 * uniforms(seed, stream, 0, day.agents) - 1.0)


def roster(day: Day, seed: int) -> tuple[Floats, Floats]:
    """When each agent arrives; and each one's plan of leaving, [agent, step, P_...], in order of time."""
    arrive = day.arrive_within_s * uniforms(seed, _ARRIVE, 0, day.agents)
    plans: list[list[tuple[float, float, float]]] = [[] for _ in range(day.agents)]
    for number, one in enumerate(day.breaks):
        starts = _spread(day, seed, _BREAK + number, one.at_s, one.spread_s)
        for agent, start in enumerate(starts):
            due = float(start) + one.length_s if day.breaks_end == "schedule" else math.inf
            plans[agent].append((float(start), math.inf if due < math.inf else one.length_s, due))
    for number, away in enumerate(day.absences):
        for agent in _some(day, seed, _ABSENCE + number, away.share):
            plans[agent].append((away.from_s, math.inf, away.until_s))
    _part_time(day, seed, arrive, plans)
    return arrive, _table(plans)


def _part_time(
    day: Day, seed: int, arrive: Floats, plans: list[list[tuple[float, float, float]]]
) -> None:
    """Each group of part-timers is taken from those who are not in an earlier group."""
    left = np.argsort(uniforms(seed, _PART, 0, day.agents)).tolist()
    for number, part in enumerate(day.part_time):
        group = [left.pop() for _ in range(min(len(left), round(part.share * day.agents)))]
        come = _spread(day, seed, _PART + 2 * number + 1, part.from_s, part.spread_s)
        go = _spread(day, seed, _PART + 2 * number + 2, part.until_s, part.spread_s)
        for agent in group:
            arrive[agent] = max(0.0, come[agent])
            plans[agent].append((float(go[agent]), math.inf, math.inf))


def _table(plans: list[list[tuple[float, float, float]]]) -> Floats:
    width = max(1, max(len(plan) for plan in plans))
    table = np.full((len(plans), width, 3), math.inf)
    for agent, plan in enumerate(plans):
        for step, one in enumerate(sorted(plan)):
            table[agent, step, col.P_AT : col.P_UNTIL + 1] = one
    return table
