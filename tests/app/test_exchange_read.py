"""Whatever JSON a bank's systems send: a row or a reason, and never the value in the reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialer_engine.app.exchange_read import read
from dialer_engine.domain.collections.payments import Payment
from dialer_engine.store.rows import Rules
from dialer_engine.web.records import KINDS

RULES = Rules("GB", "GBP")
# Nothing is judged by time: the first record loads the tables of telephone numbers.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NASTY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["=cmd|' /C calc'!A0", "1e999", "NaN", "-0", "9" * 500, "NULL", "a\x00b", "2026-02-30", "1900-01-01",
         "2199-12-31", "+447700900001", "1234.5", "99999999999999.9999", "是", "１２３", "0001-01-01T00:00:00+14:00",
         "9999-12-31T23:59:59-14:00", "x" * 2000, ";;;", " "]
    ),
    st.lists(st.text(max_size=5), max_size=3),
    st.lists(
        st.dictionaries(st.sampled_from(["due_on", "principal", "interest", "x"]),
                        st.sampled_from(["2026-01-01", "5", "", "x"])), max_size=3
    ),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@PATIENT
@given(data=st.data())
def test_a_record_is_in_or_explained(kind: str, data: st.DataObject) -> None:
    names = st.sampled_from([*KINDS[kind], "nonsense"])
    record = data.draw(st.one_of(NASTY, st.dictionaries(names, NASTY, max_size=12)))
    made = read(kind, 7, record, RULES)
    assert made.is_good or made.troubles
    assert made.line == 7
    for trouble in made.troubles:
        assert trouble.reason
        assert trouble.field in ("", *KINDS[kind]) or trouble.reason == "unknown field"


@PATIENT
@given(st.text(min_size=8).map("§{}§".format))
def test_a_reason_does_not_repeat_the_value(text: str) -> None:
    for kind, fields in KINDS.items():
        made = read(kind, 1, dict.fromkeys(fields, f"{text}\x00"), RULES)
        assert not made.is_good
        assert all(text not in trouble.reason for trouble in made.troubles)


def test_every_fault_of_a_record_is_told_at_once() -> None:
    record = {"reference": 1, "amount": "x", "paid_on": "x", "colour": "red"}
    made = read("payments", 1, record, RULES)
    assert [t.field for t in made.troubles] == ["colour", "reference", "amount", "paid_on"]


def test_null_is_as_not_given_and_cents_are_kept() -> None:
    record: dict[str, Any] = dict.fromkeys(KINDS["payments"])
    record |= {"reference": " P ", "amount": "12345678901234.5678", "paid_on": "2026-01-31"}
    made = read("payments", 1, record, RULES)
    assert isinstance(made.row, Payment)
    assert (made.row.reference, str(made.row.money.amount)) == ("P", "12345678901234.5678")
    assert made.row.money.currency == "GBP"


def test_a_schedule_and_lists_are_read_as_from_a_file() -> None:
    record = {
        "contract": "K", "case": "C", "aliases": ["a1", "a2"], "annual_rate": "0.18",
        "schedule": [{"due_on": "2026-02-01", "principal": "5"},
                     {"due_on": "2026-01-01", "principal": "4", "interest": "1"}],
    }  # fmt: skip
    made = read("contracts", 1, record, RULES)
    row: Any = made.row
    assert [str(one.interest) for one in row.contract.schedule] == ["1", "0"]
    assert row.aliases == {"a1", "a2"}
