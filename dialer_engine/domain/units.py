"""Units and identities: a number of seconds is not a number of milliseconds, and a campaign's name
is not an agent's.

Rules: identities are `NewType`s over str, checked where they are made; durations are seconds as
float and carry the unit in their name; money never appears as float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NewType

from dialer_engine.domain.errors import BadValue

Seconds = NewType("Seconds", float)
AttemptId = NewType("AttemptId", str)
LegId = NewType("LegId", str)
AgentId = NewType("AgentId", str)
CampaignName = NewType("CampaignName", str)
CaseId = NewType("CaseId", int)
NodeName = NewType("NodeName", str)
TrunkName = NewType("TrunkName", str)
E164 = NewType("E164", str)

# ITU-T E.164: country code and subscriber number together have at most 15 digits and never start
# with 0.
_E164 = re.compile(r"\+[1-9][0-9]{3,14}\Z")
# Crockford's base 32, the alphabet of ULIDs (https://github.com/ulid/spec).
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_BYTES = 10
ATTEMPT_PREFIX = "a-"
LEG_PREFIX = "g-"
# A ULID has 128 bits in 26 characters of 5, so the first is 0..7 (https://github.com/ulid/spec).
_ATTEMPT = re.compile(ATTEMPT_PREFIX + r"([0-7][0-9A-HJKMNP-TV-Z]{25})\Z")
_TIME_CHARACTERS = 10


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on both clocks.

    `mono` is seconds on a clock that never steps, for durations; `utc` is an aware UTC time, for
    records and for law.
    """

    mono: float
    utc: datetime

    def __post_init__(self) -> None:
        if self.utc.tzinfo is not UTC and self.utc.utcoffset() != UTC.utcoffset(None):
            raise BadValue(f"a moment is in UTC, not {self.utc.tzinfo!r}")

    def since(self, earlier: Moment) -> Seconds:
        """Seconds since `earlier`, on the clock that never steps; never negative."""
        return Seconds(max(0.0, self.mono - earlier.mono))


@dataclass(frozen=True, slots=True)
class Money:
    """An amount with its ISO 4217 currency. Currencies never mix."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        # A float slips through where the caller is not type-checked.
        if type(self.amount) is not Decimal or not self.amount.is_finite():
            raise BadValue("an amount of money is a finite Decimal")
        if not re.fullmatch(r"[A-Z]{3}", self.currency):
            raise BadValue(
                f"currency must be three capital letters (ISO 4217), not {self.currency!r}"
            )

    def __str__(self) -> str:
        return f"{self.amount:,} {self.currency}"


def e164(text: str) -> E164:
    """`text` as a number in E.164 with its plus sign, or BadValue. The message does not repeat the
    number.
    """
    if not _E164.match(text):
        raise BadValue("not an E.164 number: a plus sign, then 4 to 15 digits, the first not 0")
    return E164(text)


def ulid(milliseconds: int, randomness: bytes) -> str:
    """A ULID: 48 bits of `milliseconds` since 1970 and 80 bits of `randomness`, as 26 characters
    that sort by time.
    """
    if len(randomness) != _ULID_BYTES or not 0 <= milliseconds < 1 << 48:
        raise BadValue("a ULID takes 10 random bytes and a time of 48 bits in milliseconds")
    number = (milliseconds << 80) | int.from_bytes(randomness, "big")
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -5, -5))


def attempt_id(milliseconds: int, randomness: bytes) -> AttemptId:
    """A new attempt id; the debtor's channel on the PBX carries it as its unique id."""
    return AttemptId(ATTEMPT_PREFIX + ulid(milliseconds, randomness))


def leg_id(milliseconds: int, randomness: bytes) -> LegId:
    """A new agent-leg id; the agent's channel on the PBX carries it as its unique id."""
    return LegId(LEG_PREFIX + ulid(milliseconds, randomness))


def made_at(attempt: AttemptId) -> datetime:
    """When the attempt id was made, aware UTC; BadValue when it is no attempt id."""
    match = _ATTEMPT.match(attempt)
    if match is None:
        raise BadValue("not an attempt id: a- and the 26 characters of a ULID")
    milliseconds = 0
    for character in match[1][:_TIME_CHARACTERS]:
        milliseconds = milliseconds * 32 + _CROCKFORD.index(character)
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise BadValue("the attempt id holds a time after the year 9999") from error
