from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.errors import BadValue
from dialer_engine.recordings.audio import Levels, Meter
from dialer_engine.recordings.verify import Problem, Rules, Status, judge, status_of, talk_window
from tests.recordings.helpers import attempt, expected, stereo

RULES = Rules()
CALL = expected(attempt(), answered_s=10.0, talk=(2.0, 10.0))
UNBRIDGED = expected(attempt(), answered_s=10.0, talk=None)


def levels(*pieces: bytes) -> Levels:
    meter = Meter()
    for piece in pieces:
        meter.feed(piece)
    return meter.levels()


TALK = levels(stereo(2, 440, 0), stereo(8))
SILENCE = levels(stereo(10, 0, 0))


def test_both_speak_and_the_duration_matches() -> None:
    assert judge(CALL, TALK, RULES).status is Status.VERIFIED
    assert judge(CALL, TALK, RULES).problems == ()


@pytest.mark.parametrize(
    ("seconds", "problems"),
    [
        (8.9, (Problem.TOO_SHORT,)),
        (9.0, ()),
        (10.0, ()),
        (11.0, ()),
        (11.1, (Problem.TOO_LONG,)),
        (0.0, (Problem.TOO_SHORT,)),
    ],
)
def test_duration_within_a_second(seconds: float, problems: tuple[Problem, ...]) -> None:
    verdict = judge(UNBRIDGED, levels(stereo(seconds)), RULES)
    assert verdict.problems == problems
    assert verdict.status is (Status.MISMATCHED if problems else Status.VERIFIED)


def test_a_call_that_was_never_bridged_needs_no_signal() -> None:
    assert judge(UNBRIDGED, SILENCE, RULES).status is Status.VERIFIED


def test_a_silent_agent_fails() -> None:
    verdict = judge(CALL, levels(stereo(10, 440, 0)), RULES)
    assert verdict.status is Status.SILENT
    assert verdict.problems == (Problem.SILENT_AGENT,)


def test_a_silent_debtor_is_a_finding_and_fails_on_request() -> None:
    sound = levels(stereo(10, 0, 1000))
    assert judge(CALL, sound, RULES).status is Status.VERIFIED
    assert judge(CALL, sound, RULES).problems == (Problem.SILENT_DEBTOR,)
    strict = replace(RULES, fail_silent_debtor=True)
    assert judge(CALL, sound, strict).status is Status.SILENT


def test_signal_outside_the_talk_does_not_count() -> None:
    # The safe-harbour message in the agent's channel before the bridge; the debtor's hello too.
    verdict = judge(CALL, levels(stereo(1.9), stereo(8.1, 0, 0)), RULES)
    assert verdict.problems == (Problem.SILENT_AGENT, Problem.SILENT_DEBTOR)


def test_a_click_is_no_signal_and_a_syllable_is() -> None:
    def spoken(seconds: float) -> tuple[Problem, ...]:
        pieces = (stereo(5, 440, 0), stereo(seconds), stereo(5 - seconds, 440, 0))
        return judge(CALL, levels(*pieces), RULES).problems

    assert spoken(0.08) == (Problem.SILENT_AGENT,)
    assert spoken(0.1) == ()


def test_short_talks_are_not_judged_by_signal() -> None:
    short = expected(attempt(), answered_s=10.0, talk=(7.5, 10.0))
    assert judge(short, SILENCE, RULES).status is Status.VERIFIED


def test_every_problem_is_listed_and_the_gravest_decides() -> None:
    verdict = judge(CALL, levels(stereo(5, 0, 0)), RULES, (Problem.TORN,))
    assert verdict.status is Status.MISMATCHED
    assert verdict.problems == (
        Problem.TORN,
        Problem.TOO_SHORT,
        Problem.SILENT_AGENT,
        Problem.SILENT_DEBTOR,
    )


def test_torn_alone_does_not_fail_and_changed_does() -> None:
    assert judge(CALL, TALK, RULES, (Problem.TORN,)).status is Status.VERIFIED
    assert judge(CALL, TALK, RULES, (Problem.CHANGED,)).status is Status.MISMATCHED


@given(st.lists(st.sampled_from(list(Problem))))
def test_missing_before_mismatched_before_silent(problems: list[Problem]) -> None:
    status = status_of(problems, Rules(fail_silent_debtor=True))
    if Problem.NO_FILE in problems:
        assert status is Status.MISSING
    elif Problem.CHANGED in problems or Problem.TOO_SHORT in problems:
        assert status is Status.MISMATCHED
    elif not problems or set(problems) == {Problem.TORN}:
        assert status is Status.VERIFIED


def test_the_window_of_a_talk_without_a_length_goes_to_the_end() -> None:
    assert talk_window(replace(CALL, talk_s=None)) == (2.0, 10.0)
    assert talk_window(CALL) == (2.0, 10.0)
    assert talk_window(UNBRIDGED) is None


@pytest.mark.parametrize(
    "bad", [{"tolerance_s": -1.0}, {"min_active_s": 0.0}, {"threshold_dbfs": 0.0}]
)
def test_rules_that_make_no_sense(bad: dict[str, float]) -> None:
    with pytest.raises(BadValue):
        replace(RULES, **bad)  # type: ignore[arg-type]
