"""A CSV file as records, whatever wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialer_engine.domain.errors import BadValue
from dialer_engine.store.csv_source import Record, open_csv, sniff_delimiter

_TEXT = "案件编号,姓名\nA1,王小明\n"


def read(path: Path) -> list[Record]:
    """All records."""
    return list(open_csv(path).records([0]))


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("gb18030", "gb18030"),
        ("gbk", "gb18030"),
        ("utf-16", "utf-16"),
    ],
)
def test_encodings_are_found(tmp_path: Path, encoding: str, found: str) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(_TEXT, encoding=encoding)
    source = open_csv(path)
    assert source.encoding == found
    assert source.header == ("案件编号", "姓名")
    assert list(source.records([0])) == [Record(2, ["A1", "王小明"])]


def test_one_name_in_gb18030_far_down_decides(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes(b"ref,name\n" + b"A1,Ann\n" * 300_000 + "A2,王\n".encode("gb18030"))
    source = open_csv(path)
    assert source.encoding == "gb18030"
    *_, last = source.records([0])
    assert last == Record(300_002, ["A2", "王"])


def test_a_character_across_two_blocks_is_whole(tmp_path: Path) -> None:
    """Blocks of detection are 1 MiB."""
    path = tmp_path / "cases.csv"
    head = b"ref,name\n"
    path.write_bytes(head + b"A" * ((1 << 20) - len(head) - 1) + "王,x\n".encode())
    assert open_csv(path).encoding == "utf-8"


def test_what_is_no_text_says_where(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes(b"ref,mobile\nA1,\xff\xff\xff\n")
    with pytest.raises(BadValue, match="utf-8 fails at byte 14"):
        open_csv(path)


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("a,b,c", ","),
        ("a;b;c", ";"),
        ("a\tb", "\t"),
        ("a|b", "|"),
        ('"x,y,z";b', ";"),
        ("编号，姓名", "，"),
        ("alone", ","),
    ],
)
def test_the_delimiter_is_what_the_header_has_most_of(header: str, delimiter: str) -> None:
    assert sniff_delimiter(header) == delimiter


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text('ref,note\nA1,"two\nlines"\n\nA2,x\n', encoding="utf-8")
    assert read(path) == [Record(2, ["A1", "two\nlines"]), Record(5, ["A2", "x"])]


def test_an_open_quote_is_a_fault_and_not_the_end(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text('ref,note\nA1,"open' + "x" * 70_000 + "\nA2,y\n", encoding="utf-8")
    records = read(path)
    assert "quotation mark" in records[0].fault
    assert records[0].line == 2


def test_progress_ends_at_the_size(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("ref\n" + "A\n" * 10_000, encoding="utf-8")
    source, progress = open_csv(path), [0]
    seen = [progress[0] for _ in source.records(progress)]
    assert seen == sorted(seen)
    assert progress == [source.size]


@pytest.mark.parametrize("content", ["", "\n", ",,\n"])
def test_a_file_without_a_header_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadValue, match="first line must name the columns"):
        open_csv(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="No such file"):
        open_csv(tmp_path / "none.csv")
