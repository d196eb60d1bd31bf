"""Which days are simulated: a cell is one kind of day, one team, one answer rate, one target."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.sim.floor import (
    Amd,
    Day,
    PartTime,
    bimodal,
    hard_day,
    markov_day,
    steady_day,
)

TEAMS = (3, 10, 30, 100, 300)
RATES = (0.1, 0.3, 0.6)
HOUR_S = 3600.0
TARGET = 0.03
# What the settings hold where the Markov day has no limit.
_PATIENCE_S, _LONGEST_RING_S = 2.0, 120.0


@dataclass(frozen=True, slots=True)
class Cell:
    """scenario: the kind of day. target: abandoned over live answers, at most."""

    scenario: str
    day: Day
    target: float = TARGET

    @property
    def agents(self) -> int:
        """Agents of the team."""
        return self.day.agents

    @property
    def answer_rate(self) -> float:
        """Live answers over calls, before the day's curve."""
        return self.day.answer_rate

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.scenario} {self.agents} agents {self.answer_rate:g}"

    @property
    def days(self) -> float:
        """Its length, in days of eight hours."""
        return self.day.length_s / (8 * HOUR_S)

    def settings(self) -> PacingSettings:
        """What the campaign asks of its pacing on this day."""
        day = self.day
        return PacingSettings(
            target=self.target,
            wait_limit_s=day.wait_limit_s if math.isfinite(day.wait_limit_s) else _PATIENCE_S,
            ring_timeout_s=min(day.ring_timeout_s, _LONGEST_RING_S),
            min_ring_s=day.min_ring_s,
            max_ringing_per_agent=day.max_ringing_per_agent,
        )


def _part_time(agents: int, answer_rate: float) -> Day:
    """A third from 0 to 4 h, a third from 2 to 6 h, the rest all day."""
    shifts = (PartTime(1 / 3, 0.0, 4 * HOUR_S), PartTime(1 / 3, 2 * HOUR_S, 6 * HOUR_S))
    return replace(steady_day(agents, answer_rate), part_time=shifts)


def _main(teams: tuple[int, ...], rates: tuple[float, ...]) -> Iterator[Cell]:
    for scenario, make in (("steady", steady_day), ("hard", hard_day)):
        for agents in teams:
            for rate in rates:
                yield Cell(scenario, make(agents, rate))


def _shapes() -> Iterator[Cell]:
    yield Cell("bimodal", bimodal(steady_day(10, 0.3)))
    yield Cell("bimodal", bimodal(steady_day(30, 0.3)))
    yield Cell("one-percent", steady_day(10, 0.01))
    yield Cell("one-percent", steady_day(100, 0.01))
    yield Cell("thousand", replace(steady_day(1000, 0.3), length_s=HOUR_S))
    yield Cell("part-time", _part_time(30, 0.3))
    for agents in (10, 30):
        yield Cell("target-1%", steady_day(agents, 0.3), 0.01)
        yield Cell("target-5%", steady_day(agents, 0.3), 0.05)
        yield Cell("amd", replace(steady_day(agents, 0.3), amd=Amd()))
        yield Cell("hard-amd", replace(hard_day(agents, 0.3), amd=Amd()))


def _markov(teams: tuple[int, ...]) -> Iterator[Cell]:
    for agents in teams:
        yield Cell("markov", markov_day(agents, 0.3))


def full() -> list[Cell]:
    """Everything."""
    return [*_main(TEAMS, RATES), *_shapes(), *_markov((1, 3, 8, 10, 30))]


def short() -> list[Cell]:
    """What shows in a minute whether something broke."""
    steady = [Cell("steady", steady_day(agents, 0.3)) for agents in (3, 10, 30)]
    return [*steady, Cell("hard", hard_day(10, 0.3)), *_markov((3,))]
