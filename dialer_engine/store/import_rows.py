"""`import --what contracts|payments|contacts|communications FILE`: a bank's other files into the store.

Rules: as `import_csv`: batches of one transaction, read in a thread beside the write; the same file again
changes nothing; what is not taken goes to the reject file with line, column and reason, and nothing is
left out without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from dialer_engine.domain.collections.payments import Payment
from dialer_engine.domain.collections.reconcile import Fault
from dialer_engine.domain.units import CaseId
from dialer_engine.store.accounts import Booked
from dialer_engine.store.communications import report
from dialer_engine.store.csv_source import CsvSource, Record
from dialer_engine.store.exchange import (
    Communication,
    ContactRow,
    ContractRow,
    ExchangeRow,
    Kind,
    find_columns,
    read_exchange,
)
from dialer_engine.store.import_csv import Rejects
from dialer_engine.store.rows import Layout, Problem, Rules
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.xlsx_source import XlsxSource, open_table

Progress = Callable[[int, int], None]
# Called after each batch with the cases that have new payments.
OnPaid = Callable[[Sequence[CaseId]], None]
_BATCH = 500


@dataclass(slots=True)
class RowsSummary:
    """rows: of the file. new, changed: written. unchanged: were there already. rejected: not in.
    unmatched: payments in the book that belong to no contract yet. noted: in, with a remark.
    """

    kind: str
    encoding: str
    columns: dict[str, str]
    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    unmatched: int = 0
    noted: int = 0
    rejects: Path | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    record: Record
    row: ExchangeRow


async def import_rows(
    store: SqlStore,
    kind: Kind,
    path: Path,
    *,
    mapping: Mapping[str, str] | None = None,
    region: str = "CN",
    currency: str = "CNY",
    on_progress: Progress | None = None,
    on_paid: OnPaid | None = None,
    rejects: Path | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    reporter: str = "import",
) -> RowsSummary:
    """Import `path`, CSV or XLSX. reporter: of communications that name none. BadValue when the file as a
    whole cannot be used.
    """
    source = await asyncio.to_thread(open_table, path)
    columns = find_columns(kind, source.header, mapping or {})
    summary = RowsSummary(kind.value, source.encoding, columns.described())
    target = rejects or path.with_name(f"{path.stem}.rejects.csv")
    with Rejects(target, columns) as refused:
        progress = [0]
        batches = _batches(
            kind, source, columns, Rules(region, currency), refused, summary, progress
        )
        while batch := await asyncio.to_thread(next, batches, None):
            paid = await _write(store, kind, batch, refused, summary, now(), reporter)
            if on_paid is not None and paid:
                on_paid(paid)
            if on_progress is not None:
                on_progress(progress[0], source.size)
        summary.rejects = refused.path if refused.is_used else None
    return summary


def _batches(
    kind: Kind,
    source: CsvSource | XlsxSource,
    columns: Layout,
    rules: Rules,
    refused: Rejects,
    summary: RowsSummary,
    progress: list[int],
) -> Iterator[list[_Read]]:
    batch: list[_Read] = []
    for record in source.records(progress):
        summary.rows += 1
        row, problems = read_exchange(kind, record, columns, rules)
        refused.write(record, problems, imported=row is not None)
        if row is None:
            summary.rejected += 1
            continue
        batch.append(_Read(record, row))
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _write(
    store: SqlStore,
    kind: Kind,
    batch: Sequence[_Read],
    refused: Rejects,
    summary: RowsSummary,
    now: datetime,
    reporter: str,
) -> Sequence[CaseId]:
    rows = [one.row for one in batch]
    if kind is Kind.PAYMENTS:
        postings = [row for row in rows if isinstance(row, Payment)]
        booked = await store.book_payments(postings, now)
        _count_payments(booked, batch, refused, summary)
        return booked.cases
    if kind is Kind.CONTRACTS:
        taken = [row for row in rows if isinstance(row, ContractRow)]
        new, changed, why = await store.write_contracts(taken, now)
        named = {
            i: why[r.contract.reference] for i, r in enumerate(taken) if r.contract.reference in why
        }
    elif kind is Kind.COMMUNICATIONS:
        made = [row for row in rows if isinstance(row, Communication)]
        named_ones = [one if one.reporter else replace(one, reporter=reporter) for one in made]
        changed = 0
        new, named = await store.database.write(report, store.vault, named_ones, now)
    else:
        contacts = [row for row in rows if isinstance(row, ContactRow)]
        new, (changed, named) = 0, await store.write_contacts(contacts, now.date())
    for place, reason in named.items():
        record = batch[place].record
        refused.write(record, [Problem(record.line, "", reason)], imported=False)
    summary.new += new
    summary.changed += changed
    summary.rejected += len(named)
    summary.unchanged += len(batch) - new - changed - len(named)
    return ()


def _count_payments(
    booked: Booked, batch: Sequence[_Read], refused: Rejects, summary: RowsSummary
) -> None:
    lines = {one.row.reference: one.record for one in batch if isinstance(one.row, Payment)}
    for reference, fault, is_booked in booked.problems:
        record = lines[reference]
        reason = f"{fault.value}: {fault.english}"
        refused.write(record, [Problem(record.line, "", reason)], imported=is_booked)
        if is_booked:
            summary.noted += 1
        elif fault is Fault.DUPLICATE:
            summary.rejected += 1
        else:
            summary.unmatched += 1
    summary.new += booked.new
    summary.unchanged += booked.repeated
