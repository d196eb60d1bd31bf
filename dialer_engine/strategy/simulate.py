"""A strategy over a case book for a month, on a virtual clock.

Rules: pure and repeatable: the same book, model and seed give the same report; nothing is dialled;
lines and agents are not limited, so the load by hour says what a strategy asks for, not what a house
can do; a case that has paid is left alone; `done` of the retry table ends the calls of its step, the
next step begins anew; promises fall due and break. The stage moves with the days where the case came
in with the common buckets of 30 days, else it stays.

Known limits: one person a case, no third parties; a payment is of the whole balance; caps count by case, so
people with several cases are called more than compliance would let them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.collections.product import stage_of
from dialer_engine.domain.outcome import Outcome
from dialer_engine.strategy.choose import arms_of, changed, in_force, segment_of
from dialer_engine.strategy.conditions import fact_map
from dialer_engine.strategy.limits import Limits, binds
from dialer_engine.strategy.model import Channel, Segment, Step, Strategy
from dialer_engine.strategy.outcomes import Chance, OutcomeModel
from dialer_engine.strategy.retry import Then

DAYS = 30
_DAY = 1440
_WEEK = 7
# Numbers of a person, when the book does not tell: most have one or two.
_NUMBERS = 2


@dataclass(frozen=True, slots=True)
class SimCase:
    """A case of the book. numbers: how many it can be called on."""

    reference: str
    facts: CaseFacts
    numbers: int = _NUMBERS


@dataclass(slots=True)
class Figures:
    """What was counted, for the whole or for a part. paid: cases; recovered: amounts by currency."""

    cases: int = 0
    attempts: int = 0
    connected: int = 0
    conversations: int = 0
    messages: int = 0
    tasks: int = 0
    promises: int = 0
    kept: int = 0
    broken: int = 0
    paid: int = 0


@dataclass(slots=True)
class Simulation:
    """The month. by_hour: attempts of all days at each local hour; by_day: attempts; held: cases that
    began in a segment on hold; caps: how often a limit of compliance put a call off; plan: the
    same for the steps' own per_day and per_week; closed: the same for windows; agent_hours: of
    talking and wrap-up; never_reached: cases without a conversation.
    """

    days: int
    total: Figures = field(default_factory=Figures)
    by_hour: list[int] = field(default_factory=lambda: [0] * 24)
    by_day: list[int] = field(default_factory=list)
    segments: dict[str, Figures] = field(default_factory=dict)
    steps: dict[str, Figures] = field(default_factory=dict)
    arms: dict[str, dict[str, Figures]] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    channels: Counter[str] = field(default_factory=Counter)
    caps: Counter[str] = field(default_factory=Counter)
    plan: Counter[str] = field(default_factory=Counter)
    closed: int = 0
    held: int = 0
    never_reached: int = 0
    agent_hours: float = 0.0
    recovered: dict[str, Decimal] = field(default_factory=dict)


def simulate(
    strategy: Strategy,
    book: Iterable[SimCase],
    model: OutcomeModel,
    limits: Sequence[Limits] = (),
    *,
    seed: int = 1,
    start: date,
    days: int = DAYS,
) -> Simulation:
    """A month of the strategy over the book. start: its first day; the calendars of `limits` know the
    others.
    """
    told = Simulation(days, by_day=[0] * days)
    for index, case in enumerate(book):
        _Life(strategy, case, model, limits, Chance(seed, index), told, start).live()
    return told


class _Life:
    """One case through the days."""

    def __init__(
        self,
        strategy: Strategy,
        case: SimCase,
        model: OutcomeModel,
        limits: Sequence[Limits],
        chance: Chance,
        told: Simulation,
        start: date,
    ) -> None:
        self._strategy, self._case, self._model = strategy, case, model
        self._limits, self._chance, self._told, self._start = limits, chance, told, start
        self._facts: dict[str, Any] = fact_map(case.facts)
        self._moves = case.facts.stage == stage_of(case.facts.dpd).value
        self._ladders: dict[str, tuple[Step, ...]] = {}
        self._arms: dict[str, list[Figures]] = {}
        self._promised: list[Figures] = []
        self._mine: list[Figures] = [told.total]
        self._attempts: list[tuple[int, Channel]] = []
        self._contacts: dict[str, list[tuple[int, Channel]]] = {
            "connected": [],
            "conversation": [],
            "unanswered": [],
        }
        self._sent: dict[str, int] = {}
        self._due: dict[str, int | None] = {}
        self._promise: int | None = None
        self._paid = False

    def live(self) -> None:
        """All days; the counts go into the simulation."""
        told = self._told
        told.total.cases += 1
        first = segment_of(self._strategy, self._facts)
        told.held += first is None or bool(first.hold)
        for day in range(told.days):
            self._morning(day)
            segment = None if self._paid else segment_of(self._strategy, self._facts)
            if self._paid:
                break
            if segment is not None:
                self._day(day, segment)
        told.never_reached += not self._contacts["conversation"]

    # -- time ----------------------------------------------------------------------------------

    def _morning(self, day: int) -> None:
        facts = self._facts
        if day:
            facts["dpd"] += 1
            for name in ("last_contact_days", "last_payment_days"):
                facts[name] = None if facts[name] is None else facts[name] + 1
            if self._moves:
                facts["stage"] = stage_of(facts["dpd"]).value
            facts["attempts_7d"] = self._within(self._attempts, day * _DAY, _WEEK)
            facts["connected_7d"] = self._within(self._contacts["connected"], day * _DAY, _WEEK)
        self._promises(day)
        if not self._paid and self._chance.below(self._model.cure):
            self._pays()

    def _promises(self, day: int) -> None:
        if self._promise is None:
            return
        left = self._promise - day
        self._facts["promise_due_in_days"] = left
        if left >= 0:
            return
        self._promise = None
        self._facts |= {"promises_open": 0, "promise_due_in_days": None}
        # What comes of a promise belongs to the step that it was given in.
        self._mine = self._promised
        if self._chance.below(self._model.kept):
            self._count("kept")
            self._pays()
        else:
            self._count("broken")
            self._facts["promises_broken"] += 1

    def _pays(self) -> None:
        facts, amounts = self._facts, self._told.recovered
        self._paid = True
        # And to every arm that the case has been in, whatever it is in now.
        arms = [figures for found in self._arms.values() for figures in found]
        self._mine = [*self._mine, *(a for a in arms if all(a is not m for m in self._mine))]
        self._count("paid")
        amounts[facts["currency"]] = amounts.get(facts["currency"], Decimal(0)) + facts["balance"]

    @staticmethod
    def _within(events: list[tuple[int, Channel]], now: int, days: int) -> int:
        first = now // _DAY * _DAY - (days - 1) * _DAY
        return sum(at >= first for at, _ in events)

    # -- a day ---------------------------------------------------------------------------------

    def _day(self, day: int, segment: Segment) -> None:
        ladder = self._ladders.get(segment.id)
        if ladder is None:
            ladder = self._enter(segment)
        called = False
        for step in in_force(ladder, self._facts):
            self._mine = [self._told.total, *self._parts(segment, step)]
            if not step.channel.is_voice:
                self._send(day, segment, step)
            # One voice step a day: the most urgent, as a person has one telephone.
            elif not called and self._promise is None:
                called = True
                self._call_all_day(day, f"{segment.id}/{step.id}", step)
            if self._paid:
                return

    def _enter(self, segment: Segment) -> tuple[Step, ...]:
        arms = arms_of(self._strategy, segment, self._case.reference)
        ladder = self._ladders[segment.id] = changed(self._strategy, segment, arms)
        self._told.segments.setdefault(segment.id, Figures()).cases += 1
        mine = self._arms[segment.id] = [
            self._told.arms.setdefault(experiment, {}).setdefault(arm, Figures())
            for experiment, arm in arms.items()
        ]
        before = [f for name, found in self._arms.items() if name != segment.id for f in found]
        for figures in mine:
            # A case is one case of an arm, through however many segments it goes.
            figures.cases += all(figures is not other for other in before)
        return ladder

    def _parts(self, segment: Segment, step: Step) -> Iterable[Figures]:
        yield self._told.segments[segment.id]
        yield self._told.steps.setdefault(f"{segment.id}/{step.id}", Figures())
        yield from self._arms[segment.id]

    def _count(self, name: str) -> None:
        for figures in self._mine:
            setattr(figures, name, getattr(figures, name) + 1)

    def _send(self, day: int, segment: Segment, step: Step) -> None:
        key = f"{segment.id}/{step.id}"
        # Once a step; what an event brings, once a week at most.
        if key in self._sent and (step.event is None or day - self._sent[key] < _WEEK):
            return
        self._sent[key] = day
        self._told.channels[step.channel.value] += 1
        if step.channel is Channel.TASK:
            self._count("tasks")
            return
        self._count("messages")
        if self._chance.below(self._model.message_pays):
            self._pays()

    # -- calls ---------------------------------------------------------------------------------

    def _call_all_day(self, day: int, key: str, step: Step) -> None:
        due = self._due.get(key, 0)
        minute: int | None = None
        span = self._span(day, step)
        if due is None:
            return
        if span is None:
            self._told.closed += 1
            return
        for _ in range(step.per_day + 1):
            earliest = max(day * _DAY + span[0], due if due is not None else 0)
            if (
                due is None
                or earliest >= day * _DAY + span[1]
                or self._paid
                or self._promise is not None
            ):
                return
            room = day * _DAY + span[1] - earliest
            minute = earliest + int(self._chance.next() * room) if minute is None else earliest
            if not self._allowed(minute, key, step):
                return
            due = self._due[key] = self._dial(minute, step)

    def _span(self, day: int, step: Step) -> tuple[int, int] | None:
        today = self._start + timedelta(days=day)
        spans = [limit.open_on(step, today) for limit in self._limits or (Limits(""),)]
        if any(span is None for span in spans):
            return None
        start, end = max(s[0] for s in spans if s), min(s[1] for s in spans if s)
        return (start, end) if start < end else None

    def _allowed(self, minute: int, key: str, step: Step) -> bool:
        if self._within(self._attempts, minute, 1) >= step.per_day:
            self._told.plan["per_day"] += 1
            return False
        if self._within(self._attempts, minute, _WEEK) >= step.per_week:
            self._told.plan["per_week"] += 1
            return False
        hit = self._cap_hit(minute, step)
        if hit:
            self._told.caps[hit] += 1
        return not hit

    def _cap_hit(self, minute: int, step: Step) -> str:
        counted = {"attempt": self._attempts, **self._contacts}
        for limits in self._limits:
            for cap in limits.caps:
                events = [e for e in counted.get(cap.event, []) if binds(cap.channels, e[1])]
                bound = binds(cap.channels, step.channel)
                if bound and self._within(events, minute, cap.days) >= cap.limit:
                    return f"{limits.preset}: {cap.rule}"
            last = self._attempts[-1][0] if self._attempts else None
            for gap in limits.gaps:
                if last is not None and (minute - last) * 60 < gap.seconds:
                    return f"{limits.preset}: {gap.rule}"
        return ""

    def _dial(self, minute: int, step: Step) -> int | None:
        """One attempt; the minute from which the next one may be, None for no more in this step."""
        told, hour = self._told, minute % _DAY // 60
        self._attempts.append((minute, step.channel))
        told.by_hour[hour] += 1
        told.by_day[minute // _DAY] += 1
        told.channels[step.channel.value] += 1
        self._count("attempts")
        outcome = self._outcome(hour, step, minute)
        told.outcomes[outcome.value] += 1
        rule = self._strategy.retry.rules.get(outcome)
        if rule is None or rule.then is Then.DONE:
            return None
        if rule.then is Then.OTHER_NUMBER and self._case.numbers < 2:
            return None
        if len(self._attempts) >= self._strategy.retry.max_tries:
            return None
        return minute + rule.minutes()

    def _outcome(self, hour: int, step: Step, minute: int) -> Outcome:
        chance, model = self._chance, self._model
        if not chance.below(model.answer_by_hour[hour]):
            self._contacts["unanswered"].append((minute, step.channel))
            return chance.unanswered(model.unanswered)
        if chance.below(model.machine):
            return Outcome.MACHINE
        self._contacts["connected"].append((minute, step.channel))
        self._count("connected")
        if step.channel is Channel.CALL:
            self._told.agent_hours += (model.talk_s + model.wrap_up_s) / 3600
        if not chance.below(model.right_party):
            return Outcome.HUNG_UP_EARLY
        self._talk(step, minute)
        return Outcome.COMPLETED

    def _talk(self, step: Step, minute: int) -> None:
        self._contacts["conversation"].append((minute, step.channel))
        self._count("conversations")
        self._facts["last_contact_days"] = 0
        share = self._model.promise[step.strength - 1]
        if step.channel is Channel.BOT_CALL:
            share *= self._model.bot
        if self._chance.below(share):
            self._promise = minute // _DAY + self._model.promise_days
            self._facts |= {"promises_open": 1, "promise_due_in_days": self._model.promise_days}
            self._count("promises")
            self._promised = self._mine


def caps_told(told: Simulation) -> Mapping[str, int]:
    """What put calls off, most often first."""
    return dict((told.caps + told.plan).most_common())
