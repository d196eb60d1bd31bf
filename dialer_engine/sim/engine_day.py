"""A day of the production engine on a virtual PBX: the inbox, the tick, the gate, the ledger and the
machines as they run in a daemon, on a clock that jumps.

Rules: nothing of the engine is replaced, only what its ports lead to; the law is open for just this day
and closes when it ends, so that pacing knows how much of its period is left; the books are those of the
store.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dialer_engine.compliance.gate import RuleSet
from dialer_engine.domain.agent import AgentMode
from dialer_engine.domain.campaign import Campaign, CampaignState, DialMode
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.trunk import TrunkLimits
from dialer_engine.domain.units import E164, AgentId, CampaignName, NodeName, TrunkName
from dialer_engine.engine.engine import Engine
from dialer_engine.engine.registry import fresh_agent
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.ports.store import AgentRow
from dialer_engine.sim.clock import VirtualClock, run
from dialer_engine.sim.floor.scenario import Day
from dialer_engine.sim.people import People, TalkingPbx
from dialer_engine.sim.recordings import MemoryRecordings
from dialer_engine.sim.store import MemoryStore
from dialer_engine.strategy.retry import RetryRule, RetryTable, Then

_NODE, _TRUNK = NodeName("virtual"), TrunkName("virtual")
NAME = CampaignName("virtual")
# A Monday; the law ends dialling at eight in the evening (`RuleSet`), and the day ends a minute earlier,
# so that the gate's guard holds nobody back.
_CLOSES = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
_GUARD_S = 60.0
# Agents end their wrap-ups themselves; this is only a limit, the longest that a campaign may have.
_WRAP_LIMIT_S = 3600.0
# A case is called again after so long, which is after the day.
_AGAIN_S = 86_400.0
# No trunk holds anything back; the day's own limit of lines is the pacer's.
_CPS = 10_000.0
# Cases on the list, over those that a team would need that never waits: half of the calls may be
# cancelled by pacing and dialled to others, and as much again is left over.
_SPARE = 4.0
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class EngineDay:
    """What was left: the store with its books, and the time in which agents' work counts. cancelled:
    ringing calls that pacing stopped. faults: handlers or tasks that raised.
    """

    store: MemoryStore
    agents: list[AgentId]
    begin: datetime
    end: datetime
    cancelled: int
    faults: int


class _Unheard:
    """A feed that nobody listens to."""

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        """See `ports.live.Feed`."""

    def subscribe(self, topics: tuple[str, ...]) -> AsyncIterator[dict[str, Any]]:
        """See `ports.live.Feed`."""
        raise NotImplementedError("nobody listens to a simulated day")


async def _no_pins(pin_hash: str, pin: str) -> bool:
    return False


def campaign_for(day: Day, mode: DialMode = DialMode.PREDICTIVE, target: float = 0.03) -> Campaign:
    """A campaign with the limits of a day."""
    return Campaign(
        NAME,
        mode=mode,
        target=target,
        ring_timeout_s=day.ring_timeout_s,
        wait_limit_s=day.wait_limit_s,
        min_ring_s=day.min_ring_s,
        max_ringing_per_agent=day.max_ringing_per_agent,
        wrap_up_s=_WRAP_LIMIT_S,
        amd=day.amd is not None,
        state=CampaignState.STARTED,
    )


def starts_at(day: Day) -> datetime:
    """When the virtual day begins, UTC."""
    return _CLOSES - timedelta(seconds=day.length_s + _GUARD_S)


def settings(day: Day) -> EngineSettings:
    """Of a daemon that holds nothing back but what the day does."""
    table = RetryTable("default", dict.fromkeys(Outcome, RetryRule(Then.SAME_NUMBER, _AGAIN_S)), 6)
    return EngineSettings(
        instance="virtual",
        rules=RuleSet(default_zone="Etc/UTC", guard_s=_GUARD_S),
        trunks=(TrunkLimits(_TRUNK, _NODE, min(day.trunks, 10_000), _CPS),),
        strategies={"default": table},
        max_ringing_per_agent=day.max_ringing_per_agent,
        record=False,
    )


def engine_day(day: Day, seed: int, campaign: Campaign) -> EngineDay:
    """The whole day, at once. BadValue for a day that the virtual PBX cannot play."""
    clock = VirtualClock(starts_at(day))
    return run(clock, _play(day, seed, replace(campaign, wrap_up_s=_WRAP_LIMIT_S), clock))


async def _play(day: Day, seed: int, campaign: Campaign, clock: VirtualClock) -> EngineDay:
    pbx, store = TalkingPbx(_NODE, clock), MemoryStore()
    people = People(day, seed, pbx, clock)
    engine = Engine(
        settings(day),
        store=store,
        nodes=[pbx],
        feed=_Unheard(),
        recordings=MemoryRecordings(),
        clock=clock,
        check_pin=_no_pins,
    )
    await store.save_campaign(campaign)
    _cases(store, day, clock.now().utc)
    agents = _agents(engine, store, day.agents)
    await engine.start()
    begin = clock.now().utc
    people.begin(engine.desk, agents)
    await asyncio.sleep(day.length_s)
    engine.dialling.draining = True
    # Calls that ring may still be answered, and talks end by themselves.
    while engine.registry.calls:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_S)
    await engine.stop()
    faults = engine.inbox.failures + engine.tasks.failures
    end = begin + timedelta(seconds=day.length_s)
    return EngineDay(store, agents, begin, end, engine.stats.cancelled, faults)


def _cases(store: MemoryStore, day: Day, now: datetime) -> None:
    """More than can be dialled, with numbers of the unassigned country code 999."""
    talk = sum(kind.share * kind.law.mean for kind in day.talks)
    talks = day.agents * (1.0 + day.length_s / max(1.0, talk + day.wrap.mean))
    count = int(_SPARE * talks / max(0.01, day.answer_rate))
    for number in range(count):
        store.add_case(NAME, [E164(f"+99900{number:07d}")], now, zone=None)


def _agents(engine: Engine, store: MemoryStore, count: int) -> list[AgentId]:
    rows = [
        AgentRow(
            AgentId(str(1001 + one)), "", f"phone-{one}", "", frozenset(), AgentMode.NAILED, _NODE
        )
        for one in range(count)
    ]
    for row in rows:
        store.agent_rows[row.id] = row
        engine.registry.agents[row.id] = fresh_agent(row, _NODE, engine.settings.agent)
    return [row.id for row in rows]
