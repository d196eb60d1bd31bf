"""The engine alone, in this process, between twins that do nothing: what it costs by itself.

Rules: the real inbox, switchboard, registry, dialling and law; a PBX that answers at once and says
nothing; a store in memory. Times are of one core.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from dialer_engine.app import logs
from dialer_engine.app.clock import SystemClock
from dialer_engine.compliance.gate import RuleSet
from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentState, Line
from dialer_engine.domain.attempt import AttemptDraft, Candidate
from dialer_engine.domain.call import CallPhase, CallState
from dialer_engine.domain.campaign import Campaign, CampaignState, DialMode
from dialer_engine.domain.outcome import Ending, Outcome
from dialer_engine.domain.trunk import TrunkLimits
from dialer_engine.domain.units import (
    E164,
    AgentId,
    AttemptId,
    CampaignName,
    CaseId,
    LegId,
    NodeName,
    TrunkName,
)
from dialer_engine.engine.engine import Engine
from dialer_engine.engine.registry import Agent, Call, fresh_agent
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.live.memory import MemoryFeed
from dialer_engine.ports.pbx import (
    CallAgent,
    ChannelSeen,
    EndingRemembered,
    NodeHealth,
    Originate,
    Sink,
)
from dialer_engine.ports.store import AgentRow
from dialer_engine.sim.recordings import MemoryRecordings
from dialer_engine.sim.store import MemoryStore
from dialer_engine.strategy.retry import RetryRule, RetryTable, Then
from tools.bench.figures import spread
from tools.bench.machine import MIB, usage
from tools.lab.mix import load_number
from tools.rig.people import noon_zone

NODE, TRUNK, CAMPAIGN = NodeName("pbx-1"), TrunkName("carrier-a"), CampaignName("bench")
AGENTS, CALLS = 1000, 5000
_IDLE = 450
_TALKING = AGENTS - _IDLE
_CPS = 100.0
_TICK_S = 0.25
_AT_ONCE = 100
_ANSWERED_NORMALLY = 16


class NullPbx:
    """Says yes to everything. Implements `ports.pbx.PbxNode`."""

    name = NODE

    async def start(self, sink: Sink) -> None:
        """Nothing."""

    async def stop(self) -> None:
        """Nothing."""

    def hold(self, held: bool) -> None:
        """Nothing comes from it."""

    def health(self) -> NodeHealth:
        """Well."""
        return NodeHealth(NODE, True)

    async def originate(self, command: Originate) -> None:
        """Nothing."""

    async def call_agent(self, command: CallAgent) -> None:
        """Nothing."""

    async def accept_login(self, channel: str, agent: AgentId) -> None:
        """Nothing."""

    async def deny_login(self, channel: str) -> None:
        """Nothing."""

    async def bridge(self, attempt: AttemptId, leg: LegId) -> None:
        """Nothing."""

    async def safe_harbour(self, attempt: AttemptId) -> None:
        """Nothing."""

    async def listen(self, phone: str, leg: LegId, mode: str) -> None:
        """Nothing."""

    async def hang_up(self, channel: AttemptId | LegId) -> None:
        """Nothing."""

    async def channels(self) -> list[ChannelSeen]:
        """None."""
        return []

    async def answered_ago(self, attempts: Sequence[AttemptId]) -> dict[AttemptId, float]:
        """None."""
        return {}

    async def endings(self, attempts: Sequence[AttemptId]) -> dict[AttemptId, EndingRemembered]:
        """None."""
        return {}

    async def forget(self, attempts: Sequence[AttemptId]) -> None:
        """Nothing."""


class NullStore(MemoryStore):
    """Takes every attempt and keeps none, so that its own looking is not measured."""

    async def begin_attempts(self, drafts: Sequence[AttemptDraft]) -> dict[AttemptId, str]:
        """All of them."""
        return {}


def _settings() -> EngineSettings:
    later = RetryTable("default", dict.fromkeys(Outcome, RetryRule(Then.SAME_NUMBER, 3600.0)), 6)
    return EngineSettings(
        instance="bench",
        rules=RuleSet(default_zone=noon_zone(), daily_cap=3),
        trunks=(TrunkLimits(TRUNK, NODE, 100_000, _CPS),),
        strategies={"default": later},
    )


async def _no_pin(pin_hash: str, pin: str) -> bool:
    return False


class Bench:
    """An engine that is not started: nothing happens but what is asked of it."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.store = NullStore()
        self.engine = Engine(
            _settings(), store=self.store, nodes=[NullPbx()], feed=MemoryFeed(ring=1000),
            recordings=MemoryRecordings(), clock=self.clock, check_pin=_no_pin,
        )  # fmt: skip
        self.campaign = Campaign(
            CAMPAIGN, DialMode.RATIO, 10.0, wrap_up_s=0.0, state=CampaignState.STARTED
        )
        self.engine.dialling.run(self.campaign, float("inf"))
        self.engine.dialling.ready.add(NODE)
        self._serial = 0

    def candidate(self) -> Candidate:
        """Somebody else each time."""
        self._serial += 1
        number, zone = E164(load_number("talk", self._serial % 10_000_000)), noon_zone()
        return Candidate(
            CAMPAIGN, CaseId(self._serial), f"B-{self._serial}", number, zone, tries=0, number_rank=0,
            number_count=1, skill="", priority=0, attempts_today=0, counted_day="",
        )  # fmt: skip

    def call(self, phase: CallPhase = CallPhase.DIALING, agent: AgentId | None = None) -> Call:
        """A call in this phase, in the registry."""
        now = self.clock.now()
        state = CallState(
            self.clock.attempt_id(), NODE, phase=phase, agent=agent, first_agent=agent, sent_at=now,
            leg=LegId(f"g-{agent}") if agent else None,
        )  # fmt: skip
        call = Call(state, CAMPAIGN, self.candidate(), TRUNK, now)
        self.engine.registry.put_call(call, state)
        return call

    def agent(self, index: int) -> Agent:
        """Somebody who is ready and waits with their leg up."""
        name = AgentId(str(10_000 + index))
        agent = fresh_agent(AgentRow(name, phone="x"), NODE, self.engine.settings.agent)
        self.engine.registry.agents[name] = agent
        now = self.clock.now()
        leg = LegId(f"g-{name}")
        self.engine.switchboard.agent(ev.LoggedIn(name), now)
        self.engine.registry.bind_leg(leg, name)
        self.engine.switchboard.handle(ev.LegConnected(leg), now)
        return agent

    def busy(self, agent: Agent, attempt: AttemptId) -> None:
        """They talk."""
        now = self.clock.now()
        state: AgentState = replace(agent.state, line=Line.IN_CALL, attempt=attempt, since=now)
        self.engine.registry.put_agent(agent, state)

    async def turn(self) -> None:
        """Let everything be done that is ready to be done."""
        inbox = self.engine.inbox
        while inbox.depth or len(self.engine.tasks):
            inbox.drain(self.engine.switchboard.handle)
            await asyncio.sleep(0)


@contextmanager
def _logging_to_nowhere() -> Iterator[None]:
    """Lines are made and written, as in the daemon, but into nothing. Afterwards all is as before."""
    root, was_set, before = logging.getLogger(), structlog.is_configured(), structlog.get_config()
    handlers, level = list(root.handlers), root.level
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        logs.configure("json", "info", nowhere)
        try:
            yield
        finally:
            structlog.reset_defaults()
            if was_set:
                structlog.configure(**before)
            root.handlers = handlers
            root.setLevel(level)
            logging.captureWarnings(False)


async def _events(calls: int) -> dict[str, Any]:
    """Whole lives: ringing, answered, told, bridged, ended; the agent reserved, talking, free."""
    bench = Bench()
    for i in range(_AT_ONCE):
        bench.agent(i)
    await bench.turn()
    handled, began = bench.engine.inbox.handled, time.perf_counter()
    for _ in range(calls // _AT_ONCE):
        ids = [bench.call().state.attempt for _ in range(_AT_ONCE)]
        await _live(bench, ids)
    took = time.perf_counter() - began
    events = bench.engine.inbox.handled - handled
    assert not bench.engine.registry.calls
    assert not bench.engine.stats.illegal
    return {
        "events_per_s": round(events / took),
        "calls_per_s": round(calls / took),
        "us_per_call": round(took / calls * 1e6, 1),
    }


async def _live(bench: Bench, ids: list[AttemptId]) -> None:
    put, calls = bench.engine.inbox.put, bench.engine.registry.calls
    for one in ids:
        put(ev.CallRinging(one))
        put(ev.CallAnswered(one))
        put(ev.CallClassified(one, ev.Verdict.NOT_ASKED))
    await bench.turn()
    for one in ids:
        leg = calls[one].state.leg
        assert leg is not None
        put(ev.CallBridged(one, leg))
        put(ev.CallEnded(one, Ending(_ANSWERED_NORMALLY)))
    await bench.turn()


async def _ticks(count: int) -> dict[str, Any]:
    """Decide with 1,000 agents and 5,000 calls; dial what a trunk of 100 calls a second takes."""
    bench = Bench()
    await bench.store.save_campaign(bench.campaign)
    before = usage(os.getpid()).rss
    _crowd(bench)
    memory = usage(os.getpid()).rss - before
    await bench.turn()
    decided, dialled = await _decide(bench, count), await _dial(bench, count)
    return {
        "agents": AGENTS,
        "calls": CALLS,
        "tick_ms": spread(dialled["ms"]),
        "calls_dialled_per_tick": round(dialled["calls"] / count, 1),
        "decision_alone_ms": spread(decided),
        "share_of_tick": round(sorted(dialled["ms"])[count // 2] / _TICK_S, 4),
        "registry_kib_per_call": round(memory / (AGENTS + CALLS) / 1024, 2),
    }


def _crowd(bench: Bench) -> None:
    agents = [bench.agent(i) for i in range(AGENTS)]
    for agent in agents[_IDLE:]:
        bench.busy(agent, bench.call(CallPhase.TALKING, agent.state.agent).state.attempt)
    for _ in range(CALLS - _TALKING):
        bench.call(CallPhase.RINGING)


async def _decide(bench: Bench, count: int) -> list[float]:
    """With a trunk that has no room: nothing but the decision."""
    times: list[float] = []
    for trunk in bench.engine.trunks:
        trunk.in_use = trunk.limits.max_channels
    for _ in range(count):
        began = time.perf_counter()
        await bench.engine.dialling.tick()
        times.append(time.perf_counter() - began)
    for trunk in bench.engine.trunks:
        trunk.in_use = CALLS
    return times


async def _dial(bench: Bench, count: int) -> dict[str, Any]:
    times: list[float] = []
    running = bench.engine.dialling.running[CAMPAIGN]
    registry, known = bench.engine.registry, set(bench.engine.registry.calls)
    dialled = 0
    for _ in range(count):
        for trunk in bench.engine.trunks:
            trunk.tokens = _CPS * _TICK_S
        while len(running.queue) < bench.engine.settings.prefetch:
            candidate = bench.candidate()
            bench.store.add_case(CAMPAIGN, [candidate.number], datetime.now(UTC))
            running.queue.append((candidate, frozenset()))
        began = time.perf_counter()
        await bench.engine.dialling.tick()
        times.append(time.perf_counter() - began)
        fresh = [one for one in registry.calls if one not in known]
        dialled += len(fresh)
        for one in fresh:
            del registry.calls[one]
        await bench.turn()
    bench.engine.timers.clear()
    return {"ms": times, "calls": dialled}


def measure(short: bool = False) -> dict[str, Any]:
    """Events a second, and a tick in a full house."""
    with _logging_to_nowhere():
        gc.collect()
        events = asyncio.run(_events(2000 if short else 10_000))
        ticks = asyncio.run(_ticks(40 if short else 200))
    return {"engine": events, "tick": ticks, "rss_mib": round(usage(os.getpid()).rss / MIB, 1)}


if __name__ == "__main__":
    print(measure())
