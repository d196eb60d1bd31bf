"""Rows that one database or the other cannot hold: each is a reject with its reason, and those beside it are in."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import Money
from dialer_engine.store import SqlStore, import_cases
from dialer_engine.store.csv_cases import ALIASES
from dialer_engine.store.csv_source import open_csv
from dialer_engine.store.exchange import NAMES, Kind
from dialer_engine.store.import_rows import RowsSummary, import_rows
from dialer_engine.store.rows import BadCell, read_amount, read_count, read_date, read_small
from tests.store.building import case, fill, write_csv

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
LONG = "x" * 5000
CONTRACTS = (
    "case",
    "contract",
    "term_months",
    "amount",
    "opened_on",
    "as_of",
    "principal",
    "schedule",
)
PAYMENTS = ("reference", "contract", "amount", "paid_on", "memo", "reverses")
CONTACTS = ("case", "value", "rank", "label", "valid_from", "person", "role")
GOOD: dict[Kind, tuple[tuple[str, ...], list[str]]] = {
    Kind.CONTRACTS: (CONTRACTS, ["C1", "K1", "12", "900", "2026-01-01", "", "", ""]),
    Kind.PAYMENTS: (PAYMENTS, ["P1", "C1", "5", "2026-11-20", "", ""]),
    Kind.CONTACTS: (CONTACTS, ["C1", "+447700900009", "3", "", "", "", ""]),
}  # fmt: skip
BAD = [
    (Kind.CONTRACTS, "term_months", "32768", "whole number up to 32767"),
    (Kind.CONTRACTS, "term_months", "-1", "less than 0"),
    (Kind.CONTRACTS, "contract", "K\x002", "cannot be stored"),
    (Kind.CONTRACTS, "contract", LONG, "longer than 256"),
    (Kind.CONTRACTS, "case", "C\x001", "cannot be stored"),
    (Kind.CONTRACTS, "opened_on", "0001-01-01", "the year"),
    (Kind.CONTRACTS, "opened_on", "9999-12-31", "the year"),
    (Kind.CONTRACTS, "amount", "100000000000000", "too large"),
    (Kind.CONTRACTS, "schedule", "; ".join(["2026-01-10:50000000000000"] * 2), "more than can be owed"),
    (Kind.PAYMENTS, "paid_on", "0001-01-01", "the year"),
    (Kind.PAYMENTS, "paid_on", "9999-12-31", "the year"),
    (Kind.PAYMENTS, "amount", "0.00", "above 0"),
    (Kind.PAYMENTS, "reference", "P\x002", "cannot be stored"),
    (Kind.PAYMENTS, "reference", LONG, "longer than 256"),
    (Kind.PAYMENTS, "memo", "thanks\x00", "cannot be stored"),
    (Kind.PAYMENTS, "reverses", "P\x00", "cannot be stored"),
    (Kind.CONTACTS, "rank", "32768", "whole number up to 32767"),
    (Kind.CONTACTS, "rank", "-32769", "whole number up to 32767"),
    (Kind.CONTACTS, "label", "\x00", "cannot be stored"),
    (Kind.CONTACTS, "person", "Kit\x00", "cannot be stored"),
    (Kind.CONTACTS, "valid_from", "0001-01-01", "the year"),
]  # fmt: skip


def row(kind: Kind, name: str, value: str) -> list[str]:
    """A good row of its own with this one field."""
    names, good = GOOD[kind]
    made = [
        {"K1": "K2", "P1": "P2", "+447700900009": "+447700900008"}.get(one, one) for one in good
    ]
    made[names.index(name)] = value
    return made


async def put(
    store: SqlStore, kind: Kind, path: Path, rows: Sequence[Sequence[str]]
) -> RowsSummary:
    file = write_csv(path / "in.csv", [GOOD[kind][0], *rows])
    return await import_rows(store, kind, file, region="GB", currency="GBP", now=lambda: NOW)


def reasons(path: Path) -> list[str]:
    with (path / "in.rejects.csv").open(encoding="utf-8-sig") as found:
        return [line["reason"] for line in csv.DictReader(found)]


@pytest.mark.parametrize(("kind", "name", "value", "reason"), BAD)
async def test_one_bad_row_is_a_reject_and_the_others_are_in(
    store: SqlStore, tmp_path: Path, kind: Kind, name: str, value: str, reason: str
) -> None:
    await fill(store, [replace(case(1), balance=Money(Decimal(900), "GBP"))])
    told = await put(store, kind, tmp_path, [row(kind, name, value), GOOD[kind][1]])
    assert (told.rows, told.rejected, told.new + told.changed) == (2, 1, 1)
    (why,) = reasons(tmp_path)
    assert reason in why
    assert value not in why


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("reference", "C\x002"), ("reference", LONG), ("language", "z\x00"), ("skill", "\x00"),
        ("owner", LONG), ("tags", "a;b\x00"), ("product", "\x00x"), ("priority", "2147483648"),
        ("due date", "0001-01-01"), ("due date", "9999-12-31"), ("recall date", "9999-12-31"),
        ("dob", "0001-01-01"), ("principal", "100000000000000"), ("note", "\x00"),
        ("numbers", ";".join(f"+4477009{n:05d}" for n in range(601))),
    ],
)  # fmt: skip
async def test_a_bad_case_is_a_reject_and_the_next_is_in(
    store: SqlStore, tmp_path: Path, column: str, value: str
) -> None:
    names = ["reference", "mobile", "language", "skill", "owner", "tags", "product", "priority", "due date",
             "recall date", "dob", "principal", "note", "numbers"]  # fmt: skip
    bad = ["C2", "+447700900002", *[""] * (len(names) - 2)]
    bad[names.index(column)] = value
    good = ["C1", "+447700900001", *[""] * (len(names) - 2)]
    file = write_csv(tmp_path / "in.csv", [names, bad, good])
    told = await import_cases(store, file, campaign=None, region="GB", currency="GBP")
    assert (told.rejected, told.new) == (1, 1)
    assert reasons(tmp_path)
    assert (await store.case_file("C1", NOW))["case"]["reference"] == "C1"


async def test_what_adds_up_to_more_than_a_column_holds_is_a_reject(
    store: SqlStore, tmp_path: Path
) -> None:
    most = "99999999999999"
    file = write_csv(
        tmp_path / "cases.csv",
        [["reference", "mobile", "principal", "interest", "penalty", "fees"], ["C1", "+447700900001", *[most] * 4]],
    )  # fmt: skip
    await import_cases(store, file, campaign=None, region="GB", currency="GBP")
    one = ["12", most, "", "", "", f"2026-01-10:{most}"]
    rows = [["C1", f"K{number:02}", *one] for number in range(12)]
    told = await put(store, Kind.CONTRACTS, tmp_path, rows)
    assert (told.new, told.rejected) == (9, 3)
    assert all("14 digits" in why for why in reasons(tmp_path))
    again = await put(store, Kind.CONTRACTS, tmp_path, rows)
    assert (again.unchanged, again.rejected) == (9, 3)
    facts = (await store.case_file("C1", NOW))["facts"]
    assert facts["principal"] == 9 * 99_999_999_999_999


WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", "C1", "K1", "P1", "+447700900001", "0001-01-01", "9999-12-31", "2026-02-28", "32767", "32768", "-1",
         "2147483647", "1e9", "999999999999.9999", "-0.01", "\x00", "\x1f", "\u2028", "中文", "guardian", "yes",
         "2026-01-10:1:1; 2199-12-31:0.0001"]
    ),
)  # fmt: skip


@pytest.mark.parametrize("kind", Kind)
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_file_fails_as_a_whole(
    store: SqlStore, tmp_path: Path, kind: Kind, data: st.DataObject
) -> None:
    names = list(NAMES[kind])
    rows = data.draw(
        st.lists(st.lists(WORDS, min_size=len(names), max_size=len(names)), max_size=6)
    )
    if "C1" not in {found for _, found in await store.find_cases(number="+447700900001")}:
        await fill(store, [case(1)])
    rows = [[_told(cell) for cell in one] for one in rows]
    file = write_csv(tmp_path / "in.csv", [names, *rows])
    told = await import_rows(store, kind, file, region="GB", currency="GBP", now=lambda: NOW)
    assert told.new + told.changed + told.unchanged + told.rejected + told.unmatched == told.rows


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_file_of_cases_fails_as_a_whole(
    store: SqlStore, tmp_path: Path, data: st.DataObject
) -> None:
    names = list(ALIASES)
    rows = data.draw(
        st.lists(st.lists(WORDS, min_size=len(names), max_size=len(names)), max_size=6)
    )
    file = write_csv(tmp_path / "in.csv", [names, *[[_told(cell) for cell in one] for one in rows]])
    told = await import_cases(store, file, campaign=None, region="GB", currency="GBP")
    assert told.new + told.updated + told.unchanged + told.rejected == told.rows


def _told(text: str) -> str:
    """No line of a file can be half a character."""
    return text.encode("utf-8", "ignore").decode()


def test_a_column_whose_name_has_nul_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="NUL"):
        open_csv(write_csv(tmp_path / "in.csv", [["reference", "mob\x00ile"]]))


@pytest.mark.parametrize(
    ("read", "text"),
    [(read_date, "1899-12-31"), (read_date, "2200-01-01"), (read_small, "32768"),
     (read_small, "-32768"), (read_count, "-1"), (read_amount, "100000000000000")],
)  # fmt: skip
def test_the_limits_of_columns(read: Any, text: str) -> None:
    with pytest.raises(BadCell):
        read(text)


def test_what_is_at_the_limit_is_read() -> None:
    assert read_date("2199-12-31").year == 2199
    assert read_small("32767") == 32767
    assert read_small("-32767") == -32767
    assert read_amount("99999999999999.9999") == Decimal("99999999999999.9999")
