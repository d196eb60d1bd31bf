"""The day that is simulated: every figure of the world, with the issue's figures as defaults.

Rules of the world
- A call's fate (answered live or not, ring time, talk, wrap-up, patience) is drawn for its number in
  the order of dialling: call k of a seed is the same person under every policy. The chance that it is
  answered live is that of the moment and list in which it was dialled.
- A ring time beyond the time-out is drawn again: a person or machine that answers does so in time, and the
  answer rate is what was asked for.
- An answered call takes the agent who is idle longest; else it waits `wait_limit_s`, then is abandoned
  (sooner when its caller hangs up). An agent who becomes free takes the longest waiting call.
- At most `max_ringing_per_agent` lines ring for each agent who is not away; and no more calls than trunks.
- An agent who wants to leave during a talk finishes it and the wrap-up. A break lasts its full length
  from then (`breaks_end` "schedule": ends when it was planned to); an absence ends when it was planned to,
  and is not begun after it.
- With AMD a live answer is what AMD takes for one, as the dialler counts it: a machine taken for a person
  is live and gets a short talk, a person taken for a machine is lost and counted beside.
- At the end of the day nothing is dialled any more. Calls in flight then ring on, are answered by the
  agents, who stay, or are abandoned, and count as all others; agents' time is counted up to the end of
  the day only.

Times in seconds from the start of the day; shares and rates 0 to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from dialer_engine.pacing.snapshot import CallEnd

HOUR_S = 3600.0

# (time, value) points; straight lines between them, constant before the first and after the last. Two
# points of one time are a jump; the later value holds from that time on.
Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Law:
    """How a duration is distributed: mean in seconds, cv = standard deviation over mean (lognormal)."""

    mean: float
    cv: float = 0.0
    kind: Literal["lognormal", "exponential", "constant"] = "lognormal"


def exponential(mean: float) -> Law:
    """Memoryless, for comparison with Markov chains."""
    return Law(mean, 1.0, "exponential")


@dataclass(frozen=True, slots=True)
class TalkKind:
    """A share of the talks; `group` is the mark that the pacer sees."""

    share: float
    law: Law
    group: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A share of the calls that are not answered live."""

    share: float
    end: CallEnd
    ring: Law


@dataclass(frozen=True, slots=True)
class CallList:
    """Calls dialled from `from_s` to `until_s` of each `period_s` have `factor` times the answer rate."""

    factor: float
    from_s: float
    until_s: float
    period_s: float


@dataclass(frozen=True, slots=True)
class Break:
    """Around `at_s` (uniform within `spread_s` either side), for `length_s`."""

    at_s: float
    length_s: float
    spread_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Absence:
    """A share of the agents (rounded to whole agents) is away from `from_s` to `until_s`."""

    share: float
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class PartTime:
    """A share of the agents logs in at `from_s` and out at `until_s`, each uniform within `spread_s`."""

    share: float
    from_s: float
    until_s: float
    spread_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Amd:
    """Answering machine detection: `delay` from the answer to the decision, and its errors.

    person_lost: persons taken for machines. machine_passed: machines taken for persons, who cost an
    agent `machine_talk`.
    """

    delay: Law = Law(2.5, 0.4)
    person_lost: float = 0.03
    machine_passed: float = 0.1
    machine_talk: Law = Law(8.0, 0.5)


# The shares and ring times of calls that nobody answers.
FAILURES = (
    Failure(0.45, CallEnd.MACHINE, Law(16.0, 0.3)),
    Failure(0.35, CallEnd.NO_ANSWER, Law(25.0, 0.0, "constant")),
    Failure(0.10, CallEnd.BUSY, Law(3.0, 0.0, "constant")),
    Failure(0.10, CallEnd.INVALID, Law(1.5, 0.0, "constant")),
)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one campaign; the defaults are the issue's steady day."""

    agents: int = 10
    answer_rate: float = 0.3
    length_s: float = 8 * HOUR_S
    talks: tuple[TalkKind, ...] = (TalkKind(1.0, Law(120.0, 0.9)),)
    wrap: Law = Law(20.0, 0.5)
    ring: Law = Law(10.0, 0.5)
    ring_timeout_s: float = 25.0
    # "clip" instead: an answer beyond the time-out comes exactly at the time-out.
    late_answers: Literal["redraw", "clip"] = "redraw"
    failures: tuple[Failure, ...] = FAILURES
    wait_limit_s: float = 2.0
    # How long a caller waits who hangs up by himself; None: always until the limit.
    patience: Law | None = None
    min_ring_s: float = 15.0
    max_ringing_per_agent: float = 12.0
    trunks: int = 1_000_000
    amd: Amd | None = None
    # Multiplies the answer rate; of the call's first ring.
    rate_curve: Curve = ((0.0, 1.0),)
    # Multiplies the talk; of the talk's first second.
    talk_curve: Curve = ((0.0, 1.0),)
    # The lists 1, 2, ...; list 0 when none of them is on. The last that is on holds.
    lists: tuple[CallList, ...] = ()
    arrive_within_s: float = 0.0
    breaks: tuple[Break, ...] = ()
    breaks_end: Literal["full", "schedule"] = "full"
    absences: tuple[Absence, ...] = ()
    part_time: tuple[PartTime, ...] = ()
    # Calls dialled in these spans fail with congestion after congestion_s.
    outages: tuple[tuple[float, float], ...] = ()
    congestion_s: float = 0.3
    # Hour of day at the start, for Snapshot.local_hour; None: it plays no part.
    start_hour: float | None = None

    def rate_at(self, at: float, call_list: int) -> float:
        """Chance of a live answer of a call dialled now from this list."""
        factor = self.lists[call_list - 1].factor if call_list else 1.0
        return min(1.0, self.answer_rate * value_at(self.rate_curve, at) * factor)

    def list_at(self, at: float) -> int:
        """The list that calls dialled now come from."""
        now = 0
        for number, one in enumerate(self.lists, 1):
            if one.from_s <= at % one.period_s < one.until_s:
                now = number
        return now

    def outage_at(self, at: float) -> bool:
        """Whether a call dialled now fails with congestion."""
        return any(start <= at < end for start, end in self.outages)


def value_at(curve: Curve, at: float) -> float:
    """See `Curve`."""
    before = curve[0]
    for point in curve:
        if point[0] > at:
            span = point[0] - before[0]
            share = (at - before[0]) / span if span > 0 else 0.0
            return before[1] + max(0.0, share) * (point[1] - before[1])
        before = point
    return before[1]


def steady_day(agents: int, answer_rate: float) -> Day:
    """All agents from the start, nothing changes."""
    return Day(agents=agents, answer_rate=answer_rate)


def hard_day(agents: int, answer_rate: float) -> Day:
    """The issue's day on which everything changes; figures from there."""
    hours = [(0, 0.8), (1.5, 1.0), (1.5, 0.6), (2.5, 0.6), (2.5, 1.3), (3.5, 1.3)]
    hours += [(5.5, 0.6), (5.5, 1.0), (6.5, 1.0), (8.0, 0.55)]
    return Day(
        agents=agents,
        answer_rate=answer_rate,
        rate_curve=tuple((hour * HOUR_S, factor) for hour, factor in hours),
        talk_curve=tuple((h * HOUR_S, f) for h, f in ((4, 1.0), (4, 1.4), (6, 1.4), (6, 1.0))),
        lists=(CallList(0.5, 1.25 * HOUR_S, 2 * HOUR_S, 2 * HOUR_S),),
        arrive_within_s=300.0,
        breaks=tuple(
            Break(at * HOUR_S, minutes * 60.0, 0.4 * HOUR_S)
            for at, minutes in ((1.9, 15), (4.2, 30), (6.6, 15))
        ),
        absences=(Absence(0.4, 3.10 * HOUR_S, 3.35 * HOUR_S),),
        outages=((5.80 * HOUR_S, 5.85 * HOUR_S),),
    )


def bimodal(day: Day, short_share: float = 0.6, mean_s: float = 120.0) -> Day:
    """Most talks are short (wrong person, 20 s), the rest so long that the mean is as asked for."""
    short = 20.0
    rest = (mean_s - short_share * short) / (1.0 - short_share)
    kinds = (TalkKind(short_share, Law(short, 0.5)), TalkKind(1.0 - short_share, Law(rest, 0.6)))
    return replace(day, talks=kinds)


def markov_day(agents: int, answer_rate: float, wait_mean_s: float = 2.0) -> Day:
    """Exponential ring (one law for all calls), handling and patience with the means of the issue: talk
    and wrap-up in one, no time-out, callers leave by themselves.
    """
    return Day(
        agents=agents,
        answer_rate=answer_rate,
        talks=(TalkKind(1.0, exponential(140.0)),),
        wrap=Law(0.0, 0.0, "constant"),
        ring=exponential(10.0),
        ring_timeout_s=math.inf,
        failures=(Failure(1.0, CallEnd.NO_ANSWER, exponential(10.0)),),
        wait_limit_s=math.inf,
        patience=exponential(wait_mean_s),
    )
