"""What the gate is told about a contact that is to be made. Plain data, filled by whoever asks.

How it is filled:
- attempt, number, zone, attempts_today, counted_day: from the candidate, as the store gave it.
- subject: from the campaign (channel, purpose, bot or not, agency) and the case (`CaseFacts`: debt_type,
  party_type, jurisdiction; the role of the party whose number it is). It is shared by many cases.
- address_zones, country: from the addresses and the number of the party.
- keys: unit to counter name, `counting.unit_key(unit, …)`: number (E.164), person (debtor or party
  id), person_x_debt (person, contract), person_x_creditor (person, creditor), third_party (the party
  when it owes nothing), campaign, trunk. A unit that a rule needs and that is missing denies.
- history: what the store's `unit_events` has on these keys since `RuleBook.horizon`.
- lists: names of the suppression lists that hold the number, the person or the case.
- consents: purpose to "granted" or "revoked".
- flags: what is known of case and party: the holds of the case, debtor_unreachable, debtor_deceased,
  debtor_incapacitated, number_invalid, offered_to_pay, refused, bereavement, agent_guaranteed …
- disclosures: what script and line promise to do.
- figures: of the campaign and the line: abandon_pct, ring_s, wait_s, calls_today, short_pct …
- overrides: given for this case, with who, why and until.
- versions, messages: versions of lists and consents, names and SHA-256 of what may be said, played or
  sent; they are not judged, they are put on record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from dialer_engine.compliance.counting import Contact
from dialer_engine.compliance.rules import Hours, Override
from dialer_engine.domain.units import E164, AttemptId


@dataclass(frozen=True, slots=True)
class Subject:
    """What decides which rules bind. jurisdictions: as `zones.jurisdictions` gives them, None when
    unknown: then every rule binds. role: codes of `domain.collections.codes.Role`.
    """

    channel: str = "voice"
    purpose: str = "collect"
    party_type: str = "first"
    role: str = "debtor"
    debt_type: str = "other"
    carrier: str = ""
    place: str = ""
    jurisdictions: frozenset[str] | None = None


ANYBODY = Subject()
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at the moment of the question. zone: stated, IANA name or None. attempts_today:
    attempts committed on `counted_day` (ISO date at the debtor), those of this moment's batch
    included. days_past_due: None when not known.
    """

    attempt: AttemptId
    number: E164 = field(repr=False)
    zone: str | None
    attempts_today: int
    counted_day: str
    subject: Subject = ANYBODY
    address_zones: tuple[str, ...] = ()
    country: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    history: Mapping[str, tuple[Contact, ...]] = field(default_factory=dict)
    lists: tuple[str, ...] = ()
    consents: Mapping[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    days_past_due: int | None = None
    disclosures: frozenset[str] = frozenset()
    caller_id: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[str, ...] = ()


def to_plain(facts: Facts) -> dict[str, Any]:
    """The facts as JSON data, without the number: what a record keeps, and what a decision can be
    computed from again. Empty ones are left out.
    """
    plain: dict[str, Any] = {
        "attempts_today": facts.attempts_today,
        "counted_day": facts.counted_day,
    }
    if facts.zone is not None:
        plain["zone"] = facts.zone
    if facts.subject is not ANYBODY:
        plain["subject"] = _subject_plain(facts.subject)
    if facts.history:
        plain["history"] = {
            key: [[at.isoformat(), flags] for at, flags in contacts]
            for key, contacts in facts.history.items()
            if contacts
        }
    if facts.days_past_due is not None:
        plain["days_past_due"] = facts.days_past_due
    if facts.overrides:
        plain["overrides"] = [_override_plain(one) for one in facts.overrides]
    for name, form in _FORMS:
        if value := getattr(facts, name):
            plain[name] = form(value)
    return plain


_FORMS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("lists", list), ("address_zones", list), ("messages", list), ("flags", sorted),
    ("disclosures", sorted), ("keys", dict), ("consents", dict), ("figures", dict), ("versions", dict),
    ("country", str), ("caller_id", str),
)  # fmt: skip


@lru_cache(maxsize=1024)
def _subject_plain(subject: Subject) -> dict[str, Any]:
    plain: dict[str, Any] = {
        name: getattr(subject, name)
        for name in ("channel", "purpose", "party_type", "role", "debt_type", "carrier", "place")
    }
    known = subject.jurisdictions
    return plain | {"jurisdictions": None if known is None else sorted(known)}


def _override_plain(one: Override) -> dict[str, Any]:
    plain: dict[str, Any] = {"rule": one.rule, "kind": one.kind, "who": one.who, "why": one.why}
    plain["until"] = one.until.isoformat()
    if one.window is not None:
        plain["window"] = [one.window.start, one.window.end]
    return plain


def from_plain(plain: Mapping[str, Any], attempt: AttemptId, number: E164) -> Facts:
    """The facts of a record. attempt, number: what the record is about; they change no decision but
    through the number's prefix, which a record has among its zones.
    """
    subject = plain.get("subject")
    return Facts(
        attempt=attempt,
        number=number,
        zone=plain.get("zone"),
        attempts_today=plain["attempts_today"],
        counted_day=plain["counted_day"],
        subject=ANYBODY if subject is None else _subject(subject),
        address_zones=tuple(plain.get("address_zones", ())),
        country=plain.get("country", ""),
        keys=plain.get("keys", _NOTHING),
        history={
            key: tuple((datetime.fromisoformat(at), flags) for at, flags in contacts)
            for key, contacts in plain.get("history", _NOTHING).items()
        },
        lists=tuple(plain.get("lists", ())),
        consents=plain.get("consents", _NOTHING),
        flags=frozenset(plain.get("flags", ())),
        days_past_due=plain.get("days_past_due"),
        disclosures=frozenset(plain.get("disclosures", ())),
        caller_id=plain.get("caller_id", ""),
        figures=plain.get("figures", _NOTHING),
        overrides=tuple(_override(one) for one in plain.get("overrides", ())),
        versions=plain.get("versions", _NOTHING),
        messages=tuple(plain.get("messages", ())),
    )


def _subject(plain: Mapping[str, Any]) -> Subject:
    places = plain["jurisdictions"]
    known = None if places is None else frozenset(places)
    return Subject(**{**plain, "jurisdictions": known})


def _override(plain: Mapping[str, Any]) -> Override:
    window = plain.get("window")
    return Override(
        plain["rule"],
        plain["kind"],
        plain["who"],
        plain["why"],
        datetime.fromisoformat(plain["until"]),
        None if window is None else Hours(*window),
    )
