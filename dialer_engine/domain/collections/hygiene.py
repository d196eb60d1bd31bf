"""Number hygiene: what outcomes teach about a number, and when it is best called.

Rules: a memory is folded from outcomes one at a time, in any order of numbers but in the order of time
for one number; a network says "no such number" by mistake now and then, so that a number is written
off only after several in a row; an answer clears the count of failures, but not what a person said: a
wrong number stays wrong for this person; nothing is learned from calls that failed by our own fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dialer_engine.domain.collections.codes import NumberState
from dialer_engine.domain.outcome import Outcome

HOURS = 24
# Monday to Friday, and the two other days: people are at home at other hours.
_KINDS_OF_DAY = 2
CELLS = HOURS * _KINDS_OF_DAY
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class HygienePolicy:
    """empty_after, out_of_service_after: such answers of the network in a row. quiet_after: calls in
    a row that nobody took. prior_tries, prior_rate: what an hour without calls is believed to be
    worth: as if it had been tried so often at that rate.
    """

    empty_after: int = 2
    out_of_service_after: int = 3
    quiet_after: int = 6
    prior_tries: float = 4.0
    prior_rate: float = 0.25


@dataclass(frozen=True, slots=True)
class NumberMemory:
    """What is known of one number. streak: outcomes `last` in a row. tried, taken: calls, and calls
    that a person took, by cell (see `cell`). wrong: a person said it is not theirs.
    """

    attempts: int = 0
    answered: int = 0
    streak: int = 0
    last: Outcome | None = None
    wrong: bool = False
    tried: tuple[int, ...] = (0,) * CELLS
    taken: tuple[int, ...] = (0,) * CELLS


# By our own fault or will: they say nothing of the number.
_MUTE = frozenset(
    {Outcome.CONGESTION, Outcome.INCOMPATIBLE, Outcome.FAILED, Outcome.CANCELLED, Outcome.LOST}
)
_PERSON = frozenset({Outcome.COMPLETED, Outcome.ABANDONED, Outcome.HUNG_UP_EARLY})
# A busy or refused call was taken note of by a person, at that hour.
_SOMEBODY = _PERSON | {Outcome.BUSY, Outcome.REJECTED}
_STATE_OF = {
    Outcome.INVALID_NUMBER: NumberState.EMPTY,
    Outcome.OUT_OF_SERVICE: NumberState.OUT_OF_SERVICE,
    Outcome.SWITCHED_OFF: NumberState.UNREACHABLE,
    Outcome.UNREACHABLE: NumberState.UNREACHABLE,
}


def cell(weekday: int, hour: int) -> int:
    """Where an hour at the debtor is counted. weekday: 0 is Monday."""
    return hour + HOURS * (weekday >= _SATURDAY)


def learn(memory: NumberMemory, outcome: Outcome, weekday: int, hour: int) -> NumberMemory:
    """The memory after one more call, at that local hour."""
    if outcome in _MUTE:
        return memory
    person = outcome in _PERSON
    place = cell(weekday, hour)
    return replace(
        memory,
        attempts=memory.attempts + 1,
        answered=memory.answered + person,
        streak=memory.streak + 1 if outcome is memory.last else 1,
        last=outcome,
        tried=_add(memory.tried, place, 1),
        taken=_add(memory.taken, place, int(person)),
    )


def said_wrong(memory: NumberMemory) -> NumberMemory:
    """Whoever answered says that the debtor is not to be reached here."""
    return replace(memory, wrong=True)


def state_of(memory: NumberMemory, policy: HygienePolicy) -> NumberState:
    """What this number is to be taken for."""
    if memory.wrong:
        return NumberState.WRONG
    if memory.last is None:
        return NumberState.UNTRIED
    found = _STATE_OF.get(memory.last)
    if found is NumberState.EMPTY and memory.streak < policy.empty_after:
        found = NumberState.UNREACHABLE
    if found is NumberState.OUT_OF_SERVICE and memory.streak < policy.out_of_service_after:
        found = NumberState.UNREACHABLE
    if found is not None:
        return found
    if memory.last not in _SOMEBODY and memory.streak >= policy.quiet_after:
        return NumberState.QUIET
    return NumberState.GOOD if memory.answered else NumberState.QUIET


def chance(memory: NumberMemory, weekday: int, hour: int, policy: HygienePolicy) -> float:
    """How likely a person answers at that hour: what was seen, drawn towards the number's own rate,
    and that towards the prior (two steps of a beta-binomial shrinkage), so that one lucky call does
    not make an hour.
    """
    own = (memory.answered + policy.prior_tries * policy.prior_rate) / (
        memory.attempts + policy.prior_tries
    )
    place = cell(weekday, hour)
    return (memory.taken[place] + policy.prior_tries * own) / (
        memory.tried[place] + policy.prior_tries
    )


def best_hours(
    memory: NumberMemory, weekday: int, hours: Sequence[int], policy: HygienePolicy
) -> list[int]:
    """`hours` of such a day, the best first; equal ones in their order."""
    return sorted(hours, key=lambda hour: -chance(memory, weekday, hour, policy))


def rank_numbers(
    memories: Mapping[str, NumberMemory],
    order: Sequence[str],
    weekday: int,
    hour: int,
    policy: HygienePolicy,
) -> list[str]:
    """Numbers to try at that hour, the likeliest first, bad ones left out; `order` is the creditor's,
    and decides between equals.
    """
    blank = NumberMemory()
    usable = [n for n in order if not state_of(memories.get(n, blank), policy).is_bad]
    return sorted(usable, key=lambda n: -chance(memories.get(n, blank), weekday, hour, policy))


def _add(counts: tuple[int, ...], place: int, by: int) -> tuple[int, ...]:
    return (*counts[:place], counts[place] + by, *counts[place + 1 :]) if by else counts
