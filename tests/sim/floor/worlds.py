"""Policies and small worlds for the tests of the floor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dialer_engine.pacing.snapshot import CallEnd, Decision, News, Snapshot
from dialer_engine.sim.floor import Day, Failure, Floor, Law, TalkKind, exponential


class Scripted:
    """Asks for what a function of the snapshot says; keeps the news."""

    def __init__(self, wanted: Callable[[Snapshot], int]) -> None:
        self.wanted = wanted
        self.heard: list[News] = []

    def decide(self, snapshot: Snapshot) -> Decision:
        return Decision(self.wanted(snapshot), "scripted")

    def learn(self, news: News) -> None:
        self.heard.append(news)

    def memory(self) -> dict[str, Any]:
        return {}


def poisson(calls_per_tick: float, seed: int) -> Scripted:
    """A Poisson number of calls at each tick. Their ring times shift each by itself, so that the answers
    are a Poisson process.
    """
    draws = np.random.default_rng(seed)
    return Scripted(lambda _: int(draws.poisson(calls_per_tick)))


def queue_day(agents: int, handling_s: float, length_s: float, **other: Any) -> Day:
    """All calls are answered, handling is exponential, lines have no limit: an M/M/n queue."""
    world: dict[str, Any] = {
        "talks": (TalkKind(1.0, exponential(handling_s)),),
        "wrap": Law(0.0, 0.0, "constant"),
        "ring": exponential(10.0),
        "ring_timeout_s": math.inf,
        "max_ringing_per_agent": math.inf,
    }
    return Day(agents=agents, answer_rate=1.0, length_s=length_s, **(world | other))


def chain_day(length_s: float, agents: int = 3) -> Day:
    """Small exponential times, so that much happens in little time."""
    return Day(
        agents=agents,
        answer_rate=0.5,
        length_s=length_s,
        talks=(TalkKind(1.0, exponential(20.0)),),
        wrap=Law(0.0, 0.0, "constant"),
        ring=exponential(5.0),
        ring_timeout_s=math.inf,
        failures=(Failure(1.0, CallEnd.NO_ANSWER, exponential(5.0)),),
        wait_limit_s=math.inf,
        patience=exponential(2.0),
    )


def run_by_events(floor: Floor, wanted: Callable[[Snapshot], int]) -> None:
    """The day with a policy that is asked after each event: ticks of no length."""
    while floor.now < floor.day.length_s:
        floor.originate(wanted(floor.snapshot()))
        floor.news()
        floor.advance(min(floor.next_event(), floor.day.length_s))


def within(values: list[float], expected: float, slack: float = 0.0) -> bool:
    """Whether the mean of independent values is within four standard errors of what is expected: a right
    simulation fails once in 10,000 seeds or so, and the seeds are fixed.
    """
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return abs(float(np.mean(values)) - expected) <= 4.0 * error + slack
