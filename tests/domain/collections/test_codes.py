"""Codes: their labels, and what is asked of their members."""

from __future__ import annotations

import pytest

from dialer_engine.domain.collections import codes
from dialer_engine.domain.collections.codes import Code, NumberState, Role, among, read_code
from dialer_engine.domain.errors import BadValue

KINDS = sorted(Code.__subclasses__(), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_code_is_read_by_value_and_by_both_labels(kind: type[Code]) -> None:
    for member in kind:
        assert member.english
        assert member.chinese
        assert read_code(kind, member.value.upper()) is member
    with pytest.raises(BadValue):
        read_code(kind, "nothing of the sort")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_is_among_the_members_names_members(kind: type[Code]) -> None:
    found = [one for one in vars(kind).values() if isinstance(one, among)]
    for one in found:
        assert one.values <= {member.value for member in kind}
        assert 0 < len(one.values) < len(kind)


def test_who_owes_and_what_is_bad() -> None:
    assert {role for role in Role if role.owes} == {Role.DEBTOR, Role.CO_DEBTOR, Role.GUARANTOR}
    assert {state for state in NumberState if state.is_bad} == {
        codes.NumberState.EMPTY,
        codes.NumberState.OUT_OF_SERVICE,
        codes.NumberState.WRONG,
    }
