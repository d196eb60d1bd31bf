"""What a rule is: who it binds, what it asks, from when, on whose word, and how well that word is known.

Rules: everything here is frozen plain data that `ruleset.py` reads from files; a rule that could not
be verified ships disabled (`enabled: false`); what a rule asks is one of the specs below, by kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a rule is about. party: who but the debtor may be called, and for what. condition: facts
    of the case that must hold. retention is not asked by the gate, but by the sweep of old records.
    """

    WINDOW = "window"
    CAP = "cap"
    GAP = "gap"
    COOLDOWN = "cooldown"
    CONSENT = "consent"
    SUPPRESSION = "suppression"
    PARTY = "party"
    CONDITION = "condition"
    DISCLOSURE = "disclosure"
    PACING = "pacing"
    CALLER_ID = "caller_id"
    RETENTION = "retention"


class Severity(StrEnum):
    """must: the law or a contract. should: the source says "should"; it binds like the other here,
    and a supervisor may lift it.
    """

    MUST = "must"
    SHOULD = "should"


class Status(StrEnum):
    """How well the source is known: P text of the source seen, S told by another, M from memory, E
    an engineering default with no law behind it.
    """

    PRIMARY = "P"
    SECONDARY = "S"
    MEMORY = "M"
    ENGINEERING = "E"


class Unit(StrEnum):
    """Whom a counter belongs to."""

    NUMBER = "number"
    PERSON = "person"
    PERSON_DEBT = "person_x_debt"
    PERSON_CREDITOR = "person_x_creditor"
    THIRD_PARTY = "third_party"
    CAMPAIGN = "campaign"
    TRUNK = "trunk"


class Event(StrEnum):
    """What is counted; `counting.MASKS` says which contacts are which. attempt_any_result: also what never
    came as far as the number called, as a carrier counts.
    """

    ATTEMPT = "attempt"
    ANY_ATTEMPT = "attempt_any_result"
    NOT_CONNECTED = "attempt_not_connected"
    CONNECTED = "connected"
    CONVERSATION = "conversation"
    OUTBOUND_CONVERSATION = "outbound_conversation"
    COMMUNICATION = "communication"
    ABANDONED = "abandoned"
    MACHINE = "machine"
    PRERECORDED = "prerecorded"


class Span(StrEnum):
    """Over which time it is counted. rolling_days: local dates, today is the last of them. calendar_month: of
    figures only (`PacingSpec`).
    """

    DAY = "calendar_day"
    WEEK = "calendar_week"
    MONTH = "calendar_month"
    ROLLING_S = "rolling_s"
    ROLLING_DAYS = "rolling_days"
    FIXED_DAYS = "fixed_days"
    LIFETIME = "lifetime"


class Channel(StrEnum):
    """By what somebody is contacted. voice: a person speaks; voice_bot: a machine that talks;
    voice_notice: a message is played and nobody can answer.
    """

    VOICE = "voice"
    VOICE_BOT = "voice_bot"
    VOICE_NOTICE = "voice_notice"
    SMS = "sms"
    EMAIL = "email"
    CHAT = "chat"
    LETTER = "letter"
    VISIT = "visit"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from. ref: law, guideline or page. status: see Status. note: what is
    unsure.
    """

    ref: str
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a rule binds; an empty set binds everybody. party_types: first (the creditor itself),
    third (an agency). roles: of the one who is called. places: kinds of number (mobile, home, work).
    """

    channels: frozenset[str] = frozenset()
    debt_types: frozenset[str] = frozenset()
    party_types: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    carriers: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()


# -- what a rule asks, by kind ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hours:
    """[start, end) in seconds from local midnight; end 86400 is midnight."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """days: hours of Monday to Sunday, None for closed. holiday: hours on a holiday. uses_calendar:
    holidays differ from other days, so a year without data is closed.
    """

    days: tuple[Hours | None, ...]
    holiday: Hours | None = None
    uses_calendar: bool = False


@dataclass(frozen=True, slots=True)
class CountSpec:
    """At most `limit` events of a unit in a span; a gap or a cooldown is a count of one. length:
    seconds or days of the span. channels: empty for every channel. exclude: names of
    `counting.EXCLUDED`. unless: flags of the facts that lift it (agent_guaranteed).
    """

    unit: Unit
    event: Event
    span: Span
    limit: int
    length: int = 0
    channels: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ConsentSpec:
    """granted: the purposes that need a given consent; not_revoked: those that a withdrawal stops."""

    granted: frozenset[str] = frozenset()
    not_revoked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SuppressionSpec:
    """Whoever is on one of these lists is not contacted; empty: any list."""

    lists: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PartySpec:
    """roles: those who may always be called. others_if: flags of which one must hold before anybody
    else may be called; empty: nobody else. purposes: for what others may be called. A refusal of
    theirs (flag `refused`) stops it for good.
    """

    roles: frozenset[str]
    others_if: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ConditionSpec:
    """none_of: flags that forbid. all_of: flags that must hold. min_days_past_due: no call before."""

    none_of: frozenset[str] = frozenset()
    all_of: frozenset[str] = frozenset()
    min_days_past_due: int | None = None


@dataclass(frozen=True, slots=True)
class DisclosureSpec:
    """What the script and the line promise to do. only_bot: asked of machines that talk only."""

    require: frozenset[str]


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure of the facts must be within [least, most]; `above` makes most itself too much."""

    figure: str
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class PacingSpec:
    """limits: every one must hold; a figure that is missing is no objection, since the campaign has
    none yet. together: it objects only when all are broken. unless: flags that lift it. span, length:
    over which time the figures are counted, None for figures that are of no time.
    """

    limits: tuple[Limit, ...]
    together: bool = False
    unless: frozenset[str] = frozenset()
    span: Span | None = None
    length: int = 0

    @property
    def window(self) -> str:
        """The name of the time, which its figures have behind theirs: `abandon_pct/calendar_day`."""
        if self.span is None:
            return ""
        return f"{self.span.value}_{self.length}" if self.length else self.span.value


@dataclass(frozen=True, slots=True)
class CallerIdSpec:
    """prefixes: digits with which the caller id begins, its country code left out or not."""

    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RetentionSpec:
    """records: kinds of record. keep_days: at least so long after the last activity. then: delete |
    anonymise, for what is older.
    """

    records: frozenset[str]
    keep_days: int
    then: str = "anonymise"


Spec = (
    WindowSpec
    | CountSpec
    | ConsentSpec
    | SuppressionSpec
    | PartySpec
    | ConditionSpec
    | DisclosureSpec
    | PacingSpec
    | CallerIdSpec
    | RetentionSpec
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. jurisdiction: ISO 3166 country, or country-region, or EU, or empty for everywhere.
    effective_from, effective_until: local dates, the last one not included. overridable: kinds of
    override that lift it (debtor_agreement, supervisor); empty: nothing does.
    """

    id: str
    version: int
    jurisdiction: str
    kind: Kind
    spec: Spec
    source: Source
    scope: Scope = field(default_factory=Scope)
    severity: Severity = Severity.MUST
    enabled: bool = True
    effective_from: date | None = None
    effective_until: date | None = None
    overridable: frozenset[str] = frozenset()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody lifts a rule for one case. kind: must be among the rule's `overridable`. until: aware
    UTC; from then on the rule holds again. window: the hours agreed with the debtor in place of the
    rule's, None for none at all.
    """

    rule: str
    kind: str
    who: str
    why: str
    until: datetime
    window: Hours | None = None
