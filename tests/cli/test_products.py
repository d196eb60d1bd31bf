"""Products by command, and what the work of a day then charges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_offline import here, store  # noqa: F401 - fixtures

SAMPLE = Path(__file__).parents[2] / "strategies" / "products" / "acorn.yaml"
LOAN = "version: 1\nproducts:\n  - {code: loan, penalty: {daily_rate: 0.001, cap_amount: 50}}\n"


@pytest.fixture
def loan(tmp_path: Path) -> Path:
    file = tmp_path / "loan.yaml"
    file.write_text(LOAN)
    return file


def test_check_says_where_and_what_was_meant(here: Run, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "slip.yaml"
    file.write_text("version: 1\nproducts:\n  - code: loan\n    promise_grace: 3\n")
    ran = here("products", "check", str(file))
    assert ran.code == 1
    assert "slip.yaml:4:5" in ran.out
    assert "did you mean promise_grace_days?" in ran.out
    assert here("products", "check", str(SAMPLE)).code == 0
    assert here("products", "check", str(tmp_path / "none.yaml")).code != 0
    file.write_text("a: [")
    assert "no YAML" in here("products", "check", str(file)).out


def test_what_was_imported_is_listed_and_shown_as_it_would_be_imported(
    store: Run,  # noqa: F811
    tmp_path: Path,
    loan: Path,
) -> None:
    told = store("products", "import", str(SAMPLE), "--json").json
    assert told == {
        "creditor": "acorn",
        "new": ["personal-loan", "card"],
        "changed": [],
        "same": [],
    }
    assert store("products", "import", str(loan)).code == 0
    rows = store("products", "list", "--json").json
    assert [(row["creditor"], row["product"]) for row in rows] == [
        ("*", "loan"), ("acorn", "card"), ("acorn", "personal-loan"),
    ]  # fmt: skip
    assert "0.0003" in store("products", "list").out
    shown = tmp_path / "again.yaml"
    shown.write_text(store("products", "show", "personal-loan").out)
    assert store("products", "import", str(shown), "--json").json["same"] == ["personal-loan"]
    shown.write_text(shown.read_text().replace("0.0003", "0.0004"))
    assert store("products", "import", str(shown), "--json").json["changed"] == ["personal-loan"]
    ran = store("products", "show", "personal-lone")
    assert ran.code != 0
    assert "did you mean personal-loan?" in ran.err


def test_a_code_of_two_creditors_must_say_which(store: Run, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "two.yaml"
    for creditor in ("acorn", "beech"):
        file.write_text(f"version: 1\ncreditor: {{code: {creditor}}}\nproducts: [{{code: card}}]\n")
        assert store("products", "import", str(file)).code == 0
    assert "acorn/card, beech/card" in store("products", "show", "card").err
    assert store("products", "show", "beech/card", "--json").json["creditor"]["code"] == "beech"


def test_a_file_with_an_error_changes_nothing(store: Run, loan: Path) -> None:  # noqa: F811
    loan.write_text(f"{LOAN}  - {{code: card, fees: 3}}\n")
    ran = store("products", "import", str(loan))
    assert ran.code != 0
    assert "line 4, column 24" in ran.err
    assert store("products", "list", "--json").json == []


def test_the_work_of_the_day_charges_by_the_imported_product(
    store: Run,  # noqa: F811
    tmp_path: Path,
    loan: Path,
) -> None:
    due = datetime.now(UTC).date() - timedelta(days=20)
    cases, contracts = tmp_path / "cases.csv", tmp_path / "contracts.csv"
    cases.write_text("reference,name,mobile,currency,balance\nC1,Kit,+447700900001,GBP,400\n")
    contracts.write_text(
        "case,contract,product,currency,amount,opened_on,schedule\n"
        f"C1,K1,loan,GBP,400,2026-01-01,{due}:400:0\n"
    )
    assert store("import", str(cases), "--country", "GB", "--currency", "GBP").code == 0
    assert store("import", "--what", "contracts", str(contracts), "--currency", "GBP").code == 0
    assert store("products", "import", str(loan)).code == 0

    def charged(*again: str) -> int:
        (row,) = [
            r for r in store("cases", "daily", "--json", *again).json if r["job"] == "charges"
        ]
        return int(row["charges"])

    assert charged() == 1
    shown = store("cases", "show", "C1", "--json").json
    # 400 at 0.001 a day, from the day after the due date to yesterday; the zone of the machine is UTC here.
    assert shown["facts"]["penalty"] == "7.60"
    assert shown["facts"]["balance"] == "407.60"
    assert [row["kind"] for row in shown["record"]].count("charged") == 1
    assert charged("--again") == 0
    # A lower cap gives nothing back, and charges no more.
    loan.write_text(LOAN.replace("50", "5"))
    assert store("products", "import", str(loan), "--json").json["changed"] == ["loan"]
    assert charged("--again") == 0
