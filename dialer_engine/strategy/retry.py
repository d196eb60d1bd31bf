"""When a case is tried again after each outcome: one table, read from strategies/*.yaml.

Rules: an outcome without a row is given up; `next_number` moves to the debtor's next number, and
after the last one starts again with the first; every retry states its delay, and a key that is not
known is an error, because a misspelt delay would dial again at once; a case stops after
`max_tries`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dialer_engine.domain.attempt import CaseNext
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CampaignName, CaseId


class Then(StrEnum):
    """same_number: the same one again. next_number: the debtor's next one, after the last the first.
    other_number: the same, but given up when there is no other. done: not in this campaign any
    more.
    """

    SAME_NUMBER = "same_number"
    NEXT_NUMBER = "next_number"
    OTHER_NUMBER = "other_number"
    DONE = "done"


_FILE_KEYS = frozenset({"max_tries", "retry"})
_RULE_KEYS = frozenset({"then", "delay_s", "other_hour"})
# A year and a day: what is to wait longer belongs into another campaign, and dates do not overflow.
MAX_DELAY_S = 366 * 86400.0
# How far `other_hour` goes from the hour of the attempt. Our own value: people keep the same habits
# for about the length of a meal, a commute or a shift's half.
_ANOTHER_HOUR = timedelta(hours=3)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RetryRule:
    """What follows one outcome, and after how many seconds. other_hour: not within three hours of
    the time of day of this attempt.
    """

    then: Then
    delay_s: float = 0.0
    other_hour: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.delay_s <= MAX_DELAY_S:
            raise BadValue(f"a retry delay is between 0 and {MAX_DELAY_S:.0f} seconds")

    def minutes(self) -> int:
        """Until it may be tried again, in whole minutes, upwards."""
        return -int(-self.wait() // timedelta(minutes=1))

    def due(self, now: datetime) -> datetime:
        """The first time at which it may be tried again; needs no zone, since a day is a day in all
        of them but on the two of the clock change.
        """
        return now + self.wait()

    def wait(self) -> timedelta:
        """How long it waits, moved to another hour where the rule says so."""
        delay = timedelta(seconds=self.delay_s)
        part = delay % _DAY
        if self.other_hour and part < _ANOTHER_HOUR:
            delay += _ANOTHER_HOUR - part
        elif self.other_hour and part > _DAY - _ANOTHER_HOUR:
            delay += _DAY + _ANOTHER_HOUR - part
        return delay


@dataclass(frozen=True, slots=True)
class RetryTable:
    """name: of the strategy. rules: by outcome. max_tries: attempts for each case in one
    campaign.
    """

    name: str
    rules: Mapping[Outcome, RetryRule]
    max_tries: int

    def after(
        self,
        outcome: Outcome,
        campaign: CampaignName,
        case_id: CaseId,
        tries: int,
        rank: int,
        numbers: int,
        now: datetime,
    ) -> CaseNext:
        """What happens to the case after its `tries`-th attempt, made on its number `rank` of
        `numbers`.
        """
        rule = self.rules.get(outcome, RetryRule(Then.DONE))
        alone = rule.then is Then.OTHER_NUMBER and numbers <= 1
        if rule.then is Then.DONE or alone:
            return CaseNext(campaign, case_id, None, outcome.value, tries, rank)
        if tries >= self.max_tries:
            return CaseNext(campaign, case_id, None, "max_tries", tries, rank)
        another = rank if rule.then is Then.SAME_NUMBER else (rank + 1) % max(1, numbers)
        return CaseNext(campaign, case_id, rule.due(now), outcome.value, tries, another)


def retry_table(name: str, data: Mapping[str, object]) -> RetryTable:
    """A table from the plain data of a strategy file; BadValue names what is wrong in it."""
    rules = data.get("retry")
    tries = data.get("max_tries")
    if not isinstance(rules, Mapping) or type(tries) is not int or tries < 1:
        raise BadValue(f"strategy {name}: it needs `max_tries` (1 or more) and a table `retry`")
    _known_keys(f"strategy {name}", data, _FILE_KEYS)
    return RetryTable(
        name, {_outcome(name, key): _rule(name, key, row) for key, row in rules.items()}, tries
    )


def _outcome(name: str, key: object) -> Outcome:
    try:
        return Outcome(str(key))
    except ValueError:
        known = ", ".join(outcome.value for outcome in Outcome)
        raise BadValue(
            f"strategy {name}: no outcome is called {key!r}; there are {known}"
        ) from None


def _rule(name: str, key: object, row: object) -> RetryRule:
    place = f"strategy {name}, {key}"
    if not isinstance(row, Mapping):
        raise BadValue(f"{place}: a rule is a table with `then` and `delay_s`")
    _known_keys(place, row, _RULE_KEYS)
    then = _then(place, row.get("then"))
    if then is Then.DONE:
        return RetryRule(then)
    delay = row.get("delay_s")
    # YAML's `yes` is a bool, and Python counts that among the numbers.
    if not isinstance(delay, int | float) or isinstance(delay, bool):
        raise BadValue(f"{place}: it needs `delay_s`, a number of seconds")
    other_hour = row.get("other_hour", False)
    if not isinstance(other_hour, bool):
        raise BadValue(f"{place}: `other_hour` is true or false")
    try:
        return RetryRule(then, float(delay), other_hour)
    except BadValue as error:
        raise BadValue(f"{place}: {error}") from None


def _then(place: str, value: object) -> Then:
    try:
        return Then(str(value))
    except ValueError:
        known = ", ".join(then.value for then in Then)
        raise BadValue(f"{place}: `then` is one of {known}") from None


def _known_keys(place: str, table: Mapping[str, object], known: frozenset[str]) -> None:
    unknown = sorted(str(key) for key in table.keys() - known)
    if unknown:
        raise BadValue(
            f"{place}: there is no {', '.join(unknown)}; there are {', '.join(sorted(known))}"
        )
