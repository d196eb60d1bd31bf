"""The chain of evidence in the database: added to, read, never changed.

Rules: a record is added in the transaction of what it is about, last of all, under a lock of the head, so
that numbers have no gaps and what was rolled back left none; readers take pages, so that a chain of
millions needs no memory.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.arrival import never_came
from dialer_engine.compliance.evidence import Entry, Fault, Link, Verifier, link
from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd
from dialer_engine.domain.errors import StoreError
from dialer_engine.ports.store import RecordingRow
from dialer_engine.store._sql import chunks
from dialer_engine.store.schema_law import evidence, evidence_heads

_CHAIN: Final = "main"
_PAGE: Final = 2000


class ChainLost(StoreError):
    """The head of the chain of evidence is missing, so nothing can be added to it, and nothing is dialled.
    Restore table evidence_heads from a backup, or look for the last record in table evidence."""


async def append(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Add records in this order. Call it last in a transaction: it holds the head until the end."""
    if not entries:
        return
    query = select(evidence_heads.c.seq, evidence_heads.c.hash).where(
        evidence_heads.c.chain == _CHAIN
    )
    head = (await connection.execute(query.with_for_update())).one_or_none()
    if head is None:
        raise ChainLost("the head of the evidence is missing")
    seq, prev = head
    rows = []
    for entry in entries:
        made = link(entry, seq + 1, prev)
        seq, prev = made.seq, made.hash
        rows.append(_row(made, entry.at))
    await connection.execute(evidence.insert(), rows)
    moved = update(evidence_heads).where(evidence_heads.c.chain == _CHAIN)
    await connection.execute(moved.values(seq=seq, hash=prev))


def _row(made: Link, at: datetime) -> dict[str, Any]:
    row = asdict(made)
    return row | {"at": at, "attempt_id": row.pop("attempt"), "case_id": row.pop("case")}


# -- what is recorded of an attempt ----------------------------------------------------------------


def decided(draft: AttemptDraft, rule: str | None) -> Entry:
    """The permit, with what it was made from; or that the transaction said no to it, because somebody else
    was quicker. rule: who refused.
    """
    if rule is None:
        return Entry("permit", draft.planned_at, draft.permit, draft.id, draft.case_id)
    content = {
        "v": 1,
        "decision": "refused",
        "reasons": [rule],
        "rules": draft.permit.get("rules", ""),
    }
    return Entry("refused", draft.planned_at, content, draft.id, draft.case_id)


def _words_id(digest: str) -> str:
    """By what the words behind a hash are found, where the ids of attempts stand."""
    return f"w-{digest}"


async def said(connection: AsyncConnection, words: Mapping[str, str], now: datetime) -> None:
    """Put words on record, each once. words: by their SHA-256."""
    wanted = {_words_id(digest): digest for digest in words}
    there: set[str] = set()
    for part in chunks(wanted):
        query = select(evidence.c.attempt_id).where(evidence.c.attempt_id.in_(part))
        there |= {str(one) for one in await connection.scalars(query)}
    entries = [
        Entry("words", now, {"v": 1, "sha256": digest, "words": json.loads(words[digest])}, id)
        for id, digest in wanted.items()
        if id not in there
    ]
    await append(connection, entries)


def denied(record: Mapping[str, Any], case_id: int) -> Entry:
    """A denial or deferral, as `Gate.record_of` gives it."""
    at = datetime.fromisoformat(record["decided_at"])
    return Entry(str(record["decision"]), at, record, None, case_id)


def ended(end: AttemptEnd, case_id: int) -> Entry:
    """What became of an attempt: each timestamp, cause, verdict. never_came: why it takes no token."""
    return Entry("outcome", end.ended_at, _outcome(end), end.id, case_id)


def _outcome(end: AttemptEnd) -> dict[str, Any]:
    plain = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(end).items()
        if value is not None and name not in ("id", "outcome")
    }
    never = never_came(end)
    return plain | {"v": 1, "outcome": end.outcome.value} | ({"never_came": never} if never else {})


def recorded(row: RecordingRow, at: datetime) -> Entry:
    """The recording of an attempt, with its hash."""
    content = {
        "v": 1,
        "status": row.status,
        "sha256": row.sha256,
        "size_bytes": row.size_bytes,
        "duration_s": row.duration_s,
        "problems": list(row.problems),
    }
    return Entry("recording", row.checked_at or at, content, row.attempt)


# -- reading ---------------------------------------------------------------------------------------


async def head(connection: AsyncConnection) -> tuple[int, str]:
    """Where the chain ends."""
    query = select(evidence_heads.c.seq, evidence_heads.c.hash)
    found = (await connection.execute(query.where(evidence_heads.c.chain == _CHAIN))).one_or_none()
    if found is None:
        raise ChainLost("the head of the evidence is missing")
    return int(found.seq), str(found.hash)


async def pages(connection: AsyncConnection, after: int = 0) -> AsyncIterator[list[Link]]:
    """All links after a number, in their order."""
    while True:
        query = select(evidence).where(evidence.c.seq > after).order_by(evidence.c.seq).limit(_PAGE)
        found = await _links(connection, query)
        if not found:
            return
        yield found
        after = found[-1].seq


async def of_case(connection: AsyncConnection, case_id: int) -> list[Link]:
    """Every link of a case, the recordings of its attempts, and the words that were to be said in them."""
    own = await _links(
        connection, select(evidence).where(evidence.c.case_id == case_id).order_by(evidence.c.seq)
    )
    ids = sorted({one.attempt for one in own if one.attempt is not None} | _words_of(own))
    found = {one.seq: one for one in own}
    for part in chunks(ids):
        query = select(evidence).where(evidence.c.attempt_id.in_(part))
        found |= {one.seq: one for one in await _links(connection, query)}
    return [found[seq] for seq in sorted(found)]


def _words_of(links: Iterable[Link]) -> set[str]:
    """The ids of the words that these decisions name."""
    found: set[str] = set()
    for one in links:
        if one.kind == "permit":
            told = json.loads(one.record).get("facts", {}).get("messages", ())
            found |= {_words_id(name.rpartition(":")[2]) for name in told}
    return found


async def _links(connection: AsyncConnection, query: Select[Any]) -> list[Link]:
    return [
        Link(
            seq=row.seq,
            kind=row.kind,
            at=row.at.isoformat(),
            record=row.record,
            prev=row.prev,
            hash=row.hash,
            attempt=row.attempt_id,
            case=row.case_id,
        )
        for row in await connection.execute(query)
    ]


async def verify(connection: AsyncConnection) -> tuple[int, tuple[int, str], list[Fault]]:
    """Read the whole chain: how many links, where it ends, and what is wrong."""
    verifier = Verifier()
    faults: list[Fault] = []
    async for page in pages(connection):
        faults += verifier.read(page)
    try:
        end = await head(connection)
    except ChainLost:
        faults.append(Fault(verifier.seq, "the head of the chain is missing"))
        return verifier.checked, (verifier.seq, verifier.hash), faults
    faults += verifier.close(*end)
    return verifier.checked, end, faults


def contents(links: Iterable[Link]) -> list[dict[str, Any]]:
    """Links as an export holds them: the record opened, for people, beside its exact text."""
    return [asdict(one) | {"content": json.loads(one.record)} for one in links]
