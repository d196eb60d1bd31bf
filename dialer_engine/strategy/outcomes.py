"""How people answer, promise and pay in a simulation: numbers that are given, not known.

Rules: every default is an assumption of ours and says so; put your own figures in a file and give it
to `strategy simulate --model`; chance is a stream of numbers from a seed, so a run can be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.outcome import Outcome

_HOURS = 24
_STRENGTHS = 4
_MASK = (1 << 64) - 1
# SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): its increment and multipliers.
_GAMMA, _MIX_1, _MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_PLAIN = (
    Outcome.NO_ANSWER,
    Outcome.SWITCHED_OFF,
    Outcome.REJECTED,
    Outcome.BUSY,
    Outcome.INVALID_NUMBER,
)


@dataclass(frozen=True, slots=True)
class OutcomeModel:
    """answer_by_hour: that a call at this local hour is answered. machine: that what answers is a
    machine. right_party: that a person who answers is the debtor. unanswered: weights of no answer,
    switched off, rejected, busy, empty number. promise: that a conversation ends in a promise, by
    strength. promise_days: until it is due. kept: that it is kept. cure: that a case pays on a day by
    itself. message_pays: that a message is followed by payment within its day. bot: the robot's
    share of what a person's conversation does. talk_s, wrap_up_s, ring_s: seconds.
    """

    answer_by_hour: tuple[float, ...] = (
        0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.08, 0.12, 0.18, 0.24, 0.28, 0.28,
        0.26, 0.25, 0.26, 0.26, 0.27, 0.29, 0.31, 0.30, 0.26, 0.20, 0.10, 0.05,
    )  # fmt: skip
    machine: float = 0.10
    right_party: float = 0.65
    unanswered: tuple[float, ...] = (0.60, 0.18, 0.12, 0.08, 0.02)
    promise: tuple[float, ...] = (0.20, 0.24, 0.26, 0.26)
    promise_days: int = 4
    kept: float = 0.55
    cure: float = 0.01
    message_pays: float = 0.02
    bot: float = 0.5
    talk_s: float = 150.0
    wrap_up_s: float = 45.0
    ring_s: float = 25.0

    def __post_init__(self) -> None:
        for name, size in (
            ("answer_by_hour", _HOURS),
            ("unanswered", len(_PLAIN)),
            ("promise", _STRENGTHS),
        ):
            if len(getattr(self, name)) != size:
                raise BadValue(f"outcome model: {name} has {size} numbers")
        shares = (
            "answer_by_hour",
            "machine",
            "right_party",
            "unanswered",
            "promise",
            "kept",
            "cure",
            "message_pays",
            "bot",
        )
        for name in shares:
            value = getattr(self, name)
            for share in value if isinstance(value, tuple) else (value,):
                if not 0 <= share <= 1:
                    raise BadValue(f"outcome model: {name} is between 0 and 1")
        if not 1 <= self.promise_days <= 90 or min(self.talk_s, self.wrap_up_s, self.ring_s) < 0:
            raise BadValue("outcome model: promise_days is 1 to 90, seconds are not below zero")


def outcome_model(data: Any) -> OutcomeModel:
    """A model from plain data; what is left out has its default."""
    if not isinstance(data, dict):
        raise BadValue("an outcome model is a table")
    known = {field.name for field in fields(OutcomeModel)}
    unknown = sorted(str(key) for key in data if key not in known)
    if unknown:
        raise BadValue(
            f"outcome model: there is no {', '.join(unknown)}; there are {', '.join(sorted(known))}"
        )
    return OutcomeModel(**{key: _numbers(key, value) for key, value in data.items()})


def _numbers(name: str, value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in items):
        raise BadValue(f"outcome model: {name} is a number or a list of numbers")
    if name == "promise_days" and not isinstance(value, int):
        raise BadValue("outcome model: promise_days is a whole number")
    default = getattr(OutcomeModel(), name)
    if isinstance(default, tuple) != isinstance(value, list):
        raise BadValue(
            f"outcome model: {name} is {'a list' if isinstance(default, tuple) else 'one number'}"
        )
    return tuple(value) if isinstance(value, list) else value


class Chance:
    """A stream of numbers from 0 up to 1, the same for the same seed and case."""

    def __init__(self, seed: int, case: int) -> None:
        self._state = (seed * _MIX_1 + (case + 1) * _GAMMA) & _MASK

    def next(self) -> float:
        """The next number."""
        self._state = (self._state + _GAMMA) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * _MIX_1) & _MASK
        z = ((z ^ (z >> 27)) * _MIX_2) & _MASK
        return ((z ^ (z >> 31)) >> 11) / (1 << 53)

    def below(self, share: float) -> bool:
        """Whether something of this probability happens."""
        return self.next() < share

    def unanswered(self, weights: Sequence[float]) -> Outcome:
        """Which way of not answering."""
        at = self.next() * sum(weights)
        for outcome, weight in zip(_PLAIN, weights, strict=True):
            at -= weight
            if at < 0:
                return outcome
        return _PLAIN[0]
