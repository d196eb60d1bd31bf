"""Where events meet machines, and machines each other.

Rules: one event at a time, to the end: its machine steps, and what that wants of other machines
happens in the same turn, so that no agent is ever chosen twice. What it wants of the outside goes
to effects and comes back as events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from dialer_engine.domain import agent as agents
from dialer_engine.domain import call as calls
from dialer_engine.domain import commands as cmd
from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentMode, AgentState, Line
from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.errors import IllegalTransition
from dialer_engine.domain.units import AgentId, AttemptId, CampaignName, LegId, Moment, NodeName
from dialer_engine.engine.effects import Effects
from dialer_engine.engine.inbox import Event
from dialer_engine.engine.registry import Agent, Call, Registry
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.engine.stats import EngineStats
from dialer_engine.engine.timers import Timers
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.pbx import CallAgent

log = structlog.get_logger(__name__)


class Switchboard:
    """Steps the machines. on_call: told after each step, with whether the trunk was to blame for its end.
    on_settled, on_agent, on_key, on_pin, on_node: told of what is not a
    machine's own business.
    """

    def __init__(
        self,
        settings: EngineSettings,
        registry: Registry,
        campaigns: dict[CampaignName, Campaign],
        clock: Clock,
        effects: Effects,
        timers: Timers,
        stats: EngineStats,
    ) -> None:
        self.settings = settings
        self._registry = registry
        self._campaigns = campaigns
        self._clock = clock
        self._effects = effects
        self._timers = timers
        self._stats = stats
        self.may_bridge: Callable[[Call, Moment], str] = lambda call, now: ""
        self.on_settled: Callable[[Call, cmd.Settle, Moment], None] = lambda call, settle, now: None
        self.on_call: Callable[[Call, bool, Moment], None] = lambda call, fault, now: None
        self.on_agent: Callable[[Agent, AgentState, Moment], None] = lambda agent, before, now: None
        self.on_key: Callable[[Agent, str, Moment], None] = lambda agent, digit, now: None
        self.on_pin: Callable[[ev.PinEntered], None] = lambda event: None
        self.on_node: Callable[[ev.NodeUp | ev.NodeDown | ev.NodeDesynchronised], None] = (
            lambda event: None
        )
        self._do_by_type: dict[type, Callable[..., None]] = {
            cmd.SeekAgent: self._seek, cmd.BridgeLegs: self._bridge, cmd.RingAgent: self._ring,
            cmd.FreeAgent: self._free, cmd.StartTalk: self._talk, cmd.PlaySafeHarbour: self._harbour,
            cmd.HangUpCall: self._hang_up_call, cmd.CallPhone: self._phone, cmd.LoseAgent: self._lose,
            cmd.Offer: self._offer, cmd.Arm: self._arm, cmd.Disarm: self._disarm,
        }  # fmt: skip

    # -- events

    def handle(self, event: Event, now: Moment) -> None:
        """One event, to the end."""
        if isinstance(event, ev.CallEvent):
            self.call(event, now)
        elif isinstance(event, ev.AgentEvent):
            self.agent(event, now)
        elif isinstance(event, ev.LegConnected):
            self._leg_connected(event, now)
        elif isinstance(event, ev.LegEnded):
            self._leg_ended(event, now)
        elif isinstance(event, ev.DtmfPressed):
            self._key(event, now)
        elif isinstance(event, ev.PinEntered):
            self.on_pin(event)
        else:
            self.on_node(event)

    def call(self, event: ev.CallEvent, now: Moment) -> None:
        """Step the call it is about; events of calls that are over or not ours are counted."""
        call = self._registry.calls.get(event.attempt)
        if call is None:
            self._stats.stray += 1
            return
        if isinstance(event, ev.BridgeRefused):
            self._mark_unfit(call, event)
        try:
            state, commands = calls.step(call.state, event, now)
        except IllegalTransition as error:
            self._illegal("call", event, error, attempt=event.attempt)
            return
        self.enter_call(call, state, commands, now)

    @staticmethod
    def _mark_unfit(call: Call, event: ev.BridgeRefused) -> None:
        """Or the same two would be tried again as fast as the PBX can refuse them."""
        present = event.leg is None or event.leg == call.state.leg
        if present and call.state.agent is not None:
            call.unfit.add(call.state.agent)

    def enter_call(
        self, call: Call, state: calls.CallState, commands: list[cmd.Command], now: Moment
    ) -> None:
        """Put a call into a state and do what follows from it."""
        before = call.state.phase
        self._registry.put_call(call, state)
        if state.phase is not before:
            self._effects.publish(
                "calls", event=state.phase.value, attempt=state.attempt, campaign=call.campaign,
                agent=state.agent or state.first_agent, node=state.node, trunk=call.trunk,
            )  # fmt: skip
        fault = any(isinstance(one, cmd.Settle) and one.trunk_fault for one in commands)
        self.on_call(call, fault, now)
        for command in commands:
            if isinstance(command, cmd.Settle):
                self.on_settled(call, command, now)
            else:
                self._do(command, now)

    def agent(self, event: ev.AgentEvent, now: Moment) -> None:
        """Step the agent it is about."""
        agent = self._registry.agents.get(event.agent)
        if agent is None:
            self._stats.stray += 1
            return
        try:
            state, commands = agents.step(agent.state, event, now)
        except IllegalTransition as error:
            self._illegal("agent", event, error, agent=event.agent)
            return
        self.enter_agent(agent, state, commands, now)

    def enter_agent(
        self, agent: Agent, state: AgentState, commands: list[cmd.Command], now: Moment
    ) -> None:
        """Put an agent into a state and do what follows from it."""
        before = agent.state
        self._registry.put_agent(agent, state)
        if (before.line, before.presence) != (state.line, state.presence):
            if before.attempt is not None and before.line is Line.IN_CALL:
                agent.last_attempt = before.attempt
            self.on_agent(agent, before, now)
        for command in commands:
            if isinstance(command, cmd.HangUpLeg):
                self._effects.hang_up(agent.node, command.leg)
            else:
                self._do(command, now)

    def _illegal(self, machine: str, event: object, error: IllegalTransition, **ids: str) -> None:
        self._stats.illegal[f"{machine}:{type(event).__name__}"] += 1
        log.warning("an impossible event was ignored", machine=machine, error=str(error), **ids)

    def _do(self, command: cmd.Command, now: Moment) -> None:
        self._do_by_type[type(command)](command, now)

    # -- legs and keys

    def _leg_connected(self, event: ev.LegConnected, now: Moment) -> None:
        who = self._registry.logins.pop(event.leg, None)
        if who is not None:
            self.agent(ev.LoggedIn(who, event.leg), now)
            return
        agent = self._owner(event.leg)
        if agent is None:
            return
        self.agent(ev.LegUp(agent.state.agent, event.leg), now)
        state = agent.state
        rung = state.mode is AgentMode.RING and state.line is Line.RESERVED
        if rung and state.attempt and state.leg == event.leg:
            self.call(ev.AgentLegReady(state.attempt, event.leg), now)

    def _leg_ended(self, event: ev.LegEnded, now: Moment) -> None:
        if self._registry.logins.pop(event.leg, None) is not None:
            return
        agent = self._owner(event.leg)
        if agent is None:
            return
        if agent.state.leg != event.leg:
            self._registry.legs.pop(event.leg, None)
        self.agent(ev.LegDown(agent.state.agent, event.leg), now)

    def _key(self, event: ev.DtmfPressed, now: Moment) -> None:
        agent = self._owner(event.leg)
        if agent is not None:
            self.on_key(agent, event.digit, now)

    def _owner(self, leg: LegId) -> Agent | None:
        owner = self._registry.legs.get(leg)
        if owner is None:
            self._stats.stray += 1
            return None
        return self._registry.agents.get(owner)

    # -- commands between machines

    def _seek(self, command: cmd.SeekAgent, now: Moment) -> None:
        call = self._registry.calls.get(command.attempt)
        if call is None or call.state.phase is not calls.CallPhase.WAITING:
            return
        if self._is_barred(call, now):
            return
        agent = self._registry.choose(call, self._skill(call.campaign))
        if agent is not None:
            self._match(call, agent, now)

    def offer(self, who: AgentId, now: Moment) -> None:
        """This agent holds no case any more: look whether a call waits."""
        self._offer(cmd.Offer(who), now)

    def _offer(self, command: cmd.Offer, now: Moment) -> None:
        agent = self._registry.agents[command.agent]
        if not agent.state.is_available or command.agent in self._registry.held:
            return
        skills = {name: campaign.skill for name, campaign in self._campaigns.items()}
        call = self._registry.next_waiting(agent, skills)
        if call is None:
            return
        if self._is_barred(call, now):
            self._offer(command, now)
        else:
            self._match(call, agent, now)

    def _is_barred(self, call: Call, now: Moment) -> bool:
        """The law is asked once more before anybody is connected; then the call ends."""
        why = self.may_bridge(call, now)
        if why:
            self.call(ev.HangupAsked(call.state.attempt, why), now)
        return bool(why)

    def _match(self, call: Call, agent: Agent, now: Moment) -> None:
        """The choice, the reservation, the screen and the bridge, all in this turn."""
        attempt, who = call.state.attempt, agent.state.agent
        campaign = self._campaigns.get(call.campaign)
        if campaign is not None and agent.state.policy.wrap_up_s != campaign.wrap_up_s:
            policy = replace(agent.state.policy, wrap_up_s=campaign.wrap_up_s)
            agent.state = replace(agent.state, policy=policy)
        leg = agent.state.leg if agent.state.mode is AgentMode.NAILED else None
        self.agent(ev.Reserved(who, attempt), now)
        self._effects.show(who, attempt, call.screen)
        self.call(ev.AgentReserved(attempt, who, leg), now)

    def is_robot(self, name: CampaignName) -> bool:
        """Whether its calls are for nobody."""
        campaign = self._campaigns.get(name)
        return campaign is not None and campaign.mode is DialMode.ROBOT

    def _skill(self, name: CampaignName) -> str:
        campaign = self._campaigns.get(name)
        return campaign.skill if campaign is not None else ""

    def _free(self, command: cmd.FreeAgent, now: Moment) -> None:
        kind = ev.TalkEnded if command.talked else ev.Released
        self.agent(kind(command.agent, command.attempt), now)
        self._stop_ringing(command.agent)

    def _stop_ringing(self, who: AgentId) -> None:
        """Ring mode: a phone that still rings for a call that is gone must not ring on, and its end
        must not be taken for that of the next call's leg."""
        agent = self._registry.agents.get(who)
        if agent is None or agent.state.mode is not AgentMode.RING:
            return
        for leg in self._registry.forget_legs(who):
            self._effects.hang_up(agent.node, leg)

    def _talk(self, command: cmd.StartTalk, now: Moment) -> None:
        self.agent(ev.TalkStarted(command.agent, command.attempt), now)

    def hang_up_again(self, call: Call) -> None:
        """The command to end this call may not have arrived; ending a channel twice does no harm."""
        self._effects.hang_up(call.node, call.state.attempt)

    def end_leg(self, agent: Agent, leg: LegId) -> None:
        """A leg that this agent does not need."""
        self._effects.hang_up(agent.node, leg)

    def _lose(self, command: cmd.LoseAgent, now: Moment) -> None:
        call = self._registry.calls.get(command.attempt)
        if call is not None and call.state.agent is not None and call.state.leg is None:
            # Their phone was not taken. Ringing it again for this call, as fast as it can say no?
            call.unfit.add(call.state.agent)
        self.call(ev.AgentGone(command.attempt), now)

    # -- commands to the outside

    def _bridge(self, command: cmd.BridgeLegs, now: Moment) -> None:
        self._effects.bridge(self._node(command.attempt), command.attempt, command.leg)

    def _ring(self, command: cmd.RingAgent, now: Moment) -> None:
        self._call_phone(command.agent, nailed=False)

    def _phone(self, command: cmd.CallPhone, now: Moment) -> None:
        self._call_phone(command.agent, nailed=True)

    def _call_phone(self, who: AgentId, nailed: bool) -> None:
        agent = self._registry.agents[who]
        leg = self._clock.leg_id()
        self._registry.bind_leg(leg, who)
        limit = self.settings.agent_ring_timeout_s
        self._effects.call_agent(agent.node, CallAgent(who, leg, agent.row.phone, nailed, limit))

    def _harbour(self, command: cmd.PlaySafeHarbour, now: Moment) -> None:
        self._effects.safe_harbour(self._node(command.attempt), command.attempt)

    def _hang_up_call(self, command: cmd.HangUpCall, now: Moment) -> None:
        self._effects.hang_up(self._node(command.attempt), command.attempt)

    def _arm(self, command: cmd.Arm, now: Moment) -> None:
        self._timers.arm(command)

    def _disarm(self, command: cmd.Disarm, now: Moment) -> None:
        self._timers.disarm(str(command.subject), command.timer)

    def _node(self, attempt: AttemptId) -> NodeName:
        return self._registry.calls[attempt].node
