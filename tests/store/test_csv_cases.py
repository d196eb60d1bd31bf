"""Rows of a creditor's file as cases."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dialer_engine.domain.case import Number
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import Money
from dialer_engine.store.csv_cases import BadCell, Problem, Rules, layout, read_amount, read_case
from dialer_engine.store.csv_source import Record
from tests.store.building import number

_RULES = Rules("GB", "CNY")
_A, _B = "07700900001", "07700900002"


def problems_of(header: list[str], *fields: str) -> list[Problem]:
    """What is wrong with a row that is not in."""
    case, problems = read_case(Record(7, list(fields)), layout(header), _RULES)
    assert case is None
    return problems


def test_chinese_columns_are_known() -> None:
    found = layout(["姓名", "手机", "案件编号", "欠款", "逾期天数", "联系人电话", "备注"])
    assert found.described() == {
        "name": "姓名", "mobile": "手机", "reference": "案件编号", "balance": "欠款",
        "days_past_due": "逾期天数", "contact": "联系人电话",
    }  # fmt: skip
    assert [found.header[column] for column in found.others] == ["备注"]


def test_english_columns_are_known_however_they_are_written() -> None:
    found = layout(["Case ID", "Full_Name", "Mobile Phone", "Phone 2", "Phone2", "Time-Zone"])
    assert found.described() == {
        "reference": "Case ID", "name": "Full_Name", "zone": "Time-Zone", "mobile": "Mobile Phone",
        "phone": "Phone 2", "phone2": "Phone2",
    }  # fmt: skip


def test_a_mapping_wins_over_names() -> None:
    found = layout(["编号", "合同号", "a", "手机"], {"reference": "合同号", "work": "a"})
    assert found.described() == {"reference": "合同号", "work": "a", "mobile": "手机"}
    assert [label for label, _ in found.numbers] == ["work", "mobile"]


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ({"reference": "nowhere"}, "no column 'nowhere'"),
        ({"shoe_size": "a"}, "no field 'shoe_size'"),
        ({"reference": "a"}, "no column holds telephone numbers"),
        ({"mobile": "a"}, "no column is the case reference"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(mapping: dict[str, str], reason: str) -> None:
    with pytest.raises(BadValue, match=reason):
        layout(["a", "b"], mapping)


def test_a_full_row() -> None:
    header = [
        "ref",
        "name",
        "mobile",
        "numbers",
        "balance",
        "dpd",
        "priority",
        "lang",
        "skill",
        "shop",
    ]
    row = ["A1", "Ann", _A, f"{_B}；{_A}; ", "￥1,234.50", "-3", "7", "zh", "legal", "North"]
    case, problems = read_case(Record(2, row), layout(header), _RULES)
    assert problems == []
    assert case is not None
    assert (case.reference, case.name) == ("A1", "Ann")
    assert case.numbers == (
        Number(number(1), "mobile", "Europe/London", 0),
        Number(number(2), "", "Europe/London", 1),
    )
    assert case.balance == Money(Decimal("1234.50"), "CNY")
    assert (case.days_past_due, case.priority, case.language, case.skill) == (-3, 7, "zh", "legal")
    assert case.attributes == {"shop": "North"}


def test_a_stated_zone_and_currency_win() -> None:
    header = ["ref", "mobile", "balance", "currency", "zone"]
    row = ["A1", _A, "5", "eur", "Asia/Shanghai"]
    case, _ = read_case(Record(2, row), layout(header), _RULES)
    assert case is not None
    assert case.balance == Money(Decimal(5), "EUR")
    assert case.numbers[0].zone == "Asia/Shanghai"


def test_a_row_may_end_early() -> None:
    case, problems = read_case(Record(2, ["A1", _A]), layout(["ref", "mobile", "dpd"]), _RULES)
    assert case is not None
    assert (problems, case.days_past_due) == ([], 0)


def test_a_bad_number_beside_a_good_one_is_left_out_and_told() -> None:
    header = ["ref", "mobile", "phone"]
    case, problems = read_case(Record(2, ["A1", "12", _A]), layout(header), _RULES)
    assert case is not None
    assert [n.e164 for n in case.numbers] == [number(1)]
    assert [(p.line, p.column) for p in problems] == [(2, "mobile")]


@pytest.mark.parametrize(
    ("header", "fields", "column", "reason"),
    [
        (["ref", "mobile"], ["", _A], "ref", "reference is empty"),
        (["ref", "mobile"], ["A1", ""], "mobile", "there is no number"),
        (["ref", "mobile"], ["A1", "12"], "mobile", "numbering plan"),
        (["ref", "mobile"], ["A1", _A, "x"], "", "3 columns, the header 2"),
        (["ref", "mobile", "zone"], ["A1", _A, "Mars"], "zone", "no such time zone"),
        (["ref", "mobile", "balance"], ["A1", _A, "1.234,50"], "balance", "not a number"),
        (["ref", "mobile", "balance"], ["A1", _A, "1.23456"], "balance", "four decimals"),
        (["ref", "mobile", "currency"], ["A1", _A, "RMB元"], "currency", "three letters"),
        (["ref", "mobile", "dpd"], ["A1", _A, "many"], "dpd", "whole number"),
        (["ref", "mobile", "priority"], ["A1", _A, "9" * 12], "priority", "too large"),
    ],
)
def test_a_bad_row_says_line_column_and_reason(
    header: list[str], fields: list[str], column: str, reason: str
) -> None:
    (problem,) = problems_of(header, *fields)
    assert (problem.line, problem.column) == (7, column)
    assert reason in problem.reason


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = problems_of(["ref", "mobile", "dpd", "zone"], "", "12", "x", "Mars")
    assert {problem.column for problem in found} == {"ref", "mobile", "dpd", "zone"}


@pytest.mark.parametrize(
    ("text", "amount"),
    [("12", "12"), ("1,234.5", "1234.5"), ("¥ 12.30", "12.30"), ("99元", "99"), ("-5.00", "-5.00")],
)
def test_amounts(text: str, amount: str) -> None:
    assert read_amount(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["1,23", "12,34.5", "1e5", "NaN", "--1", "1 234", "½"])
def test_amounts_that_could_be_anything(text: str) -> None:
    with pytest.raises(BadCell):
        read_amount(text)
