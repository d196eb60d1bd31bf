"""Which overrides lift which rules. Pure.

Rules: a rule is lifted by the kinds of override that it names itself, and one whose source only says
`should` by a supervisor too; a rule that names none is lifted by nothing; an override has an end.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from dialer_engine.compliance.counting import unit_key
from dialer_engine.compliance.facts import Facts
from dialer_engine.compliance.rules import Hours, Override, Rule, Severity, WindowSpec

_SUPERVISOR: Final = frozenset({"supervisor"})
_NOTHING: Final[frozenset[str]] = frozenset()


def liftable(rule: Rule) -> frozenset[str]:
    """The kinds of override that lift a rule; none: nothing does."""
    return rule.overridable | (_SUPERVISOR if rule.severity is Severity.SHOULD else _NOTHING)


def lifts(one: Override, rule: Rule, at: datetime) -> bool:
    """Whether an override counts for a rule at this moment."""
    return one.rule == rule.id and one.kind in liftable(rule) and at < one.until


def agreed_hours(rule: Rule, overrides: tuple[Override, ...], at: datetime) -> Hours | None:
    """Other hours that were agreed with the debtor for this rule."""
    for one in overrides:
        if one.window is not None and lifts(one, rule, at):
            return one.window
    return None


def objection(rule: Rule, kind: str, window: Hours | None) -> str:
    """Why an override of this kind would do nothing to a rule; empty when it lifts it."""
    kinds = sorted(liftable(rule))
    if not rule.enabled:
        return f"rule {rule.id} is switched off: there is nothing to lift"
    if not kinds:
        return f"rule {rule.id} ({rule.severity.value}) names no override: nothing lifts it"
    if kind not in kinds:
        return f"rule {rule.id} ({rule.severity.value}) is lifted by {' or '.join(kinds)} only"
    if window is not None and not isinstance(rule.spec, WindowSpec):
        return f"rule {rule.id} is about no hours, so it cannot have others"
    return ""


def with_wide(
    facts: Facts, campaign: str, wide: Mapping[str, tuple[Override, ...]]
) -> tuple[Override, ...]:
    """The overrides of the case, of its number and of the campaign. wide: those of numbers and campaigns, by
    the names of their counters.
    """
    if not wide:
        return facts.overrides
    of_number = wide.get(facts.keys.get("number", ""), ())
    return facts.overrides + of_number + wide.get(unit_key("campaign", campaign), ())
