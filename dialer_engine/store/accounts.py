"""Contracts and payments of cases: written, matched, and what is owed told anew.

Rules: one transaction for a batch; what is owed is always told from contract, payments and charges
(`domain.collections.contract.position`), never added up as we go, so that no order of files and no
repetition changes it; a payment is in the book once, whether it matched or not, and one that did not is
looked at again when its contract comes; a case that is paid leaves every campaign in the same
transaction; each case with a new payment has a `case_events` row, which is what stops its calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections import reconcile as rec
from dialer_engine.domain.collections.money import ZERO, Component
from dialer_engine.domain.collections.payments import Payment
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import CaseId
from dialer_engine.store._sql import chunks, merge, upsert
from dialer_engine.store.closed import memo_place
from dialer_engine.store.exchange import ContractRow
from dialer_engine.store.owed import payment_of, refresh
from dialer_engine.store.schema import cases
from dialer_engine.store.schema_books import (
    case_events,
    case_facts,
    contract_aliases,
    contracts,
    payments,
)
from dialer_engine.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Booked:
    """What became of a batch of payments. cases: with a new payment or reversal. paid: of these, those
    that owe nothing any more. problems: (reference, fault, whether it was booked all the same).
    """

    new: int = 0
    repeated: int = 0
    cases: tuple[CaseId, ...] = ()
    paid: tuple[CaseId, ...] = ()
    problems: tuple[tuple[str, rec.Fault, bool], ...] = ()


# -- contracts -------------------------------------------------------------------------------------


async def write_contracts(
    connection: AsyncConnection, vault: Vault, batch: Sequence[ContractRow], now: datetime
) -> tuple[int, int, dict[str, str]]:
    """Write contracts; returns (new, updated, {contract: why it was not taken})."""
    try:
        async with connection.begin_nested():
            return await _write_batch(connection, vault, batch, now)
    except BadValue as error:
        # What its case owes would add up to more than a column holds.
        if len(batch) == 1:
            return 0, 0, {batch[0].contract.reference: str(error)}
    new, updated = 0, 0
    refused: dict[str, str] = {}
    for row in batch:
        more, changed, why = await write_contracts(connection, vault, [row], now)
        new, updated, refused = new + more, updated + changed, refused | why
    return new, updated, refused


async def _write_batch(
    connection: AsyncConnection, vault: Vault, batch: Sequence[ContractRow], now: datetime
) -> tuple[int, int, dict[str, str]]:
    ids = await case_ids(connection, {row.case for row in batch})
    refused = {
        row.contract.reference: "there is no such case" for row in batch if row.case not in ids
    }
    wanted = {r.contract.reference: r for r in batch if r.case in ids}
    known = {
        row.reference: row
        for part in chunks(wanted)
        for row in await connection.execute(
            select(contracts).where(contracts.c.reference.in_(part))
        )
    }
    for reference, row in list(wanted.items()):
        if reference in known and known[reference].case_id != ids[row.case]:
            refused[reference] = "the contract belongs to another case"
            del wanted[reference]
    rows = [_contract_row(row, ids[row.case], vault) for row in wanted.values()]
    changed = [
        r
        for r in rows
        if r["reference"] not in known or known[r["reference"]].fingerprint != r["fingerprint"]
    ]
    if changed:
        statement = merge(connection, contracts, ["reference"])
        found = await connection.execute(
            statement.returning(contracts.c.id, contracts.c.reference), changed
        )
        await _write_aliases(connection, vault, {r: i for i, r in found}, wanted)
        await _match_again(connection, vault, [r["reference"] for r in changed], now)
        await refresh(connection, {r["case_id"] for r in changed}, now)
    new = sum(r["reference"] not in known for r in changed)
    return new, len(changed) - new, refused


def _contract_row(row: ContractRow, case_id: int, vault: Vault) -> dict[str, Any]:
    one, stated = row.contract, row.contract.statement
    print_ = vault.index("contract", repr((one, sorted(row.aliases))))
    parts = {c.value: None if stated is None else stated.balance[c] for c in Component}
    return {
        "case_id": case_id,
        "reference": one.reference,
        "product": one.product,
        "currency": one.currency,
        "amount": one.amount,
        "term_months": one.term_months,
        "annual_rate": None if one.annual_rate is None else str(one.annual_rate),
        "opened_on": one.opened_on,
        "schedule": [
            [i.due_on.isoformat(), str(i.principal), str(i.interest)] for i in one.schedule
        ],
        "as_of": stated and stated.as_of,
        "oldest_due": stated and stated.oldest_due,
        "fingerprint": print_,
        **parts,
    }


async def _write_aliases(
    connection: AsyncConnection,
    vault: Vault,
    ids: Mapping[str, int],
    rows: Mapping[str, ContractRow],
) -> None:
    for part in chunks(ids.values()):
        await connection.execute(
            delete(contract_aliases).where(contract_aliases.c.contract_id.in_(part))
        )
    values = [
        {"alias_key": vault.index("account", alias), "contract_id": ids[reference]}
        for reference in ids
        for alias in rows[reference].aliases
    ]
    if values:
        await connection.execute(
            upsert(connection, contract_aliases).on_conflict_do_nothing(), values
        )


async def _match_again(
    connection: AsyncConnection, vault: Vault, references: Sequence[str], now: datetime
) -> None:
    """Payments that came before their contract."""
    for part in chunks(references):
        mine = payments.c.stated_contract.in_(part), payments.c.contract_id.is_(None)
        rows = (await connection.execute(select(payments).where(*mine))).all()
        if rows:
            await connection.execute(
                delete(payments).where(payments.c.id.in_([r.id for r in rows]))
            )
            await book(
                connection, vault, [payment_of(r, r.stated_contract, vault) for r in rows], now
            )


# -- payments --------------------------------------------------------------------------------------


async def book(
    connection: AsyncConnection, vault: Vault, postings: Sequence[Payment], now: datetime
) -> Booked:
    """Match payments and write them; tell anew what their cases owe."""
    found = await _contracts_of(connection, vault, postings)
    accounts = _accounts(found, postings, vault)
    known = await _known(connection, postings)
    result = rec.reconcile(postings, accounts, known)
    by_contract = {row.reference: row for row, _ in found}
    matched = [
        _payment_row(m.payment, now, vault, by_contract[m.contract], m.by) for m in result.matches
    ]
    refused = [p for p in result.problems if not p.booked]
    # One that is in the book under this reference stays as it is.
    unmatched = [
        _payment_row(p.payment, now, vault, None, "", p.fault)
        for p in refused
        if p.fault is not rec.Fault.DUPLICATE
    ]
    await _write_payments(connection, matched + unmatched)
    touched = {row["case_id"] for row in matched}
    paid = await refresh(connection, touched, now)
    await _tell(connection, touched, paid, now)
    return Booked(
        len(matched),
        len(result.repeated),
        tuple(CaseId(i) for i in sorted(touched)),
        tuple(CaseId(i) for i in sorted(paid)),
        tuple((p.payment.reference, p.fault, p.booked) for p in result.problems),
    )


async def _contracts_of(
    connection: AsyncConnection, vault: Vault, postings: Sequence[Payment]
) -> list[tuple[Any, frozenset[str]]]:
    """Contracts that the postings could mean, each with the keys of its names among theirs."""
    named = {p.contract for p in postings if p.contract}
    await _make_contracts(connection, vault, named, postings)
    words = named | {p.memo.strip() for p in postings if p.memo.strip()}
    keys = {vault.index("account", word) for word in words}
    undone = {p.reverses for p in postings if p.reverses}
    aliases: dict[int, set[str]] = defaultdict(set)
    for part in chunks(keys):
        mine = contract_aliases.c.alias_key.in_(part)
        for row in await connection.execute(select(contract_aliases).where(mine)):
            aliases[row.contract_id].add(row.alias_key)
    for part in chunks(undone):
        paid = payments.c.reference.in_(part), payments.c.contract_id.is_not(None)
        asked = select(payments.c.contract_id).where(*paid)
        for (contract,) in await connection.execute(asked):
            aliases[contract] |= set()
    rows: dict[int, Any] = {}
    for part in chunks(named):
        mine = contracts.c.reference.in_(part)
        rows |= {r.id: r for r in await connection.execute(select(contracts).where(mine))}
    for some in chunks(set(aliases) - set(rows)):
        mine = contracts.c.id.in_(some)
        rows |= {r.id: r for r in await connection.execute(select(contracts).where(mine))}
    return [(row, frozenset(aliases.get(number, ()))) for number, row in sorted(rows.items())]


async def _make_contracts(
    connection: AsyncConnection, vault: Vault, named: Iterable[str], postings: Sequence[Payment]
) -> None:
    """A case of a simple file has no contract of its own: its reference is one, with the balance as
    imported, the day before the first of these payments.
    """
    first = min((p.paid_on for p in postings), default=date.max)
    for part in chunks(named):
        has = select(contracts.c.reference).where(contracts.c.reference.in_(part))
        known = set((await connection.scalars(has)).all())
        query = (
            select(cases.c.reference, case_facts)
            .join_from(cases, case_facts, case_facts.c.case_id == cases.c.id)
            .where(cases.c.reference.in_(set(part) - known), case_facts.c.currency.is_not(None))
        )
        rows = [
            {
                **{c.value: getattr(r, c.value) or ZERO for c in Component},
                "case_id": r.case_id, "reference": r.reference, "product": r.product or "",
                "currency": r.currency, "amount": ZERO, "schedule": [], "fingerprint": "",
                "as_of": first - timedelta(1), "oldest_due": r.oldest_due,
            }
            for r in await connection.execute(query)
        ]  # fmt: skip
        if rows:
            await connection.execute(insert(contracts), rows)


def _accounts(
    found: Iterable[tuple[Any, frozenset[str]]], postings: Sequence[Payment], vault: Vault
) -> list[rec.Account]:
    """Aliases are kept as keys: give them back the words that the postings use."""
    words = {p.contract for p in postings} | {p.memo.strip() for p in postings}
    named = {vault.index("account", word): word for word in words if word}
    return [
        rec.Account(row.reference, row.currency, frozenset(named[key] for key in keys))
        for row, keys in found
    ]


async def _known(connection: AsyncConnection, postings: Sequence[Payment]) -> list[rec.Match]:
    """What is in the book of these references, of what they reverse, and of what reversed that."""
    names = {p.reference for p in postings} | {p.reverses for p in postings if p.reverses}
    found: dict[str, rec.Match] = {}
    query = select(payments, contracts.c.reference.label("of")).join_from(
        payments, contracts, contracts.c.id == payments.c.contract_id
    )
    for part in chunks(names):
        mine = or_(
            payments.c.reference.in_(part),
            payments.c.reverses.in_([name for name in part if name]),
        )
        for row in await connection.execute(query.where(mine)):
            found[row.reference] = rec.Match(payment_of(row, row.of), row.of, row.matched_by)
    return list(found.values())


def _payment_row(
    payment: Payment,
    now: datetime,
    vault: Vault,
    contract: Any,
    by: str,
    fault: rec.Fault | None = None,
) -> dict[str, Any]:
    memo = payment.memo
    return {
        "reference": payment.reference,
        "case_id": contract and contract.case_id,
        "contract_id": contract and contract.id,
        "stated_contract": payment.contract,
        "amount": payment.money.amount,
        "currency": payment.money.currency,
        "paid_on": payment.paid_on,
        "booked_at": now,
        "reverses": payment.reverses,
        "matched_by": by,
        "fault": fault and fault.value,
        "memo": vault.close(memo_place(payment.reference), memo) if memo else None,
    }


async def _write_payments(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """A posting that had not matched before and does now replaces what was noted of it."""
    if not rows:
        return
    statement = upsert(connection, payments)
    others = {
        c.name: statement.excluded[c.name] for c in payments.c if c.name not in ("id", "reference")
    }
    written = statement.on_conflict_do_update(
        index_elements=["reference"], set_=others, where=payments.c.contract_id.is_(None)
    )
    await connection.execute(written.returning(payments.c.id), list(rows))


async def _tell(
    connection: AsyncConnection, touched: Iterable[int], paid: set[int], now: datetime
) -> None:
    rows = [
        {
            "case_id": case_id,
            "at": now,
            "kind": "payment",
            "by": "",
            "data": {"paid": case_id in paid},
        }
        for case_id in sorted(touched)
    ]
    if rows:
        await connection.execute(insert(case_events), rows)


async def case_ids(connection: AsyncConnection, references: Iterable[str]) -> dict[str, int]:
    """Cases by reference; those that are not there are left out."""
    found: dict[str, int] = {}
    query = select(cases.c.reference, cases.c.id)
    for part in chunks(references):
        rows = await connection.execute(query.where(cases.c.reference.in_(part)))
        found |= {str(reference): int(number) for reference, number in rows}
    return found
