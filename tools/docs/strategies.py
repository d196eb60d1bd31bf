"""`docs/reference/strategies.md`: when a case is tried again, taken from strategies/*.yaml."""

from __future__ import annotations

from dialer_engine.app.strategies import read_strategies, shipped
from dialer_engine.domain.outcome import Outcome
from dialer_engine.strategy.retry import RetryRule, RetryTable, Then
from tools.docs.markdown import code, page, table

SOURCE = "strategies/"
_HOUR_S, _DAY_S = 3600.0, 86400.0
_THEN = {
    Then.SAME_NUMBER: "the same number again",
    Then.NEXT_NUMBER: "the debtor's next number; after the last the first",
    Then.OTHER_NUMBER: "the next number; given up when there is no other",
    Then.DONE: "not in this campaign any more",
}


def strategies() -> str:
    """The page."""
    lines = [
        "# Strategies",
        "",
        "What follows each outcome, one table a file in `strategies/`. A campaign names its table"
        " (`campaign create --strategy`). The delay is the least: the compliance gate comes on top and can only make"
        " it later; *another hour* keeps three hours from this attempt's time of day."
        " An outcome without a row is given up. Files are read when the daemon starts and when it reloads.",
        "",
        "| `then` | meaning |",
        "| --- | --- |",
        *(f"| `{then.value}` | {meaning} |" for then, meaning in _THEN.items()),
    ]
    for name, found in read_strategies(shipped()).items():
        lines += ["", f"## `{name}`", "", f"At most {found.max_tries} attempts for a case.", ""]
        lines += table(("outcome", "中文", "then", "after"), [_row(found, o) for o in Outcome])
    return page(SOURCE, lines)


def _row(found: RetryTable, outcome: Outcome) -> tuple[str, ...]:
    rule = found.rules.get(outcome, RetryRule(Then.DONE))
    after = "" if rule.then is Then.DONE else _span(rule.delay_s)
    after += ", another hour" if rule.other_hour else ""
    return code(outcome.value), outcome.chinese, code(rule.then.value), after


def _span(seconds: float) -> str:
    if seconds >= _DAY_S and seconds % _DAY_S == 0:
        return f"{seconds / _DAY_S:g} d"
    if seconds >= _HOUR_S and seconds % _HOUR_S == 0:
        return f"{seconds / _HOUR_S:g} h"
    return f"{seconds / 60:g} min"
