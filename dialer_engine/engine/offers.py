"""Cases that one agent holds: shown to them (preview) or named by them (manual), until the call that
comes of it has found them or is over.

Rules: an agent holds one case at a time and is chosen for no other call meanwhile; a case is dialled
only when its agent accepted it or named it, and only by the tick, through the same gate, trunks and
commit as every other; an agent who leaves gives the case back, and what rings for them is cancelled;
a case that is skipped waits, so that it is not shown to the next agent at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from dialer_engine.domain.agent import Line
from dialer_engine.domain.attempt import Candidate, CaseNext
from dialer_engine.domain.call import UNANSWERED_PHASES, CallPhase
from dialer_engine.domain.errors import Conflict, DialerError
from dialer_engine.domain.units import AgentId, AttemptId, CampaignName, Moment, TrunkName
from dialer_engine.engine.effects import Effects
from dialer_engine.engine.ledger import Ledger
from dialer_engine.engine.registry import Agent, Call, Registry
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.store import Screen, Store

log = structlog.get_logger(__name__)
# What an agent skipped is shown again after so long: whoever sees it then may think otherwise.
SKIPPED_S = 3600.0
# A screen is asked for by its attempt, and there is none yet.
_NO_CALL = AttemptId("")
_SEEKS = UNANSWERED_PHASES | {CallPhase.ANSWERED, CallPhase.WAITING}


@dataclass(slots=True)
class Offer:
    """One held case. since: when it was shown. accepted: it may be dialled. attempt: the call that was
    planned for it. by_hand: the agent named it; it is not skipped but given up.
    """

    campaign: CampaignName
    agent: AgentId
    candidate: Candidate
    since: Moment
    tried: frozenset[TrunkName] = frozenset()
    accepted: bool = False
    by_hand: bool = False
    attempt: AttemptId | None = None


class Offers:
    """All held cases, by agent. on_free: an agent holds nothing any more. on_left: a call is for an
    agent who went. give_back: a case that nobody looked at.
    """

    def __init__(
        self, registry: Registry, store: Store, ledger: Ledger, effects: Effects, clock: Clock
    ) -> None:
        self._registry = registry
        self._store = store
        self._ledger = ledger
        self._effects = effects
        self._clock = clock
        self.held: dict[AgentId, Offer] = {}
        self.on_free: Callable[[AgentId, Moment], None] = lambda agent, now: None
        self.on_left: Callable[[AttemptId, str], None] = lambda attempt, why: None
        self.dress: Callable[[Screen, Candidate], Screen] = lambda screen, candidate: screen
        self.give_back: Callable[[Offer], None] = lambda offer: None

    # -- what agents do

    def show(self, campaign: CampaignName, agent: AgentId, candidate: Candidate) -> None:
        """Put a case before an available agent."""
        offer = Offer(campaign, agent, candidate, self._clock.now())
        self._hold(offer)
        self._effects.start(self._show(offer), f"preview {agent}")

    async def _show(self, offer: Offer) -> None:
        try:
            found = await self._store.screens({_NO_CALL: offer.candidate.case_id})
            screen = found[_NO_CALL]
        except (DialerError, KeyError) as error:
            log.warning("a case could not be shown", agent=offer.agent, error=str(error))
            self.drop(offer, "the case could not be read")
            return
        if self.held.get(offer.agent) is offer:
            shown = self.dress(replace(screen, number=offer.candidate.number), offer.candidate)
            self._effects.preview(offer.agent, offer.campaign, shown)

    def accept(self, agent: AgentId) -> Offer:
        """Dial what this agent was shown, at the next tick."""
        offer = self._shown(agent)
        offer.accepted = True
        return offer

    def skip(self, agent: AgentId, reason: str) -> Offer:
        """Not this one, not now."""
        offer = self._shown(agent)
        self._skip(offer, reason or "skipped")
        return offer

    def name(self, campaign: CampaignName, agent: AgentId, candidate: Candidate) -> Offer:
        """The agent wants this case dialled, for themselves; Conflict when they cannot take a call."""
        if agent in self.held:
            raise Conflict(f"agent {agent} holds a case already; skip it, or wait for its call")
        if not self._registry.agents[agent].state.is_available:
            raise Conflict(f"agent {agent} cannot take a call now")
        if any(one.candidate.case_id == candidate.case_id for one in self.held.values()):
            raise Conflict("another agent holds this case")
        offer = Offer(campaign, agent, candidate, self._clock.now(), accepted=True, by_hand=True)
        self._hold(offer)
        return offer

    def _shown(self, agent: AgentId) -> Offer:
        offer = self.held.get(agent)
        if offer is None or offer.by_hand:
            raise Conflict(f"agent {agent} is looking at no case")
        if offer.accepted:
            raise Conflict(f"agent {agent} has accepted this case; it is being dialled")
        return offer

    # -- what the tick does

    def due(self, campaign: CampaignName) -> list[Offer]:
        """Accepted and not planned yet."""
        return [
            one
            for one in self.held.values()
            if one.campaign == campaign and one.accepted and one.attempt is None
        ]

    def planned(self, offer: Offer, call: Call) -> None:
        """A call was planned for it."""
        offer.attempt = call.state.attempt
        call.for_agent = offer.agent

    def unplanned(self, call: Call) -> None:
        """It was not committed, or its trunk failed: once more, at the next tick."""
        offer = self._of(call)
        if offer is not None:
            offer.attempt, offer.tried = None, call.tried

    def refused(self, offer: Offer, why: str) -> None:
        """The gate or the store said no; the case waits elsewhere."""
        self._release(offer)
        self._effects.publish("agents", event="case_refused", agent=offer.agent, why=why)

    def refused_call(self, call: Call, why: str) -> None:
        """The same, of a call that was planned."""
        offer = self._of(call)
        if offer is not None:
            self.refused(offer, why)

    def expire(self, campaign: CampaignName, limit_s: float, dials: bool) -> None:
        """What an agent has looked at for too long is dialled, or skipped."""
        now = self._clock.now()
        for offer in list(self.held.values()):
            looked = offer.campaign == campaign and not offer.accepted
            if not looked or now.since(offer.since) < limit_s:
                continue
            if dials:
                offer.accepted = True
            else:
                self._skip(offer, "not accepted in time")

    def close(self, campaign: CampaignName) -> None:
        """The campaign dials no more in this way: what was not dialled is given back."""
        for offer in list(self.held.values()):
            if offer.campaign == campaign and offer.attempt is None:
                self.drop(offer, "the campaign dials no more")

    # -- what happens to them

    def agent_changed(self, agent: Agent) -> None:
        """An agent who cannot take the call any more gives the case back."""
        offer = self.held.get(agent.state.agent)
        if offer is None or agent.state.is_available:
            return
        if agent.state.attempt is not None and agent.state.attempt == offer.attempt:
            self._release(offer)
            return
        call = self._registry.calls.get(offer.attempt) if offer.attempt else None
        if call is not None and call.state.phase in UNANSWERED_PHASES:
            self.on_left(call.state.attempt, "its agent left")
        if offer.attempt is None:
            self.drop(offer, "the agent left")
        else:
            self._release(offer)

    def call_moved(self, call: Call) -> None:
        """Its call is on its way to somebody, or given up."""
        offer = self._of(call)
        if offer is not None and call.state.phase not in _SEEKS and not call.state.is_over:
            self._release(offer)

    def call_over(self, call: Call) -> None:
        """After it was settled, when it is known whether another trunk is tried."""
        offer = self._of(call)
        if offer is not None:
            self._release(offer)

    def drop(self, offer: Offer, why: str) -> None:
        """Nobody dials it now."""
        if self.held.get(offer.agent) is not offer:
            return
        self._release(offer)
        self._effects.publish("agents", event="case_withdrawn", agent=offer.agent, why=why)
        if not offer.by_hand:
            self.give_back(offer)

    def _skip(self, offer: Offer, reason: str) -> None:
        candidate = offer.candidate
        later = self._clock.now().utc + timedelta(seconds=SKIPPED_S)
        self._ledger.postpone(
            CaseNext(offer.campaign, candidate.case_id, later, reason, candidate.tries, candidate.number_rank)
        )  # fmt: skip
        self._release(offer)
        self._effects.publish("agents", event="case_skipped", agent=offer.agent, why=reason)

    def _hold(self, offer: Offer) -> None:
        self.held[offer.agent] = offer
        self._registry.held.add(offer.agent)

    def _release(self, offer: Offer) -> None:
        if self.held.get(offer.agent) is not offer:
            return
        del self.held[offer.agent]
        self._registry.held.discard(offer.agent)
        agent = self._registry.agents.get(offer.agent)
        if agent is not None and agent.state.line is Line.IDLE:
            self.on_free(offer.agent, self._clock.now())

    def _of(self, call: Call) -> Offer | None:
        offer = self.held.get(call.for_agent) if call.for_agent is not None else None
        return offer if offer is not None and offer.attempt == call.state.attempt else None
