"""After a restart, a lost link, or lost events: ask the PBX what lives, and make the registry agree
with it.

Rules: nothing is dialled on a node before its recovery is done; an open attempt whose channel is
gone is settled from what the PBX wrote down, or as LOST; a channel of ours that nobody knows is
ended only if the store does not know it either; what happened after the question was asked is left
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

import structlog

from dialer_engine.domain import agent as agents
from dialer_engine.domain import call as calls
from dialer_engine.domain import events as ev
from dialer_engine.domain.attempt import Candidate, OpenAttempt
from dialer_engine.domain.call import UNANSWERED_PHASES, CallPhase, CallState
from dialer_engine.domain.errors import PbxError, StoreError
from dialer_engine.domain.outcome import Ending
from dialer_engine.domain.units import E164, AgentId, AttemptId, LegId, Moment, NodeName
from dialer_engine.engine.registry import Agent, Call, Registry
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.engine.stats import EngineStats
from dialer_engine.engine.switchboard import Switchboard
from dialer_engine.engine.trunks import Trunks
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.pbx import ChannelSeen, Doing, EndingRemembered, PbxNode
from dialer_engine.ports.store import AgentAtWork, Store

log = structlog.get_logger(__name__)
# A channel younger than this may be one whose command is still under way: neither a ghost nor lost.
SETTLED_S = 5.0


class Recovery:
    """orphans: attempts open in the store that no living call stands for yet, by node. at_work:
    agents to take over.
    """

    def __init__(
        self,
        settings: EngineSettings,
        registry: Registry,
        switchboard: Switchboard,
        store: Store,
        trunks: Trunks,
        clock: Clock,
        nodes: Mapping[NodeName, PbxNode],
        stats: EngineStats,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._switchboard = switchboard
        self._store = store
        self._trunks = trunks
        self._clock = clock
        self._nodes = nodes
        self._stats = stats
        self._orphans: dict[AttemptId, OpenAttempt] = {}
        self._at_work: dict[AgentId, AgentAtWork] = {}

    async def load(self) -> None:
        """At start: what the store says was going on."""
        self._at_work = {row.agent: row for row in await self._store.agents_at_work()}
        await self.find_orphans()

    async def find_orphans(self) -> None:
        """Open attempts in the store that nobody here knows of."""
        # A call that ends while the store answers was open in what it read, and is gone from ours.
        before = set(self._registry.calls)
        found = await self._store.open_attempts()
        known = before | self._registry.calls.keys()
        self._orphans = {one.id: one for one in found if one.id not in known}

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
        asked = self._clock.now()
        seen = {one.id: one for one in await self._nodes[node].channels()}
        gone = [a for a, o in self._orphans.items() if o.node == node and a not in seen]
        missing = [c.state.attempt for c in self._silent(node, seen, asked)]
        alive = [a for a, o in self._orphans.items() if o.node == node and a in seen]
        answered = await self._nodes[node].answered_ago([a for a in alive if seen[a].up])
        ended = await self._nodes[node].endings([*gone, *missing])
        self._take_over_calls(node, seen, ended, answered, self._clock.now())
        self._end_missing(missing, ended)
        self._correct_calls(node, seen, asked, 0.0 if events_lost else SETTLED_S)
        self._take_over_agents(node, seen, self._clock.now())
        self._correct_agents(node, seen, asked)
        await self._forget(node, [*gone, *missing])
        await self._end_strangers(node, seen)

    # -- calls of an earlier life

    def _take_over_calls(
        self,
        node: NodeName,
        seen: Mapping[str, ChannelSeen],
        ended: Mapping[AttemptId, EndingRemembered],
        answered: Mapping[AttemptId, float],
        now: Moment,
    ) -> None:
        for attempt, orphan in list(self._orphans.items()):
            if orphan.node != node:
                continue
            del self._orphans[attempt]
            self._stats.recovered += 1
            if attempt in seen:
                self._adopt(orphan, seen, answered.get(attempt, 0.0), now)
            else:
                self._bury(orphan, ended.get(attempt), now)

    def _adopt(
        self, orphan: OpenAttempt, seen: Mapping[str, ChannelSeen], answered_ago: float, now: Moment
    ) -> None:
        """It lives: go on from where it is."""
        channel = seen[orphan.id]
        leg = seen.get(channel.bridged_with or "")
        answered_at = _ago(now, answered_ago)
        state, commands = calls.recovered(
            orphan.id, orphan.node, self._settings.call, now,
            answered=channel.up and (leg is not None or channel.doing is Doing.HOLDS),
            agent=leg.agent if leg else None, leg=LegId(leg.id) if leg else None, answered_at=answered_at,
        )  # fmt: skip
        call = self._call(orphan, state, now)
        trunk = self._trunks.get(orphan.trunk)
        if trunk is not None:
            trunk.adopt()
        log.info("a living call was taken over", attempt=orphan.id, phase=state.phase.value)
        if leg is not None and leg.agent is not None:
            self._adopt_talker(leg, orphan.id, now)
        self._switchboard.enter_call(call, state, commands, now)
        if channel.up and state.answered_at is None:
            for event in _answered(orphan.id, channel):
                self._switchboard.call(event, answered_at)

    def _adopt_talker(self, leg: ChannelSeen, attempt: AttemptId, now: Moment) -> None:
        agent = self._registry.agents.get(leg.agent) if leg.agent else None
        if agent is None:
            return
        row = self._at_work.pop(agent.state.agent, None)
        presence = row.presence if row else ev.Presence.READY
        reason = row.break_reason if row else ""
        state, commands = agents.recovered(
            agent.state, now, presence=presence, leg=LegId(leg.id), attempt=attempt
        )
        self._switchboard.enter_agent(agent, replace(state, break_reason=reason), commands, now)

    def _bury(self, orphan: OpenAttempt, note: EndingRemembered | None, now: Moment) -> None:
        """It ended unseen: settle it from the PBX's note, or as lost."""
        ended_at, answered_at = _times(note, now)
        state = CallState(
            orphan.id,
            orphan.node,
            self._settings.call,
            CallPhase.RINGING,
            answered_at=answered_at,
            bridged_at=answered_at if note is not None and note.bridged else None,
        )
        call = self._call(orphan, state, now)
        trunk = self._trunks.get(orphan.trunk)
        if trunk is not None:
            trunk.adopt()
        self._registry.put_call(call, state)
        log.info("a call that ended unseen was settled", attempt=orphan.id, noted=note is not None)
        self._switchboard.call(ev.CallEnded(orphan.id, _ending(note)), ended_at)

    def _call(self, orphan: OpenAttempt, state: CallState, now: Moment) -> Call:
        # The number itself is not needed any more; the counters were written before it was dialled.
        candidate = Candidate(
            campaign=orphan.campaign, case_id=orphan.case_id, reference=orphan.reference, number=E164(""), zone=None,
            tries=orphan.tries, number_rank=orphan.number_rank, number_count=orphan.number_count, skill=orphan.skill,
            priority=0, attempts_today=0, counted_day="",
        )  # fmt: skip
        return Call(
            state,
            orphan.campaign,
            candidate,
            orphan.trunk,
            now,
            frozenset({orphan.trunk}),
            recovered=True,
        )

    # -- calls we know

    def _silent(self, node: NodeName, seen: Mapping[str, ChannelSeen], asked: Moment) -> list[Call]:
        """Our calls on this node that are not among its channels and were there long enough to
        be.
        """
        return [
            call
            for call in self._registry.calls.values()
            if call.node == node
            and call.state.phase is not CallPhase.PLANNED
            and call.state.attempt not in seen
            and asked.since(call.planned_at) > SETTLED_S
        ]

    def _end_missing(
        self, missing: Iterable[AttemptId], ended: Mapping[AttemptId, EndingRemembered]
    ) -> None:
        for attempt in missing:
            log.info("a call ended unseen", attempt=attempt, noted=attempt in ended)
            self._switchboard.call(
                ev.CallEnded(attempt, _ending(ended.get(attempt))), self._clock.now()
            )

    def _correct_calls(
        self, node: NodeName, seen: Mapping[str, ChannelSeen], asked: Moment, settled_s: float
    ) -> None:
        for call in [c for c in self._registry.calls.values() if c.node == node]:
            channel = seen.get(call.state.attempt)
            if channel is not None and asked.since(call.planned_at) >= settled_s:
                self._correct_call(call, channel, settled_s)

    def _correct_call(self, call: Call, channel: ChannelSeen, settled_s: float) -> None:
        """Events of a living call were missed: tell its machine what they would have told."""
        attempt, now = call.state.attempt, self._clock.now()
        if channel.up and call.state.phase in (*UNANSWERED_PHASES, CallPhase.ANSWERED):
            for event in _answered(attempt, channel):
                self._switchboard.call(event, now)
        elif call.state.phase is CallPhase.HANGING_UP:
            self._switchboard.hang_up_again(call)
        elif channel.bridged_with and call.state.phase is CallPhase.CONNECTING:
            self._switchboard.call(ev.CallBridged(attempt, LegId(channel.bridged_with)), now)
        elif not channel.bridged_with and call.state.phase is CallPhase.TALKING:
            talked = call.state.bridged_at
            if talked is not None and now.since(talked) >= settled_s:
                self._switchboard.call(ev.CallUnbridged(attempt), now)

    # -- agents

    def _take_over_agents(
        self, node: NodeName, seen: Mapping[str, ChannelSeen], now: Moment
    ) -> None:
        legs = {
            one.agent: LegId(one.id)
            for one in seen.values()
            # Also legs that dialled in, whose ids are the PBX's own.
            if one.agent and one.up and not one.id.startswith("a-")
        }
        for who, row in list(self._at_work.items()):
            agent = self._registry.agents.get(who)
            if agent is None or agent.node != node:
                continue
            del self._at_work[who]
            if agent.state.is_working:
                continue
            state, commands = agents.recovered(
                agent.state, now, presence=row.presence, leg=legs.get(who), attempt=None
            )
            log.info("an agent was taken over", agent=who, with_leg=who in legs)
            self._switchboard.enter_agent(
                agent, replace(state, break_reason=row.break_reason), commands, now
            )

    def _correct_agents(
        self, node: NodeName, seen: Mapping[str, ChannelSeen], asked: Moment
    ) -> None:
        now = self._clock.now()
        for agent in [a for a in self._registry.agents.values() if a.node == node]:
            leg, since = agent.state.leg, agent.state.since
            if (
                leg is not None
                and leg not in seen
                and since is not None
                and asked.since(since) > SETTLED_S
            ):
                self._switchboard.handle(ev.LegEnded(leg, Ending(seen=False)), now)
        for leg, who in list(self._registry.legs.items()):
            channel, agent_now = seen.get(leg), self._registry.agents.get(who)
            if (
                channel is not None
                and channel.up
                and agent_now is not None
                and agent_now.state.leg is None
            ):
                self._switchboard.handle(ev.LegConnected(leg), now)
            elif channel is None and agent_now is not None and self._call_stuck(agent_now, asked):
                self._switchboard.handle(ev.LegEnded(leg, Ending(seen=False)), now)

    def _call_stuck(self, agent: Agent, asked: Moment) -> bool:
        """The phone has been 'being called' for longer than it can ring, and no channel is
        there.
        """
        since = agent.state.since
        limit = self._settings.agent_ring_timeout_s + SETTLED_S
        calling = agent.state.line is agents.Line.CALLING
        return calling and since is not None and asked.since(since) > limit

    # -- the rest

    async def _forget(self, node: NodeName, attempts: list[AttemptId]) -> None:
        try:
            await self._nodes[node].forget(attempts)
        except PbxError as error:
            log.warning("the PBX keeps its notes for now", node=node, error=str(error))

    async def _end_strangers(self, node: NodeName, seen: Mapping[str, ChannelSeen]) -> None:
        """Debtors' channels with our names that neither registry nor store knows: somebody listens
        to silence.
        """
        strange = [
            one.id
            for one in seen.values()
            if one.id.startswith("a-")
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
                log.warning("a channel that nobody knows is ended", channel=channel, node=node)
                await self._nodes[node].hang_up(AttemptId(channel))


def _answered(attempt: AttemptId, channel: ChannelSeen) -> tuple[ev.CallEvent, ...]:
    """What was missed of a leg that is up and in no talk that we know of. The verdict of a machine
    detector is not kept by the PBX: who holds counts as a person.
    """
    if channel.doing is Doing.APOLOGISES:
        return (ev.SafeHarbourStarted(attempt),)
    if channel.doing is Doing.LISTENS:
        return (ev.CallAnswered(attempt),)
    return (ev.CallClassified(attempt, ev.Verdict.NOT_ASKED),)


def _ending(note: EndingRemembered | None) -> Ending:
    if note is None:
        return Ending(seen=False, text="ended unseen")
    known = note.answered or note.cause != 0 or note.sip is not None
    return Ending(note.cause, note.sip, "noted by the PBX", known, note.answered, note.bridged)


def _times(note: EndingRemembered | None, now: Moment) -> tuple[Moment, Moment | None]:
    """When it ended (now, if nobody knows) and when it was answered (None, if it was not)."""
    if note is None:
        return now, None
    ended = _ago(now, note.ended_ago_s or 0.0)
    if not note.answered:
        return ended, None
    return ended, _ago(now, note.answered_ago_s) if note.answered_ago_s is not None else ended


def _ago(now: Moment, seconds: float) -> Moment:
    return Moment(now.mono - seconds, now.utc - timedelta(seconds=seconds))
