"""Calls and agents of an earlier life: what the store says was going on when the last daemon stopped,
and what the PBX says became of it.

Rules: what lives is taken over where it is; what ended unseen is settled from what the PBX wrote down,
or as LOST; nobody is put into two calls, whatever the two books say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog

from dialer_engine.domain import agent as agents
from dialer_engine.domain import call as calls
from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentMode, Line
from dialer_engine.domain.attempt import Candidate, OpenAttempt
from dialer_engine.domain.call import CallPhase, CallState
from dialer_engine.domain.outcome import Ending
from dialer_engine.domain.units import (
    ATTEMPT_PREFIX,
    E164,
    AgentId,
    AttemptId,
    LegId,
    Moment,
    NodeName,
)
from dialer_engine.engine.registry import Call, Registry
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.engine.stats import EngineStats
from dialer_engine.engine.switchboard import Switchboard
from dialer_engine.engine.trunks import Trunks
from dialer_engine.ports.pbx import ChannelSeen, Doing, EndingRemembered
from dialer_engine.ports.store import AgentAtWork

log = structlog.get_logger(__name__)
Seen = Mapping[str, ChannelSeen]


@dataclass(frozen=True, slots=True)
class Found:
    """What a node told: its channels, how ended calls ended, how many seconds ago living ones were
    answered.
    """

    seen: Seen
    ended: Mapping[AttemptId, EndingRemembered] = field(default_factory=dict)
    answered: Mapping[AttemptId, float] = field(default_factory=dict)

    def talks(self, attempt: AttemptId) -> bool:
        """Whether it is in a talk now."""
        return attempt in self.seen and self.seen[attempt].bridged_with is not None


class Adoption:
    """at_work: agents who are still to be taken over."""

    def __init__(
        self,
        settings: EngineSettings,
        registry: Registry,
        switchboard: Switchboard,
        trunks: Trunks,
        stats: EngineStats,
    ) -> None:
        self.settings = settings
        self.at_work: dict[AgentId, AgentAtWork] = {}
        self._registry = registry
        self._switchboard = switchboard
        self._trunks = trunks
        self._stats = stats

    # -- calls

    def take_over(self, orphan: OpenAttempt, found: Found, now: Moment) -> None:
        """An open attempt that no call of the registry stands for."""
        if orphan.id in self._registry.calls:
            return
        self._stats.recovered += 1
        if orphan.id in found.seen:
            self._adopt(orphan, found, now)
        else:
            self._bury(orphan, found.ended.get(orphan.id), now)

    def _adopt(self, orphan: OpenAttempt, found: Found, now: Moment) -> None:
        """It lives: go on from where it is."""
        channel = found.seen[orphan.id]
        leg = found.seen.get(channel.bridged_with or "")
        answered_at = _ago(now, found.answered.get(orphan.id, 0.0))
        talker = self._adopt_talker(leg, orphan.id, now) if leg is not None else None
        tells = channel.doing is Doing.TELLS or self._switchboard.is_robot(orphan.campaign)
        state, commands = calls.recovered(
            orphan.id, orphan.node, replace(self.settings.call, robot=tells), now,
            answered=channel.up and (leg is not None or channel.doing in (Doing.HOLDS, Doing.TELLS)),
            agent=talker, leg=LegId(leg.id) if leg else None, answered_at=answered_at,
        )  # fmt: skip
        log.info("a living call was taken over", attempt=orphan.id, phase=state.phase.value)
        self._switchboard.enter_call(self._call(orphan, state, now), state, commands, now)
        if channel.up and state.answered_at is None:
            self._switchboard.call(what_it_does(orphan.id, channel), answered_at)

    def _adopt_talker(self, leg: ChannelSeen, attempt: AttemptId, now: Moment) -> AgentId | None:
        """The agent of a talk; None when they are unknown here or have another call already."""
        agent = self._registry.agents.get(leg.agent) if leg.agent else None
        if agent is None or agent.state.line in (Line.RESERVED, Line.IN_CALL):
            return None
        who, other = agent.state.agent, agent.state.leg
        row = self.at_work.pop(who, None)
        presence = row.presence if row else ev.Presence.READY
        state, commands = agents.recovered(
            agent.state, now, presence=presence, leg=LegId(leg.id), attempt=attempt
        )
        state = replace(state, break_reason=row.break_reason if row else "")
        self._switchboard.enter_agent(agent, state, commands, now)
        if other is not None and other != leg.id:
            # They logged in again before the PBX was asked, and their phone took a second call.
            self._switchboard.end_leg(agent, other)
        return who

    def _bury(self, orphan: OpenAttempt, note: EndingRemembered | None, now: Moment) -> None:
        """It ended unseen: settle it from the PBX's note, or as lost."""
        ended_at, answered_at = _times(note, now)
        robot = self._switchboard.is_robot(orphan.campaign)
        state = CallState(
            orphan.id,
            orphan.node,
            replace(self.settings.call, robot=robot),
            CallPhase.RINGING,
            answered_at=answered_at,
            bridged_at=answered_at if note is not None and note.bridged and not robot else None,
        )
        call = self._call(orphan, state, now)
        self._registry.put_call(call, state)
        log.info("a call that ended unseen was settled", attempt=orphan.id, noted=note is not None)
        self._switchboard.call(ev.CallEnded(orphan.id, ending_of(note)), ended_at)

    def _call(self, orphan: OpenAttempt, state: CallState, now: Moment) -> Call:
        """It holds a channel of its trunk from here on. The number itself is not needed any more; the
        counters were written before it was dialled.
        """
        trunk = self._trunks.get(orphan.trunk)
        if trunk is not None:
            trunk.adopt()
        candidate = Candidate(
            campaign=orphan.campaign, case_id=orphan.case_id, reference=orphan.reference, number=E164(""), zone=None,
            tries=max(0, orphan.tries - 1), number_rank=orphan.number_rank, number_count=orphan.number_count,
            skill=orphan.skill, priority=0, attempts_today=0, counted_day="",
        )  # fmt: skip
        tried = frozenset({orphan.trunk})
        return Call(state, orphan.campaign, candidate, orphan.trunk, now, tried, recovered=True)

    # -- agents

    def take_over_agents(self, node: NodeName, seen: Seen, now: Moment) -> None:
        """Who was at work goes on, with the leg that is still up."""
        legs = {
            one.agent: LegId(one.id)
            for one in seen.values()
            if one.agent and one.up and not one.id.startswith(ATTEMPT_PREFIX)
        }
        for who, row in list(self.at_work.items()):
            agent = self._registry.agents.get(who)
            if agent is not None and agent.node == node:
                del self.at_work[who]
                self._take_over_agent(row, legs.get(who), now)

    def _take_over_agent(self, row: AgentAtWork, leg: LegId | None, now: Moment) -> None:
        agent = self._registry.agents[row.agent]
        if agent.state.is_working:
            # Somebody logged them in before the PBX was asked; their phone is up already.
            if leg is not None and agent.state.leg is None and leg not in self._registry.legs:
                self._registry.bind_leg(leg, row.agent)
                self._switchboard.handle(ev.LegConnected(leg), now)
            return
        held = leg if agent.state.mode is AgentMode.NAILED else None
        state, commands = agents.recovered(
            agent.state, now, presence=row.presence, leg=held, attempt=None
        )
        log.info("an agent was taken over", agent=row.agent, with_leg=held is not None)
        state = replace(state, break_reason=row.break_reason)
        self._switchboard.enter_agent(agent, state, commands, now)
        if leg is not None and held is None:
            self._switchboard.end_leg(agent, leg)


def what_it_does(attempt: AttemptId, channel: ChannelSeen) -> ev.CallEvent:
    """What was missed of a leg that is up and in no talk that we know of. The verdict of a machine
    detector is not kept by the PBX: who holds counts as a person.
    """
    if channel.doing is Doing.APOLOGISES:
        return ev.SafeHarbourStarted(attempt)
    if channel.doing is Doing.LISTENS:
        return ev.CallAnswered(attempt)
    return ev.CallClassified(attempt, ev.Verdict.NOT_ASKED)


def ending_of(note: EndingRemembered | None) -> Ending:
    """What the PBX wrote down of an end; without a note it was not seen."""
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
