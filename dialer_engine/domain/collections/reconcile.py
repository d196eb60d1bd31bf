"""Reconciliation (对账): postings of a bank against contracts, payments and promises.

Rules: pure and repeatable: the same postings over the same book give the same matches, and a posting
that the book already has is a duplicate, never a second payment; a match is by contract, else by a
reference that only one contract has, never by amount alone; what does not match is listed with its
reason, and nothing is dropped; a reversal takes back from the payment it names, and never more than
was paid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from dialer_engine.domain.collections.codes import Code
from dialer_engine.domain.collections.money import ZERO
from dialer_engine.domain.collections.payments import Effective, Payment, effective
from dialer_engine.domain.collections.promise import (
    DayBegan,
    PaymentCounted,
    PromisePhase,
    PromiseState,
    step,
)
from dialer_engine.domain.units import Moment


class Fault(Code):
    """Why a posting was not matched, or needs a look although it was."""

    UNKNOWN_CONTRACT = "unknown_contract", "no contract has this reference", "合同不存在"
    AMBIGUOUS = "ambiguous", "several contracts could be meant", "匹配不唯一"
    CURRENCY = "currency", "another currency than the contract", "币种不符"
    DUPLICATE = "duplicate", "this posting is in the book with other values", "流水重复且不一致"
    NOTHING_TO_REVERSE = (
        "nothing_to_reverse",
        "the payment it reverses is not there",
        "原还款不存在",
    )
    REVERSED_TOO_MUCH = "reversed_too_much", "more is taken back than was paid", "冲正超额"
    OVERPAID = "overpaid", "more than is owed; booked, to be returned or moved", "超额还款"


@dataclass(frozen=True, slots=True)
class Account:
    """A contract as reconciliation sees it. aliases: references that payers use besides the
    contract's own (account number, virtual account). owed: None when not known.
    """

    contract: str
    currency: str
    aliases: frozenset[str] = field(default_factory=frozenset, repr=False)
    owed: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A posting that belongs to `contract`. by: contract, alias or reversal."""

    payment: Payment
    contract: str
    by: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A posting for a person to look at. booked: it is in a match all the same."""

    payment: Payment
    fault: Fault
    booked: bool = False


@dataclass(frozen=True, slots=True)
class Reconciled:
    """matches in the order of the postings; repeated: postings that the book already had."""

    matches: tuple[Match, ...]
    problems: tuple[Problem, ...]
    repeated: tuple[Payment, ...]


class _Book:
    """What is known while the postings are gone through."""

    def __init__(self, accounts: Iterable[Account], known: Iterable[Match]) -> None:
        self.accounts = {one.contract: one for one in accounts}
        self.aliases: dict[str, set[str]] = defaultdict(set)
        for one in self.accounts.values():
            for alias in one.aliases:
                self.aliases[alias].add(one.contract)
        self.payments: dict[str, Match] = {}
        self.undone: dict[str, Decimal] = defaultdict(Decimal)
        self.owed = {one.contract: one.owed for one in self.accounts.values()}
        for match in known:
            self.enter(match)

    def enter(self, match: Match) -> None:
        payment = match.payment
        self.payments[payment.reference] = match
        if payment.is_reversal:
            self.undone[payment.reverses] += payment.money.amount

    def count(self, match: Match) -> bool:
        """Enter, and say whether more was paid than is owed."""
        self.enter(match)
        owed = self.owed.get(match.contract)
        if owed is None:
            return False
        amount = match.payment.money.amount
        left = owed + amount if match.payment.is_reversal else owed - amount
        self.owed[match.contract] = max(ZERO, left)
        return left < 0


def reconcile(
    postings: Sequence[Payment], accounts: Iterable[Account], known: Iterable[Match] = ()
) -> Reconciled:
    """Match `postings`. known: what was matched before, for duplicates and reversals. The `owed` of
    the accounts is what is owed after all that is known.
    """
    book = _Book(accounts, known)
    matches: list[Match] = []
    problems: list[Problem] = []
    repeated: list[Payment] = []
    # A file may name a reversal before the payment it undoes.
    for posting in sorted(postings, key=lambda p: p.is_reversal):
        earlier = book.payments.get(posting.reference)
        if earlier is not None:
            if _is_same(earlier.payment, posting):
                repeated.append(posting)
            else:
                problems.append(Problem(posting, Fault.DUPLICATE))
            continue
        found = _find(posting, book)
        if isinstance(found, Fault):
            problems.append(Problem(posting, found))
            continue
        matches.append(found)
        if book.count(found):
            problems.append(Problem(posting, Fault.OVERPAID, booked=True))
    return Reconciled(tuple(matches), tuple(problems), tuple(repeated))


def _is_same(one: Payment, other: Payment) -> bool:
    return (one.money, one.paid_on, one.reverses) == (other.money, other.paid_on, other.reverses)


def _find(posting: Payment, book: _Book) -> Match | Fault:
    if posting.is_reversal:
        return _reversal(posting, book)
    by = "contract"
    contract = posting.contract
    if contract not in book.accounts:
        found = book.aliases.get(contract, set()) if contract else set()
        found = found or book.aliases.get(posting.memo.strip(), set())
        if len(found) != 1:
            return Fault.AMBIGUOUS if found else Fault.UNKNOWN_CONTRACT
        (contract,) = found
        by = "alias"
    if posting.money.currency != book.accounts[contract].currency:
        return Fault.CURRENCY
    return Match(posting, contract, by)


def _reversal(posting: Payment, book: _Book) -> Match | Fault:
    undone = book.payments.get(posting.reverses)
    if undone is None or undone.payment.is_reversal:
        return Fault.NOTHING_TO_REVERSE
    if undone.payment.money.currency != posting.money.currency:
        return Fault.CURRENCY
    left = undone.payment.money.amount - book.undone[posting.reverses]
    if posting.money.amount > left:
        return Fault.REVERSED_TOO_MUCH
    return Match(posting, undone.contract, "reversal")


def recount(
    promises: Sequence[PromiseState], payments: Iterable[Payment], today: date, now: Moment
) -> list[PromiseState]:
    """The promises of one case as all its payments and reversals up to `today` leave them: told anew
    from the beginning, so that a reversal of long ago needs no memory of what it had been counted
    for. A payment goes to the promises that its value date can keep, the earliest due first, and what
    is over to the next. Rescheduled promises stay as they are.
    """
    found = [
        one
        if one.phase is PromisePhase.RESCHEDULED
        else replace(one, paid=ZERO, phase=PromisePhase.PENDING)
        for one in promises
    ]
    for paid in effective(payments, until=today):
        _count(found, paid, now)
    return [step(one, DayBegan(today), now) for one in found]


def _count(promises: list[PromiseState], paid: Effective, now: Moment) -> None:
    left = paid.amount
    for place in _in_turn(promises, paid.payment):
        one = promises[place]
        part = min(left, one.money.amount - one.paid)
        if part > 0:
            promises[place] = step(one, PaymentCounted(part, paid.payment.paid_on), now)
            left -= part


def _in_turn(promises: Sequence[PromiseState], posting: Payment) -> list[int]:
    fit = [
        place
        for place, one in enumerate(promises)
        if one.money.currency == posting.money.currency
        and one.phase is not PromisePhase.RESCHEDULED
        and one.covers(posting.paid_on)
    ]
    return sorted(fit, key=lambda place: (promises[place].due_on, promises[place].key))
