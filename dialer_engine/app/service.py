"""The API of a running daemon: `EngineApi` over the engine.

Rules: every answer is plain data; what people ask for goes through the same machines as everything
else, in the loop's one thread; a change of configuration is refused as a whole when it is wrong.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

import dialer_engine
from dialer_engine.app import doctor, given, logs, views, wiring
from dialer_engine.app.config import Change, Config, Loaded, diff
from dialer_engine.app.pacing import PacingService, parsed_time
from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentMode
from dialer_engine.domain.campaign import Campaign, CampaignState, DialMode, Period
from dialer_engine.domain.errors import BadValue, Conflict, NotFound, PbxError, StoreError
from dialer_engine.domain.units import AgentId, AttemptId, CampaignName, CaseId, NodeName
from dialer_engine.engine.engine import Engine
from dialer_engine.engine.registry import Agent, fresh_agent

log = structlog.get_logger(__name__)
Json = dict[str, Any]
_LISTEN = ("listen", "whisper", "barge")


class Service(PacingService):
    """One daemon, as others may use it. stop_asked(graceful, limit_s): begins the stop."""

    def __init__(
        self,
        engine: Engine,
        settings: Loaded,
        reread: Callable[[], Loaded],
        stop_asked: Callable[[bool, float], None],
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._reread = reread
        self._stop_asked = stop_asked
        self._hiring: set[AgentId] = set()
        self._started = datetime.now(UTC)
        self._began = engine.clock.now()
        self.state = "running"

    # -- the whole

    async def status(self) -> Json:
        """See EngineApi."""
        whole = {
            "version": dialer_engine.__version__,
            "pid": os.getpid(),
            "started_at": self._started.isoformat(),
            "uptime_s": round(self._engine.clock.now().since(self._began), 1),
            "state": self.state,
            "campaigns": await self._campaigns_now(),
        }
        return views.status(self._engine, whole)

    async def _campaigns_now(self) -> list[Json]:
        """While the store fails: those that this daemon knows, without their backlog."""
        try:
            return await self.campaigns()
        except StoreError:
            known = self._engine.dialling.campaigns.values()
            return [views.campaign_row(self._engine, campaign, {}) for campaign in known]

    async def doctor(self) -> list[Json]:
        """See EngineApi."""
        return await doctor.examine(self._settings, self._engine)

    async def reload(self) -> Json:
        """See EngineApi."""
        fresh = await asyncio.to_thread(self._reread)
        changes = diff(self._settings.config, fresh.config)
        self._apply(fresh, changes)
        self._settings = fresh
        await self._relink(fresh)
        log.info("the configuration was read again", changed=len(changes))
        return {
            "changed": [
                {"key": c.key, "old": c.before, "new": c.after, "live": c.live} for c in changes
            ],
            "needs_restart": [c.key for c in changes if not c.live],
        }

    def _apply(self, fresh: Loaded, changes: list[Change]) -> None:
        engine, config = self._engine, fresh.config
        running = engine.settings
        # The law of a running daemon is that of its start: its books were made for it.
        settings = replace(
            wiring.engine_settings(config), instance=running.instance, book=running.book
        )
        engine.apply(settings)
        for node in engine.nodes.values():
            set_trunks = getattr(node, "set_trunks", None)
            if set_trunks is not None:
                set_trunks(wiring.trunk_dials(config, node.name))
        logs.set_level(config.daemon.log_level)

    async def _relink(self, fresh: Loaded) -> None:
        """A corrected secret is tried at once: a refused link waits for minutes by itself."""
        for one in fresh.config.pbx.nodes:
            relink = getattr(self._engine.nodes.get(NodeName(one.name)), "relink", None)
            if relink is not None and await relink(wiring.link_config(one)):
                log.info("a PBX is linked anew", node=one.name)

    @property
    def config(self) -> Config:
        """As it is in force now."""
        return self._settings.config

    @property
    def drain_limit_s(self) -> float:
        """As configured now."""
        return self._settings.config.daemon.drain_limit_s

    async def shutdown(self, graceful: bool, limit_s: float | None) -> Json:
        """See EngineApi."""
        limit = self.drain_limit_s if limit_s is None else limit_s
        self.state = "draining" if graceful else "stopping"
        self._stop_asked(graceful, limit)
        return {"state": self.state, "calls": len(self._engine.registry.calls), "limit_s": limit}

    # -- campaigns

    async def campaigns(self) -> list[Json]:
        """See EngineApi."""
        return [await self._campaign_row(c) for c in await self._engine.store.campaigns()]

    async def campaign(self, name: str) -> Json:
        """See EngineApi."""
        return await self._campaign_row(await self._campaign(name))

    async def create_campaign(self, data: Json) -> Json:
        """See EngineApi."""
        name = given.campaign_name(data.get("name"))
        if any(c.name == name for c in await self._engine.store.campaigns()):
            raise Conflict(f"there is a campaign {name!r} already")
        wishes = {key: value for key, value in data.items() if key != "name"}
        course = self._engine.settings.courses.get(str(wishes.get("strategy", "")))
        defaults = self._defaults(name)
        if course is not None:
            defaults = given.dialled_as(defaults, course.strategy.dial)
        campaign = self._with(defaults, wishes)
        await self._engine.store.save_campaign(campaign)
        self._engine.dialling.campaigns[campaign.name] = campaign
        return await self._campaign_row(campaign)

    def _defaults(self, name: str) -> Campaign:
        config = self._settings.config
        return Campaign(
            CampaignName(name), DialMode(config.pacing.mode), config.pacing.ratio, config.pacing.ring_timeout_s,
            config.pacing.wait_limit_s, config.agents.wrap_up_s, config.amd.enabled,
            target=config.pacing.target, period=Period(config.pacing.period), min_ring_s=config.pacing.min_ring_s,
        )  # fmt: skip

    async def change_campaign(self, name: str, changes: Json, who: str = "") -> Json:
        """See EngineApi."""
        before = await self._campaign(name)
        campaign = self._with(before, changes)
        await self._engine.store.save_campaign(campaign)
        await self._note_changes(before, campaign, who)
        self._engine.dialling.campaigns[campaign.name] = campaign
        running = self._engine.dialling.running.get(campaign.name)
        if running is not None:
            self._engine.dialling.run(campaign, running.lease_until)
        self._tell(campaign, "changed")
        return await self._campaign_row(campaign)

    async def start_campaign(self, name: str) -> Json:
        """See EngineApi."""
        campaign = await self._campaign(name)
        dialling = self._engine.dialling
        was_ours = campaign.name in dialling.running
        # First the lease, then the book: in its present state nothing of it is dialled yet.
        await self._engine.leases.take(campaign)
        campaign = campaign.with_state(CampaignState.STARTED)
        try:
            await self._engine.store.set_campaign_state(campaign.name, campaign.state)
        except StoreError:
            if not was_ours:
                await self._engine.leases.release(campaign.name)
            raise
        dialling.run(campaign, dialling.running[campaign.name].lease_until)
        return await self._entered(campaign)

    async def pause_campaign(self, name: str) -> Json:
        """See EngineApi."""
        campaign = await self._campaign(name)
        if campaign.state is CampaignState.STOPPED:
            raise Conflict(f"campaign {name!r} is stopped; only a started one can be paused")
        campaign = campaign.with_state(CampaignState.PAUSED)
        running = self._engine.dialling.running.get(campaign.name)
        if running is not None:
            self._engine.dialling.run(campaign, running.lease_until)
        return await self._enter(campaign)

    async def stop_campaign(self, name: str) -> Json:
        """See EngineApi."""
        campaign = (await self._campaign(name)).with_state(CampaignState.STOPPED)
        # The store first: a started campaign that nobody holds would be taken again.
        await self._engine.store.set_campaign_state(campaign.name, campaign.state)
        self._engine.cancel_ringing(lambda call: call.campaign == name, "campaign stopped")
        self._engine.dialling.campaigns[campaign.name] = campaign
        await self._engine.leases.release(campaign.name)
        return await self._enter(campaign)

    async def _enter(self, campaign: Campaign) -> Json:
        await self._engine.store.set_campaign_state(campaign.name, campaign.state)
        return await self._entered(campaign)

    async def _entered(self, campaign: Campaign) -> Json:
        log.info("a campaign changed state", campaign=campaign.name, state=campaign.state.value)
        self._tell(campaign, campaign.state.value)
        return await self._campaign_row(campaign)

    def _tell(self, campaign: Campaign, event: str) -> None:
        self._engine.effects.publish("campaigns", event=event, campaign=campaign.name)

    async def _campaign(self, name: str) -> Campaign:
        for campaign in await self._engine.store.campaigns():
            if campaign.name == name:
                return campaign
        raise NotFound(
            f"no campaign is called {name!r}; `dialer-engine campaign list` shows them all"
        )

    async def _campaign_row(self, campaign: Campaign) -> Json:
        backlog = await self._engine.store.backlog(campaign.name, self._engine.clock.now().utc)
        return views.campaign_row(self._engine, campaign, backlog)

    def _with(self, campaign: Campaign, changes: Json) -> Campaign:
        return given.changed(campaign, changes, self._engine.settings.strategies)

    # -- agents

    async def agents(self) -> list[Json]:
        """See EngineApi."""
        return [
            views.agent_row(agent, self._engine) for agent in self._engine.registry.agents.values()
        ]

    async def add_agent(self, data: Json) -> Json:
        """See EngineApi."""
        mode = AgentMode(self._settings.config.agents.mode)
        row = await asyncio.to_thread(given.agent_row, data, mode, list(self._engine.nodes))
        agents = self._engine.registry.agents
        if row.id in agents or row.id in self._hiring:
            raise Conflict(f"there is an agent {row.id!r} already")
        self._hiring.add(row.id)
        try:
            await self._engine.store.save_agent(row)
        finally:
            self._hiring.discard(row.id)
        agents[row.id] = fresh_agent(
            row, self._engine.home_of(row.node), self._engine.settings.agent
        )
        return self._row(agents[row.id])

    async def login_agent(self, agent_id: str) -> Json:
        """See EngineApi."""
        return self._row(self._engine.desk.login(agent_id))

    async def logout_agent(self, agent_id: str) -> Json:
        """See EngineApi."""
        return self._row(self._engine.desk.logout(agent_id))

    async def pause_agent(self, agent_id: str, reason: str) -> Json:
        """See EngineApi."""
        return self._row(self._engine.desk.pause(agent_id, reason))

    async def resume_agent(self, agent_id: str) -> Json:
        """See EngineApi."""
        return self._row(self._engine.desk.resume(agent_id))

    async def end_wrap_up(self, agent_id: str) -> Json:
        """See EngineApi."""
        return self._row(self._engine.desk.end_wrap_up(agent_id))

    async def dispose(
        self, agent_id: str, code: str, note: str, attempt: str | None = None
    ) -> Json:
        """See EngineApi. NotFound for an attempt that is not in the book."""
        if attempt is not None:
            await self._engine.store.call(AttemptId(attempt))
        about = self._engine.desk.dispose(agent_id, code, note, attempt, "api")
        return {"attempt": about, "agent": agent_id, "code": code}

    def _row(self, agent: Agent) -> Json:
        return views.agent_row(agent, self._engine)

    # -- calls

    async def calls(self, filter: Json) -> list[Json]:
        """See EngineApi."""
        now = self._engine.clock.now()
        rows = [views.call_row(call, now) for call in self._engine.registry.calls.values()]
        return [row for row in rows if all(row.get(key) == value for key, value in filter.items())]

    async def call(self, attempt: str) -> Json:
        """See EngineApi."""
        live = self._engine.registry.calls.get(AttemptId(attempt))
        stored = await self._engine.store.call(AttemptId(attempt))
        return stored | ({"live": views.call_row(live, self._engine.clock.now())} if live else {})

    async def call_history(
        self, campaign: str | None, limit: int, before: str | None
    ) -> list[Json]:
        """See EngineApi."""
        name = CampaignName(campaign) if campaign else None
        return await self._engine.store.calls(name, limit, AttemptId(before) if before else None)

    async def hangup_call(self, attempt: str) -> Json:
        """See EngineApi."""
        call = self._engine.registry.calls.get(AttemptId(attempt))
        if call is None:
            raise NotFound(
                "no live call has that id; `dialer-engine calls list` shows those that live"
            )
        row = views.call_row(call, self._engine.clock.now())
        self._engine.inbox.put(ev.HangupAsked(AttemptId(attempt), "operator"))
        return row

    async def payment_arrived(self, case_id: int) -> Json:
        """See EngineApi."""
        return {"case": case_id, "cancelled": self._engine.holds.payment_arrived(CaseId(case_id))}

    async def listen(self, agent_id: str, supervisor_phone: str, mode: str) -> Json:
        """See EngineApi."""
        agent = self._engine.desk.agent(agent_id)
        if mode not in _LISTEN:
            raise BadValue(f"mode is one of {', '.join(_LISTEN)}")
        if agent.state.leg is None:
            raise Conflict(f"agent {agent_id} has no connected phone")
        try:
            await self._engine.nodes[agent.node].listen(supervisor_phone, agent.state.leg, mode)
        except PbxError as error:
            raise Conflict(f"the supervisor's phone was not called: {error}") from error
        return {"agent": agent_id, "mode": mode}

    # -- figures and feed

    async def report(self, campaign: str | None, since: str | None, until: str | None) -> Json:
        """See EngineApi."""
        name = CampaignName(campaign) if campaign else None
        return views.report(
            await self._engine.store.report(name, parsed_time(since), parsed_time(until))
        )

    def subscribe(self, topics: Sequence[str]) -> AsyncIterator[Json]:
        """See EngineApi."""
        return self._engine.feed.subscribe(tuple(topics))
