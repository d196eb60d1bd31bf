"""The pacing tick: how many calls each campaign adds now, for whom, and with whose permission.

Rules: no store, no permit, no trunk, no disk, no lease: no dialling, with a reason that an operator
can read. Every attempt is in the registry before it is committed, so that the next tick counts it,
and is committed before it is dialled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from dialer_engine.compliance.gate import Permit
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.campaign import Campaign, CampaignState, DialMode
from dialer_engine.domain.errors import CampaignHeld, NotPermitted, StoreError
from dialer_engine.domain.units import CampaignName, Moment, NodeName, TrunkName
from dialer_engine.engine.caselist import CaseList, Running
from dialer_engine.engine.counsel import Counsel
from dialer_engine.engine.decisions import numbers_of
from dialer_engine.engine.effects import Effects
from dialer_engine.engine.guide import Guide
from dialer_engine.engine.ledger import Ledger
from dialer_engine.engine.offers import Offer, Offers
from dialer_engine.engine.paces import Paces
from dialer_engine.engine.planner import NO_TRUNK, Planned, Planner
from dialer_engine.engine.registry import Call, Registry, idle_since
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.engine.sight import Sight, look, look_robot
from dialer_engine.engine.stats import EngineStats
from dialer_engine.engine.trunks import Trunks
from dialer_engine.pacing.snapshot import Decision, Snapshot
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.pbx import Originate, PbxNode
from dialer_engine.ports.recordings import DiskState, Recordings
from dialer_engine.ports.store import Store

log = structlog.get_logger(__name__)


class Dialling:
    """All running campaigns, and their tick."""

    def __init__(
        self,
        settings: EngineSettings,
        registry: Registry,
        store: Store,
        ledger: Ledger,
        trunks: Trunks,
        effects: Effects,
        clock: Clock,
        recordings: Recordings,
        nodes: Mapping[NodeName, PbxNode],
        stats: EngineStats,
        paces: Paces,
        counsel: Counsel,
    ) -> None:
        self.settings = settings
        self.counsel = counsel
        self.running: dict[CampaignName, Running] = {}
        self.campaigns: dict[CampaignName, Campaign] = {}
        self._registry = registry
        self._store = store
        self._ledger = ledger
        self._trunks = trunks
        self._effects = effects
        self._clock = clock
        self._nodes = nodes
        self.offers = Offers(registry, store, ledger, effects, clock)
        self.offers.give_back = self._given_back
        self.paces = paces
        self.guide = Guide(settings, store, ledger, stats)
        self._list = CaseList(registry, store, effects, clock, self.offers, counsel, self.guide)
        self._stats = stats
        self.ready: set[NodeName] = set()
        self.draining = False
        self.disk = DiskState.OK
        self._planner = Planner(
            settings, registry, ledger, trunks, clock, recordings, stats, counsel
        )

    def apply(self, settings: EngineSettings) -> None:
        """New settings, from the next decision on."""
        self.settings = self.guide.settings = self._planner.settings = settings

    # -- campaigns

    def run(self, campaign: Campaign, lease_until: float) -> None:
        """Begin, or take new settings."""
        self.campaigns[campaign.name] = campaign
        known = self.running.get(campaign.name)
        if known is None:
            pace = self.paces.begin(self._capped(campaign))
            self.running[campaign.name] = Running(campaign, pace, lease_until=lease_until)
            return
        if known.campaign.mode is not campaign.mode:
            self.offers.close(campaign.name)
            # What was chosen for one way of dialling is chosen anew for another.
            known.queue.clear()
        self.paces.change(known.pace, self._capped(campaign))
        known.campaign, known.lease_until = campaign, max(known.lease_until, lease_until)

    def _capped(self, campaign: Campaign) -> Campaign:
        """No campaign goes over the limit of the whole site."""
        most = self.settings.max_ringing_per_agent
        return replace(
            campaign,
            ratio=min(campaign.ratio, most),
            max_ringing_per_agent=min(campaign.max_ringing_per_agent, most),
        )

    def halt(self, name: CampaignName) -> None:
        """No more calls for it; those up go on."""
        if self.running.pop(name, None) is not None:
            self.offers.close(name)

    def obstacle(self, running: Running) -> str:
        """Why nothing may be dialled for this campaign now; empty when it may."""
        if self.draining:
            return "the daemon is stopping"
        if running.campaign.state is not CampaignState.STARTED:
            return f"the campaign is {running.campaign.state.value}"
        if not self._ledger.ok:
            return f"the store does not take writes: {self._ledger.detail}"
        if self.disk is DiskState.FULL:
            return "the disk of the recordings is full"
        if no_folder := self._planner.no_folder():
            return f"recordings cannot be written: {no_folder}"
        if self._clock.now().mono >= running.lease_until:
            return "the lease of the campaign has run out"
        if not self.ready:
            return "no PBX is connected"
        return ""

    # -- the tick

    async def tick(self) -> None:
        """One decision for each campaign on each node; then one transaction; then the calls
        leave.
        """
        self._stats.ticks += 1
        planned: list[Planned] = []
        # Campaigns that share agents take turns: first who has waited longest for a call.
        for running in sorted(self.running.values(), key=lambda one: one.served):
            planned += self._plan(running)
        if planned:
            await self._commit(planned)

    def _plan(self, running: Running) -> list[Planned]:
        running.why = self.obstacle(running)
        if running.why:
            now, mode = self._clock.now().utc, running.campaign.mode.value
            running.pace.decisions.add(now, NodeName(""), mode, Decision(0, running.why), 0, {})
            self.offers.close(running.campaign.name)
            return []
        planned: list[Planned] = []
        for node in sorted(self.ready):
            planned += self._plan_on(running, node)
        if planned:
            running.served, running.denied = self._stats.ticks, ""
        if running.campaign.mode is not DialMode.MANUAL:
            self._list.refill(running, self.settings.prefetch, self.settings.rules)
        return planned

    def _plan_on(self, running: Running, node: NodeName) -> list[Planned]:
        sight = self.look(running, node)
        shot = self._slowed(sight.snapshot)
        decision = running.pace.decide(node, shot)
        running.decision, running.why = decision, decision.why
        self._cancel(running, sight, decision.cancel)
        wanted = self._within_share(running, sight.snapshot, decision.originate)
        planned, started = self._carry_out(running, node, wanted)
        if decision.originate and not started and not running.queue:
            last = f"; the last one: {running.denied}" if running.denied else ""
            running.why = f"no case is due{last}"
        mode = running.campaign.mode.value
        running.pace.decisions.add(
            self._clock.now().utc, node, mode, replace(decision, why=running.why), started, numbers_of(shot, decision)
        )  # fmt: skip
        return planned

    def _carry_out(
        self, running: Running, node: NodeName, wanted: int
    ) -> tuple[list[Planned], int]:
        """Calls that were planned, and how many calls (or cases to look at) came of the decision."""
        campaign = running.campaign
        if not campaign.mode.for_one_agent:
            planned = self._pick(running, node, wanted)
            return planned, len(planned)
        self.offers.expire(campaign.name, campaign.preview_timeout_s, campaign.preview_dials)
        return self._plan_held(running, node), self._show(running, node, wanted)

    def _within_share(self, running: Running, snapshot: Snapshot, wanted: int) -> int:
        """Above a rule's share of abandoned calls only as many as there are free agents without a call on
        its way: for those the gate lets calls through. Cases are not asked about, and not put off, for what
        is no fault of theirs.
        """
        passed = self.counsel.share_passed(running.campaign)
        running.kept_free = bool(passed)
        if not passed:
            return wanted
        running.why = f"{passed}: only calls with an agent kept free; {running.why}"
        coming = len(snapshot.ringing) + len(snapshot.classifying) + len(snapshot.waiting)
        return min(wanted, max(0, snapshot.idle - coming))

    def _slowed(self, snapshot: Snapshot) -> Snapshot:
        """Half speed while the disk fills up: half of the people get calls. Talks make recordings, so
        dialling the same calls a little later would save nothing.
        """
        if self.disk is DiskState.OK:
            return snapshot
        busy = len(snapshot.talking) + len(snapshot.wrapping) + snapshot.connecting
        half = (snapshot.idle + busy + 1) // 2
        return replace(snapshot, idle=min(snapshot.idle, max(0, half - busy)))

    def look(self, running: Running, node: NodeName) -> Sight:
        """What the pacer sees."""
        now, room = self._clock.now(), self._trunks.room(node, self._clock.now().mono)
        campaign, pace = running.campaign, running.pace
        if campaign.mode is DialMode.ROBOT:
            return look_robot(self._registry, campaign, node, now, room)
        pace.account.roll(now.utc)
        sight = look(
            self._registry, campaign, self.campaigns, node, now, room, pace.account, pace.lists, pace.groups
        )  # fmt: skip
        pace.shared[node] = sight.shared
        return sight

    def _cancel(self, running: Running, sight: Sight, places: tuple[int, ...]) -> None:
        """Hang up what pacing does not want to be answered any more; others' calls are theirs."""
        for place in places:
            call = self._registry.calls.get(sight.ringing[place])
            if call is not None and call.campaign == running.campaign.name and _may_cancel(call):
                self._stats.cancelled += 1
                self.on_stopped(call, "pacing")

    # -- cases that one agent holds

    def _plan_held(self, running: Running, node: NodeName) -> list[Planned]:
        """What agents on this node have accepted or named."""
        planned: list[Planned] = []
        for offer in self.offers.due(running.campaign.name):
            agent = self._registry.agents.get(offer.agent)
            if agent is None or agent.node != node:
                continue
            one = self._planner.plan(running, node, offer.candidate, offer.tried)
            if isinstance(one, Planned):
                self.offers.planned(offer, one.call)
                planned.append(one)
            elif one is None:
                self.offers.refused(offer, running.denied)
        return planned

    def _show(self, running: Running, node: NodeName, wanted: int) -> int:
        """Put a case before so many available agents, longest idle first; how many."""
        shown = 0
        free = sorted(self._registry.free_agents(node, running.campaign.skill), key=idle_since)
        for agent in free[:wanted]:
            candidate = self._showable(running)
            if candidate is None:
                break
            self.offers.show(running.campaign.name, agent.state.agent, candidate)
            shown += 1
        return shown

    def _showable(self, running: Running) -> Candidate | None:
        """The next case that the gate lets through now: nobody is to look at another."""
        while running.queue:
            candidate, _ = running.queue.popleft()
            now = self._clock.now()
            if self.guide.is_stale(running.campaign, candidate, now.utc):
                continue
            verdict = self._planner.verdict(running, candidate, self._clock.attempt_id(), now)
            if isinstance(verdict, Permit):
                return candidate
        return None

    def _given_back(self, offer: Offer) -> None:
        running = self.running.get(offer.campaign)
        if running is not None:
            running.queue.appendleft((offer.candidate, frozenset()))

    def _pick(self, running: Running, node: NodeName, wanted: int) -> list[Planned]:
        planned: list[Planned] = []
        aside: list[tuple[Candidate, frozenset[TrunkName]]] = []
        while len(planned) < wanted and running.queue:
            candidate, tried = running.queue.popleft()
            if self.guide.is_stale(running.campaign, candidate, self._clock.now().utc):
                continue  # it is due in the store, and comes again with what holds by then
            one = self._planner.plan(running, node, candidate, tried)
            if isinstance(one, Planned):
                planned.append(one)
            elif one is NO_TRUNK and tried:
                # Only the trunks that failed for this case have room: it waits, the others do not.
                aside.append((candidate, tried))
            elif one is NO_TRUNK:
                running.queue.appendleft((candidate, tried))
                break
        running.queue.extendleft(reversed(aside))
        return planned

    async def _commit(self, planned: list[Planned]) -> None:
        try:
            refused = await self._ledger.begin([one.draft for one in planned])
        except Exception as error:
            for one in reversed(planned):
                self._undo(one)
            if isinstance(error, CampaignHeld):
                log.error("a lease was lost; nothing was dialled", error=str(error))
                self.on_held()
            if not isinstance(error, StoreError):
                raise
            return
        await self._list.fetch_screens([p.call for p in planned if p.draft.id not in refused])
        for one in planned:
            attempt = one.call.state.attempt
            if attempt in refused:
                self._refused(one, refused[attempt])
            else:
                self._dial(one)

    def _undo(self, one: Planned) -> None:
        """Nothing was committed: as if it had never been planned."""
        running = self.running.get(one.call.campaign)
        if not self._take_back(one):
            return
        if one.call.for_agent is not None:
            self.offers.unplanned(one.call)
        elif running is not None:
            running.queue.appendleft((one.call.candidate, one.tried))

    def _take_back(self, one: Planned) -> bool:
        """False when somebody ended it meanwhile: then everything was given back already."""
        if self._registry.calls.pop(one.call.state.attempt, None) is None:
            return False
        self._trunks.ended(one.call.trunk, None, self._clock.now().mono)
        return True

    def _refused(self, one: Planned, reason: str) -> None:
        """The transaction saw more than the gate: another daemon or campaign was quicker."""
        if not self._take_back(one):
            return
        self._stats.denied[reason] += 1
        self.offers.refused_call(one.call, reason)
        self._planner.postpone(one.call.campaign, one.call.candidate, (reason,), None)

    def _dial(self, one: Planned) -> None:
        call, now = one.call, self._clock.now()
        running = self.running.get(call.campaign)
        stopped = "the campaign is not run any more" if running is None else self.obstacle(running)
        if not stopped and call.node not in self.ready:
            stopped = "its PBX is not connected"
        stopped = stopped or self.counsel.barred(call.state.attempt)
        if running is None or stopped:
            self.on_stopped(call, stopped)
            return
        running.figures.attempts += 1
        self.on_sent(call, now)
        if self._registry.calls.get(call.state.attempt) is not call:
            return
        try:
            command = self._command(call, one.permit, one.recording, now)
        except NotPermitted as error:
            log.error(
                "a committed attempt was not dialled", attempt=call.state.attempt, error=str(error)
            )
            self.on_unsent(call, str(error))
            return
        self._effects.originate(call.node, command)

    def _command(self, call: Call, permit: Permit, recording: str, now: Moment) -> Originate:
        attempt = call.state.attempt
        campaign = self.campaigns[call.campaign]
        return Originate(
            permit=permit, attempt=attempt, number=call.candidate.number, trunk=call.trunk,
            ring_timeout_s=_ring_s(call, now), recording=recording, amd=campaign.amd,
            max_wait_s=self.settings.pbx_wait_s, asked_at=now.utc, safe_harbour=self.settings.safe_harbour,
            message=campaign.robot_message if call.state.policy.robot else None,
        )  # fmt: skip

    on_held: Callable[[], None] = staticmethod(lambda: None)
    on_sent: Callable[[Call, Moment], None] = staticmethod(lambda call, now: None)
    on_stopped: Callable[[Call, str], None] = staticmethod(lambda call, why: None)
    on_unsent: Callable[[Call, str], None] = staticmethod(lambda call, why: None)

    # -- the list

    def again(self, call: Call) -> None:
        """The trunk failed, not the debtor: the same case goes first, over another trunk, with a
        permit of its own.
        """
        running = self.running.get(call.campaign)
        if running is not None:
            self._stats.failovers += 1
        if call.for_agent is not None:
            self.offers.unplanned(call)
        elif running is not None:
            running.queue.appendleft((call.candidate, call.tried))


# The shortest ring that is worth a call set-up.
_SHORTEST_RING_S = 1.0


def _ring_s(call: Call, now: Moment) -> float:
    """How long it may ring: what still rings when the hours end is cancelled. NotPermitted when that is
    at once.
    """
    limit = call.state.policy.ring_timeout_s
    if call.must_end_by is None:
        return limit
    left = (call.must_end_by - now.utc).total_seconds()
    if left < _SHORTEST_RING_S:
        raise NotPermitted("the hours in which it may ring are over")
    return min(limit, left)


def _may_cancel(call: Call) -> bool:
    """One that is just being committed is not heard by anybody, and leaves or not in this tick."""
    return call.state.phase in (CallPhase.DIALING, CallPhase.RINGING)
