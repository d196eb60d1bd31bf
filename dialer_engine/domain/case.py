"""A case and the numbers it may be called on, as far as dialling needs them. The collections model
grows around it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from dialer_engine.domain.collections.particulars import Particulars
from dialer_engine.domain.units import E164, CaseId, Money


@dataclass(frozen=True, slots=True)
class Number:
    """One telephone number of a debtor. label: what the creditor calls it (mobile, home, work).
    zone: IANA time zone when the source stated one. rank: 0 is tried first.
    """

    e164: E164 = field(repr=False)
    label: str = ""
    zone: str | None = None
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """One debt of one debtor. reference: the creditor's own key, unique in the store.
    days_past_due: negative before the due date. attributes: everything else that came with the
    import, for strategies and for the agent's screen. particulars: what the import says for
    collections.
    """

    reference: str
    name: str = field(repr=False)
    numbers: tuple[Number, ...]
    balance: Money | None = None
    days_past_due: int = 0
    language: str = ""
    priority: int = 0
    skill: str = ""
    attributes: dict[str, str] = field(default_factory=dict, repr=False)
    id: CaseId | None = None
    id_number: str = field(default="", repr=False)
    born_on: date | None = field(default=None, repr=False)
    particulars: Particulars = field(default_factory=Particulars)
