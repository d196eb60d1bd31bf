"""After a restart, a lost link, or lost events: ask the PBX what lives, and make the registry agree
with it.

Rules: nothing is dialled on a node before its recovery is done; an open attempt whose channel is
gone is settled from what the PBX wrote down, or as LOST; a channel of ours that nobody knows is
ended only if the store does not know it either; what happened after the question was asked is left
alone: whose state has changed since then is corrected the next time, if need be.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentState, Line
from dialer_engine.domain.attempt import OpenAttempt
from dialer_engine.domain.call import UNANSWERED_PHASES, CallPhase, CallState
from dialer_engine.domain.errors import PbxError, StoreError
from dialer_engine.domain.outcome import Ending
from dialer_engine.domain.units import (
    ATTEMPT_PREFIX,
    AgentId,
    AttemptId,
    CampaignName,
    LegId,
    Moment,
    NodeName,
)
from dialer_engine.engine.adoption import Adoption, Found, Seen, ending_of, what_it_does
from dialer_engine.engine.ledger import Ledger
from dialer_engine.engine.registry import Agent, Call, Registry
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.engine.stats import EngineStats
from dialer_engine.engine.switchboard import Switchboard
from dialer_engine.engine.trunks import Trunks
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.pbx import ChannelSeen, Doing, EndingRemembered, PbxNode
from dialer_engine.ports.store import Store

log = structlog.get_logger(__name__)
# A channel younger than this may be one whose command is still under way: neither a ghost nor lost.
SETTLED_S = 5.0
_UNSEEN = Ending(seen=False)
# A call in these phases may have been answered without our hearing of it; in those, nobody is with it.
_UNTOLD = UNANSWERED_PHASES | {CallPhase.ANSWERED}
_UNMATCHED = (CallPhase.WAITING, CallPhase.CONNECTING)


@dataclass(frozen=True, slots=True)
class _Question:
    """When a node was asked, and what was believed then."""

    at: Moment
    orphans: Mapping[AttemptId, OpenAttempt]
    calls: Mapping[AttemptId, CallState]
    agents: Mapping[AgentId, AgentState]


class Recovery:
    """orphans: attempts open in the store that no living call stands for yet, by node."""

    def __init__(
        self,
        settings: EngineSettings,
        registry: Registry,
        switchboard: Switchboard,
        store: Store,
        ledger: Ledger,
        trunks: Trunks,
        clock: Clock,
        nodes: Mapping[NodeName, PbxNode],
        stats: EngineStats,
    ) -> None:
        self.adoption = Adoption(settings, registry, switchboard, trunks, stats)
        self._registry = registry
        self._switchboard = switchboard
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._nodes = nodes
        self._orphans: dict[AttemptId, OpenAttempt] = {}
        self.held_elsewhere: Callable[[Iterable[CampaignName]], Awaitable[set[CampaignName]]] = (
            _none
        )

    @property
    def settings(self) -> EngineSettings:
        return self.adoption.settings

    async def load(self) -> None:
        """At start: what the store says was going on."""
        self.adoption.at_work = {row.agent: row for row in await self._store.agents_at_work()}
        self._orphans = {orphan.id: orphan for orphan in await self._ours()}

    async def find_orphans(self) -> None:
        """Open attempts in the store that nobody here knows of. The answer may be older than what
        has happened since, so what lived, was ending, was young or was an orphan already when the
        store was asked is no new one.
        """
        known = self._registry.calls.keys() | self._orphans.keys() | self._ledger.ending()
        young = self._clock.now().utc - timedelta(seconds=SETTLED_S)
        # Added to those of an earlier life that wait for their node: these may be young.
        self._orphans |= {
            one.id: one
            for one in await self._ours()
            if one.planned_at < young and one.id not in known and one.id not in self._registry.calls
        }

    async def _ours(self) -> list[OpenAttempt]:
        """Open attempts but those of campaigns that another daemon runs on the same store."""
        found = await self._store.open_attempts()
        unknown = [one for one in found if one.id not in self._registry.calls]
        foreign = await self.held_elsewhere({one.campaign for one in unknown})
        return [one for one in unknown if one.campaign not in foreign]

    def unreachable(self) -> dict[NodeName, int]:
        """Orphans by node: those of a node that is no longer configured can never be settled by
        asking.
        """
        found: dict[NodeName, int] = {}
        for orphan in self._orphans.values():
            found[orphan.node] = found.get(orphan.node, 0) + 1
        return found

    async def reconcile(self, node: NodeName, events_lost: bool = False) -> None:
        """Make the registry agree with this node. events_lost: the link was down or shed events, so
        that what a channel shows is news however young its call is. PbxError or StoreError: nothing
        was decided; try again.
        """
        asked, pbx = self._question(node), self._nodes[node]
        seen = {one.id: one for one in await pbx.channels()}
        gone = [attempt for attempt in asked.orphans if attempt not in seen]
        alive = [attempt for attempt in asked.orphans if attempt in seen and seen[attempt].up]
        missing = self._missing(seen, asked, events_lost)
        answered = await pbx.answered_ago(alive)
        ended = await pbx.endings([*gone, *missing])
        self._take_over(node, Found(seen, ended, answered), asked)
        self._end_missing(missing, ended, asked)
        settled_s = 0.0 if events_lost else SETTLED_S
        self._correct_calls(seen, asked, settled_s)
        self._correct_agents(seen, asked, settled_s)
        await self._forget(node, [*gone, *missing])
        await self._end_strangers(node, seen)

    def _question(self, node: NodeName) -> _Question:
        registry = self._registry
        return _Question(
            self._clock.now(),
            {key: orphan for key, orphan in self._orphans.items() if orphan.node == node},
            {key: call.state for key, call in registry.calls.items() if call.node == node},
            {key: agent.state for key, agent in registry.agents.items() if agent.node == node},
        )

    def _take_over(self, node: NodeName, found: Found, asked: _Question) -> None:
        now = self._clock.now()
        # Talks first, or who waits would be given somebody who talks.
        for orphan in sorted(asked.orphans.values(), key=lambda one: not found.talks(one.id)):
            if self._orphans.pop(orphan.id, None) is not None:
                self.adoption.take_over(orphan, found, now)
        self.adoption.take_over_agents(node, found.seen, now)

    # -- calls we know

    def _unchanged(self, asked: _Question) -> list[Call]:
        """Calls whose state is the one they had when the node was asked."""
        calls = self._registry.calls
        return [calls[a] for a, old in asked.calls.items() if a in calls and calls[a].state is old]

    def _missing(self, seen: Seen, asked: _Question, events_lost: bool) -> list[AttemptId]:
        """Our calls that are not among the node's channels and should be: they are old enough, or
        they have been heard of, and whatever was told since then was lost.
        """
        return [
            call.state.attempt
            for call in self._unchanged(asked)
            if call.state.phase is not CallPhase.PLANNED
            and call.state.attempt not in seen
            and (
                asked.at.since(call.planned_at) > SETTLED_S
                or (events_lost and _was_heard_of(call.state))
            )
        ]

    def _end_missing(
        self,
        missing: Iterable[AttemptId],
        ended: Mapping[AttemptId, EndingRemembered],
        asked: _Question,
    ) -> None:
        still = {call.state.attempt for call in self._unchanged(asked)}
        for attempt in missing:
            if attempt in still:
                log.info("a call ended unseen", attempt=attempt, noted=attempt in ended)
                ending = ending_of(ended.get(attempt))
                self._switchboard.call(ev.CallEnded(attempt, ending), self._clock.now())

    def _correct_calls(self, seen: Seen, asked: _Question, settled_s: float) -> None:
        for call in self._unchanged(asked):
            channel = seen.get(call.state.attempt)
            if channel is not None and asked.at.since(call.planned_at) >= settled_s:
                self._correct_call(call, channel, settled_s)

    def _correct_call(self, call: Call, channel: ChannelSeen, settled_s: float) -> None:
        """Events of a living call were missed: tell its machine what they would have told."""
        attempt, now = call.state.attempt, self._clock.now()
        if channel.up and call.state.phase in _UNTOLD:
            self._switchboard.call(what_it_does(attempt, channel), now)
        elif channel.doing is Doing.APOLOGISES and call.state.phase in _UNMATCHED:
            self._switchboard.call(ev.SafeHarbourStarted(attempt), now)
        elif call.state.phase is CallPhase.HANGING_UP:
            self._switchboard.hang_up_again(call)
        elif channel.bridged_with and call.state.phase is CallPhase.CONNECTING:
            self._switchboard.call(ev.CallBridged(attempt, LegId(channel.bridged_with)), now)
        elif not channel.bridged_with and call.state.phase is CallPhase.TALKING:
            talked = call.state.bridged_at
            if talked is not None and now.since(talked) >= settled_s:
                self._switchboard.call(ev.CallUnbridged(attempt), now)

    # -- agents we know

    def _correct_agents(self, seen: Seen, asked: _Question, settled_s: float) -> None:
        now = self._clock.now()
        for who, old in asked.agents.items():
            agent = self._registry.agents[who]
            if _leg_gone(agent.state, old, seen, asked.at, settled_s):
                self._switchboard.handle(ev.LegEnded(LegId(agent.state.leg or ""), _UNSEEN), now)
            elif agent.state is old and agent.state.leg is None:
                self._correct_called(agent, seen, asked, now)

    def _correct_called(self, agent: Agent, seen: Seen, asked: _Question, now: Moment) -> None:
        """Legs that were called for an agent who has none up yet."""
        for leg in self._registry.legs_of(agent.state.agent):
            channel = seen.get(leg)
            if channel is not None and channel.up:
                self._switchboard.handle(ev.LegConnected(leg), now)
            elif channel is None and self._call_stuck(agent, asked):
                self._switchboard.handle(ev.LegEnded(leg, _UNSEEN), now)

    def _call_stuck(self, agent: Agent, asked: _Question) -> bool:
        """The phone has been 'being called' for longer than it can ring, and no channel is
        there.
        """
        since = agent.state.since
        limit = self.settings.agent_ring_timeout_s + SETTLED_S
        calling = agent.state.line is Line.CALLING
        return calling and since is not None and asked.at.since(since) > limit

    # -- the rest

    async def _forget(self, node: NodeName, attempts: list[AttemptId]) -> None:
        try:
            await self._nodes[node].forget(attempts)
        except PbxError as error:
            log.warning("the PBX keeps its notes for now", node=node, error=str(error))

    async def _end_strangers(self, node: NodeName, seen: Seen) -> None:
        """Debtors' channels with our names that neither registry nor store knows: somebody listens
        to silence.
        """
        strange = [
            AttemptId(one.id)
            for one in seen.values()
            if one.id.startswith(ATTEMPT_PREFIX)
            and one.id not in self._registry.calls
            and one.age_s > SETTLED_S
        ]
        if not strange:
            return
        try:
            open_ids = {orphan.id for orphan in await self._store.open_attempts()}
        except StoreError:
            return
        for channel in strange:
            if channel not in open_ids and channel not in self._registry.calls:
                await self._end_stranger(node, channel)

    async def _end_stranger(self, node: NodeName, channel: AttemptId) -> None:
        log.warning("a channel that nobody knows is ended", channel=channel, node=node)
        try:
            await self._nodes[node].hang_up(channel)
        except PbxError as error:
            log.warning("it could not be ended now", channel=channel, error=str(error))


def _leg_gone(
    state: AgentState, old: AgentState, seen: Seen, asked: Moment, settled_s: float
) -> bool:
    """A leg that was up when the node was asked, and is not among its channels. The agent's state may
    have changed since: the call on that leg has just been found gone, too.
    """
    if old.leg is None or old.leg in seen or state.leg != old.leg or old.since is None:
        return False
    return asked.since(old.since) >= settled_s


def _was_heard_of(state: CallState) -> bool:
    return state.ringing_at is not None or state.answered_at is not None


async def _none(names: Iterable[CampaignName]) -> set[CampaignName]:
    """Nobody else is there."""
    return set()
