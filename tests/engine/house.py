"""A whole engine between virtual twins, on a virtual clock: what the tests of this folder live in.

`@virtual` runs an async test in virtual time; `House` is the engine with a scripted PBX, a store and
recordings in memory; `check` says what must be true after every turn, `check_books` what must be true
when everything is over.
"""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec

from dialer_engine.compliance.gate import RuleSet
from dialer_engine.domain.agent import AgentMode, Line
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.campaign import Campaign, CampaignState
from dialer_engine.domain.commands import Timer
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.trunk import TrunkLimits
from dialer_engine.domain.units import (
    E164,
    AgentId,
    AttemptId,
    CampaignName,
    CaseId,
    NodeName,
    TrunkName,
)
from dialer_engine.engine.engine import Engine
from dialer_engine.engine.registry import Agent, Call, fresh_agent
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.ports.store import AgentRow
from dialer_engine.sim.clock import VirtualClock, VirtualLoop, run
from dialer_engine.sim.pbx import ScriptedPbx
from dialer_engine.sim.recordings import MemoryRecordings
from dialer_engine.sim.store import MemoryStore
from dialer_engine.strategy.retry import RetryRule, RetryTable, Then

P = ParamSpec("P")
PBX = NodeName("pbx-1")
LOANS = CampaignName("loans")
CARRIER = TrunkName("carrier-a")
OTHER_CARRIER = TrunkName("carrier-b")
PIN = "4711"
SAME_LATER = RetryTable("default", dict.fromkeys(Outcome, RetryRule(Then.SAME_NUMBER, 3600.0)), 6)


def number(index: int) -> E164:
    """Of Ofcom's range for drama."""
    return E164(f"+44770090{index:04d}")


def virtual(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async test on a clock that jumps."""

    @functools.wraps(test)
    def play(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            await test(*args, **kwargs)

        run(VirtualClock(), main())

    return play


def settings(**changes: Any) -> EngineSettings:
    """Of an engine with one trunk, calls at any time of a Monday, and no wrap-up worth waiting for."""
    base = EngineSettings(
        instance="daemon-1",
        rules=RuleSet(default_zone="Europe/London", daily_cap=3),
        trunks=(TrunkLimits(CARRIER, PBX, 30, 50.0),),
        strategies={"default": SAME_LATER},
        dispositions={"promise": "promise", "refused": "refused"},
        dtmf={"1": "promise", "2": "refused"},
        break_reasons=("lunch",),
    )
    return replace(base, **changes)


@dataclass
class Told:
    """A live feed that keeps everything. Implements `ports.live.Feed`."""

    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        self.messages.append((topic, message))

    def subscribe(self, topics: tuple[str, ...]) -> AsyncIterator[dict[str, Any]]:
        raise NotImplementedError("tests read `messages`")

    def of(self, topic: str, **like: Any) -> list[dict[str, Any]]:
        """Messages of a topic that hold these values."""
        return [
            message
            for name, message in self.messages
            if name == topic and all(message.get(key) == value for key, value in like.items())
        ]


async def check_pin(pin_hash: str, pin: str) -> bool:
    """The hash is the PIN itself."""
    await asyncio.sleep(0.1)
    return bool(pin) and pin_hash == pin


class House:
    """See the module. transcript: what went to the PBX and to the store, in one order."""

    def __init__(
        self,
        given: EngineSettings | None = None,
        *,
        nodes: Sequence[NodeName] = (PBX,),
        store: MemoryStore | None = None,
        pbx: ScriptedPbx | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.clock = loop.clock
        self.transcript: list[str] = []
        self.store = store or MemoryStore(self.transcript)
        self.pbxs = [pbx] if pbx else [ScriptedPbx(n, self.clock, self.transcript) for n in nodes]
        self.pbx = self.pbxs[0]
        self.feed = Told()
        self.recordings = MemoryRecordings()
        self.engine = Engine(
            given or settings(), store=self.store, nodes=self.pbxs, feed=self.feed,
            recordings=self.recordings, clock=self.clock, check_pin=check_pin,
        )  # fmt: skip
        self._numbers = 0

    async def __aenter__(self) -> House:
        await self.engine.start()
        await self.settle()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        await self.engine.stop()
        if kind is None:
            assert self.engine.inbox.failures == 0, "a handler raised"
            assert self.engine.tasks.failures == 0, "a task failed"

    async def die(self) -> None:
        """kill -9: nothing is written, nothing is said; the PBX goes on."""
        for pbx in self.pbxs:
            await pbx.stop()
        await self.engine.tasks.stop()
        self.engine.timers.clear()

    # -- furniture

    async def campaign(
        self, name: CampaignName = LOANS, cases: int = 0, **changes: Any
    ) -> Campaign:
        """A started campaign with so many cases, dialled if the engine runs already."""
        given: dict[str, Any] = {"wrap_up_s": 0.0, "state": CampaignState.STARTED}
        campaign = Campaign(name, **(given | changes))
        await self.store.save_campaign(campaign)
        self.cases(cases, name)
        return campaign

    def cases(self, count: int, campaign: CampaignName = LOANS, **more: Any) -> list[CaseId]:
        """So many more cases, due now, each with a number of its own."""
        return [self.case(campaign, **more) for _ in range(count)]

    def case(self, campaign: CampaignName = LOANS, **more: Any) -> CaseId:
        """One more case."""
        self._numbers += 1
        return self.store.add_case(campaign, [number(self._numbers)], self.clock.now().utc, **more)

    def agents(self, count: int, **more: Any) -> list[AgentId]:
        """Agents 1001 and so on."""
        return [self.agent(str(1001 + i), **more) for i in range(count)]

    def agent(
        self,
        name: str,
        *,
        skills: Sequence[str] = (),
        mode: AgentMode = AgentMode.NAILED,
        node: str = PBX,
    ) -> AgentId:
        """One agent, known to the store and to an engine that runs already."""
        row = AgentRow(AgentId(name), "", f"agent-{name}", PIN, frozenset(skills), mode, node)
        self.store.agent_rows[row.id] = row
        home = self.engine.home_of(node)
        self.engine.registry.agents[row.id] = fresh_agent(row, home, self.engine.settings.agent)
        return row.id

    async def login(self, *who: AgentId) -> None:
        """They are ready, with their legs up."""
        for one in who:
            self.engine.desk.login(one)
        await self.settle()

    # -- time

    async def settle(self) -> None:
        """Let everything happen that needs no time worth speaking of."""
        await asyncio.sleep(0.001)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def tick(self) -> None:
        """Until the next pacing decision has been carried out."""
        before = self.engine.stats.ticks
        while self.engine.stats.ticks == before:
            await asyncio.sleep(0.01)
        await self.settle()

    # -- looking

    def call_of(self, attempt: AttemptId) -> Call:
        return self.engine.registry.calls[attempt]

    def agent_of(self, agent: str) -> Agent:
        return self.engine.registry.agents[AgentId(agent)]

    @property
    def flying(self) -> list[AttemptId]:
        """Attempts that live, in the order in which they were planned."""
        return list(self.engine.registry.calls)

    def phase(self, attempt: AttemptId) -> CallPhase:
        return self.call_of(attempt).state.phase

    def line(self, agent: str) -> Line:
        return self.agent_of(agent).state.line

    def outcome(self, attempt: AttemptId) -> Outcome | None:
        """What the store says became of it."""
        end = self.store.attempts[attempt].end
        return end.outcome if end else None

    async def dialled(self, count: int = 1) -> list[AttemptId]:
        """Wait until so many more calls have been dialled; which ones."""
        known = len(self.pbx.dialled)
        for _ in range(400):
            if len(self.pbx.dialled) >= known + count:
                break
            await asyncio.sleep(0.01)
        await self.settle()
        return [one.attempt for one in self.pbx.dialled[known:]]

    async def talking(self) -> AttemptId:
        """Dial one call and bring it into a talk."""
        attempt = (await self.dialled())[0]
        self.pbx.answer(attempt)
        await self.settle()
        assert self.phase(attempt) is CallPhase.TALKING
        return attempt

    # -- what must be true

    def check(self) -> None:
        """After every turn."""
        engine = self.engine
        calls, agents = engine.registry.calls, engine.registry.agents
        for key, call in calls.items():
            assert call.state.attempt == key
            assert not call.state.is_over
        for who, agent in agents.items():
            assert agent.state.agent == who
        self._check_pairs()
        self._check_indexes()
        self._check_timers()
        in_use = Counter(call.trunk for call in calls.values())
        for trunk in engine.trunks:
            assert trunk.in_use == in_use[trunk.limits.name], "a trunk counts other calls"

    def _check_pairs(self) -> None:
        """No agent in two calls, and both sides agree."""
        calls, agents = self.engine.registry.calls, self.engine.registry.agents
        engaged = Counter(c.state.agent for c in calls.values() if c.state.agent is not None)
        assert all(count == 1 for count in engaged.values()), "an agent is in two calls"
        for agent in agents.values():
            state = agent.state
            if state.line in (Line.RESERVED, Line.IN_CALL):
                assert state.attempt in calls, "an agent talks to a call that is over"
                assert calls[state.attempt].state.agent == state.agent
        for call in calls.values():
            who = call.state.agent
            if who in agents and call.state.phase in (CallPhase.CONNECTING, CallPhase.TALKING):
                assert agents[who].state.attempt == call.state.attempt

    def _check_indexes(self) -> None:
        registry = self.engine.registry
        waiting = {k for k, c in registry.calls.items() if c.state.phase is CallPhase.WAITING}
        assert set(registry.waiting) == waiting
        free = {k for k, a in registry.agents.items() if a.state.is_available}
        assert set(registry.available) == free
        for key, agent in registry.agents.items():
            if agent.state.leg is not None:
                assert registry.legs.get(agent.state.leg) == key
        assert set(registry.legs.values()) <= set(registry.agents)
        assert sum(registry.phases().values()) == len(registry.calls)
        assert sum(registry.presences().values()) == len(registry.agents)
        assert sum(registry.lines().values()) <= len(registry.agents)

    def _check_timers(self) -> None:
        """Every alarm belongs to somebody who still lives."""
        registry = self.engine.registry
        for subject, timer in self.engine.timers._armed:
            known = (
                AttemptId(subject) in registry.calls
                if timer in (Timer.RING, Timer.WAIT)
                else AgentId(subject) in registry.agents
            )
            assert known, f"an alarm {timer} is left of something that is over"

    def check_books(self) -> None:
        """When all calls are over: one outcome for each attempt, and nothing left."""
        self.check()
        assert not self.engine.registry.calls
        assert not self.engine.ledger.pending
        for key, attempt in self.store.attempts.items():
            assert len(attempt.ends) == 1, f"{key} has {len(attempt.ends)} outcomes"
        kinds = {timer for _, timer in self.engine.timers._armed}
        assert not kinds & {Timer.RING, Timer.WAIT}
