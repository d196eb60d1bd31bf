"""May this case be called now, and if not, when: what `compliance explain` tells.

Rules: as in `law.py`; asked as the daemon asks: with the figures of the campaign, the promises of the
configuration, and the line that is tried first; nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from dialer_engine.app.compliance import load_book, tzdata_version
from dialer_engine.app.config import Config
from dialer_engine.app.law import moment
from dialer_engine.app.stored import in_store
from dialer_engine.app.wiring import house_rules, rule_book
from dialer_engine.compliance.facts import Facts
from dialer_engine.compliance.gate import Deferral, Gate, Permit, local_day
from dialer_engine.compliance.lifting import with_wide
from dialer_engine.compliance.rules import Override, Unit
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.units import CaseId, TrunkName
from dialer_engine.engine.account import site_zone
from dialer_engine.engine.counsel import line_key, on_line
from dialer_engine.engine.shares import (
    around,
    by_caller,
    line_figures,
    line_specs,
    share_figures,
    share_specs,
)
from dialer_engine.store import communications, hold_book
from dialer_engine.store.law import SqlLaw
from dialer_engine.store.law_lookup import case_id_of, numbers_of
from dialer_engine.store.numbers import masked
from dialer_engine.store.sql import SqlStore

Json = dict[str, Any]
_MOST_HOLDS: Final = 100
# Longer than the span of any cap that ships, but the lifelong ones.
_CONTACTS: Final = timedelta(days=90)
_MOST_CONTACTS: Final = 100


def explain(
    config: Config,
    presets: Sequence[str],
    reference: str,
    at: str | None,
    promises: Sequence[str],
    campaign: str = "",
) -> list[Json]:
    """For each number of a case: {number, decision, again_at, must_end_by, zones, reasons, rules, overrides,
    holds, shares, contacts}. contacts: of other channels, in the last ninety days. at: ISO time, now when
    None. promises: disclosures beside those of the configuration. campaign: empty for the case's own; of
    several the one whose share of abandoned calls is highest.
    """
    now = moment(at)
    book = load_book(presets) if presets else rule_book(config)

    async def work(store: SqlStore) -> list[Json]:
        rules = house_rules(config)
        candidates = await store.database.read(
            numbers_of, store.vault, reference, lambda zone: local_day(zone, rules, now)
        )
        gate = Gate(rules, book, tzdata=tzdata_version())
        law = SqlLaw(store, book)
        case_id = await store.database.read(case_id_of, reference)
        asking = [await _share(config, store, book, one, now)
                  for one in await _campaigns(store, case_id, campaign)]  # fmt: skip
        beside: Json = {
            "holds": await store.database.read(hold_book.listing, case_id, False, _MOST_HOLDS, now),
            "shares": [_told_share(name, figures) for name, _, figures in asking if figures],
            "contacts": await store.database.read(
                communications.of_case, case_id, now - _CONTACTS, _MOST_CONTACTS
            ),
        }
        wide, lines = await law.lifted_widely(now), await _lines(config, store, book, now)
        told = []
        # One by one: `facts` is by case, and these are numbers of one.
        for candidate in candidates:
            known = await law.facts([candidate], now)
            facts = _asked(config, known[candidate.case_id], asking, promises, wide, lines)
            facts = await _on_the_line(config, law, facts, now)
            told.append(_explained(gate, facts, now) | beside)
        return told

    return in_store(config, work)


_Share = tuple[str, Campaign, dict[str, float]]


async def _campaigns(store: SqlStore, case_id: CaseId, name: str) -> list[Campaign]:
    known = {one.name: one for one in await store.campaigns()}
    if name:
        found = [one for one in known.values() if one.name == name]
        if not found:
            raise NotFound(f"no campaign is called {name!r}")
        return found
    return [known[row["campaign"]] for row in await store.case_campaigns(case_id)]


async def _share(
    config: Config, store: SqlStore, book: RuleBook, campaign: Campaign, now: datetime
) -> _Share:
    """What is counted of it, as the engine counts it."""
    zone = site_zone(config.compliance.default_zone)
    figures: dict[str, float] = {}
    for window, spec in share_specs(book).items():
        begin, end = around(now, spec, zone)
        live, abandoned = await store.live_answers(campaign.name, begin, end)
        figures |= share_figures(window, live, abandoned, end)
    return campaign.name, campaign, figures


async def _lines(
    config: Config, store: SqlStore, book: RuleBook, now: datetime
) -> dict[str, dict[str, float]]:
    """By caller id, where a rule asks for it."""
    callers = {TrunkName(one.name): one.caller_id for one in config.trunks}
    found: dict[str, dict[str, float]] = {}
    for window, spec in line_specs(book).items():
        begin, end = around(now, spec, site_zone(config.compliance.default_zone))
        sums = by_caller(await store.trunk_calls(begin, end), callers)
        for caller, (calls, short) in sums.items():
            found.setdefault(caller, {}).update(line_figures(window, calls, short, end))
    return found


def _told_share(name: str, figures: dict[str, float]) -> Json:
    return {"campaign": name} | {
        key: round(value, 2) for key, value in figures.items() if not key.endswith("/ends")
    }


def _asked(
    config: Config,
    facts: Facts,
    asking: Sequence[_Share],
    promises: Sequence[str],
    wide: Mapping[str, tuple[Override, ...]],
    lines: Mapping[str, Mapping[str, float]],
) -> Facts:
    """The facts, as `engine.counsel.Counsel.facts` makes them complete."""
    promised = frozenset(promises) | frozenset(config.compliance.disclosures)
    facts = replace(facts, disclosures=promised)
    if config.trunks:
        line = min(config.trunks, key=lambda one: one.priority)
        figures = dict(lines.get(line.caller_id, {}))
        facts = replace(facts, caller_id=line.caller_id, figures=figures)
        if line.carrier:
            facts = replace(facts, subject=replace(facts.subject, carrier=line.carrier))
    if not asking:
        return replace(facts, overrides=with_wide(facts, "", wide))
    _, campaign, shares = max(asking, key=lambda one: _highest(one[2]))
    figures = {
        **facts.figures, "ring_s": campaign.ring_timeout_s, "wait_s": campaign.wait_limit_s, **shares,
    }  # fmt: skip
    kept = frozenset({"agent_guaranteed"}) if campaign.mode.for_one_agent else frozenset()
    lifted = with_wide(facts, campaign.name, wide)
    return replace(facts, figures=figures, flags=facts.flags | kept, overrides=lifted)


async def _on_the_line(config: Config, law: SqlLaw, facts: Facts, now: datetime) -> Facts:
    """With the counter of the trunk that is tried first, where a rule counts by trunk."""
    if Unit.TRUNK.value not in law.book.units or not config.trunks:
        return facts
    line = min(config.trunks, key=lambda one: one.priority)
    key = line_key(TrunkName(line.name))
    return on_line(facts, key, await law.counted([key], now))


def _highest(figures: dict[str, float]) -> float:
    return max((v for k, v in figures.items() if k.startswith("abandon_pct")), default=0.0)


def _explained(gate: Gate, facts: Facts, now: datetime) -> Json:
    decision = gate.decide(facts, now)
    told: Json = {
        "number": masked(facts.number),
        "at": now.isoformat(),
        "zones": list(gate.zones(facts)),
        "overrides": [_override(one) for one in facts.overrides],
        "rules": [
            {
                "rule": one.rule.id,
                "allows": one.allows,
                "text": one.text,
                "again_at": one.free_at.isoformat() if one.free_at and not one.allows else None,
                "source": one.rule.source.ref,
                "status": one.rule.source.status.value,
            }
            for one in gate.look(facts, now)
        ],
    }
    if isinstance(decision, Permit):
        end = decision.must_end_by
        return told | {
            "decision": "permit", "again_at": None, "reasons": [],
            "must_end_by": end.isoformat() if end else None,
        }  # fmt: skip
    kind = "deferral" if isinstance(decision, Deferral) else "denial"
    again = decision.again_at
    return told | {
        "decision": kind, "again_at": again.isoformat() if again else None, "must_end_by": None,
        "reasons": [{"code": one.code, "text": one.text} for one in decision.reasons],
    }  # fmt: skip


def _override(one: Override) -> Json:
    return {
        "rule": one.rule,
        "kind": one.kind,
        "who": one.who,
        "why": one.why,
        "until": one.until.isoformat(),
    }
