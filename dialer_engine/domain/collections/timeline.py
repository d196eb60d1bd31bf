"""Everything that happened with a debtor, on every channel, on one line of time.

Rules: an interaction is added, never changed; whether it was with the right person and whether a
conversation took place are facts of their own, because caps and reports count them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from dialer_engine.domain.collections.codes import Channel, Code

CALLS = frozenset({Channel.CALL, Channel.BOT_CALL})
# Seven periods of 24 hours, as the caps that count seven days do.
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Interaction:
    """at: aware time. key: the attempt's id, the message's id. connected: a person or machine took
    it. conversation: words were exchanged with a person. right_party: None where nobody knows.
    """

    at: datetime
    channel: Channel
    key: str = ""
    outbound: bool = True
    connected: bool = False
    conversation: bool = False
    right_party: bool | None = None
    result: str = ""
    by: str = ""
    text: str = field(default="", repr=False)


class ComplaintState(Code):
    """How far a complaint is."""

    OPEN = "open", "open", "待处理"
    UPHELD = "upheld", "upheld", "成立"
    REJECTED = "rejected", "rejected", "不成立"
    WITHDRAWN = "withdrawn", "withdrawn", "撤回"


@dataclass(frozen=True, slots=True)
class Complaint:
    """about: what it is about, in the creditor's own codes (conduct, amount, identity …)."""

    key: str
    at: datetime
    about: str = ""
    state: ComplaintState = ComplaintState.OPEN
    closed_at: datetime | None = None
    text: str = field(default="", repr=False)


def in_order(*sources: Iterable[Interaction]) -> list[Interaction]:
    """One line of time; the same key on the same channel counts once, the last one given."""
    found: dict[tuple[str, str, datetime | None], Interaction] = {}
    for source in sources:
        for one in source:
            found[one.channel, one.key, None if one.key else one.at] = one
    return sorted(found.values(), key=lambda one: (one.at, one.channel, one.key))


def calls_in_week(interactions: Iterable[Interaction], now: datetime) -> tuple[int, int]:
    """(tried, connected) outbound calls in the seven days before `now`."""
    week = [
        one
        for one in interactions
        if one.outbound and one.channel in CALLS and now - _WEEK < one.at <= now
    ]
    return len(week), sum(one.connected for one in week)


def last_contact(interactions: Iterable[Interaction], now: datetime) -> datetime | None:
    """When words were last exchanged with a person, in whichever direction."""
    return max((o.at for o in interactions if o.conversation and o.at <= now), default=None)


def days_since(then: date | None, today: date) -> int | None:
    """Calendar days, None when it never was."""
    return None if then is None else max(0, (today - then).days)
