"""The table of outcomes, row by row, as the sources have it: a change here is deliberate."""

from __future__ import annotations

import pytest

from dialer_engine.domain.outcome import BY_CAUSE, BY_SIP, Ending, Outcome, classify

O = Outcome  # noqa: E741  the rows below are a table
SIP = {
    401: (O.FAILED, True), 403: (O.BARRED, False), 404: (O.INVALID_NUMBER, False), 407: (O.FAILED, True),
    408: (O.UNREACHABLE, False), 410: (O.OUT_OF_SERVICE, False), 415: (O.INCOMPATIBLE, False),
    480: (O.SWITCHED_OFF, False), 484: (O.INVALID_NUMBER, False), 486: (O.BUSY, False),
    487: (O.NO_ANSWER, False), 488: (O.INCOMPATIBLE, False), 500: (O.CONGESTION, True),
    502: (O.UNREACHABLE, True), 503: (O.CONGESTION, True), 504: (O.UNREACHABLE, True), 600: (O.BUSY, False),
    603: (O.REJECTED, False), 604: (O.INVALID_NUMBER, False), 606: (O.INCOMPATIBLE, False),
}  # fmt: skip
CAUSE = {
    1: (O.INVALID_NUMBER, False), 2: (O.FAILED, True), 3: (O.FAILED, True), 16: (O.NO_ANSWER, False),
    17: (O.BUSY, False), 18: (O.NO_ANSWER, False), 19: (O.NO_ANSWER, False), 20: (O.SWITCHED_OFF, False),
    21: (O.REJECTED, False), 22: (O.INVALID_NUMBER, False), 26: (O.CANCELLED, False),
    27: (O.OUT_OF_SERVICE, False), 28: (O.INVALID_NUMBER, False), 31: (O.FAILED, False),
    34: (O.CONGESTION, True), 38: (O.CONGESTION, True), 41: (O.CONGESTION, True), 42: (O.CONGESTION, True),
    44: (O.CONGESTION, True), 50: (O.BARRED, False), 52: (O.BARRED, False), 55: (O.BARRED, False),
    57: (O.INCOMPATIBLE, False), 58: (O.INCOMPATIBLE, False), 65: (O.INCOMPATIBLE, False),
    79: (O.INCOMPATIBLE, False), 88: (O.INCOMPATIBLE, False), 102: (O.UNREACHABLE, False),
    111: (O.FAILED, True), 127: (O.FAILED, False),
}  # fmt: skip
CHINESE = {
    O.INVALID_NUMBER: "空号", O.OUT_OF_SERVICE: "停机", O.SWITCHED_OFF: "关机", O.UNREACHABLE: "无法接通",
    O.BUSY: "忙", O.NO_ANSWER: "无人接听", O.REJECTED: "拒接",
}  # fmt: skip


def test_each_sip_status() -> None:
    assert {k: (rule.outcome, rule.trunk_fault) for k, rule in BY_SIP.items()} == SIP


def test_each_cause() -> None:
    assert {k: (rule.outcome, rule.trunk_fault) for k, rule in BY_CAUSE.items()} == CAUSE


def test_every_row_names_its_source() -> None:
    for key, rule in BY_CAUSE.items():
        assert rule.source.startswith(f"Q.850 {key} ")
    for rule in BY_SIP.values():
        assert rule.source.startswith(("RFC 3398: ", "RFC 3261 21."))


def test_a_row_with_a_chinese_state_has_that_states_name() -> None:
    for rule in [*BY_CAUSE.values(), *BY_SIP.values()]:
        for outcome, name in CHINESE.items():
            if rule.source.endswith(f": {name}"):
                assert rule.outcome is outcome, rule


def test_every_outcome_has_its_own_chinese_name() -> None:
    names = [outcome.chinese for outcome in Outcome]
    assert len(set(names)) == len(names)
    assert all("一" <= letter <= "鿿" for name in names for letter in name)
    assert {outcome: outcome.chinese for outcome in CHINESE} == CHINESE


def test_what_took_the_call_is_an_answer() -> None:
    answers = {outcome for outcome in Outcome if outcome.is_answer}
    assert answers == {O.COMPLETED, O.ABANDONED, O.MESSAGE, O.MACHINE, O.HUNG_UP_EARLY}
    assert not answers & {rule.outcome for rule in [*BY_CAUSE.values(), *BY_SIP.values()]}


def test_outcomes_keep_their_stored_names() -> None:
    assert [outcome.value for outcome in Outcome] == [
        "completed", "abandoned", "message", "machine", "hung_up_early", "busy", "no_answer", "rejected",
        "invalid_number", "out_of_service", "switched_off", "unreachable", "congestion", "incompatible", "barred",
        "failed", "cancelled", "lost",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (Ending(cause=21, sip=403), O.BARRED),
        (Ending(cause=38, sip=480), O.SWITCHED_OFF),
        (Ending(cause=17, sip=None), O.BUSY),
        (Ending(cause=17, sip=499), O.BUSY),
        (Ending(cause=0, sip=499), O.FAILED),
        (Ending(cause=99), O.FAILED),
        (Ending(), O.FAILED),
        (Ending(cause=17, sip=486, seen=False), O.LOST),
    ],
)
def test_unseen_then_sip_then_cause_then_failed(ending: Ending, expected: Outcome) -> None:
    assert classify(ending).outcome is expected
