"""`import cases.csv`: from a creditor's file into the store, whatever its size.

Rules: batches are read in a thread while the last one is written, and each is one transaction, so
that an import stopped half-way is finished by running it again; a reference that comes twice in one
file is taken once, the first time; what is not taken goes to a reject file with line, column and
reason, beside the row as it was; that file holds personal data and only its owner can read it.
"""

from __future__ import annotations

import asyncio
import csv
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from dialer_engine.domain.case import Case
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import CampaignName
from dialer_engine.store.case_import import Written
from dialer_engine.store.csv_cases import Layout, Problem, Rules, layout, read_case
from dialer_engine.store.csv_source import CsvSource, Record
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.xlsx_source import XlsxSource, open_table

Progress = Callable[[int, int], None]

# The writer is busy for some 50 ms with a batch of this size: short enough for a daemon that shares
# the store.
_BATCH = 500


@dataclass(slots=True)
class ImportSummary:
    """What an import did. rows: of the file, without the header. rejected: rows that are not in.
    numbers_skipped: numbers left out of rows that are in. joined: cases new in the campaign.
    rejects: the reject file, None when nothing was wrong.
    """

    encoding: str
    delimiter: str
    columns: dict[str, str]
    rows: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    joined: int = 0
    rejected: int = 0
    numbers_skipped: int = 0
    rejects: Path | None = None

    def add(self, written: Written) -> None:
        """Count a batch."""
        self.new += written.new
        self.updated += written.updated
        self.unchanged += written.unchanged
        self.joined += written.joined


async def import_cases(
    store: SqlStore,
    path: Path,
    *,
    campaign: CampaignName | None,
    mapping: Mapping[str, str] | None = None,
    region: str = "CN",
    currency: str = "CNY",
    on_progress: Progress | None = None,
    rejects: Path | None = None,
    due_at: datetime | None = None,
) -> ImportSummary:
    """Import `path`. campaign: where the cases are to be dialled; None: nowhere yet. mapping: field
    to column name, over what is found by name. on_progress(bytes done, bytes in all). rejects: the
    reject file, by default beside the source as NAME.rejects.csv. due_at: from when the cases may
    be dialled, by default now. BadValue when the file as a whole cannot be used; NotFound for the
    campaign.
    """
    source = await asyncio.to_thread(open_table, path)
    columns = layout(source.header, mapping)
    summary = ImportSummary(source.encoding, source.delimiter, columns.described())
    target = rejects or path.with_name(f"{path.stem}.rejects.csv")
    due = due_at or datetime.now(UTC)
    with Rejects(target, columns) as refused, Seen() as seen:
        reader = _Reader(source, columns, Rules(region, currency), refused, seen, summary)
        batches = reader.batches()
        while batch := await asyncio.to_thread(next, batches, None):
            summary.add(await store.import_batch(campaign, batch, due))
            if on_progress is not None:
                on_progress(reader.progress[0], source.size)
        summary.rejects = refused.path if refused.is_used else None
    return summary


def parse_mapping(items: Sequence[str]) -> dict[str, str]:
    """`["reference=案件编号", …]`, as --map gives them; BadValue."""
    found = {}
    for item in items:
        name, equals, column = item.partition("=")
        if not (name and equals and column):
            raise BadValue(f"--map wants FIELD=COLUMN, not {item!r}")
        found[name.strip()] = column.strip()
    return found


def load_mapping(path: Path) -> dict[str, str]:
    """A YAML file of `field: column`; BadValue."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadValue(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise BadValue(
            f"{path}: this is not YAML; write lines such as `reference: 案件编号`"
        ) from None
    if not isinstance(data, dict):
        raise BadValue(f"{path}: write lines such as `reference: 案件编号`")
    return {str(name): str(column) for name, column in data.items()}


class _Reader:
    """Batches of cases; the problems of what is not among them go to the reject file."""

    def __init__(
        self,
        source: CsvSource | XlsxSource,
        columns: Layout,
        rules: Rules,
        refused: Rejects,
        seen: Seen,
        summary: ImportSummary,
    ) -> None:
        self.progress = [0]
        self._source, self._columns, self._rules = source, columns, rules
        self._refused, self._seen, self._summary = refused, seen, summary

    def batches(self) -> Iterator[list[Case]]:
        """Lists of at most `_BATCH` cases, none empty."""
        batch: list[Case] = []
        for record in self._source.records(self.progress):
            case = self._read(record)
            if case is not None:
                batch.append(case)
            if len(batch) >= _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _read(self, record: Record) -> Case | None:
        self._summary.rows += 1
        case, problems = read_case(record, self._columns, self._rules)
        if case is not None:
            earlier = self._seen.first_line(case.reference, record.line)
            if earlier is not None:
                column = self._columns.header[self._columns.fields["reference"]]
                reason = f"line {earlier} has the same reference, and is the one that counts"
                case, problems = None, [Problem(record.line, column, reason)]
        self._refused.write(record, problems, imported=case is not None)
        if case is None:
            self._summary.rejected += 1
        else:
            self._summary.numbers_skipped += len(problems)
        return case


class Rejects:
    """The reject file; it is not made before there is something to write."""

    def __init__(self, path: Path, columns: Layout) -> None:
        self.path = path
        self._columns = columns
        self._file: Any = None
        self._writer: Any = None

    @property
    def is_used(self) -> bool:
        """Something was written."""
        return self._file is not None

    def write(self, record: Record, problems: Sequence[Problem], *, imported: bool) -> None:
        """A line for each problem."""
        for problem in problems:
            if self._file is None:
                self._start()
            state = "yes" if imported else "no"
            head = [problem.line, problem.column, problem.reason, state]
            self._writer.writerow([*head, *record.fields])

    def _start(self) -> None:
        number = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(number, 0o600)
        # With its mark, because Excel takes UTF-8 without one for something else.
        self._file = os.fdopen(number, "w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(["line", "column", "reason", "imported", *self._columns.header])

    def __enter__(self) -> Rejects:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()


class Seen:
    """References of this file so far, in a private file that SQLite deletes: millions of them cost
    no memory.
    """

    _HASH_BYTES = 12

    def __init__(self) -> None:
        # Batches are read by whichever thread is free, one at a time.
        self._book = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._book.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            "CREATE TABLE seen (hash BLOB PRIMARY KEY, line INTEGER) WITHOUT ROWID;"
        )

    def first_line(self, reference: str, line: int) -> int | None:
        """None when the reference is new; else the line that had it."""
        key = blake2b(reference.encode(), digest_size=self._HASH_BYTES).digest()
        insert = "INSERT INTO seen VALUES (?, ?) ON CONFLICT DO NOTHING"
        if self._book.execute(insert, (key, line)).rowcount:
            return None
        row = self._book.execute("SELECT line FROM seen WHERE hash = ?", (key,)).fetchone()
        return int(row[0])

    def close(self) -> None:
        """Forget all of it."""
        self._book.close()

    def __enter__(self) -> Seen:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
