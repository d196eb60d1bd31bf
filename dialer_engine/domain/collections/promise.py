"""Promises to pay, as a table.

Rules: the table at the end is the whole truth; a payment counts for a promise by its value date, up
to the due date and its grace days, whenever it was booked; a promise that was kept can still be undone
by a reversal; what a person promised anew is another promise, and the old one says so.

`step(state, event, now) -> state`
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from dialer_engine.domain.collections.codes import Code
from dialer_engine.domain.collections.money import ZERO
from dialer_engine.domain.commands import Command
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.machine import Row, Table
from dialer_engine.domain.units import Moment, Money


class PromisePhase(Code):
    """pending: its time is not over. kept, partial (some of it came in time), broken (none did).
    rescheduled: another promise took its place.
    """

    PENDING = "pending", "pending", "待履约"
    KEPT = "kept", "kept", "已履约"
    PARTIAL = "partial", "kept in part", "部分履约"
    BROKEN = "broken", "broken", "违约"
    RESCHEDULED = "rescheduled", "rescheduled", "已改期"


@dataclass(frozen=True, slots=True)
class PromiseState:
    """One promise. key: unique in its case. money: what was promised. made_on: money of earlier days
    does not count. grace_days: how many days late still counts. tolerance: a shortfall up to this is
    no shortfall. paid: what counted so far. successor: the key of the promise that took its place.
    """

    key: str
    money: Money
    due_on: date
    made_on: date = date.min
    grace_days: int = 0
    tolerance: Decimal = ZERO
    paid: Decimal = ZERO
    phase: PromisePhase = PromisePhase.PENDING
    successor: str = ""

    def __post_init__(self) -> None:
        if not self.money.amount > 0 or self.grace_days < 0:
            raise BadValue("a promise is of more than 0, and its grace days are 0 or more")
        if self.grace_days > (date.max - self.due_on).days:
            raise BadValue("a promise is for a day that is further away than any calendar goes")

    @property
    def last_day(self) -> date:
        """The last value date that counts."""
        return self.due_on + timedelta(self.grace_days)

    def covers(self, paid_on: date) -> bool:
        """A payment of this value date counts."""
        return self.made_on <= paid_on <= self.last_day

    @property
    def is_open(self) -> bool:
        """Still to be kept."""
        return self.phase is PromisePhase.PENDING

    @property
    def is_broken(self) -> bool:
        """Not kept, or not wholly."""
        return self.phase in (PromisePhase.BROKEN, PromisePhase.PARTIAL)


@dataclass(frozen=True, slots=True)
class PaymentCounted:
    """A payment for this promise arrived."""

    amount: Decimal
    paid_on: date


@dataclass(frozen=True, slots=True)
class PaymentUndone:
    """A payment that was counted is reversed."""

    amount: Decimal
    paid_on: date


@dataclass(frozen=True, slots=True)
class DayBegan:
    """The calendar day at the debtor is `today`."""

    today: date


@dataclass(frozen=True, slots=True)
class Rescheduled:
    """The debtor promised something else in its place."""

    successor: str


PromiseEvent = PaymentCounted | PaymentUndone | DayBegan | Rescheduled
PromiseStep = tuple[PromiseState, list[Command]]


def _counted(s: PromiseState, e: PaymentCounted, now: Moment) -> PromiseStep:
    if not s.covers(e.paid_on):
        return s, []
    paid = s.paid + e.amount
    if paid + s.tolerance >= s.money.amount:
        return replace(s, paid=paid, phase=PromisePhase.KEPT), []
    late = s.phase in (PromisePhase.BROKEN, PromisePhase.PARTIAL)
    return replace(s, paid=paid, phase=PromisePhase.PARTIAL if late else s.phase), []


def _undone(s: PromiseState, e: PaymentUndone, now: Moment) -> PromiseStep:
    """Back to pending; the next day's beginning judges it again."""
    if not s.covers(e.paid_on):
        return s, []
    paid = max(ZERO, s.paid - e.amount)
    if paid + s.tolerance >= s.money.amount:
        return replace(s, paid=paid), []
    if s.phase is PromisePhase.KEPT:
        return replace(s, paid=paid, phase=PromisePhase.PENDING), []
    broken = s.phase is PromisePhase.PARTIAL and paid == 0
    return replace(s, paid=paid, phase=PromisePhase.BROKEN if broken else s.phase), []


def _judged(s: PromiseState, e: DayBegan, now: Moment) -> PromiseStep:
    if e.today <= s.last_day:
        return s, []
    return replace(s, phase=PromisePhase.PARTIAL if s.paid > 0 else PromisePhase.BROKEN), []


def _replaced(s: PromiseState, e: Rescheduled, now: Moment) -> PromiseStep:
    return replace(s, phase=PromisePhase.RESCHEDULED, successor=e.successor), []


_P = PromisePhase
_EVENTS = (PaymentCounted, PaymentUndone, DayBegan, Rescheduled)
_ROWS: dict[tuple[PromisePhase, type], Row[PromiseState, PromisePhase]] = {
    (_P.PENDING, PaymentCounted): Row(_counted, frozenset({_P.PENDING, _P.KEPT})),
    (_P.PENDING, PaymentUndone): Row(_undone, frozenset({_P.PENDING})),
    (_P.PENDING, DayBegan): Row(_judged, frozenset({_P.PENDING, _P.PARTIAL, _P.BROKEN})),
    (_P.PENDING, Rescheduled): Row(_replaced, frozenset({_P.RESCHEDULED})),
    (_P.KEPT, PaymentCounted): Row(_counted, frozenset({_P.KEPT})),
    (_P.KEPT, PaymentUndone): Row(_undone, frozenset({_P.KEPT, _P.PENDING})),
    (_P.PARTIAL, PaymentCounted): Row(_counted, frozenset({_P.PARTIAL, _P.KEPT})),
    (_P.PARTIAL, PaymentUndone): Row(_undone, frozenset({_P.PARTIAL, _P.BROKEN})),
    (_P.PARTIAL, Rescheduled): Row(_replaced, frozenset({_P.RESCHEDULED})),
    (_P.BROKEN, PaymentCounted): Row(_counted, frozenset({_P.BROKEN, _P.PARTIAL, _P.KEPT})),
}
_IGNORED: set[tuple[PromisePhase, type]] = {
    # Judged already.
    (_P.KEPT, DayBegan),
    (_P.PARTIAL, DayBegan),
    (_P.BROKEN, DayBegan),
    # Nothing was counted that could be undone.
    (_P.BROKEN, PaymentUndone),
    # Money goes to the promise that took its place.
    (_P.RESCHEDULED, PaymentCounted),
    (_P.RESCHEDULED, PaymentUndone),
    (_P.RESCHEDULED, DayBegan),
}
# KEPT and BROKEN cannot be rescheduled: there is nothing to promise, or it is a new promise.
TABLE: Table[PromiseState, PromisePhase] = Table(PromisePhase, _EVENTS, _ROWS, _IGNORED)


def _phase_of(state: PromiseState) -> PromisePhase:
    return state.phase


def step(state: PromiseState, event: PromiseEvent, now: Moment) -> PromiseState:
    """The next state; IllegalTransition, and nothing changed, when the event cannot come here."""
    return TABLE.step(state.phase, state, event, now, _phase_of)[0]
