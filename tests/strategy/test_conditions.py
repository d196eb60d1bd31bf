"""Conditions: what they mean, what they refuse and where, and that no text harms."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import rule_engine
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.collections.facts import FACTS, CaseFacts
from dialer_engine.domain.errors import BadValue
from dialer_engine.strategy import conditions, tree
from dialer_engine.strategy.conditions import condition, fact_map, parse

CASE = CaseFacts(
    dpd=37, stage="M2", balance=Decimal("0.30"), holds=frozenset({"dispute"}), score=0.7,
    attributes={"plan": "gold"}, willingness="unwilling",
)  # fmt: skip
KNOWN = fact_map(CASE)


@pytest.mark.parametrize(
    "text",
    [
        'dpd > 30 and stage in ["M2", "M3"]',
        "balance == 0.30",
        "balance == 0.1 + 0.2",
        "balance * 2 - 0.1 == 0.50",
        "score == 0.7",
        "(age ?? 0) < 18",
        "age == null",
        '"dispute" in holds and not holds.is_empty',
        "holds.length == 1",
        'attributes&["plan"] == "gold"',
        '(attributes&["none"] ?? "") != "gold"',
        'not (stage == "M1") or false',
        "dpd == -dpd + 74",
        "not(dpd == 1)",
        "true",
    ],
)
def test_what_holds_over_the_case(text: str) -> None:
    assert condition(text).holds(KNOWN)


def test_amounts_compare_exactly_where_floats_would_not() -> None:
    assert Decimal(0.1 + 0.2) != Decimal("0.3")
    assert not condition("balance > 0.30").holds(KNOWN)
    assert condition("balance > 0.29999999").holds(KNOWN)


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("dpdd > 1", 0, "no fact is called dpdd; did you mean dpd?"),
        ("dpd > 1 and\n  balence > 1", 14, "balence; did you mean balance?"),
        ('stage == "M9"', 9, "stage is never 'M9'"),
        ('stage in ["M1", "X2"]', 16, "'X2'; did you mean M2?"),
        ('"dispue" in holds', 0, "did you mean dispute?"),
        ("dpd = 3", 4, "written =="),
        ("age > 60", 0, "may be unknown"),
        ("dpd > 1 and age > 60", 12, "may be unknown"),
        ("stage == 3", 0, "different types"),
        ('stage > "M1"', 0, "only numbers have an order"),
        ("holds == 3", 0, "different types"),
        ("attributes == null", 0, "only numbers, texts and sets"),
        ('attributes["x"] == "y"', 0, 'write attributes&["x"]'),
        ("dpd", 0, "no comparison"),
        ("dpd + 1", 0, "no comparison"),
        ("not dpd", 0, "no comparison"),
        ("dpd >", 5, "cannot be read from here"),
        ("dpd > 1 and and", 12, "cannot be read from here"),
        ('stage in "M2M3"', 0, "a list or a set"),
        ('dpd in [1, "a"]', 0, "never is"),
        ("dpd in holds", 0, "holds texts"),
        ("team.length > 1", 0, "only a set"),
        ("holds.size > 1", 5, "there is no .size"),
        ("dpd / 2 > 1", 4, "'/'"),
        ("9 ** 9 > 1", 2, "'**'"),
        ("$now > 1", 0, "'$'"),
        ("$random(3) > 1", 0, "'$'"),
        ('stage =~ "(a+)+"', 6, "=="),
        ("[x for x in holds] == 1", 1, "no fact is called x"),
        ("dpd(1) > 1", 0, "no functions such as dpd()"),
        ('d"2026-01-01" == 1', 0, "'d'"),
        ("1e9 > dpd", 0, "'1e9'"),
        ("inf > dpd", 0, "no fact is called inf"),
        ('team == "a', 8, "does not end"),
        ('team == "a\\n"', 8, "backslash"),
        ("", 0, "characters"),
        ("dpd > 1" + " " * 2000, 0, "characters"),
        ("(" * 70 + "dpd > 1" + ")" * 70, 0, "parts"),
    ],
)
def test_what_is_refused_is_refused_at_its_place(text: str, offset: int, words: str) -> None:
    made, faults = parse(text)
    assert made is None
    assert words in " ".join(fault.text for fault in faults)
    assert offset in {fault.offset for fault in faults}


def test_a_condition_that_must_be_right_names_all_that_is_wrong() -> None:
    with pytest.raises(BadValue, match=r"column 1: .*dpdd.*column 14: .*balence"):
        condition("dpdd > 1 and balence > 2")


def test_why_a_condition_holds_leaves_out_what_was_not_asked() -> None:
    text = 'dpd > 30 and (stage == "M2" or balance > 100) and promises_broken > 2 and age == null'
    assert condition(text).because(KNOWN) == [
        ("dpd > 30", True),
        ('stage == "M2"', True),
        ("promises_broken > 2", False),
    ]


@given(st.text(max_size=80))
def test_no_text_harms(text: str) -> None:
    made, faults = parse(text)
    assert (made is None) == bool(faults)
    if made is not None:
        assert made.holds(KNOWN) in (True, False)


# -- two evaluations of one text -------------------------------------------------------------------

NUMBERS = [n for n, f in FACTS.items() if f.kind in ("int", "money") and not f.optional]
UNKNOWNS = [n for n, f in FACTS.items() if f.optional]
number = st.sampled_from(
    [*NUMBERS, "0", "1", "0.3", "37", "100.00", *(f"({name} ?? 5)" for name in UNKNOWNS)]
)
sums = st.one_of(number, st.builds("({} {} {})".format, number, st.sampled_from("+-*"), number))
atoms = st.one_of(
    st.builds("{} {} {}".format, sums, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), sums),
    st.builds('stage {} "{}"'.format, st.sampled_from(["==", "!="]), st.sampled_from(["M1", "M2"])),
    st.sampled_from(
        ['"dispute" in holds', '"legal" in holds', "holds.is_empty", "holds.length > 1", "age == null",
         'stage in ["M1", "M2"]', 'attributes&["plan"] == "gold"', 'holds == {"dispute"}', "true", "dpd in [1, 37]"]
    ),
)  # fmt: skip
texts = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=8,
)
cases = st.builds(
    CaseFacts,
    dpd=st.integers(-30, 200),
    stage=st.sampled_from(["M1", "M2", "M3"]),
    balance=st.decimals(0, 1000, places=2),
    age=st.none() | st.integers(0, 100),
    score=st.none() | st.floats(0, 1),
    holds=st.frozensets(st.sampled_from(["dispute", "legal"])),
    attributes=st.dictionaries(st.sampled_from(["plan", "x"]), st.sampled_from(["gold", "y"])),
)


def by_library(text: str, facts: dict[str, Any]) -> bool:
    """What the expression library itself makes of the text."""
    plain = {k: set(v) if isinstance(v, frozenset) else v for k, v in facts.items()}
    rule = rule_engine.Rule(text, context=conditions._CONTEXT)
    return bool(rule.matches(plain))


@given(texts, cases)
def test_our_evaluation_is_the_library_s(text: str, case: CaseFacts) -> None:
    facts = fact_map(case)
    assert condition(text).holds(facts) == by_library(text, facts)


@given(texts, cases, st.frozensets(st.sampled_from(["dpd", "stage", "holds", "balance", "age"])))
def test_what_is_decided_with_some_facts_holds_with_all(
    text: str, case: CaseFacts, some: frozenset[str]
) -> None:
    facts, root = fact_map(case), condition(text).root
    found = tree.kleene(root, {name: facts[name] for name in some})
    assert found is None or found == condition(text).holds(facts)


@given(texts, cases)
def test_the_reasons_given_decide(text: str, case: CaseFacts) -> None:
    facts = fact_map(case)
    for told, held in condition(text).because(facts):
        assert condition(told).holds(facts) is held
