"""A workbook's first sheet as records, row by row.

Rules: nothing is held in memory but the row at hand and the workbook's own table of texts, whose size
is checked before it is read, as is what the file would unpack to (a small file can hold gigabytes);
formulas are not computed: the value that the spreadsheet saved counts, and a formula without one is a
fault; a number is written without an exponent, a day as 2026-01-31; a line number is the sheet's row.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from dialer_engine.domain.errors import BadValue
from dialer_engine.store.csv_source import CsvSource, Record, open_csv

# openpyxl holds these texts as a list: some five times as much memory.
_TEXTS_LIMIT = 256 << 20
_UNPACKED_LIMIT = 4 << 30
# A sheet has at most 16,384 columns; a table of more than these is none.
_COLUMNS_LIMIT = 2_000
_TEXTS = "xl/sharedStrings.xml"
_ERRORS = ("#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!")


@dataclass(frozen=True, slots=True)
class XlsxSource:
    """A workbook whose header is known. encoding, delimiter: as a CSV file has them, for the summary."""

    path: Path
    header: tuple[str, ...]
    size: int
    encoding: str = "xlsx"
    delimiter: str = ""

    def records(self, progress: list[int]) -> Iterator[Record]:
        """Every row after the header that is not empty. progress[0]: bytes, in proportion to rows."""
        with _Sheet(self.path) as rows:
            for place, cells in enumerate(rows):
                record = _record(place + 1, cells)
                if place and (record.fault or any(record.fields)):
                    progress[0] = min(self.size, self.size * place // max(1, rows.count))
                    yield record
        progress[0] = self.size


def open_table(path: Path) -> CsvSource | XlsxSource:
    """A workbook by its content, else a CSV file; BadValue when it is neither."""
    try:
        with path.open("rb") as raw:
            start = raw.read(4)
    except OSError as error:
        raise BadValue(f"{path}: {error.strerror}") from None
    return open_xlsx(path) if start == b"PK\x03\x04" else open_csv(path)


def open_xlsx(path: Path) -> XlsxSource:
    """Check what it would unpack to, and read the header; BadValue."""
    _check_sizes(path)
    with _Sheet(path) as rows:
        first = next(iter(rows), ())
    header = tuple(_text(value) or "" for value in first)
    while header and not header[-1]:
        header = header[:-1]
    if not header:
        raise BadValue(f"{path}: the first row of the first sheet must name the columns")
    return XlsxSource(path, header, path.stat().st_size)


class _Sheet:
    """The rows of the first sheet; closes the workbook."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
            self._sheet = self._book.worksheets[0]
        except (
            InvalidFileException,
            KeyError,
            IndexError,
            ValueError,
            OSError,
            SyntaxError,
        ) as error:
            raise BadValue(
                f"{path}: this workbook cannot be read ({type(error).__name__})"
            ) from None
        # What the file claims may be wrong, and would make openpyxl fill up empty rows.
        self.count = self._sheet.max_row or 0
        self._sheet.reset_dimensions()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._sheet.iter_rows(values_only=True, max_col=_COLUMNS_LIMIT)
        except (KeyError, ValueError, SyntaxError, OSError, zipfile.BadZipFile) as error:
            raise BadValue(
                f"{self._path}: the sheet is damaged ({type(error).__name__}); what came before is in"
            ) from None

    def __enter__(self) -> _Sheet:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()


def _check_sizes(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {one.filename: one.file_size for one in archive.infolist()}
    except (zipfile.BadZipFile, OSError):
        raise BadValue(f"{path}: this is no workbook (xlsx)") from None
    if sum(sizes.values()) > _UNPACKED_LIMIT or sizes.get(_TEXTS, 0) > _TEXTS_LIMIT:
        raise BadValue(f"{path}: the workbook is too large; save it as CSV")


def _record(line: int, cells: tuple[Any, ...]) -> Record:
    fields = [_text(value) for value in cells]
    while fields and not fields[-1]:
        fields.pop()
    if any(text is None for text in fields):
        return Record(line, [text or "" for text in fields], "a cell holds an error or no value")
    return Record(line, [text or "" for text in fields])


def _text(value: Any) -> str | None:
    """None: an error of the spreadsheet."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return _plain(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    text = str(value).strip()
    return None if text in _ERRORS else text


def _plain(value: float) -> str | None:
    if value != value or value in (float("inf"), float("-inf")):
        return None
    return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
