"""The pacing of all campaigns that this daemon runs: what they are told, and what the store keeps of it.

Rules: before a campaign dials, the live answers of its accounting period and what it had learned are
read from the store; what was learned is saved each minute and when the campaign is given back; decisions
are written each second and deleted after `KEPT`; none of this is on the way from an answer to an agent,
and what the store does not take stops nothing but itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from dialer_engine.compliance.gate import RuleSet
from dialer_engine.domain.agent import AgentState, Line
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.errors import BadValue, DialerError, StoreError
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CampaignName, Moment
from dialer_engine.engine import news
from dialer_engine.engine.account import LIVE, Account, period_around, site_zone
from dialer_engine.engine.effects import Effects
from dialer_engine.engine.pace import CampaignPace
from dialer_engine.engine.registry import Agent, Call
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.engine.shares import Shares
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.store import Store

log = structlog.get_logger(__name__)
# What was learned is kept under the name of the policy that learns.
LEARNS = DialMode.PREDICTIVE.value
KEPT = timedelta(days=3)
# Deleted at once: small enough for any writer to wait for.
_FORGET = 5000


@dataclass(frozen=True, slots=True)
class _Past:
    """What the store said of a campaign before it was begun."""

    live: int
    abandoned: int
    memory: Mapping[str, Any] | None


class Paces:
    """See the module. running: by campaign, in no order."""

    def __init__(
        self, settings: EngineSettings, store: Store, effects: Effects, clock: Clock
    ) -> None:
        self.settings = settings
        self.running: dict[CampaignName, CampaignPace] = {}
        self._store = store
        self._effects = effects
        self._clock = clock
        self._past: dict[CampaignName, _Past] = {}
        self.shares = Shares(settings, store, clock)

    # -- campaigns come and go

    async def recall(self, campaign: Campaign) -> None:
        """Ask the store before it is begun. StoreError."""
        if campaign.name in self.running:
            return
        live, abandoned = await self._counted(campaign)
        memory = await self._store.memory(campaign.name, LEARNS)
        await self.shares.recall(campaign)
        self._past[campaign.name] = _Past(live, abandoned, memory)

    async def _counted(self, campaign: Campaign) -> tuple[int, int]:
        now = self._clock.now().utc
        begin, end = period_around(
            now, campaign.period, site_zone(self.settings.rules.default_zone)
        )
        return await self._store.live_answers(campaign.name, begin, end)

    def begin(self, campaign: Campaign) -> CampaignPace:
        """The pacing of a campaign that is run from now on."""
        past = self._past.pop(campaign.name, None)
        account = self._account(campaign)
        account.begin(self._clock.now().utc)
        if past is not None:
            account.live, account.abandoned = past.live, past.abandoned
        memory = past.memory if past is not None and past.memory else self.settings.priors
        try:
            pace = CampaignPace(campaign, account, memory)
        except BadValue as error:
            log.error("what was learned is left out", campaign=campaign.name, error=str(error))
            pace = CampaignPace(campaign, account)
        self.running[campaign.name] = pace
        return pace

    def _account(self, campaign: Campaign) -> Account:
        rules: RuleSet = self.settings.rules
        return Account(campaign.period, site_zone(rules.default_zone), rules.window_end)

    def change(self, pace: CampaignPace, campaign: Campaign) -> None:
        """Other settings; another period is counted anew."""
        other = campaign.period is not pace.account.period
        pace.change(campaign)
        rules = self.settings.rules
        pace.account.zone, pace.account.window_end = site_zone(rules.default_zone), rules.window_end
        if other:
            self._effects.start(self._recount(pace), f"recount {campaign.name}")

    async def _recount(self, pace: CampaignPace) -> None:
        """Until it is known the old figures hold. Answers of calls that are still up are counted already,
        and the store does not know them yet.
        """
        before = pace.account.live, pace.account.abandoned
        fresh = self._account(pace.campaign)
        fresh.begin(self._clock.now().utc)
        try:
            live, abandoned = await self._counted(pace.campaign)
        except StoreError as error:
            log.warning("the period could not be counted", error=str(error))
            live, abandoned = before
        since = pace.account.live - before[0], pace.account.abandoned - before[1]
        fresh.live, fresh.abandoned = live + max(0, since[0]), abandoned + max(0, since[1])
        pace.account = fresh

    async def end(self, name: CampaignName) -> None:
        """It is given back: keep what it has learned."""
        pace = self.running.pop(name, None)
        if pace is not None:
            await self._save_quietly(pace)
            await self._write(pace)

    # -- what happens

    def call_moved(self, call: Call, fault: bool, now: Moment) -> None:
        """After each step of a call."""
        self._count(call, now)
        told = news.of_call(call, fault, now)
        waited = news.patience(call.state)
        if told is None and waited is None:
            return
        for pace in self.running.values():
            if not pace.sees(call.node, call.campaign):
                continue
            collector = pace.collector(call.node)
            if told is not None and call.for_agent is None:
                collector.ended(told.end, told.ring_s, pace.lists.of(call.campaign))
                collector.amd += [told.amd_s] if told.amd_s is not None else []
            if waited is not None:
                collector.patience.append(waited)

    def _count(self, call: Call, now: Moment) -> None:
        """Once, when it is known what became of a live answer."""
        state = call.state
        pace = self.running.get(call.campaign)
        if call.counted or pace is None or state.policy.robot:
            return
        lost = state.phase is CallPhase.SAFE_HARBOUR and state.bridged_at is None
        over = state.is_over and state.outcome in LIVE
        if not (lost or over or state.phase is CallPhase.TALKING):
            return
        call.counted = True
        abandoned = lost or state.outcome is Outcome.ABANDONED
        pace.account.count(abandoned, now.utc)
        self.shares.count(call.campaign, abandoned, now.utc)

    def agent_changed(
        self, agent: Agent, before: AgentState, call: Call | None, now: Moment
    ) -> None:
        """After each change of an agent. call: that of the talk which begins."""
        if (
            agent.state.line is Line.IN_CALL
            and before.line is not Line.IN_CALL
            and call is not None
        ):
            agent.about = about(call)
        told = news.of_agent(agent, before, now)
        if told is None:
            return
        for pace in self.running.values():
            campaign = pace.campaign
            if campaign.mode is DialMode.ROBOT or (
                campaign.skill and campaign.skill not in agent.state.skills
            ):
                continue
            collector, group = pace.collector(agent.node), pace.groups.of(agent.about)
            collector.talks += [(told.talk_s, group)] if told.talk_s is not None else []
            collector.wraps += [(told.wrap_s, group)] if told.wrap_s is not None else []
            collector.left += told.left

    # -- the store

    async def save(self) -> None:
        """What all have learned."""
        for pace in list(self.running.values()):
            await self._save_quietly(pace)

    async def _save_quietly(self, pace: CampaignPace) -> None:
        learned = pace.memory()
        if learned is None:
            return
        try:
            await self._store.save_memory(
                pace.campaign.name, LEARNS, learned, self._clock.now().utc
            )
        except DialerError as error:
            log.warning(
                "what pacing learned was not saved", campaign=pace.campaign.name, error=str(error)
            )

    async def write(self) -> None:
        """The decisions that are worth keeping."""
        for pace in list(self.running.values()):
            await self._write(pace)

    async def _write(self, pace: CampaignPace) -> None:
        rows = pace.decisions.waiting()
        if not rows:
            return
        try:
            await self._store.save_decisions(rows)
        except DialerError as error:
            log.warning(
                "decisions wait for the store", campaign=pace.campaign.name, error=str(error)
            )
        else:
            pace.decisions.written(len(rows))

    async def forget(self) -> None:
        """Decisions that nobody will ask for any more."""
        before = self._clock.now().utc - KEPT
        while await self._store.forget_decisions(before, _FORGET) >= _FORGET:
            pass


# Days past due at which a case enters the next stage of collections (逾期 M1 to M6).
_STAGES = (0, 30, 60, 90, 120, 150, 180)


def about(call: Call) -> str:
    """Campaign and stage of a talk: talks of one kind last alike."""
    if call.screen is None:
        return str(call.campaign)
    days = call.screen.days_past_due
    stage = sum(1 for limit in _STAGES if days > limit)
    return f"{call.campaign}:M{stage}"
