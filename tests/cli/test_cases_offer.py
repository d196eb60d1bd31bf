"""Reductions and instalments by command, within the limits of the imported product."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_offline import here, store  # noqa: F401 - fixtures

PRODUCT = """
version: 1
products:
  - code: loan
    limits:
      - {role: agent, shares: {fees: 0.5}, max_months: 3, min_instalment: 50}
      - {role: lead, shares: {fees: 1, penalty: 1}, min_dpd: 10, max_months: 12}
  - code: card
"""


@pytest.fixture
def book(store: Run, tmp_path: Path) -> Run:  # noqa: F811
    """C1 owes 1000 of principal and 40 of fees, 20 days past due; C2 has a product without limits."""
    day = datetime.now(UTC).date()
    due, as_of = day - timedelta(days=20), day - timedelta(days=1)
    (tmp_path / "p.yaml").write_text(PRODUCT)
    (tmp_path / "cases.csv").write_text(
        "reference,name,mobile,currency\nC1,Kit,+447700900001,GBP\nC2,Ash,+447700900002,GBP\n"
    )
    (tmp_path / "contracts.csv").write_text(
        "case,contract,product,currency,as_of,principal,fees,due date\n"
        f"C1,K1,loan,GBP,{as_of},1000,40,{due}\nC2,K2,card,GBP,{as_of},10,0,{due}\n"
    )
    assert store("products", "import", str(tmp_path / "p.yaml")).code == 0
    assert store("import", str(tmp_path / "cases.csv"), "--country", "GB").code == 0
    ran = store("import", "--what", "contracts", str(tmp_path / "contracts.csv"))
    assert ran.code == 0, ran.err
    return store


def record(book: Run) -> list[str]:
    return [row["kind"] for row in book("cases", "show", "C1", "--json").json["record"]]


def test_within_the_limits_it_is_noted(book: Run) -> None:
    ran = book(
        "cases", "offer", "C1", "--role", "agent", "--reduce", "fees=20", "--months", "3", "--json"
    )
    assert ran.code == 0, ran.err
    told = ran.json
    assert (told["allowed"], told["dpd"], told["product"]) == (True, 20, "loan")
    assert told["owed"]["total"] == "1040.00"
    assert told["most"]["fees"] == "20.00"
    assert [one["amount"] for one in told["plan"]] == ["340.00", "340.00", "340.00"]
    (event,) = book("cases", "show", "C1", "--json").json["record"]
    assert (event["kind"], event["data"]["ask"]["fees"]) == ("offer", "20")
    assert book("cases", "show", "C1", "--json").json["facts"]["balance"] == "1040.00"


def test_beyond_them_every_reason_and_who_may(book: Run) -> None:
    ran = book(
        "cases", "offer", "C1", "--role", "agent", "--reduce", "fees=30", "--months", "6", "--json"
    )
    assert ran.code == 3
    assert (ran.json["reasons"], ran.json["approver"]) == (["share:fees", "max_months"], "lead")
    assert record(book) == []
    ran = book("cases", "offer", "C1", "--role", "lead", "--reduce", "principal=1", "--json")
    assert (ran.code, ran.json["approver"]) == (3, None)
    ran = book(
        "cases", "offer", "C1", "--role", "lead", "--reduce", "fees=90", "--months", "2", "--json"
    )
    assert ran.json["reasons"][0] == "more_than_owed:fees"
    assert ran.json["plan"] == []
    assert (
        "share:fees" in book("cases", "offer", "C1", "--role", "agent", "--reduce", "fees=30").out
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("C1", "--role", "agnet"), "did you mean agent?"),
        (("C2", "--role", "agent"), "lets nobody reduce"),
        (("C1", "--role", "agent", "--reduce", "fee=1"), "did you mean fees?"),
        (("C1", "--role", "agent", "--reduce", "fees=much"), "a number such as"),
        (("C1", "--role", "agent", "--reduce", "fees=-1"), "a number such as"),
        (("C1", "--role", "agent", "--months", "2", "--first-on", "soon"), "a day is written"),
        (("C1", "--role", "agent", "--months", "2", "--first-share", "2"), "between 0 and 1"),
        (("C1", "--role", "agent", "--contract", "K2"), "no contract K2"),
        (("C9", "--role", "agent"), "no case has this reference"),
    ],
)
def test_what_cannot_be_asked(book: Run, arguments: tuple[str, ...], words: str) -> None:
    ran = book("cases", "offer", *arguments)
    assert ran.code in (1, 4)
    assert words in ran.err
