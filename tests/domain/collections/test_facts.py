"""The contract of CaseFacts: its names, and that the description agrees with the class."""

from __future__ import annotations

import types
import typing
from dataclasses import fields
from decimal import Decimal

import pytest

from dialer_engine.domain.collections import codes
from dialer_engine.domain.collections.facts import FACTS, CaseFacts
from dialer_engine.domain.errors import BadValue

PROMISED = (
    "dpd stage product creditor debt_type party_type jurisdiction currency balance principal interest"
    " penalty fees reason_overdue ability willingness occupation region age income_band language"
    " promises_open promises_broken promise_due_in_days last_payment_days last_contact_days attempts_7d"
    " connected_7d holds score team owner agency tags attributes"
).split()
KINDS = {"int": int, "float": float, "money": Decimal, "text": str, "set": frozenset[str]}


def test_the_names_that_others_rely_on_are_there() -> None:
    assert set(PROMISED) <= set(FACTS)


def test_every_field_is_described_and_nothing_else() -> None:
    assert [f.name for f in fields(CaseFacts)] == list(FACTS)


@pytest.mark.parametrize("name", [n for n in FACTS if n != "attributes"])
def test_the_described_kind_is_the_annotated_one(name: str) -> None:
    hint = typing.get_type_hints(CaseFacts)[name]
    optional = isinstance(hint, types.UnionType)
    bare = typing.get_args(hint)[0] if optional else hint
    assert (bare, optional) == (KINDS[FACTS[name].kind], FACTS[name].optional)


def test_defaults_of_coded_facts_are_codes() -> None:
    blank = CaseFacts().as_dict()
    for fact in FACTS.values():
        if fact.choices is not None and fact.kind == "text":
            assert blank[fact.name] in {member.value for member in fact.choices}


def test_a_code_is_read_by_value_or_either_label() -> None:
    assert codes.read_code(codes.Reason, "财务困难") is codes.Reason.HARDSHIP
    assert codes.read_code(codes.Reason, " HARDSHIP ") is codes.Reason.HARDSHIP
    assert codes.read_code(codes.Stage, "m7+") is codes.Stage.M7_PLUS
    with pytest.raises(BadValue, match="first_payment"):
        codes.read_code(codes.Reason, "nonsense")


def test_the_four_attitudes() -> None:
    a, w = codes.Ability, codes.Willingness
    assert codes.attitude(a.ABLE, w.WILLING).chinese == "有能力有意愿无时间"
    assert codes.attitude(a.ABLE, w.UNWILLING).chinese == "有能力无意愿"
    assert codes.attitude(a.UNABLE, w.WILLING).chinese == "有意愿无能力"
    assert codes.attitude(a.UNABLE, w.UNWILLING).chinese == "无意愿无能力"
    assert codes.attitude(a.UNKNOWN, w.WILLING) is codes.Attitude.UNKNOWN
