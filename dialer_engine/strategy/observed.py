"""An outcome model from what was observed: figures that were seen often enough, the rest as assumed.

Rules: pure; a figure of too few observations is not taken from them, and is named among the assumed; what a
store cannot show (payments by themselves, payments after a message, what a robot achieves) is always assumed;
an hour of few calls has the assumed profile of the day, scaled to the calls that there were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from dialer_engine.domain.outcome import Outcome
from dialer_engine.strategy.outcomes import OutcomeModel

# A share of a thousand has a 95 % interval of 3 points either way at most.
ENOUGH_ATTEMPTS = 1000
# And of a hundred of 10.
_ENOUGH = 100
# In the order of `OutcomeModel.unanswered`: what else ends in the same way is counted with it.
_UNANSWERED = (
    frozenset({Outcome.NO_ANSWER}),
    frozenset({Outcome.SWITCHED_OFF, Outcome.UNREACHABLE}),
    frozenset({Outcome.REJECTED, Outcome.BARRED}),
    frozenset({Outcome.BUSY}),
    frozenset({Outcome.INVALID_NUMBER, Outcome.OUT_OF_SERVICE}),
)
_MOST_DAYS = 90


@dataclass(slots=True)
class Observed:
    """What was counted. hours: attempts that reached the network, and those answered, by local hour.
    outcomes: of them all. promises: given in conversations; promise_days: the sum of days until they were
    due; kept, over: of those whose time is over. talk_s, ring_s: sums; rung: how many ring_s has.
    """

    hours: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)] * 24)
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    promises: int = 0
    promise_days: int = 0
    kept: int = 0
    over: int = 0
    talk_s: float = 0.0
    ring_s: float = 0.0
    rung: int = 0

    @property
    def attempts(self) -> int:
        """That reached the network."""
        return sum(tried for tried, _ in self.hours)

    def of(self, *outcomes: Outcome) -> int:
        """How many ended so."""
        return sum(self.outcomes.get(outcome, 0) for outcome in outcomes)


def model_of(seen: Observed) -> tuple[OutcomeModel, list[str]] | None:
    """The model, and its fields that are assumed all the same; None when too little was seen."""
    if seen.attempts < ENOUGH_ATTEMPTS:
        return None
    usual = OutcomeModel()
    found: dict[str, Any] = {"answer_by_hour": _hours(seen, usual)}
    answered = sum(taken for _, taken in seen.hours)
    people = answered - seen.of(Outcome.MACHINE)
    talks = seen.of(Outcome.COMPLETED)
    _share(found, "machine", seen.of(Outcome.MACHINE), answered)
    _share(found, "right_party", talks, people)
    lost = [seen.of(*ends) for ends in _UNANSWERED]
    if sum(lost) >= _ENOUGH:
        found["unanswered"] = tuple(count / sum(lost) for count in lost)
    if talks >= _ENOUGH:
        found["promise"] = (min(1.0, seen.promises / talks),) * len(usual.promise)
        found["talk_s"] = seen.talk_s / talks
    if seen.promises >= _ENOUGH:
        days = round(seen.promise_days / seen.promises)
        found["promise_days"] = min(_MOST_DAYS, max(1, days))
    if seen.rung >= _ENOUGH:
        found["ring_s"] = max(0.0, seen.ring_s / seen.rung)
    _share(found, "kept", seen.kept, seen.over)
    assumed = sorted({one.name for one in fields(OutcomeModel)} - found.keys())
    return replace(usual, **found), assumed


def _share(found: dict[str, Any], name: str, part: int, whole: int) -> None:
    if whole >= _ENOUGH:
        found[name] = min(1.0, part / whole)


def _hours(seen: Observed, usual: OutcomeModel) -> tuple[float, ...]:
    """Answered of tried; what the hours of few calls are missing is scaled from all the calls there are."""
    expected = sum(
        tried * share for (tried, _), share in zip(seen.hours, usual.answer_by_hour, strict=True)
    )
    scale = sum(taken for _, taken in seen.hours) / expected
    return tuple(
        taken / tried if tried >= _ENOUGH else min(1.0, share * scale)
        for (tried, taken), share in zip(seen.hours, usual.answer_by_hour, strict=True)
    )
