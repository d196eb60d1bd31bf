"""Product files: read as they are meant, wrong ones at their place, and written so that they read the same."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.app.yaml_marks import parse_yaml
from dialer_engine.domain.collections.charges import CostCap, FeeRule, FeeTrigger, PenaltyRule
from dialer_engine.domain.collections.codes import DebtType, PartyType, Phase, Stage
from dialer_engine.domain.collections.money import Component, Rounding
from dialer_engine.domain.collections.product import DEFAULT_PHASES, Creditor, Limits, Product
from dialer_engine.strategy.product_format import products_schema
from dialer_engine.strategy.products import ProductFile, as_file, read_products

SAMPLE = Path(__file__).parents[2] / "strategies" / "products" / "acorn.yaml"
ACORN = Creditor("acorn", "Acorn", "GB", PartyType.THIRD)
D = Decimal


def read(text: str) -> ProductFile:
    made, problems = read_products(parse_yaml(text))
    assert made is not None, problems
    return made


def one(keys: str) -> Product:
    (made,) = read(f"version: 1\nproducts:\n  - {{code: loan, {keys}}}\n").products
    return made


def wrong(keys: str) -> list[tuple[int, bool, str]]:
    made, problems = read_products(
        parse_yaml(f"version: 1\nproducts:\n  - code: loan\n    {keys}\n")
    )
    assert problems
    assert (made is None) == any(not p.is_warning for p in problems)
    return [(p.line, p.is_warning, p.text) for p in problems]


def test_the_sample_reads_without_a_word() -> None:
    made, problems = read_products(parse_yaml(SAMPLE.read_text(encoding="utf-8")))
    assert problems == []
    assert made is not None
    loan, card = made.products
    assert loan.penalty == PenaltyRule(
        D("0.0003"), frozenset({Component.PRINCIPAL}), 3, False, D("0.20"), D(2000)
    )
    assert loan.cap == CostCap(D("0.24"), D("0.5"))
    assert [limits.role for limits in loan.limits] == ["agent", "team-lead", "manager"]
    assert card == Product("card", "acorn", DebtType.CREDIT_CARD, promise_grace_days=1)


def test_what_is_left_out_is_usual() -> None:
    assert one("debt_type: mortgage") == Product("loan", "", DebtType.MORTGAGE)


def test_a_rate_is_the_digits_of_the_file() -> None:
    rule = one("penalty: {daily_rate: 0.1000}").penalty
    assert rule is not None
    assert str(rule.daily_rate) == "0.1000"
    assert one('tolerance: "0.30"').tolerance == D("0.3")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("penalti: {daily_rate: 0.1}", "did you mean penalty?"),
        ("debt_type: morgage", "did you mean mortgage?"),
        ("stages: {M0: 0, M1: 1}", "needs the key M2"),
        ("stages: {M0: 0, M1: 9, M2: 3, M3: 61, M4: 91, M5: 121, M6: 151, M7+: 181}", "ascend"),
        ("allocation: [fees, fees, interest, principal]", "each of principal"),
        ("penalty: {daily_rate: -1}", "a number from 0 to 0.1"),
        ("penalty: {daily_rate: true}", "a number from 0 to 0.1"),
        ("penalty: {daily_rate: 1e-3}", "a number from 0 to 0.1"),
        ("penalty: {daily_rate: .nan}", "a number from 0 to 0.1"),
        ("penalty: {grace_days: 3}", "needs the key daily_rate"),
        ("promise_grace_days: 40000", "from 0 to 366"),
        ("cost_cap: {year_days: 365}", "annual_rate, share or both"),
        ("fees: [{code: a, trigger: overdue}]", "an amount, a share or a minimum"),
        ("fees: [{code: a, trigger: overdue, minimum: 5, maximum: 4}]", "less than the minimum"),
        ("fees: [{code: a, trigger: overdue, amount: 1}, {code: a, trigger: overdue, amount: 1}]",
         "is called a already"),
        ("limits: [{role: agent, shares: {fees: 1.5}}]", "from 0 to 1"),
        ("limits: [{role: agent, shares: {feess: 1}}]", "did you mean fees?"),
        ("code: loan", "is here twice"),
    ],
)  # fmt: skip
def test_a_slip_is_named_with_its_line(keys: str, said: str) -> None:
    found = [row for row in wrong(keys) if said in row[2]]
    assert [row[:2] for row in found] == [(4, False)]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("penalty: {daily_rate: 0.05, cap_amount: 9}", "a year costs more than the debt"),
        ("penalty: {daily_rate: 0.0005}", "no cap_share"),
        ("fees: [{code: r, trigger: reversal, amount: 9}]", "never charged"),
        ("limits: [{role: boss, shares: {fees: 1}}, {role: agent}]", "the least role comes first"),
    ],
)
def test_what_is_likely_not_meant_is_a_warning(keys: str, said: str) -> None:
    ((_, is_warning, text),) = wrong(keys)
    assert is_warning
    assert said in text


def test_two_products_of_one_name() -> None:
    made, problems = read_products(parse_yaml("version: 1\nproducts: [{code: a}, {code: a}]"))
    assert made is None
    assert "called a already" in problems[0].text


amounts = st.decimals(D(0), D(10) ** 8, places=4)
shares = st.decimals(D(0), D(1), places=4)
parts = st.sets(st.sampled_from(Component), min_size=1).map(frozenset)
products = st.builds(
    Product,
    st.from_regex(r"[a-z]{1,5}", fullmatch=True),
    st.just("acorn"),
    st.sampled_from(DebtType),
    edges=st.lists(st.integers(0, 3000), min_size=8, max_size=8).map(lambda d: tuple(sorted(d))),
    phases=st.dictionaries(st.sampled_from(Stage), st.sampled_from(Phase)).map(
        lambda given: {**DEFAULT_PHASES, **given}
    ),
    order=st.permutations(tuple(Component)).map(tuple),
    by_instalment=st.booleans(),
    overdue_by=parts,
    tolerance=amounts,
    rounding=st.builds(Rounding, st.just(D("0.05")), st.sampled_from(["down", "half_even"])),
    penalty=st.none()
    | st.builds(
        PenaltyRule, st.decimals(D(0), D("0.1"), places=6), parts,
        st.integers(0, 99), st.booleans(), st.none() | shares, st.none() | amounts
    ),
    fees=st.lists(
        st.builds(
            FeeRule, st.sampled_from("abcdefgh"), st.sampled_from(FeeTrigger), amounts.map(lambda a: a + 1),
            shares, st.just(D(0)), st.none() | amounts, st.integers(1, 99), st.integers(1, 9),
        ),
        max_size=3, unique_by=lambda fee: fee.code,
    ).map(tuple),
    cap=st.none() | st.builds(CostCap, shares, st.none() | shares, st.just(360)),
    promise_grace_days=st.integers(0, 30),
    limits=st.lists(
        st.builds(
            Limits, st.sampled_from(["a", "b", "c"]), st.dictionaries(st.sampled_from(Component), shares),
            st.none() | amounts, st.integers(0, 99), st.integers(0, 60), shares, amounts,
        ),
        max_size=3, unique_by=lambda limits: limits.role,
    ).map(tuple),
)  # fmt: skip


@given(products)
def test_what_is_written_reads_as_the_same_product(product: Product) -> None:
    made = read(yaml.safe_dump(as_file(ACORN, [product]), allow_unicode=True))
    assert made == ProductFile(ACORN, (product,))


@given(st.text() | st.binary().map(lambda raw: f"version: 1\nproducts: {raw!r}"))
def test_no_text_raises_but_a_bad_value(text: str) -> None:
    try:
        node = parse_yaml(text)
    except ValueError:
        return
    read_products(node)


def test_the_schema_is_json() -> None:
    assert json.loads(json.dumps(products_schema()))["title"] == "Products of a creditor"
