"""What an import says of a case beyond what dialling needs: the row that `CaseFacts` is built from.

Rules: None and "" mean that the file said nothing, so that an import of fewer columns does not wipe
out what another brought.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from dialer_engine.domain.collections.codes import (
    Ability,
    Behaviour,
    DebtType,
    IncomeBand,
    Occupation,
    PartyType,
    Reason,
    Willingness,
)
from dialer_engine.domain.collections.money import Balance


@dataclass(frozen=True, slots=True)
class Particulars:
    """oldest_due: the date that days past due count from. score: higher is likelier to pay."""

    creditor: str = ""
    product: str = ""
    debt_type: DebtType | None = None
    party_type: PartyType | None = None
    jurisdiction: str = ""
    balance: Balance | None = None
    oldest_due: date | None = None
    reason: Reason | None = None
    ability: Ability | None = None
    willingness: Willingness | None = None
    behaviour: Behaviour | None = None
    occupation: Occupation | None = None
    region: str = ""
    income_band: IncomeBand | None = None
    score: float | None = None
    team: str = ""
    owner: str = ""
    agency: str = ""
    recall_on: date | None = None
    tags: frozenset[str] = frozenset()
