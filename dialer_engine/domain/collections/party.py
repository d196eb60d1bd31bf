"""People: the debtor, the others, and by what they are reached.

Rules: what identifies a person is never part of a repr; a contact that is not valid on a day, was
revoked, or was learned to be bad is not used; a third party's refusal is for good.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from dialer_engine.domain.collections.codes import (
    Consent,
    IncomeBand,
    NumberState,
    Occupation,
    PointKind,
    Role,
    Source,
)

DIALLED = frozenset({PointKind.MOBILE, PointKind.HOME, PointKind.WORK, PointKind.PHONE})


@dataclass(frozen=True, slots=True)
class Person:
    """A natural person, or a company by its name."""

    name: str = field(default="", repr=False)
    id_number: str = field(default="", repr=False)
    born_on: date | None = field(default=None, repr=False)
    region: str = ""
    occupation: Occupation = Occupation.UNKNOWN
    income_band: IncomeBand = IncomeBand.UNKNOWN
    language: str = ""

    def age(self, today: date) -> int | None:
        """Full years; somebody born on 29 February has a birthday on 1 March in other years."""
        if self.born_on is None or self.born_on > today:
            return None
        before = (today.month, today.day) < (self.born_on.month, self.born_on.day)
        return today.year - self.born_on.year - before


@dataclass(frozen=True, slots=True)
class ContactPoint:
    """A number, an address or the like of one person. value: E.164 for numbers. valid_from,
    valid_until: [from, until), None for no bound. zone: IANA name where stated or certain. rank: 0
    is tried first. owner: place of the person among the related parties of the case, None: the
    debtor.
    """

    kind: PointKind
    value: str = field(repr=False)
    label: str = ""
    source: Source = Source.UNKNOWN
    consent: Consent = Consent.UNKNOWN
    valid_from: date | None = None
    valid_until: date | None = None
    zone: str | None = None
    rank: int = 0
    state: NumberState = NumberState.UNTRIED
    owner: int | None = None

    def is_valid(self, today: date) -> bool:
        """In force on that day."""
        begun = self.valid_from is None or self.valid_from <= today
        return begun and (self.valid_until is None or today < self.valid_until)

    def is_usable(self, today: date) -> bool:
        """Valid, not revoked, and not known to be bad."""
        return (
            self.is_valid(today) and self.consent is not Consent.REVOKED and not self.state.is_bad
        )


@dataclass(frozen=True, slots=True)
class RelatedParty:
    """Somebody else in the case. refused: asked not to be contacted any more; for good."""

    person: Person
    role: Role
    refused: bool = False


def dialable(points: Iterable[ContactPoint], today: date) -> list[ContactPoint]:
    """The usable numbers of the debtor, by rank."""
    found = [p for p in points if p.kind in DIALLED and p.owner is None and p.is_usable(today)]
    return sorted(found, key=lambda p: p.rank)
