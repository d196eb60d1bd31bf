"""A CSV file as records, whatever spreadsheet wrote it.

Rules: the encoding is decided from the whole file before the first row is used (a name in GB18030
may first come in line 900,000); the delimiter is the one the header has most of; nothing is held
in memory but the row at hand, and of a line that is longer than any table's not even that; a line
number is the line of the file on which the record begins; lines that an open quotation mark
swallowed are named.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from dialer_engine.domain.errors import BadValue

# In the order in which they are tried. GB18030 takes almost any bytes, so it is last; UTF-16 only
# with its mark.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TRIED = ("utf-8", "gb18030")
_DELIMITERS = (",", "\t", ";", "|", "，")
_BLOCK = 1 << 20
# Longer than any cell of a spreadsheet (32,767 characters): beyond it a quote was left open.
_CELL_LIMIT = 65_536
# More than 1,000 columns of 1,000 characters; a file without line ends would be read whole.
_LINE_LIMIT = 1 << 20
csv.field_size_limit(_CELL_LIMIT)


@dataclass(frozen=True, slots=True)
class Record:
    """One row. line: where it begins. fields: as many as the file had, stripped. fault: why it
    cannot be read, or empty.
    """

    line: int
    fields: list[str] = field(repr=False)
    fault: str = ""


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A file whose encoding, delimiter and header are known."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    size: int

    def records(self, progress: list[int]) -> Iterator[Record]:
        """Every row after the header. progress[0] is kept at the bytes read so far."""
        with self.path.open("rb") as raw, _text(raw, self.encoding) as lines:
            counted = _Lines(lines)
            reader = csv.reader(counted, delimiter=self.delimiter)
            first = True
            while True:
                record = _next(reader, counted)
                if record is None:
                    break
                progress[0] = raw.tell()
                if first:
                    first = False
                elif record.fault or any(record.fields):
                    yield record
        progress[0] = self.size


def open_csv(path: Path) -> CsvSource:
    """Find out what `path` is; BadValue when it is not a readable table. Reads the file once."""
    try:
        encoding = detect_encoding(path)
        with path.open("rb") as raw, _text(raw, encoding) as lines:
            head = lines.readline(_LINE_LIMIT)
    except OSError as error:
        raise BadValue(f"{path}: {error.strerror}") from None
    delimiter = sniff_delimiter(head)
    # The header may span lines inside quotes: read it with the real reader.
    source = CsvSource(path, encoding, delimiter, (), path.stat().st_size)
    return CsvSource(path, encoding, delimiter, _header(source), source.size)


def detect_encoding(path: Path) -> str:
    """The name of a codec that decodes all of the file; BadValue with the place where none does."""
    with path.open("rb") as raw:
        start = raw.read(4)
    places = {}
    # A file may begin like one encoding and go on like none.
    marked = tuple(name for mark, name in _MARKS if start.startswith(mark))
    for name in marked or _TRIED:
        place = _first_fault(path, name)
        if place is None:
            return name
        places[name] = place
    where = ", ".join(f"{name} fails at byte {place:,}" for name, place in places.items())
    known = "as its first bytes say" if marked else "neither UTF-8 nor GB18030"
    raise BadValue(f"{path}: the text is {'not ' * bool(marked)}{known} ({where})")


def sniff_delimiter(header: str) -> str:
    """The delimiter that occurs most often outside quotes; a comma when there is none."""
    counts = dict.fromkeys(_DELIMITERS, 0)
    quoted = False
    for character in header:
        if character == '"':
            quoted = not quoted
        elif not quoted and character in counts:
            counts[character] += 1
    best = max(_DELIMITERS, key=lambda d: counts[d])
    return best if counts[best] else ","


def _first_fault(path: Path, encoding: str) -> int | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    with path.open("rb") as raw:
        while True:
            block = raw.read(_BLOCK)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return done + error.start
            if not block:
                return None
            done += len(block)


def _text(raw: IO[bytes], encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(raw, encoding=encoding, newline="")


class _TooLong(csv.Error):
    """A line above the limit; its rest was skipped."""


class _Lines:
    """The lines of a text, counted; of one that is too long only the fact."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.count = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(_LINE_LIMIT)
        if not line:
            raise StopIteration
        self.count += 1
        if len(line) < _LINE_LIMIT or line[-1] in "\r\n":
            return line
        while line and line[-1] not in "\r\n":
            line = self._text.readline(_LINE_LIMIT)
        raise _TooLong


def _next(reader: Iterator[list[str]], lines: _Lines) -> Record | None:
    start = lines.count + 1
    try:
        return Record(start, [cell.strip() for cell in next(reader)])
    except StopIteration:
        return None
    except _TooLong:
        return Record(start, [], f"line {lines.count} is longer than {_LINE_LIMIT:,} characters")
    except csv.Error:
        span = f"lines {start} to {lines.count}" if lines.count > start else f"line {start}"
        return Record(
            start, [], f"the row cannot be read ({span}); a quotation mark may be left open"
        )


def _header(source: CsvSource) -> tuple[str, ...]:
    with source.path.open("rb") as raw, _text(raw, source.encoding) as lines:
        counted = _Lines(lines)
        record = _next(csv.reader(counted, delimiter=source.delimiter), counted)
    if record is None or record.fault or not any(record.fields):
        raise BadValue(f"{source.path}: the first line must name the columns")
    if any("\0" in name for name in record.fields):
        raise BadValue(f"{source.path}: a NUL character is in the name of a column")
    return tuple(record.fields)
