"""May this case be called now by its strategy, and if not, when is it asked again.

Rules: pure, the debtor's local time is an input; only a step on a telephone channel that the campaign's
mode can carry out is called by; a step's own hours, weekdays and numbers hold, and compliance comes on top;
`Go.until` is the end of the hours or of the day, since days past due and numbers of the day change then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from dialer_engine.domain.campaign import DialMode
from dialer_engine.strategy.choose import Choice, choose, next_time
from dialer_engine.strategy.model import Channel, Mode, Step, Strategy
from dialer_engine.strategy.tree import Facts

# A hold that somebody ends, or a case that somebody corrects, is seen within so long.
ASK_AGAIN = timedelta(hours=1)
_DAY = timedelta(days=1)
_WEEK_DAYS = 7
# Each of them dials faster than the one before: a step may be dialled more carefully than it says.
_PACE = (Mode.PROGRESSIVE, Mode.RATIO, Mode.PREDICTIVE)


@dataclass(frozen=True, slots=True)
class Go:
    """It may be called by this step. until: local time up to which this holds."""

    choice: Choice
    step: Step
    until: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now. code: `strategy_…`, for counting; text: for people; again: local time."""

    code: str
    text: str
    again: datetime


def follow(
    strategy: Strategy,
    facts: Facts,
    reference: str,
    mode: DialMode,
    now: datetime,
    calls: Iterable[datetime] = (),
) -> Go | Wait:
    """What is done with a case. now: local time of the debtor, with its zone. calls: attempts to this
    debtor, aware, those of the last seven local days at least.
    """
    choice = choose(strategy, facts, reference)
    if choice.segment is None:
        return Wait("strategy_no_segment", choice.hold, now + ASK_AGAIN)
    where = f"segment {choice.segment.id}"
    if choice.hold:
        return Wait("strategy_hold", f"{where}: {choice.hold}", now + ASK_AGAIN)
    voice = [step for step in choice.steps if step.channel.is_voice]
    if not voice:
        return Wait("strategy_no_call", f"{where}: no call is planned today", _midnight(now, 1))
    step = next((one for one in voice if carries(mode, one)), None)
    if step is None:
        told = f"{where}, step {voice[0].id}: not dialled by a campaign in mode {mode.value}"
        return Wait("strategy_mode", told, _midnight(now, 1))
    days = [at.astimezone(now.tzinfo).date() for at in calls]
    return _when(choice, step, now, days, f"{where}, step {step.id}")


def carries(mode: DialMode, step: Step) -> bool:
    """Whether a campaign of this mode can carry the step out: the robot's by the robot; one that asks
    for a look first only where agents look first; none faster than it says.
    """
    if step.channel is Channel.BOT_CALL or mode is DialMode.ROBOT:
        return step.channel is Channel.BOT_CALL and mode is DialMode.ROBOT
    if step.mode is None or mode.for_one_agent:
        return True
    paces = [one.value for one in _PACE]
    return step.mode in _PACE and paces.index(mode.value) <= _PACE.index(step.mode)


def _when(choice: Choice, step: Step, now: datetime, days: Sequence[date], where: str) -> Go | Wait:
    today = now.date()
    if days.count(today) >= step.per_day:
        told = f"{where}: tried {step.per_day} time(s) today already"
        return Wait("strategy_per_day", told, _opening(step, _midnight(now, 1)))
    week = sorted(day for day in days if today - day < _WEEK_DAYS * _DAY)
    if len(week) >= step.per_week:
        told = f"{where}: tried {step.per_week} time(s) in seven days already"
        free = _WEEK_DAYS - (today - week[-step.per_week]).days
        return Wait("strategy_per_week", told, _opening(step, _midnight(now, free)))
    opens = next_time(step, now)
    if opens != now:
        told = f"{where}: outside its hours"
        return Wait("strategy_hours", told, opens or _midnight(now, 1))
    return Go(choice, step, _closing(step, now))


def _opening(step: Step, at: datetime) -> datetime:
    return next_time(step, at) or at


def _closing(step: Step, now: datetime) -> datetime:
    end = _midnight(now, 1)
    if step.hours is None:
        return end
    return min(end, _midnight(now, 0) + timedelta(minutes=step.hours[1]))


def _midnight(now: datetime, days: int) -> datetime:
    return datetime.combine(now.date() + days * _DAY, time(), now.tzinfo)
