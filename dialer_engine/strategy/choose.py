"""Which segment, which steps, which arm, and when next: what the engine asks and `explain` tells.

Rules: pure, the local time is an input; the first segment that holds; of the steps on one channel an
event's goes first, then the first in the file; an arm is fixed by the case's reference and the
experiment's id, so a case is treated alike on every machine and after every restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from dialer_engine.strategy.experiment import arm_of
from dialer_engine.strategy.limits import Limits
from dialer_engine.strategy.model import EVENT_CONDITIONS, Channel, Segment, Step, Strategy
from dialer_engine.strategy.tree import Facts

# How far ahead a next time is looked for; further than any window is closed.
_AHEAD_DAYS = 15


@dataclass(frozen=True, slots=True)
class Choice:
    """What a strategy does with a case. because: each comparison that decided, with what it came to.
    passed: segments before, with the comparison that ruled each out. steps: in force now, with the
    changes of their arms. later: steps that come, with the days until then. arms: by experiment.
    hold: why nobody is contacted.
    """

    segment: Segment | None
    because: tuple[tuple[str, bool], ...] = ()
    passed: tuple[tuple[str, str], ...] = ()
    steps: tuple[Step, ...] = ()
    later: tuple[tuple[Step, int], ...] = ()
    arms: Mapping[str, str] = field(default_factory=dict)
    hold: str = ""


def choose(strategy: Strategy, facts: Facts, reference: str) -> Choice:
    """What is done with a case. facts: `conditions.fact_map` of it. reference: the creditor's key."""
    segment = segment_of(strategy, facts)
    passed = _passed(strategy.segments, segment, facts)
    if segment is None:
        return Choice(None, passed=passed, hold="no segment takes this case")
    arms = arms_of(strategy, segment, reference)
    ladder = changed(strategy, segment, arms)
    dpd = facts["dpd"]
    later = ((step, step.day - dpd) for step in ladder if step.day is not None and step.day > dpd)
    return Choice(
        segment,
        tuple(segment.when.because(facts)),
        passed,
        in_force(ladder, facts),
        tuple(sorted(later, key=lambda row: row[1])),
        arms,
        segment.hold,
    )


def segment_of(strategy: Strategy, facts: Facts) -> Segment | None:
    """The first segment whose condition holds."""
    return next((s for s in strategy.segments if s.when.holds(facts)), None)


def _passed(
    segments: Iterable[Segment], taken: Segment | None, facts: Facts
) -> tuple[tuple[str, str], ...]:
    found = []
    for segment in segments:
        if segment is taken:
            break
        reasons = [text for text, held in segment.when.because(facts) if not held]
        found.append((segment.id, reasons[0] if reasons else segment.when.root.text))
    return tuple(found)


def arms_of(strategy: Strategy, segment: Segment, reference: str) -> dict[str, str]:
    """The arm of each experiment that the segment takes part in."""
    return {
        experiment.id: arm_of(experiment, reference).id
        for experiment in strategy.experiments
        if not experiment.segments or segment.id in experiment.segments
    }


def changed(strategy: Strategy, segment: Segment, arms: Mapping[str, str]) -> tuple[Step, ...]:
    """The ladder as the arms change it; steps that contact nobody stay as they are."""
    changes: dict[str, object] = {}
    for experiment in strategy.experiments:
        for arm in experiment.arms:
            if arms.get(experiment.id) == arm.id:
                changes |= arm.changes
    if not changes:
        return segment.ladder
    return tuple(_with(step, changes) for step in segment.ladder)


def _with(step: Step, changes: Mapping[str, object]) -> Step:
    if not step.channel.is_voice:
        return step
    found = replace(step, **changes)  # type: ignore[arg-type]
    return replace(found, per_day=min(found.per_day, found.per_week))


def in_force(ladder: Sequence[Step], facts: Facts) -> tuple[Step, ...]:
    """The steps of now, one a channel (tasks all), the most urgent first."""
    events = [s for s in ladder if s.event and EVENT_CONDITIONS[s.event].holds(facts)]
    days = [s for s in ladder if s.event is None and s.covers(facts["dpd"])]
    found: list[Step] = []
    for step in (*events, *days):
        if step.channel is Channel.TASK or all(step.channel is not f.channel for f in found):
            found.append(step)
    return tuple(sorted(found, key=lambda step: -step.priority))


def next_time(step: Step, now: datetime, limits: Iterable[Limits] = ()) -> datetime | None:
    """The first local time from `now` on at which the step's hours and weekdays, and all limits, are
    open; None when none is within two weeks. Caps are not looked at: compliance counts them.
    """
    held = list(limits) or [Limits("")]
    for ahead in range(_AHEAD_DAYS):
        day = now + timedelta(days=ahead)
        spans = [limit.open_on(step, day.date()) for limit in held]
        if any(span is None for span in spans):
            continue
        start = max(span[0] for span in spans if span)
        end = min(span[1] for span in spans if span)
        minute = now.hour * 60 + now.minute if ahead == 0 else 0
        if max(start, minute) < end:
            return now if start <= minute and ahead == 0 else _at(day, start)
    return None


def _at(day: datetime, minute: int) -> datetime:
    return day.replace(hour=minute // 60, minute=minute % 60, second=0, microsecond=0)
