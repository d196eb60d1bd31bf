"""Follows the strategies: which of the cases that are due may be called now, by which step, and in which order.

Rules: asked in the background, when cases are fetched, with one read of the store for all of them; the tick
only looks at the time. A case that its strategy does not want called now waits in the store with the reason,
as the gate's denials do. A strategy that is a retry table only has no say here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dialer_engine.domain.attempt import Candidate, CaseNext, Plan
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.engine.ledger import Ledger
from dialer_engine.engine.settings import Course, EngineSettings
from dialer_engine.engine.stats import EngineStats
from dialer_engine.ports.store import Standing, Store
from dialer_engine.strategy.choose import choose
from dialer_engine.strategy.conditions import fact_map
from dialer_engine.strategy.course import Go, Wait, follow
from dialer_engine.strategy.listing import Entry, arrange

# What was decided from facts of so long ago is decided again: promises and judgements change meanwhile,
# and only payments and holds are told of at once (`holds`).
_LIFE = timedelta(minutes=15)
# A decision costs some tens of microseconds: so many in a row, then the loop.
_AT_ONCE = 50


class Guide:
    """Asks the strategies of campaigns."""

    def __init__(
        self, settings: EngineSettings, store: Store, ledger: Ledger, stats: EngineStats
    ) -> None:
        self.settings = settings
        self._store = store
        self._ledger = ledger
        self._stats = stats

    def course(self, campaign: Campaign) -> Course | None:
        """The strategy of a campaign, None when it is a retry table only."""
        return self.settings.courses.get(campaign.strategy)

    async def follow(
        self, campaign: Campaign, found: Sequence[Candidate], now: datetime
    ) -> tuple[list[Candidate], str]:
        """Those that may be called now, in the strategy's order, each with its plan; and why the last
        of the others waits. StoreError.
        """
        course = self.course(campaign)
        if course is None or not found:
            return list(found), ""
        known = await self._store.standings([one.case_id for one in found], now)
        going: dict[str, Candidate] = {}
        entries: list[Entry] = []
        why = ""
        for place, one in enumerate(found):
            if place % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            standing = known.get(one.case_id, Standing(CaseFacts()))
            facts, local = fact_map(standing.facts), now.astimezone(self._zone(one))
            said = follow(
                course.strategy, facts, one.reference, campaign.mode, local, standing.calls
            )
            if isinstance(said, Wait):
                why = said.text
                self._wait(one, said, now)
                continue
            plan = _plan(course, said, standing.facts, now)
            going[one.reference] = replace(one, plan=plan)
            entries.append(Entry(one.reference, plan.segment, said.step.priority, facts))
        return [going[entry.reference] for entry in arrange(course.strategy, entries)], why

    def _wait(self, one: Candidate, said: Wait, now: datetime) -> None:
        self._stats.denied[said.code] += 1
        self._ledger.postpone(
            CaseNext(
                one.campaign, one.case_id, said.again.astimezone(UTC), said.code, one.tries,
                one.number_rank, (said.code,), now,
            )
        )  # fmt: skip

    async def named(self, campaign: Campaign, one: Candidate, now: datetime) -> Candidate:
        """A case that an agent asks for by name: the law decides whether it is dialled, not the strategy;
        but it is noted in which segment it is, and the agent gets its script. StoreError.
        """
        course = self.course(campaign)
        if course is None:
            return one
        known = await self._store.standings([one.case_id], now)
        facts = known.get(one.case_id, Standing(CaseFacts())).facts
        choice = choose(course.strategy, fact_map(facts), one.reference)
        step = next((step for step in choice.steps if step.channel.is_voice), None)
        plan = Plan(
            course.strategy.name, course.version, choice.segment.id if choice.segment else "",
            step.id if step else "", step.script if step else "", step.strength if step else 1,
            now + _LIFE, choice.arms, facts,
        )  # fmt: skip
        return replace(one, plan=plan)

    def is_stale(self, campaign: Campaign, one: Candidate, now: datetime) -> bool:
        """The strategy has to be asked again: time went by, or it is another one by now."""
        course = self.course(campaign)
        if course is None:
            return False
        return one.plan is None or now >= one.plan.until or one.plan.version != course.version

    def _zone(self, one: Candidate) -> tzinfo:
        """Where no zone is known the gate denies, whatever the hour is here."""
        try:
            return ZoneInfo(one.zone or self.settings.rules.default_zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            return UTC


def _plan(course: Course, go: Go, facts: CaseFacts, now: datetime) -> Plan:
    assert go.choice.segment is not None
    return Plan(
        course.strategy.name, course.version, go.choice.segment.id, go.step.id, go.step.script,
        go.step.strength, min(go.until.astimezone(UTC), now + _LIFE), go.choice.arms, facts,
    )  # fmt: skip
