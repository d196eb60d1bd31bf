"""What is counted, on whose account, and since when. Pure.

Rules: a contact is a moment and a word of flags, so that Python and a database count it alike; an
attempt, a connection and a conversation are different events; a contact that is still open counts as
everything it may become; every window is half-open and is the longest that any of the candidate
zones gives; contacts later than now count too, because a clock that was set back must not open a cap.

Why no sequence of such counts can exceed a cap: whenever a contact is added at t, every contact from
the beginning of t's window on is counted, later ones included. Take any window with too many and the
last one that was added to it: it would have been refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntFlag
from typing import Final

from dialer_engine.compliance.rules import Channel, CountSpec, Event, Span, Unit
from dialer_engine.compliance.zones import Zones
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.reservation import OPEN


class Flag(IntFlag):
    """What a contact was. OPEN: not over yet. CONSENTED: within what the person asked for. PROFESSIONAL:
    to a lawyer or the creditor. WRONG_NUMBER: it did not reach the number dialled, or the number is
    nobody's. SHORT: answered and over within seconds. UNREACHED: it never came as far as the number
    (`arrival`).
    """

    OPEN = 1
    OUTBOUND = 2
    CONNECTED = 4
    CONVERSATION = 8
    ABANDONED = 16
    MACHINE = 32
    CONSENTED = 64
    PROFESSIONAL = 128
    WRONG_NUMBER = 256
    SHORT = 512
    VOICE = 1 << 10
    BOT = 1 << 11
    NOTICE = 1 << 12
    SMS = 1 << 13
    EMAIL = 1 << 14
    CHAT = 1 << 15
    LETTER = 1 << 16
    VISIT = 1 << 17
    UNREACHED = 1 << 18


CHANNEL_FLAG: Final[Mapping[str, Flag]] = {
    Channel.VOICE: Flag.VOICE, Channel.VOICE_BOT: Flag.BOT, Channel.VOICE_NOTICE: Flag.NOTICE,
    Channel.SMS: Flag.SMS, Channel.EMAIL: Flag.EMAIL, Channel.CHAT: Flag.CHAT,
    Channel.LETTER: Flag.LETTER, Channel.VISIT: Flag.VISIT,
}  # fmt: skip
CALLS: Final = Flag.VOICE | Flag.BOT | Flag.NOTICE
ANY_CHANNEL: Final = CALLS | Flag.SMS | Flag.EMAIL | Flag.CHAT | Flag.LETTER | Flag.VISIT

# Names of exclusions as rules write them. not_connected_to_dialed_number, attorney_or_creditor:
# 12 CFR 1006.14(b)(3)(ii), (iv), from memory.
EXCLUDED: Final[Mapping[str, Flag]] = {
    "direct_prior_consent": Flag.CONSENTED,
    "not_connected_to_dialed_number": Flag.WRONG_NUMBER,
    "attorney_or_creditor": Flag.PROFESSIONAL,
}


@dataclass(frozen=True, slots=True)
class Mask:
    """Which contacts an event is. all_of: bits that it has. none_of: bits that it has not. open_is:
    bits among all_of that an open contact may still get, and therefore counts as having.
    """

    all_of: int
    none_of: int = 0
    open_is: int = 0
    calls_only: bool = True


MASKS: Final[Mapping[Event, Mask]] = {
    Event.ATTEMPT: Mask(Flag.OUTBOUND, none_of=Flag.UNREACHED),
    Event.ANY_ATTEMPT: Mask(Flag.OUTBOUND),
    Event.NOT_CONNECTED: Mask(Flag.OUTBOUND, none_of=Flag.CONNECTED | Flag.UNREACHED),
    Event.CONNECTED: Mask(Flag.OUTBOUND | Flag.CONNECTED, open_is=Flag.CONNECTED),
    Event.CONVERSATION: Mask(Flag.CONVERSATION, open_is=Flag.CONVERSATION, calls_only=False),
    Event.OUTBOUND_CONVERSATION: Mask(Flag.OUTBOUND | Flag.CONVERSATION, open_is=Flag.CONVERSATION),
    Event.COMMUNICATION: Mask(Flag.OUTBOUND, none_of=Flag.UNREACHED, calls_only=False),
    Event.ABANDONED: Mask(Flag.OUTBOUND | Flag.ABANDONED, open_is=Flag.ABANDONED),
    Event.MACHINE: Mask(Flag.OUTBOUND | Flag.MACHINE, open_is=Flag.MACHINE),
    Event.PRERECORDED: Mask(Flag.OUTBOUND | Flag.NOTICE, none_of=Flag.UNREACHED),
}

# An outcome as flags, on top of those of the attempt. A machine that takes the call has connected it.
OUTCOME_FLAGS: Final[Mapping[Outcome, Flag]] = {
    Outcome.COMPLETED: Flag.CONNECTED | Flag.CONVERSATION,
    Outcome.ABANDONED: Flag.CONNECTED | Flag.ABANDONED,
    Outcome.MACHINE: Flag.CONNECTED | Flag.MACHINE,
    Outcome.HUNG_UP_EARLY: Flag.CONNECTED,
    Outcome.INVALID_NUMBER: Flag.WRONG_NUMBER,
    # Nobody saw the end: there may have been a talk, so there was one.
    Outcome.LOST: Flag.CONNECTED | Flag.CONVERSATION,
}
_NOTHING: Final = Flag(0)
# Anatel's short call (despacho 160/2022): up to six seconds from the answer.
SHORT_CALL_S: Final = 6.0
TICK: Final = timedelta(microseconds=1)
# What is open is over soon, one way or the other: then it is looked at again.
OPEN_AGAIN: Final = timedelta(minutes=5)
_DAY: Final = timedelta(days=1)


def outcome_flags(outcome: Outcome, answered_s: float | None) -> int:
    """The flags that an ended attempt gets. answered_s: seconds from answer to end, None when nobody
    answered.
    """
    flags = OUTCOME_FLAGS.get(outcome, _NOTHING)
    if answered_s is not None:
        flags |= Flag.CONNECTED
        if answered_s <= SHORT_CALL_S:
            flags |= Flag.SHORT
    return int(flags)


def unit_key(unit: Unit | str, *parts: str, pepper: bytes = b"") -> str:
    """The name of a counter: a digest, so that no number stands in it in the clear. Whoever knows a
    number can compute it; with a secret `pepper` nobody else can.
    """
    text = "\x1f".join(parts).encode()
    return f"{unit}:{hashlib.blake2b(text, digest_size=15, key=pepper).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Counter:
    """A count spec with its masks worked out once."""

    spec: CountSpec
    all_of: int
    any_of: int
    none_of: int
    open_is: int

    def counts(self, flags: int) -> bool:
        """Whether a contact with these flags is one of them."""
        if flags & self.none_of or not flags & self.any_of:
            return False
        have = flags | self.open_is if flags & OPEN else flags
        return have & self.all_of == self.all_of


def counter(spec: CountSpec) -> Counter:
    """The masks of a spec."""
    mask = MASKS[spec.event]
    channels = Flag(0)
    for name in spec.channels:
        channels |= CHANNEL_FLAG[name]
    if not spec.channels:
        channels = CALLS if mask.calls_only else ANY_CHANNEL
    none = mask.none_of
    for name in spec.exclude:
        none |= EXCLUDED[name]
    return Counter(spec, int(mask.all_of), int(channels), int(none), int(mask.open_is))


def span_start(spec: CountSpec, at: datetime, zones: Zones) -> datetime | None:
    """The first moment that still counts at `at`; None for ever. BadValue never: specs are checked
    where they are read.
    """
    span = spec.span
    if span is Span.ROLLING_S:
        return at - timedelta(seconds=spec.length) + TICK
    if span is Span.DAY:
        return zones.day_start(at, 0)
    if span is Span.ROLLING_DAYS:
        return zones.day_start(at, 1 - spec.length)
    if span is Span.WEEK:
        return zones.week_start(at)
    if span is Span.FIXED_DAYS:
        return _period_start(at, spec.length)
    return None


# Successive periods are counted from here, a Thursday, as Unix does.
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _period_start(at: datetime, days: int) -> datetime:
    return _EPOCH + (at - _EPOCH) // timedelta(days=days) * timedelta(days=days)


def leaves_at(spec: CountSpec, contact: datetime, now: datetime, zones: Zones) -> datetime | None:
    """From when on a contact does not count any more; None for never. Not before `now`."""
    span = spec.span
    if span is Span.ROLLING_S:
        return contact + timedelta(seconds=spec.length)
    if span is Span.DAY:
        return zones.next_day(max(contact, now), 1)
    if span is Span.ROLLING_DAYS:
        return zones.next_day(contact, spec.length)
    if span is Span.WEEK:
        return zones.next_week(max(contact, now))
    if span is Span.FIXED_DAYS:
        return _period_start(max(contact, now), spec.length) + timedelta(days=spec.length)
    return None


Contact = tuple[datetime, int]


def counted(counter: Counter, contacts: Sequence[Contact], since: datetime | None) -> list[Contact]:
    """The contacts that count, in their order."""
    return [
        one for one in contacts if (since is None or one[0] >= since) and counter.counts(one[1])
    ]


def free_at(
    counter: Counter, found: Sequence[Contact], now: datetime, zones: Zones
) -> datetime | None:
    """`now` when one more is within the limit, else the first moment at which it may be, None for
    never. found: as `counted` gives them.
    """
    spec = counter.spec
    excess = len(found) - spec.limit
    if excess < 0:
        return now
    if spec.limit == 0:
        return None
    moment, _ = sorted(found)[excess]
    leaves = leaves_at(spec, moment, now, zones)
    certain = sum(1 for _, flags in found if not (flags & OPEN and counter.open_is))
    if certain < spec.limit:
        again = now + OPEN_AGAIN
        leaves = again if leaves is None else min(leaves, again)
    return None if leaves is None else max(leaves, now + TICK)


def settled(contacts: Sequence[Contact]) -> list[Contact]:
    """As if what is open had come to nothing: for "when again", never for "may I"."""
    return [(at, flags & ~OPEN) for at, flags in contacts]


def horizon(specs: Sequence[CountSpec], now: datetime) -> datetime | None:
    """How far back a history must reach for these specs; None: for ever. Two days more than the span,
    for zones and their changes.
    """
    longest = timedelta(0)
    for spec in specs:
        if spec.span is Span.LIFETIME:
            return None
        if spec.span is Span.ROLLING_S:
            longest = max(longest, timedelta(seconds=spec.length))
        else:
            days = {Span.DAY: 1, Span.WEEK: 7}.get(spec.span, spec.length)
            longest = max(longest, timedelta(days=days))
    return now - longest - 2 * _DAY
