"""When a case is tried again after each outcome: one table, read from strategies/*.yaml.

Rules: an outcome without a row is given up; `next_number` moves to the debtor's next number, and
after the last one starts again with the first; no delay is below the outcome's own minimum in the
file; a case stops after `max_tries`.
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
    """same_number: the same one again. next_number: another one of the debtor. done: not in this
    campaign any more.
    """

    SAME_NUMBER = "same_number"
    NEXT_NUMBER = "next_number"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class RetryRule:
    """What follows one outcome, and after how many seconds."""

    then: Then
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        if self.delay_s < 0:
            raise BadValue("a retry delay must not be negative")


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
        if rule.then is Then.DONE:
            return CaseNext(campaign, case_id, None, outcome.value, tries, rank)
        if tries >= self.max_tries:
            return CaseNext(campaign, case_id, None, "max_tries", tries, rank)
        another = (rank + 1) % max(1, numbers) if rule.then is Then.NEXT_NUMBER else rank
        return CaseNext(
            campaign, case_id, now + timedelta(seconds=rule.delay_s), outcome.value, tries, another
        )


def retry_table(name: str, data: Mapping[str, object]) -> RetryTable:
    """A table from the plain data of a strategy file; BadValue names what is wrong in it."""
    rules = data.get("retry")
    tries = data.get("max_tries")
    if not isinstance(rules, Mapping) or not isinstance(tries, int) or tries < 1:
        raise BadValue(f"strategy {name}: it needs `max_tries` (1 or more) and a table `retry`")
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
    if not isinstance(row, Mapping):
        raise BadValue(f"strategy {name}, {key}: a rule is a table with `then` and `delay_s`")
    try:
        return RetryRule(Then(str(row.get("then"))), float(row.get("delay_s", 0)))
    except ValueError:
        known = ", ".join(then.value for then in Then)
        raise BadValue(
            f"strategy {name}, {key}: `then` is one of {known}; `delay_s` a number of seconds"
        ) from None
