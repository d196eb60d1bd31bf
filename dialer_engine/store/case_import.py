"""Write imported cases.

Rules: a case is known by its reference; what an import brings is compared by a fingerprint, so that
a second import of the same file writes nothing; a case that is already in the campaign keeps its
tries and its due time; names, ID numbers, attributes and telephone numbers are closed by the vault;
a number that a case has no more is kept in `contact_points`, because calls were made to it; of what
collections know, only what the file says is written, and nothing is wiped out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.case import Case
from dialer_engine.domain.collections.money import ZERO, Balance, Component
from dialer_engine.domain.collections.particulars import Particulars
from dialer_engine.domain.units import CampaignName
from dialer_engine.store import hygiene, law_cards, law_reading
from dialer_engine.store._many import insert_many, one_of, upsert_many
from dialer_engine.store._sql import chunks, upsert
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.cases import number_place, personal_place
from dialer_engine.store.law_cards import Carded
from dialer_engine.store.law_reading import CaseRow, Read
from dialer_engine.store.schema import campaign_cases, case_numbers, cases
from dialer_engine.store.schema_books import case_facts, contact_points
from dialer_engine.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch. joined: cases that were not in the campaign before."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    joined: int = 0


async def write_batch(
    connection: AsyncConnection,
    ids: CampaignIds,
    vault: Vault,
    campaign: CampaignName | None,
    batch: Sequence[Case],
    due_at: datetime,
) -> Written:
    """Write cases with different references, and put them into the campaign, due at `due_at`."""
    prints = {case.reference: fingerprint(case, vault) for case in batch}
    known = await _known(connection, list(prints))
    changed = [c for c in batch if known.get(c.reference, (0, ""))[1] != prints[c.reference]]
    numbers = await _write(connection, vault, changed, prints, known, due_at.date())
    everyone = {ref: case_id for ref, (case_id, _) in known.items()} | numbers
    joined = 0
    if campaign is not None:
        campaign_id = await ids.of(connection, campaign)
        joined = await _join(connection, campaign_id, batch, everyone, known, due_at)
    new = sum(case.reference not in known for case in changed)
    return Written(new, len(changed) - new, len(batch) - len(changed), joined)


def fingerprint(case: Case, vault: Vault) -> str:
    """A hash of all that an import brings, under the key of the index: a plain hash of a name and a
    number could be found by trying.
    """
    money = case.balance
    facts = [
        case.name,
        None if money is None else [str(money.amount.normalize()), money.currency],
        case.days_past_due,
        case.language,
        case.priority,
        case.skill,
        sorted(case.attributes.items()),
        [[n.e164, n.label, n.zone] for n in case.numbers],
        case.id_number,
        case.born_on and case.born_on.isoformat(),
        # A frozen dataclass of codes, dates and amounts: its repr is its value.
        [repr(v) for v in _facts(case.particulars).values()],
    ]
    return vault.index("case", json.dumps(facts, ensure_ascii=False, separators=(",", ":")))


async def _known(
    connection: AsyncConnection, references: Sequence[str]
) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    columns = select(cases.c.reference, cases.c.id, cases.c.fingerprint)
    for part in chunks(references):
        rows = await connection.execute(columns.where(one_of(connection, cases.c.reference, part)))
        found |= {ref: (number, print_) for ref, number, print_ in rows}
    return found


async def _write(
    connection: AsyncConnection,
    vault: Vault,
    changed: Sequence[Case],
    prints: Mapping[str, str],
    known: Mapping[str, tuple[int, str]],
    today: date,
) -> dict[str, int]:
    """Insert or replace; returns the ids by reference."""
    if not changed:
        return {}
    rows = [_row(case, prints[case.reference], vault) for case in changed]
    await upsert_many(connection, cases, rows, ["reference"], _replaced)
    new = await _known(connection, [c.reference for c in changed if c.reference not in known])
    found = {c.reference: (known.get(c.reference) or new[c.reference])[0] for c in changed}
    old = [known[c.reference][0] for c in changed if c.reference in known]
    for part in chunks(old):
        await _keep_numbers(connection, vault, part)
        await connection.execute(delete(case_numbers).where(case_numbers.c.case_id.in_(part)))
    await _write_facts(connection, changed, found, today)
    read = await _read(connection, changed, rows, found, old, today)
    await insert_many(
        connection, case_numbers, await _number_rows(connection, changed, found, vault, read)
    )
    await hygiene.keep_off(connection, vault, old)
    return found


def _replaced(new: Any) -> dict[str, Any]:
    """Everything that an import says of a case."""
    return {c.name: new[c.name] for c in cases.c if c.name not in ("id", "reference")}


async def _read(
    connection: AsyncConnection,
    changed: Sequence[Case],
    rows: Sequence[Mapping[str, Any]],
    ids: Mapping[str, int],
    old: Sequence[int],
    today: date,
) -> Read:
    """What law cards are made of: of a case that was here before, what the tables say now that its rows are
    ours; of a new one nobody knows but the file.
    """
    read = await law_reading.read(connection, old) if old else Read()
    for case, row in zip(changed, rows, strict=True):
        if ids[case.reference] not in read.rows:
            said = _facts(case.particulars) | _owed(case, today)
            of_facts = {name: said[name] for name in _OF_FACTS}
            read.rows[ids[case.reference]] = CaseRow(row["id_key"], **of_facts, has_facts=True)
    return read


_OF_FACTS = CaseRow._fields[1:-1]


def _row(case: Case, print_: str, vault: Vault) -> dict[str, Any]:
    return {
        "reference": case.reference,
        "personal": vault.close_map(personal_place(case.reference), _personal(case)),
        "id_key": vault.index("id", case.id_number) if case.id_number else None,
        "balance": None if case.balance is None else case.balance.amount,
        "currency": None if case.balance is None else case.balance.currency,
        "days_past_due": case.days_past_due,
        "language": case.language,
        "priority": case.priority,
        "skill": case.skill,
        "number_count": len(case.numbers),
        "fingerprint": print_,
    }


def _personal(case: Case) -> dict[str, Any]:
    return {
        "name": case.name,
        "id_number": case.id_number,
        "born_on": case.born_on and case.born_on.isoformat(),
        "attributes": case.attributes,
    }


async def _number_rows(
    connection: AsyncConnection,
    changed: Sequence[Case],
    ids: Mapping[str, int],
    vault: Vault,
    read: Read,
) -> list[dict[str, Any]]:
    """With their law cards, so that the first draw finds them."""
    rows: list[dict[str, Any]] = [
        {
            "case_id": ids[case.reference],
            "rank": rank,
            "number": vault.close(number_place(ids[case.reference], rank), number.e164),
            "number_key": vault.number(number.e164),
            "label": number.label,
            "zone": number.zone,
        }
        for case in changed
        for rank, number in enumerate(case.numbers)
    ]
    whose = (case for case in changed for _ in case.numbers)
    wanted = [
        Carded(
            case.reference, case.skill, len(case.numbers), row["number_key"],
            read.known(row["case_id"], row["number_key"]),
        )
        for case, row in zip(whose, rows, strict=True)
    ]  # fmt: skip
    cards = await law_cards.cards(connection, wanted)
    return [row | card._asdict() for row, card in zip(rows, cards, strict=True)]


async def _keep_numbers(connection: AsyncConnection, vault: Vault, ids: Sequence[int]) -> None:
    """Numbers of cases that are about to be written anew: to the history, where they are not yet."""
    rows = await connection.execute(select(case_numbers).where(case_numbers.c.case_id.in_(ids)))
    kept = [
        {
            "case_id": row.case_id,
            "kind": "phone",
            "value": vault.close(
                f"contact_points.value/{row.case_id}/{row.number_key}",
                vault.open(number_place(row.case_id, row.rank), row.number),
            ),
            "value_key": row.number_key,
            "label": row.label,
            "source": "creditor",
            "consent": "unknown",
            "zone": row.zone,
            "rank": row.rank,
        }
        for row in rows
    ]
    if kept:
        statement = upsert(connection, contact_points).on_conflict_do_nothing()
        await connection.execute(statement, kept)


# -- what strategies ask for -----------------------------------------------------------------------


async def _write_facts(
    connection: AsyncConnection, changed: Sequence[Case], ids: Mapping[str, int], today: date
) -> None:
    """A row for each case; what the file does not say stays as it is."""
    rows = [
        {"case_id": ids[case.reference], **_facts(case.particulars), **_owed(case, today)}
        for case in changed
    ]
    others = [name for name in rows[0] if name != "case_id"]

    def said(new: Any) -> dict[str, Any]:
        return {name: func.coalesce(new[name], case_facts.c[name]) for name in others}

    await upsert_many(connection, case_facts, rows, ["case_id"], said)


def _facts(said: Particulars) -> dict[str, Any]:
    """Columns of `case_facts`; None: the file says nothing."""
    return {
        "creditor": said.creditor or None,
        "product": said.product or None,
        "debt_type": said.debt_type,
        "party_type": said.party_type,
        "jurisdiction": said.jurisdiction or None,
        "reason_overdue": said.reason,
        "ability": said.ability,
        "willingness": said.willingness,
        "behaviour": said.behaviour,
        "occupation": said.occupation,
        "region": said.region or None,
        "income_band": said.income_band,
        "score": said.score,
        "team": said.team or None,
        "owner": said.owner or None,
        "agency": said.agency or None,
        "recall_on": said.recall_on,
        "tags": sorted(said.tags) or None,
    }


def _owed(case: Case, today: date) -> dict[str, Any]:
    """The four parts; a file with a single balance means principal. oldest_due from the days that
    the file states, which are those of today.
    """
    parts, balance = case.particulars.balance, case.balance
    stated = case.particulars.oldest_due or today - timedelta(case.days_past_due)
    if parts is None and balance is not None:
        parts = Balance(balance.currency, max(ZERO, balance.amount))
    owed = {c.value: None if parts is None else parts[c] for c in Component}
    return {"currency": parts and parts.currency, "oldest_due": stated, **owed}


async def _join(
    connection: AsyncConnection,
    campaign_id: int,
    batch: Sequence[Case],
    ids: Mapping[str, int],
    known: Mapping[str, tuple[int, str]],
    due_at: datetime,
) -> int:
    """Add who is not in yet; of the others only the priority may change."""
    here = {ids[case.reference]: case.priority for case in batch}
    present: dict[int, int] = {}
    columns = select(campaign_cases.c.case_id, campaign_cases.c.priority)
    for part in chunks(case_id for case_id, _ in known.values()):
        mine = (campaign_cases.c.campaign_id == campaign_id) & campaign_cases.c.case_id.in_(part)
        rows = await connection.execute(columns.where(mine))
        present |= {int(case_id): int(priority) for case_id, priority in rows}
    rows_to_write = [
        {
            "campaign_id": campaign_id,
            "case_id": case_id,
            "priority": priority,
            "due_at": due_at,
            "tries": 0,
            "number_rank": 0,
            "reason": "",
        }
        for case_id, priority in sorted(here.items())
        if present.get(case_id) != priority
    ]
    key = ["campaign_id", "case_id"]
    await upsert_many(connection, campaign_cases, rows_to_write, key, _moved)
    return len(here) - len(present)


def _moved(new: Any) -> dict[str, Any]:
    return {"priority": new.priority}
