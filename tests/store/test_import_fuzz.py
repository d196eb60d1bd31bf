"""Files as banks, spreadsheets and mischief make them: no crash, no silent loss, every reject explained,
memory bounded.
"""

from __future__ import annotations

import csv
import io
import tracemalloc
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from dialer_engine.domain.errors import BadValue
from dialer_engine.store import SqlStore, import_cases
from dialer_engine.store.csv_cases import layout, read_case
from dialer_engine.store.csv_source import Record, open_csv
from dialer_engine.store.exchange import NAMES, Kind, find_columns, read_exchange
from dialer_engine.store.import_rows import import_rows
from dialer_engine.store.rows import BadCell, Rules, read_amount, read_date, read_whole
from dialer_engine.store.xlsx_source import open_table

RULES = Rules("GB", "GBP")
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
NASTY = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "=cmd|' /C calc'!A0", "1e999", "NaN", "-0", "9" * 500, "null", "NULL", "\x00", "00/00/0000",
         "2026-02-30", "+447700900001", "1,234.50", "￥1,234.50元", "是", "0x10", "１２３", "2026-01-01", '"', "'"]
    ),
)  # fmt: skip


@given(NASTY)
def test_a_cell_is_a_value_or_a_reason(text: str) -> None:
    for read in (read_amount, read_date, read_whole):
        reason = ""
        try:
            read(text)
        except BadCell as error:
            reason = str(error)
        assert len(text) < 4 or text not in reason


@given(st.lists(NASTY, min_size=4, max_size=16))
def test_a_case_row_is_in_or_explained(cells: list[str]) -> None:
    header = ("reference", "mobile", "principal", "due date", "dob", "score", "职业", "tags")
    found, problems = read_case(Record(2, cells), layout(header), RULES)
    assert found is not None or problems


@pytest.mark.parametrize("kind", Kind)
@given(cells=st.lists(NASTY, max_size=18))
def test_a_row_of_a_bank_is_in_or_explained(kind: Kind, cells: list[str]) -> None:
    columns = find_columns(kind, list(NAMES[kind]), {})
    found, problems = read_exchange(kind, Record(2, cells), columns, RULES)
    assert (found is None) == bool(problems)


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"reference,mobile\n", b"\xef\xbb\xbf", b"PK\x03\x04"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_table_or_refused(tmp_path: Path, body: bytes, head: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(head + body)
    refused = ""
    try:
        lines = [record.line for record in open_table(path).records([0])]
        assert lines == sorted(lines)
    except BadValue as error:
        refused = str(error)
    assert refused == "" or str(path) in refused


@given(
    st.lists(st.lists(st.text(max_size=12), min_size=2, max_size=3), max_size=8),
    st.sampled_from(["utf-8", "gb18030", "utf-16"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_a_spreadsheet_writes_is_read_back(
    tmp_path: Path, rows: list[list[str]], encoding: str
) -> None:
    clean = [[c.encode(errors="ignore").decode().replace("\x00", "") for c in row] for row in rows]
    path, text = tmp_path / "a.csv", io.StringIO(newline="")
    csv.writer(text).writerows([["reference", "mobile", "name"], *clean])
    path.write_bytes(text.getvalue().encode(encoding))
    read = [record.fields for record in open_csv(path).records([0])]
    expected = [[c.strip() for c in row] for row in clean]
    assert read == [row for row in expected if any(row)]


def test_a_line_of_a_hundred_megabytes_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w") as out:
        out.write("reference,mobile\nC1,1\n")
        for _ in range(100):
            out.write("x" * (1 << 20))
        out.write("\nC2,2\n")
    source = open_csv(path)
    tracemalloc.start()
    records = list(source.records([0]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20
    assert [(r.line, r.fields[:1], bool(r.fault)) for r in records] == [
        (2, ["C1"], False),
        (3, [], True),
        (4, ["C2"], False),
    ]
    assert "line 3 is longer" in records[1].fault


def test_lines_that_an_open_quote_swallows_are_named(tmp_path: Path) -> None:
    path = tmp_path / "quote.csv"
    filler = "".join(f"C{i},{'9' * 60}\n" for i in range(1500))
    path.write_text(f'reference,mobile\nC0,"1\n{filler}')
    faults = [r.fault for r in open_csv(path).records([0]) if r.fault]
    assert faults
    assert "lines 2 to" in faults[0]


def _workbook(path: Path, rows: list[list[object]]) -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


async def test_a_workbook_of_payments(tmp_path: Path, sqlite_url: str) -> None:
    store = SqlStore(sqlite_url)
    await store.open()
    await import_cases(
        store,
        _workbook(
            tmp_path / "cases.xlsx",
            [["案件编号", "姓名", "手机", "欠款金额", "应还日期"],
             ["C1", "K", "+447700900001", 100.5, date(2026, 11, 1)]],
        ),
        campaign=None, region="GB", currency="GBP",
    )  # fmt: skip
    rows: list[list[object]] = [
        ["流水号", "合同号", "金额", "交易日期"],
        [1001, "C1", 40, datetime(2026, 11, 20)],  # noqa: DTZ001
        [None, None, None, None],
        ["P2", "C1", "=1+1", date(2026, 11, 20)],
        ["P3", "C1", "#N/A", date(2026, 11, 20)],
        ["P4", "C1", 5, 20261120],
    ]
    file = _workbook(tmp_path / "pay.xlsx", rows)
    done = await import_rows(
        store, Kind.PAYMENTS, file, region="GB", currency="GBP", now=lambda: NOW
    )
    # A formula that no spreadsheet has computed has no value, and is told.
    assert (done.rows, done.new, done.rejected) == (4, 2, 2)
    (facts,) = (
        await store.case_facts([(await store.find_cases(number="+447700900001"))[0][0]], NOW)
    ).values()
    assert (str(facts.balance), facts.dpd) == ("55.50", 22)
    await store.close()


def test_workbooks_that_lie_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04" + b"0" * 100)
    with pytest.raises(BadValue, match="no workbook"):
        open_table(broken)
    empty = _workbook(tmp_path / "empty.xlsx", [])
    with pytest.raises(BadValue, match="must name the columns"):
        open_table(empty)
    with pytest.raises(BadValue):
        open_table(tmp_path / "none.xlsx")
