"""The whole file of a case, and the facts built from it.

Rules: `CaseFile` is all that is known, in parts that are each told by their own room; `facts_of` is
the only way from a file to `CaseFacts`, in two steps, so that a store which keeps the middle step in
columns needs no whole file for each case: `summarise` folds the long lists, `build` adds today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal

from dialer_engine.domain.collections.codes import (
    Ability,
    Behaviour,
    CaseState,
    PartyType,
    Reason,
    Willingness,
)
from dialer_engine.domain.collections.contract import Charge, Contract, Position, position
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.collections.holds import Hold, in_force
from dialer_engine.domain.collections.money import ZERO, Balance
from dialer_engine.domain.collections.party import (
    ContactPoint,
    Person,
    RelatedParty,
    dialable,
)
from dialer_engine.domain.collections.payments import Payment, last_paid_on
from dialer_engine.domain.collections.product import Creditor, Product
from dialer_engine.domain.collections.promise import PromiseState
from dialer_engine.domain.collections.timeline import (
    Complaint,
    Interaction,
    calls_in_week,
    days_since,
    last_contact,
)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who works the case. recall_on: when it goes back."""

    team: str = ""
    owner: str = ""
    agency: str = ""
    since: date | None = None
    recall_on: date | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What collectors found out, or a score said."""

    reason: Reason = Reason.UNKNOWN
    ability: Ability = Ability.UNKNOWN
    willingness: Willingness = Willingness.UNKNOWN
    behaviour: Behaviour = Behaviour.UNKNOWN
    score: float | None = None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One case: one debtor's debts to one creditor, worked together. jurisdiction, party_type: of
    this case where they differ from the creditor's. payments and charges: by contract reference.
    """

    reference: str
    creditor: Creditor
    product: Product
    debtor: Person = field(repr=False)
    contracts: tuple[Contract, ...] = ()
    payments: tuple[Payment, ...] = ()
    charges: Mapping[str, tuple[Charge, ...]] = field(default_factory=dict)
    points: tuple[ContactPoint, ...] = field(default=(), repr=False)
    related: tuple[RelatedParty, ...] = field(default=(), repr=False)
    ownership: Ownership = field(default_factory=Ownership)
    judgement: Judgement = field(default_factory=Judgement)
    holds: tuple[Hold, ...] = ()
    promises: tuple[PromiseState, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    state: CaseState = CaseState.OPEN
    jurisdiction: str = ""
    party_type: PartyType | None = None
    tags: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Summary:
    """A case with its long lists folded. oldest_due: the date that days past due count from, None
    when nothing is owed. next_promise: due date of the first open promise.
    """

    creditor: str
    product: Product
    debtor: Person = field(repr=False)
    balance: Balance
    oldest_due: date | None
    jurisdiction: str = ""
    party_type: PartyType = PartyType.FIRST
    judgement: Judgement = field(default_factory=Judgement)
    ownership: Ownership = field(default_factory=Ownership)
    promises_open: int = 0
    promises_broken: int = 0
    next_promise: date | None = None
    last_payment_on: date | None = None
    last_contact_on: date | None = None
    attempts_7d: int = 0
    connected_7d: int = 0
    numbers: int = 0
    best_hour: int | None = None
    holds: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)


def positions(file: CaseFile, today: date) -> list[Position]:
    """What is owed of each contract. A payment that names no contract belongs to the only one."""
    only = file.contracts[0].reference if len(file.contracts) == 1 else None
    return [
        position(
            contract,
            file.product,
            [p for p in file.payments if (p.contract or only) == contract.reference],
            today,
            file.charges.get(contract.reference, ()),
        )
        for contract in file.contracts
    ]


def summarise(file: CaseFile, now: datetime, zone: tzinfo) -> Summary:
    """`zone`: whose calendar days count, the debtor's."""
    today = now.astimezone(zone).date()
    owed = positions(file, today)
    tried, connected = calls_in_week(file.interactions, now)
    contact = last_contact(file.interactions, now)
    waiting = [p.due_on for p in file.promises if p.is_open]
    return Summary(
        creditor=file.creditor.code,
        product=file.product,
        debtor=file.debtor,
        balance=_sum([one.balance for one in owed]),
        oldest_due=min((one.oldest_due for one in owed if one.oldest_due), default=None),
        jurisdiction=file.jurisdiction or file.creditor.jurisdiction,
        party_type=file.party_type or file.creditor.party_type,
        judgement=file.judgement,
        ownership=file.ownership,
        promises_open=len(waiting),
        promises_broken=sum(p.is_broken for p in file.promises),
        next_promise=min(waiting, default=None),
        last_payment_on=last_paid_on(file.payments, today),
        last_contact_on=None if contact is None else contact.astimezone(zone).date(),
        attempts_7d=tried,
        connected_7d=connected,
        numbers=len(dialable(file.points, today)),
        holds=frozenset(kind.value for kind in in_force(file.holds, now)),
        tags=file.tags,
        attributes=file.attributes,
    )


def _sum(balances: list[Balance]) -> Balance:
    if not balances:
        return Balance("XXX")  # ISO 4217: no currency
    total = balances[0]
    for one in balances[1:]:
        total = total + one
    return total


def build(summary: Summary, today: date) -> CaseFacts:
    """The facts on `today`, a calendar day at the debtor."""
    s, debtor, judged = summary, summary.debtor, summary.judgement
    dpd = None if s.oldest_due is None else (today - s.oldest_due).days
    promise = None if s.next_promise is None else (s.next_promise - today).days
    return CaseFacts(
        dpd=dpd or 0,
        stage=s.product.stage(dpd).value,
        product=s.product.code,
        creditor=s.creditor,
        debt_type=s.product.debt_type.value,
        party_type=s.party_type.value,
        jurisdiction=s.jurisdiction,
        currency=s.balance.currency,
        balance=s.balance.total,
        principal=s.balance.principal,
        interest=s.balance.interest,
        penalty=s.balance.penalty,
        fees=s.balance.fees,
        reason_overdue=judged.reason.value,
        ability=judged.ability.value,
        willingness=judged.willingness.value,
        behaviour=judged.behaviour.value,
        occupation=debtor.occupation.value,
        region=debtor.region,
        age=debtor.age(today),
        income_band=debtor.income_band.value,
        language=debtor.language,
        promises_open=s.promises_open,
        promises_broken=s.promises_broken,
        promise_due_in_days=promise,
        last_payment_days=days_since(s.last_payment_on, today),
        last_contact_days=days_since(s.last_contact_on, today),
        attempts_7d=s.attempts_7d,
        connected_7d=s.connected_7d,
        numbers=s.numbers,
        best_hour=s.best_hour,
        holds=s.holds,
        score=judged.score,
        team=s.ownership.team,
        owner=s.ownership.owner,
        agency=s.ownership.agency,
        tags=s.tags,
        attributes=s.attributes,
    )


def facts_of(file: CaseFile, now: datetime, zone: tzinfo) -> CaseFacts:
    """The facts of a whole file at `now`."""
    return build(summarise(file, now, zone), now.astimezone(zone).date())


def owed(file: CaseFile, today: date) -> Decimal:
    """All that is owed, in the currency of the contracts."""
    return sum((one.balance.total for one in positions(file, today)), ZERO)
