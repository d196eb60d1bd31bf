"""A strategy as the engine uses it: segments, their ladders of steps, how to dial, experiments.

Rules: the first segment whose condition holds is the case's; a step of a ladder is in force by the
day past due or by an event; an event goes before a day; of two steps on one channel the first in
force is taken; a case that no segment takes, or whose segment is on hold, is not contacted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dialer_engine.strategy.conditions import Condition, condition
from dialer_engine.strategy.retry import RetryTable


class Channel(StrEnum):
    """By what a step reaches a person. call: an agent talks; bot_call: the robot does; task: work
    for a person here, nobody is contacted (a review before legal steps, a field-visit plan).
    """

    CALL = "call"
    BOT_CALL = "bot_call"
    SMS = "sms"
    EMAIL = "email"
    MESSENGER = "messenger"
    LETTER = "letter"
    VISIT = "visit"
    TASK = "task"

    @property
    def is_voice(self) -> bool:
        """It goes over a telephone line, so windows and call caps hold for it."""
        return self in (Channel.CALL, Channel.BOT_CALL)


class Mode(StrEnum):
    """How a step's calls are dialled. preview: the agent sees the case first and starts the call;
    manual: the agent dials; robot: no agent is waited for.
    """

    PROGRESSIVE = "progressive"
    RATIO = "ratio"
    PREDICTIVE = "predictive"
    PREVIEW = "preview"
    MANUAL = "manual"
    ROBOT = "robot"


class Event(StrEnum):
    """What can bring a step before its day. Each is a condition over the facts: `EVENT_CONDITIONS`."""

    PROMISE_DUE = "promise_due"
    PROMISE_BROKEN = "promise_broken"
    PAID_IN_PART = "paid_in_part"
    NO_CONTACT = "no_contact"


# Days are this dialer's own starting values: a promise is recalled the day before it is due; a part
# payment is answered within three days; a month without a conversation counts as no contact.
EVENT_CONDITIONS: dict[Event, Condition] = {
    Event.PROMISE_DUE: condition(
        "promises_open > 0 and (promise_due_in_days ?? 99) >= 0 and (promise_due_in_days ?? 99) <= 1"
    ),
    Event.PROMISE_BROKEN: condition("promises_broken > 0 and promises_open == 0"),
    Event.PAID_IN_PART: condition("(last_payment_days ?? 99) <= 3 and balance > 0"),
    Event.NO_CONTACT: condition("(last_contact_days ?? 99) > 30"),
}


@dataclass(frozen=True, slots=True)
class Title:
    """A name in both languages."""

    en: str = ""
    zh: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One rung. day, until: first and last day past due, both included, until None for open; both
    None when an event brings it. hours: minutes of the local day, the second one not included.
    weekdays: 0 is Monday. strength: of the script, 1 is the mildest. per_day, per_week: attempts
    for one person at most; the caps of the law come on top. line: in the file.
    """

    id: str
    channel: Channel
    day: int | None = None
    until: int | None = None
    event: Event | None = None
    script: str = ""
    strength: int = 1
    mode: Mode | None = None
    per_day: int = 1
    per_week: int = 3
    hours: tuple[int, int] | None = None
    weekdays: frozenset[int] = frozenset(range(7))
    priority: int = 50
    line: int = 0
    column: int = 0

    def covers(self, dpd: int) -> bool:
        """Whether its days hold this one."""
        return (
            self.day is not None and self.day <= dpd and (self.until is None or dpd <= self.until)
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """Cases that are treated alike. hold: why nobody is contacted, empty when somebody is."""

    id: str
    title: Title
    when: Condition
    ladder: tuple[Step, ...] = ()
    hold: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Dial:
    """How calls are made and how far pacing may go. Units as in `domain.campaign.Campaign`."""

    mode: Mode = Mode.PROGRESSIVE
    ratio: float = 1.0
    max_ratio: float = 2.0
    max_abandon_pct: float = 2.0
    ring_timeout_s: float = 25.0
    wait_limit_s: float = 2.0
    amd: bool = False


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of treating cases. share: of the cases, in percent. changes: fields of `Step` that
    this arm sets on every step of its segments.
    """

    id: str
    share: float
    changes: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Experiment:
    """Arms that are compared. The first is the champion. segments: empty for all."""

    id: str
    arms: tuple[Arm, ...]
    segments: tuple[str, ...] = ()
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy file. order: facts to sort by, the first counts most, `-` before one for largest
    first. mix: of this many cases of each segment in a round. presets: of compliance, whose
    rules its steps are checked against.
    """

    name: str
    title: Title
    retry: RetryTable
    segments: tuple[Segment, ...]
    dial: Dial = Dial()
    order: tuple[str, ...] = ("-priority",)
    mix: dict[str, int] = field(default_factory=dict)
    experiments: tuple[Experiment, ...] = ()
    presets: tuple[str, ...] = ()
