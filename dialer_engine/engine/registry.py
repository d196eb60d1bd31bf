"""Every call and agent that lives, in memory. The one place that holds their states.

Rules: only the switchboard changes states, through `put_call` and `put_agent`; counters are derived
from the states, so that they cannot disagree with them; what has ended is gone from here and is in
the store.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from dialer_engine.domain.agent import AgentMode, AgentPolicy, AgentState, Line
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.call import CallPhase, CallState
from dialer_engine.domain.events import Presence
from dialer_engine.domain.units import (
    AgentId,
    AttemptId,
    CampaignName,
    LegId,
    Moment,
    NodeName,
    TrunkName,
)
from dialer_engine.ports.store import AgentRow, Screen


@dataclass(slots=True)
class Call:
    """One attempt that lives. tried: trunks that failed for this case just now, this one included.
    screen: what the agent is to see, fetched while it rings. recovered: taken over from before a
    restart. unfit: agents with whom the PBX would not bridge it; they are not chosen for it again.
    for_agent: who named this case or saw it first. told: pacers know how its ringing ended. counted: it
    is in the account of live answers. must_end_by: the end of the hours in which it may be up unanswered.
    """

    state: CallState
    campaign: CampaignName
    candidate: Candidate
    trunk: TrunkName
    planned_at: Moment
    tried: frozenset[TrunkName] = frozenset()
    screen: Screen | None = None
    recovered: bool = False
    unfit: set[AgentId] = field(default_factory=set)
    for_agent: AgentId | None = None
    told: bool = False
    counted: bool = False
    must_end_by: datetime | None = None

    @property
    def node(self) -> NodeName:
        return self.state.node


@dataclass(slots=True)
class Agent:
    """One agent who is known. node: the PBX the phone belongs to. last_attempt: the talk that a
    disposition is for. about: campaign and stage of the present or last talk, for pacers.
    """

    state: AgentState
    row: AgentRow
    node: NodeName
    last_attempt: AttemptId | None = None
    talks: int = 0
    talk_s: float = 0.0
    about: str = ""


@dataclass
class Registry:
    """calls and agents by id; legs: whose a leg is; logins: legs that dialled in and were let in, until
    they hold; waiting: answered calls without an agent; available: agents who may be chosen; held:
    agents who look at a case, or whose case is being dialled: they are chosen for no other call.
    """

    calls: dict[AttemptId, Call] = field(default_factory=dict)
    agents: dict[AgentId, Agent] = field(default_factory=dict)
    legs: dict[LegId, AgentId] = field(default_factory=dict)
    logins: dict[LegId, AgentId] = field(default_factory=dict)
    waiting: dict[AttemptId, None] = field(default_factory=dict)
    available: dict[AgentId, None] = field(default_factory=dict)
    held: set[AgentId] = field(default_factory=set)

    def put_call(self, call: Call, state: CallState) -> None:
        """The call's new state; an ended call leaves."""
        call.state = state
        attempt = state.attempt
        if state.phase is CallPhase.WAITING:
            self.waiting.setdefault(attempt, None)
        else:
            self.waiting.pop(attempt, None)
        if state.is_over:
            self.calls.pop(attempt, None)
        else:
            self.calls[attempt] = call

    def put_agent(self, agent: Agent, state: AgentState) -> None:
        """The agent's new state; the index of legs follows."""
        old = agent.state.leg
        if old is not None and old != state.leg:
            self.legs.pop(old, None)
        if state.leg is not None:
            self.legs[state.leg] = state.agent
        agent.state = state
        if state.is_available:
            self.available[state.agent] = None
        else:
            self.available.pop(state.agent, None)

    def bind_leg(self, leg: LegId, agent: AgentId) -> None:
        """A leg that is being called belongs to this agent. Legs of earlier tries that never came
        up are forgotten.
        """
        state = self.agents[agent].state
        for old in [key for key, owner in self.legs.items() if owner == agent and key != state.leg]:
            del self.legs[old]
        self.legs[leg] = agent

    def legs_of(self, agent: AgentId) -> list[LegId]:
        """Legs that are up, or are being called, for this agent."""
        return [leg for leg, owner in self.legs.items() if owner == agent]

    def forget_legs(self, agent: AgentId) -> list[LegId]:
        """Forget the legs that were called for this agent and are not the connected one; which ones."""
        connected = self.agents[agent].state.leg
        old = [leg for leg, owner in self.legs.items() if owner == agent and leg != connected]
        for leg in old:
            del self.legs[leg]
        return old

    def free_agents(self, node: NodeName, skill: str) -> Iterator[Agent]:
        """Agents who may take a call on this node that needs `skill` (empty: none)."""
        for agent_id in self.available:
            agent = self.agents[agent_id]
            if agent_id in self.held:
                continue
            if agent.node == node and (not skill or skill in agent.state.skills):
                yield agent

    def choose(self, call: Call, required: str) -> Agent | None:
        """The agent for an answered call: the one it was dialled for, else one with the skill that its
        case wishes first, then the longest idle.
        """
        named = self.agents.get(call.for_agent) if call.for_agent is not None else None
        if named is not None and named.state.is_available and named.state.agent not in call.unfit:
            return named
        wished, unfit = call.candidate.skill, call.unfit
        # A plain loop: this is on the way to the bridge, and there may be hundreds of them.
        best, best_rank = None, (True, math.inf)
        for agent in self.free_agents(call.node, required):
            rank = _rank(agent.state, wished)
            if rank < best_rank and agent.state.agent not in unfit:
                best, best_rank = agent, rank
        return best

    def next_waiting(self, agent: Agent, skill_of: dict[CampaignName, str]) -> Call | None:
        """The call that waits longest among those this agent may take."""
        waiting = (self.calls[attempt] for attempt in self.waiting)
        mine = (call for call in waiting if _suits(agent, call, skill_of.get(call.campaign, "")))
        return min(mine, default=None, key=_waiting_since)

    def phases(self) -> Counter[CallPhase]:
        """How many calls are in each phase."""
        return Counter(call.state.phase for call in self.calls.values())

    def lines(self) -> Counter[Line]:
        """How many agents at work are on each line state."""
        return Counter(a.state.line for a in self.agents.values() if a.state.is_working)

    def presences(self) -> Counter[Presence]:
        """How many agents chose what."""
        return Counter(agent.state.presence for agent in self.agents.values())


def _suits(agent: Agent, call: Call, skill: str) -> bool:
    able = not skill or skill in agent.state.skills
    return able and call.node == agent.node and agent.state.agent not in call.unfit


def _waiting_since(call: Call) -> float:
    since = call.state.waiting_since
    return since.mono if since is not None else 0.0


def idle_since(agent: Agent) -> float:
    """For sorting: who is longest idle first."""
    return agent.state.idle_since.mono if agent.state.idle_since else 0.0


def _rank(state: AgentState, wished: str) -> tuple[bool, float]:
    without = bool(wished) and wished not in state.skills
    return without, state.idle_since.mono if state.idle_since else 0.0


def fresh_agent(row: AgentRow, node: NodeName, policy: AgentPolicy) -> Agent:
    """An agent who is configured and not at work."""
    state = AgentState(row.id, mode=AgentMode(row.mode), policy=policy, skills=row.skills)
    return Agent(state, row, node)
