"""The pacing simulator: callers, machines, agents and trunks on a virtual clock, for policies of
`dialer_engine.pacing`. `run_day(day, pacer, seed)` is one day; `scenario` holds the rules and figures of
the world.
"""

from __future__ import annotations

from dialer_engine.sim.floor.day import TICK_S, TRACE, DayResult, run_day, run_ratio
from dialer_engine.sim.floor.floor import Counts, Floor
from dialer_engine.sim.floor.scenario import (
    Absence,
    Amd,
    Break,
    CallList,
    Day,
    Failure,
    Law,
    PartTime,
    TalkKind,
    bimodal,
    exponential,
    hard_day,
    markov_day,
    steady_day,
)

__all__ = [
    "TICK_S",
    "TRACE",
    "Absence",
    "Amd",
    "Break",
    "CallList",
    "Counts",
    "Day",
    "DayResult",
    "Failure",
    "Floor",
    "Law",
    "PartTime",
    "TalkKind",
    "bimodal",
    "exponential",
    "hard_day",
    "markov_day",
    "run_day",
    "run_ratio",
    "steady_day",
]
