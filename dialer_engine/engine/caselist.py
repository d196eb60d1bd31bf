"""A campaign while it runs, and the cases that are held ready for it.

Rules: a case is held once, whoever asks; the store is asked in the background, and no more often than
once a second for a campaign whose list is short.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import structlog

from dialer_engine.compliance.gate import RuleSet, local_day
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.errors import DialerError
from dialer_engine.domain.units import CaseId, TrunkName
from dialer_engine.engine.counsel import Counsel
from dialer_engine.engine.effects import Effects
from dialer_engine.engine.guide import Guide
from dialer_engine.engine.offers import Offers
from dialer_engine.engine.pace import CampaignPace
from dialer_engine.engine.registry import Call, Registry
from dialer_engine.engine.stats import Figures
from dialer_engine.pacing.snapshot import Decision
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.store import Screen, Store
from dialer_engine.strategy.prompter import prompt

log = structlog.get_logger(__name__)
# A permit lives ten seconds; so much of it may be spent on waiting for what the agents shall see.
_SCREENS_S = 1.0
# An empty list is asked again so often.
_REFILL_S = 1.0


@dataclass(slots=True)
class Running:
    """A campaign that this daemon runs. queue: cases held ready, each with the trunks that just
    failed for it. why: the last decision in words. denied: the gate's last no. lease_until: monotonic
    time until which the campaign is ours. served: the tick that last gave it calls. kept_free: each call
    that leaves now has an agent who is free for it.
    """

    campaign: Campaign
    pace: CampaignPace
    queue: deque[tuple[Candidate, frozenset[TrunkName]]] = field(default_factory=deque)
    figures: Figures = field(default_factory=Figures)
    decision: Decision | None = None
    why: str = ""
    denied: str = ""
    lease_until: float = 0.0
    served: int = 0
    asked_at: float = float("-inf")
    asking: bool = False
    kept_free: bool = False


class CaseList:
    """Fills the queues."""

    def __init__(
        self,
        registry: Registry,
        store: Store,
        effects: Effects,
        clock: Clock,
        offers: Offers,
        counsel: Counsel,
        guide: Guide,
    ) -> None:
        self._counsel = counsel
        self._guide = guide
        self._offers = offers
        offers.dress = self.scripted
        self._registry = registry
        self._store = store
        self._effects = effects
        self._clock = clock

    def refill(self, running: Running, wanted: int, rules: RuleSet) -> None:
        """Ask for `wanted` cases when the queue is less than a quarter of that."""
        now = self._clock.now().mono
        enough = len(running.queue) >= wanted // 4
        if enough or running.asking or now - running.asked_at < _REFILL_S:
            return
        running.asking, running.asked_at = True, now
        work = self._fetch(running, wanted, rules)
        self._effects.start(work, f"candidates {running.campaign.name}")

    async def _fetch(self, running: Running, wanted: int, rules: RuleSet) -> None:
        name, now = running.campaign.name, self._clock.now().utc

        def day_of(zone: str | None) -> str:
            return local_day(zone, rules, now)

        try:
            found = await self._store.candidates(name, wanted, now, self._held(running), day_of)
            found, why = await self._guide.follow(running.campaign, found, now)
            running.denied = why or running.denied
            found = await self._counsel.learn(found, now)
        except DialerError as error:
            log.warning("the list could not be read", campaign=name, error=str(error))
            return
        finally:
            running.asking = False
        again = set(self._held(running))
        running.queue.extend((one, frozenset()) for one in found if one.case_id not in again)

    async def fetch_screens(self, calls: Sequence[Call]) -> None:
        """What agents are to see, before anybody is dialled: who answers at once is on the screen before
        the first word. A slow store does not hold the calls up for long; then it comes late.
        """
        try:
            async with asyncio.timeout(_SCREENS_S):
                await self._read_screens(calls)
        except TimeoutError:
            log.warning("the store is slow; screens come late", calls=len(calls))
            self._effects.start(self._show_late(calls), "screens late")

    async def _show_late(self, calls: Sequence[Call]) -> None:
        await self._read_screens(calls)
        for call in calls:
            if call.state.agent is not None and not call.state.is_over:
                self._effects.show(call.state.agent, call.state.attempt, call.screen)

    async def _read_screens(self, calls: Sequence[Call]) -> None:
        """One read for all of them: a transaction for each took a seventh of the loop's time."""
        try:
            found = await self._store.screens({c.state.attempt: c.candidate.case_id for c in calls})
        except DialerError as error:
            log.warning("agents' screens could not be fetched", calls=len(calls), error=str(error))
            return
        for call in calls:
            screen = found.get(call.state.attempt)
            call.screen = screen and self.scripted(screen, call.candidate)

    def scripted(self, screen: Screen, candidate: Candidate) -> Screen:
        """With what the agent is to say. A script that cannot be filled in keeps nobody from a call."""
        plan, settings = candidate.plan, self._guide.settings
        if plan is None:
            return screen
        try:
            script = prompt(
                settings.library, plan, date.fromisoformat(candidate.counted_day), name=screen.name,
                language=screen.language, words=settings.words,
            )  # fmt: skip
        except Exception:
            log.exception("a script could not be filled in", script=plan.script)
            return screen
        return replace(screen, script=script)

    def _held(self, running: Running) -> list[CaseId]:
        queued = [candidate.case_id for candidate, _ in running.queue]
        shown = [offer.candidate.case_id for offer in self._offers.held.values()]
        return queued + shown + [call.candidate.case_id for call in self._registry.calls.values()]
