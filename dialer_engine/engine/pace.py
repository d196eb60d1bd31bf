"""The pacing of one running campaign: a policy for each node, what it is told, and what it learned.

Rules: a policy learns before it decides; new settings make a new policy that keeps what the old one
learned; a policy that fails is replaced by a fresh one, and for that decision each available agent
gets one line; a shadow sees and learns the same, and dials nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import CampaignName, Moment, NodeName
from dialer_engine.engine.account import Account
from dialer_engine.engine.decisions import Decisions
from dialer_engine.engine.marks import Marks
from dialer_engine.engine.news import Collector
from dialer_engine.pacing.curves import Curve, curves
from dialer_engine.pacing.guard import Guarded
from dialer_engine.pacing.pacer import Progressive, pacer_for, settings_of
from dialer_engine.pacing.predictive import Predictive
from dialer_engine.pacing.snapshot import Decision, Pacer, Snapshot

log = structlog.get_logger(__name__)
Memory = Mapping[str, Any]
# Of the document in which what was learned is kept.
_FORMAT = 1


@dataclass(slots=True)
class Shadow:
    """A second policy beside the live one. lines: lines that each would have in flight after its
    decision, summed over `ticks`; more, fewer: decisions in which the shadow wanted more or fewer.
    """

    mode: DialMode
    since: Moment
    pacers: dict[NodeName, Pacer] = field(default_factory=dict)
    ticks: int = 0
    live_lines: float = 0.0
    shadow_lines: float = 0.0
    more: int = 0
    fewer: int = 0
    failures: int = 0
    last: tuple[Decision, Decision] | None = None

    def compare(self, shot: Snapshot, live: Decision, own: Decision) -> None:
        """One decision of each on the same snapshot."""
        base = shot.in_flight
        mine, theirs = (base + d.originate - len(d.cancel) for d in (own, live))
        self.ticks += 1
        self.live_lines += theirs
        self.shadow_lines += mine
        self.more += mine > theirs
        self.fewer += mine < theirs
        self.last = (live, own)


class CampaignPace:
    """See the module. account: live answers of the period. shared: campaigns whose calls are counted
    with its own, by node.
    """

    def __init__(self, campaign: Campaign, account: Account, memory: Memory | None = None) -> None:
        self.campaign = campaign
        self.account = account
        self.lists = Marks([campaign.name])
        self.groups = Marks([""])
        self.pacers: dict[NodeName, Pacer] = {}
        self.news: dict[NodeName, Collector] = {}
        self.shared: dict[NodeName, frozenset[CampaignName]] = {}
        self.decisions = Decisions(campaign.name)
        self.shadow: Shadow | None = None
        self.failures = 0
        self._learned: dict[str, Any] = {}
        if memory:
            self.take_memory(memory)

    # -- settings

    def change(self, campaign: Campaign) -> None:
        """New settings, from the next decision on."""
        before, self.campaign = self.campaign, campaign
        same = before.mode is campaign.mode and settings_of(before) == settings_of(campaign)
        others = ("ratio", "robot_channels", "robot_cps")
        if same and all(getattr(before, one) == getattr(campaign, one) for one in others):
            return
        self._keep_learned(before.mode)
        for node, old in list(self.pacers.items()):
            self.pacers[node] = self._new(node, campaign.mode, old)
        if campaign.mode is DialMode.ROBOT or campaign.mode.for_one_agent:
            # Nothing to compare with.
            self.set_shadow(None, None)
        if self.shadow is not None:
            mode = self.shadow.mode
            for node, old in list(self.shadow.pacers.items()):
                self.shadow.pacers[node] = self._new(node, mode, old, old.memory())

    def _new(
        self, node: NodeName, mode: DialMode, old: Pacer | None = None, memory: Memory | None = None
    ) -> Pacer:
        learned = memory or (self._memory_of(node) if mode is DialMode.PREDICTIVE else None)
        pacer = pacer_for(self.campaign, learned, mode)
        if isinstance(old, Guarded) and isinstance(pacer, Guarded):
            pacer.go_on_from(old)
        return pacer

    # -- deciding

    def collector(self, node: NodeName) -> Collector:
        """Where news of a node are gathered."""
        return self.news.setdefault(node, Collector())

    def sees(self, node: NodeName, campaign: CampaignName) -> bool:
        """Whether calls of that campaign are among those that this one counts."""
        return campaign == self.campaign.name or campaign in self.shared.get(node, ())

    def decide(self, node: NodeName, shot: Snapshot) -> Decision:
        """What its policy says."""
        pacer = self.pacers.get(node)
        if pacer is None:
            pacer = self.pacers[node] = self._first(node)
        news = self.collector(node).take()
        try:
            if news is not None:
                pacer.learn(news)
            decision = pacer.decide(shot)
        except Exception:
            decision = self._failed(node, shot)
        if self.shadow is not None:
            self._follow(self.shadow, node, shot, news, decision)
        return decision

    def _first(self, node: NodeName) -> Pacer:
        try:
            return self._new(node, self.campaign.mode)
        except BadValue as error:
            log.error("what was learned is left out", campaign=self.campaign.name, error=str(error))
            self._learned = {}
            return self._new(node, self.campaign.mode)

    def _failed(self, node: NodeName, shot: Snapshot) -> Decision:
        self.failures += 1
        log.exception("a pacing policy failed; it begins anew", campaign=self.campaign.name)
        self.pacers[node] = pacer_for(self.campaign)
        if self.campaign.mode is DialMode.ROBOT or self.campaign.mode.for_one_agent:
            return Decision(0, "the pacing policy failed; see the log")
        safe = Guarded(Progressive(self.campaign.min_ring_s)).decide(shot)
        return replace(
            safe, why="the pacing policy failed, see the log: one line for each available agent"
        )

    # -- the shadow

    def set_shadow(self, mode: DialMode | None, now: Moment | None) -> None:
        """Begin anew with this policy beside the live one; None ends it."""
        if self.shadow is not None and self.shadow.mode is DialMode.PREDICTIVE:
            self._keep(self.shadow.pacers)
        self.shadow = None if mode is None or now is None else Shadow(mode, now)

    def _follow(
        self, shadow: Shadow, node: NodeName, shot: Snapshot, news: Any, live: Decision
    ) -> None:
        try:
            pacer = shadow.pacers.get(node)
            if pacer is None:
                pacer = shadow.pacers[node] = self._new(node, shadow.mode)
            if news is not None:
                pacer.learn(news)
            shadow.compare(shot, live, pacer.decide(shot))
        except Exception:
            shadow.failures += 1
            shadow.pacers.pop(node, None)
            log.exception("a shadow policy failed; it begins anew", campaign=self.campaign.name)

    # -- memory

    def curves(self) -> dict[NodeName, list[Curve]]:
        """What was learned, by node, to be drawn."""
        self.memory()
        found: dict[NodeName, list[Curve]] = {}
        for node in self._learned:
            policy = pacer_for(self.campaign, self._learned[node], DialMode.PREDICTIVE)
            if isinstance(policy, Guarded) and isinstance(policy.pacer, Predictive):
                drawn = curves(policy.pacer, self.lists.names, self.groups.names)
                found[NodeName(node)] = drawn
        return found

    def memory(self) -> dict[str, Any] | None:
        """What was learned, as plain data; None when there is nothing."""
        self._keep_learned(self.campaign.mode)
        if self.shadow is not None and self.shadow.mode is DialMode.PREDICTIVE:
            self._keep(self.shadow.pacers)
        if not self._learned:
            return None
        return {
            "format": _FORMAT,
            "campaign": self.campaign.name,
            "lists": self.lists.names,
            "groups": self.groups.names,
            "nodes": dict(self._learned),
        }

    def take_memory(self, data: Memory) -> None:
        """Begin with what was learned here, or elsewhere; BadValue, and nothing changed, when it is not
        what `memory` gives.
        """
        if data.get("format") != _FORMAT or not isinstance(data.get("nodes"), dict):
            raise BadValue("this is not what `dialer-engine pacing export` writes")
        if not data["nodes"]:
            raise BadValue("nothing was learned in this file")
        for one in data["nodes"].values():
            pacer_for(self.campaign, one, DialMode.PREDICTIVE)
        own = str(data.get("campaign", ""))
        self.lists = Marks(_renamed(data.get("lists", ()), own, self.campaign.name))
        self.groups = Marks(_renamed(data.get("groups", ()), own, self.campaign.name))
        self._learned = dict(data["nodes"])
        if self.campaign.mode is DialMode.PREDICTIVE:
            self.pacers.clear()

    def _memory_of(self, node: NodeName) -> Memory | None:
        """Of this node; of another one when this is new."""
        found = self._learned.get(node)
        return found if found is not None else next(iter(self._learned.values()), None)

    def _keep_learned(self, mode: DialMode) -> None:
        if mode is DialMode.PREDICTIVE:
            self._keep(self.pacers)

    def _keep(self, pacers: Mapping[NodeName, Pacer]) -> None:
        for node, pacer in pacers.items():
            learned = pacer.memory()
            if learned:
                self._learned[node] = learned


def _renamed(names: Any, old: str, new: str) -> list[str]:
    """Marks of the campaign that learned become marks of this one."""
    found = [str(name) for name in names] or [new]
    return [new + name[len(old):] if old and _is_of(name, old) else name for name in found]  # fmt: skip


def _is_of(name: str, campaign: str) -> bool:
    return name == campaign or name.startswith(campaign + ":")
