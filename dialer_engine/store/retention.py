"""What is old goes: calls, counted contacts, list entries that ended; by the longest rule that keeps it.

Rules: the longest period of all retention rules that name a kind of record holds; a case that is held
(`hold_book.kept_cases`), or everything under a hold without a case, stays; the chain of evidence has no
numbers and names and stays whole; what was done is put on that chain, and told. An attempt that is
anonymised keeps its times and outcome for the figures and loses its number and its agent; where a rule says
delete, the row goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import String, cast, delete, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.evidence import Entry
from dialer_engine.compliance.rules import RetentionSpec
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.store import evidence
from dialer_engine.store._sql import chunks
from dialer_engine.store.hold_book import kept_cases
from dialer_engine.store.schema import attempts, dispositions, recordings
from dialer_engine.store.schema_books import interactions
from dialer_engine.store.schema_law import legal_holds, suppressions, unit_events

_BATCH: Final = 1000
GONE: Final = "gone"


@dataclass(frozen=True, slots=True)
class Keep:
    """How long a kind of record stays, and by which rule. then: delete | anonymise."""

    record: str
    days: int
    then: str
    rule: str


@dataclass(slots=True)
class Report:
    """What was done. recordings: paths whose files may go now. held: attempts that a hold kept."""

    at: str
    rules: dict[str, str] = field(default_factory=dict)
    attempts_anonymised: int = 0
    attempts_deleted: int = 0
    contacts_deleted: int = 0
    suppressions_anonymised: int = 0
    held: int = 0
    recordings: list[str] = field(default_factory=list)


def periods(book: RuleBook) -> dict[str, Keep]:
    """The longest period of each kind of record; kinds that no rule names are kept for ever. Deleting
    yields to anonymising where two rules of one length differ.
    """
    found: dict[str, Keep] = {}
    for rule in book.rules:
        if not rule.enabled or not isinstance(rule.spec, RetentionSpec):
            continue
        for record in rule.spec.records:
            known = found.get(record)
            new = Keep(record, rule.spec.keep_days, rule.spec.then, rule.id)
            longer = known is None or (new.days, new.then == "anonymise") > (
                known.days, known.then == "anonymise"
            )  # fmt: skip
            if longer:
                found[record] = new
    return found


async def due(connection: AsyncConnection, book: RuleBook, now: datetime) -> tuple[list[Any], int]:
    """Ended attempts beyond their period that still have a number, and how many a hold keeps."""
    keep = periods(book).get("attempts")
    if keep is None:
        return [], 0
    old = now - timedelta(days=keep.days)
    query = (
        select(attempts.c.id, attempts.c.case_id)
        .where(attempts.c.ended_at < old, attempts.c.number_shown != GONE)
        .order_by(attempts.c.id)
        .limit(_BATCH)
    )
    held = kept_cases(now)
    if await _all_held(connection, now):
        every = query.limit(None).subquery()
        return [], int(await connection.scalar(select(func.count()).select_from(every)) or 0)
    rows = (await connection.execute(query.where(attempts.c.case_id.not_in(held)))).all()
    kept = query.where(attempts.c.case_id.in_(held)).limit(None).subquery()
    count = await connection.scalar(select(func.count()).select_from(kept))
    return list(rows), int(count or 0)


async def sweep(connection: AsyncConnection, book: RuleBook, now: datetime) -> Report:
    """One round of at most a thousand attempts; call it until it does nothing."""
    keeps = periods(book)
    report = Report(now.isoformat(), {name: keep.rule for name, keep in sorted(keeps.items())})
    rows, report.held = await due(connection, book, now)
    ids = [row.id for row in rows]
    await _attempts(connection, keeps, ids, report)
    if not await _all_held(connection, now):
        await _contacts(connection, keeps, now, report)
        await _suppressions(connection, keeps, now, report)
    if _did_something(report):
        content = {"v": 1, **asdict(report), "recordings": len(report.recordings)}
        await evidence.append(connection, [Entry("retention", now, content)])
    return report


def _did_something(report: Report) -> bool:
    done: Mapping[str, Any] = asdict(report)
    return any(value for name, value in done.items() if name not in ("at", "rules", "held"))


async def _attempts(
    connection: AsyncConnection, keeps: Mapping[str, Keep], ids: list[str], report: Report
) -> None:
    for part in chunks(ids):
        paths = select(recordings.c.path).where(recordings.c.attempt_id.in_(part))
        report.recordings += list((await connection.scalars(paths)).all())
        notes = update(dispositions).where(dispositions.c.attempt_id.in_(part))
        await connection.execute(notes.values(note="", agent_id=""))
        if keeps["attempts"].then == "delete":
            gone = delete(attempts).where(attempts.c.id.in_(part))
            report.attempts_deleted += (await connection.execute(gone)).rowcount
            continue
        blank = update(attempts).where(attempts.c.id.in_(part))
        blank = blank.values(number_key=GONE, number_shown=GONE, agent_id=None)
        report.attempts_anonymised += (await connection.execute(blank)).rowcount


async def _contacts(
    connection: AsyncConnection, keeps: Mapping[str, Keep], now: datetime, report: Report
) -> None:
    """Counted contacts beyond their period. What a rule counts for ever is kept by naming no period."""
    keep = keeps.get("contacts")
    if keep is not None:
        kept = kept_cases(now)
        ours = select(attempts.c.id).where(attempts.c.case_id.in_(kept))
        others = select(interactions.c.key).where(interactions.c.case_id.in_(kept))
        old = delete(unit_events).where(
            unit_events.c.at < now - timedelta(days=keep.days),
            unit_events.c.contact.not_in(ours),
            unit_events.c.contact.not_in(others),
        )
        report.contacts_deleted = (await connection.execute(old)).rowcount


async def _suppressions(
    connection: AsyncConnection, keeps: Mapping[str, Keep], now: datetime, report: Report
) -> None:
    keep = keeps.get("suppressions")
    if keep is None:
        return
    old = now - timedelta(days=keep.days)
    ended = or_(suppressions.c.removed_at < old, suppressions.c.until < old)
    blank = update(suppressions).where(ended, suppressions.c.shown != GONE)
    # One that ran out still counts as holding for the unique index: each gets a key of its own.
    gone = literal(f"{GONE}:") + cast(suppressions.c.id, String)
    done = await connection.execute(blank.values(shown=GONE, unit_key=gone, reason="", source=""))
    report.suppressions_anonymised = done.rowcount


# -- legal holds -----------------------------------------------------------------------------------


async def hold(
    connection: AsyncConnection, case_id: int | None, who: str, why: str, now: datetime
) -> None:
    """Nothing of this case, or of any, is deleted until the hold ends."""
    if not why:
        raise BadValue("a legal hold needs a reason")
    row = {"case_id": case_id, "why": why, "who": who, "since": now}
    await connection.execute(insert(legal_holds), row)
    await evidence.append(
        connection, [Entry("hold", now, {"v": 1, "who": who, "why": why}, None, case_id)]
    )


async def end_hold(connection: AsyncConnection, id: int, now: datetime) -> None:
    """The hold ends; NotFound when it had ended."""
    ended = update(legal_holds).where(legal_holds.c.id == id, legal_holds.c.until.is_(None))
    if (await connection.execute(ended.values(until=now))).rowcount != 1:
        raise NotFound(f"no legal hold {id} is in force")
    await evidence.append(connection, [Entry("hold_ended", now, {"v": 1, "hold": id})])


async def _all_held(connection: AsyncConnection, now: datetime) -> bool:
    query = select(legal_holds.c.id).where(legal_holds.c.case_id.is_(None), _in_force(now))
    return (await connection.execute(query)).first() is not None


async def held_cases(connection: AsyncConnection, now: datetime) -> dict[str, Any]:
    """{everything, cases}: what holds keep now, for the report."""
    query = select(func.count()).select_from(kept_cases(now).distinct().subquery())
    count = int(await connection.scalar(query) or 0)
    return {"everything": await _all_held(connection, now), "cases": count}


def _in_force(now: datetime) -> Any:
    return or_(legal_holds.c.until.is_(None), legal_holds.c.until > now)
