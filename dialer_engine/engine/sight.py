"""What a pacer sees of a campaign on a node.

Rules: a campaign's agents are all who may take its calls; calls of other campaigns that may take the
same agents count as in flight, by the share of their agents that are this campaign's too; calls that
were dialled for one named agent, and agents who hold such a case, are nobody else's; who will not take
another call after the present one is not at work any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from dialer_engine.domain.agent import Line
from dialer_engine.domain.call import UNANSWERED_PHASES, CallPhase
from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.events import Presence
from dialer_engine.domain.units import AttemptId, CampaignName, Moment, NodeName
from dialer_engine.engine.account import Account
from dialer_engine.engine.marks import Marks
from dialer_engine.engine.registry import Agent, Call, Registry
from dialer_engine.pacing.snapshot import Snapshot

# Phases in which a call may still need an agent.
_SEEN = UNANSWERED_PHASES | {CallPhase.ANSWERED, CallPhase.WAITING}
# Of the message that a robot's call hears.
_UP = frozenset(CallPhase) - UNANSWERED_PHASES - {CallPhase.ENDED, CallPhase.HANGING_UP}


@dataclass(frozen=True, slots=True)
class Sight:
    """ringing: the attempts behind `snapshot.ringing`, in its order. shared: campaigns whose calls are
    counted in it.
    """

    snapshot: Snapshot
    ringing: list[AttemptId]
    shared: frozenset[CampaignName]


def pool(registry: Registry, node: NodeName, skill: str) -> list[Agent]:
    """Agents at work who may take calls that need `skill` (empty: none) on this node."""
    return [
        agent
        for agent in registry.agents.values()
        if agent.node == node
        and agent.state.is_working
        and (not skill or skill in agent.state.skills)
    ]


def look(
    registry: Registry,
    campaign: Campaign,
    campaigns: Mapping[CampaignName, Campaign],
    node: NodeName,
    now: Moment,
    room: int,
    account: Account,
    lists: Marks,
    groups: Marks,
) -> Sight:
    """The snapshot of a campaign whose calls are for agents."""
    mine = pool(registry, node, campaign.skill)
    shares = _shares(registry, campaign, campaigns, node, mine)
    calls = [call for call in _counted(registry, node, shares) if call.state.phase in _SEEN]
    ringing = [call for call in calls if call.state.phase in UNANSWERED_PHASES]
    calls = [call for call in calls if call.state.phase not in UNANSWERED_PHASES]
    free = {agent.state.agent for agent in registry.free_agents(node, campaign.skill)}
    talking = [a for a in mine if a.state.line is Line.IN_CALL and _returns(a)]
    wrapping = [a for a in mine if a.state.line is Line.WRAP_UP and _returns(a)]
    marks = {name: lists.of(name) for name in shares}
    local = now.utc.astimezone(account.zone)
    snapshot = Snapshot(
        at=now.mono,
        idle=len(free),
        talking=_since_line(talking, now),
        wrapping=_since_line(wrapping, now),
        ringing=_ringing_for(ringing, now),
        waiting=tuple(now.since(call.state.waiting_since or now)
                      for call in calls if call.state.phase is CallPhase.WAITING),
        connecting=sum(1 for agent in mine if agent.state.line is Line.RESERVED),
        room=room,
        abandoned=account.abandoned,
        live=account.live,
        classifying=tuple(now.since(call.state.answered_at or now)
                          for call in calls if call.state.phase is CallPhase.ANSWERED),
        ringing_list=np.array([marks[call.campaign] for call in ringing], dtype=np.int64),
        next_list=lists.of(campaign.name),
        talking_group=np.array([groups.of(a.about) for a in talking], dtype=np.int64),
        wrapping_group=np.array([groups.of(a.about) for a in wrapping], dtype=np.int64),
        period_left_s=account.left_s(now.utc),
        away=sum(1 for agent in mine if agent.state.presence is Presence.BREAK),
        local_hour=local.hour + local.minute / 60.0,
    )  # fmt: skip
    return Sight(snapshot, [call.state.attempt for call in ringing], frozenset(shares))


def look_robot(
    registry: Registry, campaign: Campaign, node: NodeName, now: Moment, room: int
) -> Sight:
    """The snapshot of a campaign without agents: its own calls only; `connecting` hear the message."""
    mine = [
        call
        for call in registry.calls.values()
        if call.campaign == campaign.name and call.node == node
    ]
    ringing = [call for call in mine if call.state.phase in UNANSWERED_PHASES]
    snapshot = Snapshot(
        at=now.mono,
        idle=0,
        ringing=np.array([now.since(call.state.sent_at or now) for call in ringing]),
        connecting=sum(1 for call in mine if call.state.phase in _UP),
        room=room,
    )
    return Sight(snapshot, [call.state.attempt for call in ringing], frozenset({campaign.name}))


def _ringing_for(
    calls: Iterable[Call], now: Moment
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    mono = now.mono
    since = [(call.state.sent_at or now).mono for call in calls]
    return mono - np.array(since, dtype=np.float64)


def _returns(agent: Agent) -> bool:
    return agent.state.presence is Presence.READY


def _since_line(
    agents: Iterable[Agent], now: Moment
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([now.since(agent.state.since or now) for agent in agents], dtype=np.float64)


def _shares(
    registry: Registry,
    campaign: Campaign,
    campaigns: Mapping[CampaignName, Campaign],
    node: NodeName,
    mine: list[Agent],
) -> dict[CampaignName, float]:
    """Of each campaign with calls: what share of its calls may take one of my agents. Of a campaign whose
    agents are all mine: all; of one that has ten times as many besides: a tenth.
    """
    shares: dict[CampaignName, float] = {campaign.name: 1.0}
    for name in {call.campaign for call in registry.calls.values()} - {campaign.name}:
        other = campaigns.get(name)
        if other is None or other.mode is DialMode.ROBOT:
            continue
        theirs = pool(registry, node, other.skill) if other.skill != campaign.skill else mine
        both = sum(
            1 for agent in theirs if not campaign.skill or campaign.skill in agent.state.skills
        )
        if both:
            shares[name] = both / len(theirs)
    return shares


def _counted(
    registry: Registry, node: NodeName, shares: Mapping[CampaignName, float]
) -> Iterable[Call]:
    """The calls that count, of shared campaigns every so-manieth."""
    if all(share >= 1.0 for share in shares.values()):
        yield from (
            call
            for call in registry.calls.values()
            if call.campaign in shares and call.for_agent is None and call.node == node
        )
        return
    seen = dict.fromkeys(shares, 0.0)
    for call in registry.calls.values():
        share = shares.get(call.campaign, 0.0)
        if call.node != node or not share or call.for_agent is not None:
            continue
        before = seen[call.campaign]
        seen[call.campaign] = before + share
        if int(before + share + 1e-9) > int(before + 1e-9):
            yield call
