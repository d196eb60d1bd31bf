"""Tests of the switchboard as transcripts: `play >> event`, then `play << "line"` for each thing that it
wanted done, in order; `play.quiet()` says that there was nothing more.

Lines: `show <agent> <attempt>` (the screen), `bridge <attempt> <leg>`, `ring <agent>`, `call <agent>`
(nailed), `harbour <attempt>`, `hang up <channel>`, `settled <attempt> <outcome>`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dialer_engine.domain import agent as agents
from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentMode
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.call import CallPhase, CallState
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.commands import Settle
from dialer_engine.domain.units import (
    AgentId,
    AttemptId,
    CampaignName,
    CaseId,
    LegId,
    Moment,
    NodeName,
)
from dialer_engine.engine.effects import Effects
from dialer_engine.engine.inbox import Event, Inbox
from dialer_engine.engine.registry import Call, Registry, fresh_agent
from dialer_engine.engine.stats import EngineStats
from dialer_engine.engine.switchboard import Switchboard
from dialer_engine.engine.tasks import Tasks
from dialer_engine.engine.timers import Timers
from dialer_engine.ports.pbx import CallAgent
from dialer_engine.ports.store import AgentRow, Screen
from dialer_engine.sim.clock import VirtualClock
from tests.engine.house import CARRIER, LOANS, PBX, Told, number, settings


class Hands(Effects):
    """Writes down instead of doing."""

    def __init__(self, clock: VirtualClock, stats: EngineStats) -> None:
        super().__init__({}, Inbox(clock.now), Tasks(), Told(), stats, clock.now)
        self.lines: list[str] = []
        self.called: list[CallAgent] = []

    def bridge(self, node: NodeName, attempt: AttemptId, leg: LegId) -> None:
        self.lines.append(f"bridge {attempt} {leg}")

    def safe_harbour(self, node: NodeName, attempt: AttemptId) -> None:
        self.lines.append(f"harbour {attempt}")

    def hang_up(self, node: NodeName, channel: AttemptId | LegId) -> None:
        self.lines.append(f"hang up {channel}")

    def call_agent(self, node: NodeName, command: CallAgent) -> None:
        self.called.append(command)
        self.lines.append(f"{'call' if command.nailed else 'ring'} {command.agent}")

    def show(self, agent: AgentId, attempt: AttemptId, screen: Screen | None) -> None:
        self.lines.append(f"show {agent} {attempt}")


class Play:
    """A switchboard with its registry and timers, and nothing else."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.stats = EngineStats()
        self.registry = Registry()
        self.hands = Hands(self.clock, self.stats)
        self.campaigns: dict[CampaignName, Campaign] = {LOANS: Campaign(LOANS, wrap_up_s=20.0)}
        self.timers = Timers(self.clock, lambda event: self.switchboard.handle(event, self.now))
        self.switchboard = Switchboard(
            settings(),
            self.registry,
            self.campaigns,
            self.clock,
            self.hands,
            self.timers,
            self.stats,
        )
        self.switchboard.on_settled = self._settled

    def _settled(self, call: Call, settle: Settle, now: Moment) -> None:
        self.hands.lines.append(f"settled {settle.attempt} {settle.outcome.value}")

    @property
    def now(self) -> Moment:
        return self.clock.now()

    # -- the two sides of a transcript

    def __rshift__(self, event: Event) -> Play:
        """An event comes."""
        self.quiet()
        self.switchboard.handle(event, self.now)
        return self

    def __lshift__(self, line: str) -> Play:
        """The next thing that was wanted."""
        assert self.hands.lines, f"nothing was wanted, not {line!r}"
        assert self.hands.lines.pop(0) == line
        return self

    def quiet(self) -> None:
        """Nothing more was wanted."""
        assert self.hands.lines == []

    def after(self, seconds: float) -> Play:
        """Time passes."""
        self.quiet()
        self.clock.advance(seconds)
        return self

    # -- the cast

    def agent(self, name: str, *, skills: tuple[str, ...] = (), **changes: Any) -> AgentId:
        """An agent who is ready, with leg g-<name> when nailed; longer idle than those after."""
        who = AgentId(name)
        row = AgentRow(who, phone=f"agent-{name}", skills=frozenset(skills), **changes)
        agent = fresh_agent(row, PBX, settings().agent)
        self.registry.agents[who] = agent
        leg = LegId(f"g-{name}") if agent.state.mode is AgentMode.NAILED else None
        state, _ = agents.step(agent.state, ev.LoggedIn(who, leg), self.now)
        self.registry.put_agent(agent, state)
        self.clock.advance(1.0)
        return who

    def call(self, name: str, *, skill: str = "", campaign: CampaignName = LOANS) -> AttemptId:
        """A call that rings."""
        attempt = AttemptId(f"a-{name}")
        candidate = Candidate(
            campaign, CaseId(1), "CASE-1", number(1), None, 0, 0, 1, skill, 0, 0, ""
        )
        state = CallState(attempt, PBX, settings().call, CallPhase.RINGING, ringing_at=self.now)
        call = Call(state, campaign, candidate, CARRIER, self.now)
        self.registry.put_call(call, state)
        return attempt

    def talk(self, call: str, agent: AgentId) -> AttemptId:
        """A call in a talk with this agent, who must be the one to be chosen."""
        attempt = self.call(call)
        leg = self.registry.agents[agent].state.leg
        self >> ev.CallClassified(attempt, ev.Verdict.HUMAN)
        self << f"show {agent} {attempt}" << f"bridge {attempt} {leg}"
        self >> ev.CallBridged(attempt, LegId(leg or ""))
        return attempt

    def phase(self, attempt: AttemptId) -> CallPhase:
        return self.registry.calls[attempt].state.phase

    def agent_state(self, agent: AgentId) -> agents.AgentState:
        return self.registry.agents[agent].state

    def on_break(self, agent: AgentId) -> None:
        state = replace(self.agent_state(agent), presence=ev.Presence.BREAK)
        self.registry.put_agent(self.registry.agents[agent], state)
