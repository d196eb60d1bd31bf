"""A campaign is dialled by one daemon at a time: the lease in the store, taken, extended and given
back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import structlog

from dialer_engine.domain.campaign import Campaign, CampaignState
from dialer_engine.domain.errors import CampaignHeld, StoreError
from dialer_engine.domain.units import CampaignName
from dialer_engine.engine.dialling import Dialling
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.store import Store

log = structlog.get_logger(__name__)


class Leases:
    """The leases of this daemon. Our own clock runs on the steady one and ends before the store's
    does.
    """

    def __init__(
        self, settings: EngineSettings, dialling: Dialling, store: Store, clock: Clock
    ) -> None:
        self._settings = settings
        self._dialling = dialling
        self._store = store
        self._clock = clock
        self._elsewhere: set[CampaignName] = set()

    async def take(self, campaign: Campaign) -> None:
        """Take the campaign and run it; CampaignHeld when another daemon has it."""
        until = await self._extend(campaign.name)
        await self._dialling.paces.recall(campaign)
        self._dialling.run(campaign, until)

    async def renew(self) -> None:
        """Extend all. One that another daemon took meanwhile is dropped at once; while the store
        fails they run out. A started one that nobody holds any more is taken.
        """
        for name in list(self._dialling.running):
            try:
                until = await self._extend(name)
            except CampaignHeld as error:
                log.error("another daemon has taken the campaign", campaign=name, error=str(error))
                self._dialling.halt(name)
                self._dialling.paces.running.pop(name, None)
                continue
            if name in self._dialling.running:
                self._dialling.running[name].lease_until = until
        await self.take_started()

    async def release(self, name: CampaignName) -> None:
        """Give it back."""
        self._dialling.halt(name)
        await self._dialling.paces.end(name)
        try:
            await self._store.release_lease(name, self._settings.instance)
        except StoreError as error:
            log.warning(
                "a lease was not given back and will run out", campaign=name, error=str(error)
            )

    async def take_started(self) -> None:
        """At start: every campaign that was started goes on; one that another daemon has is left
        alone.
        """
        if self._dialling.draining:
            return
        for campaign in await self._store.campaigns():
            self._dialling.campaigns[campaign.name] = campaign
            if campaign.state is CampaignState.STOPPED or campaign.name in self._dialling.running:
                continue
            try:
                await self.take(campaign)
                self._elsewhere.discard(campaign.name)
            except CampaignHeld as error:
                self._tell_elsewhere(campaign.name, error)

    def _tell_elsewhere(self, name: CampaignName, error: CampaignHeld) -> None:
        """Once, not each time it is tried."""
        if name not in self._elsewhere:
            log.warning("a campaign belongs to another daemon", campaign=name, error=str(error))
        self._elsewhere.add(name)

    async def held_elsewhere(self, names: Iterable[CampaignName]) -> set[CampaignName]:
        """Which of these campaigns another daemon runs: their calls are not ours to settle."""
        held: set[CampaignName] = set()
        for name in set(names) - self._dialling.running.keys():
            try:
                await self._extend(name)
                await self._store.release_lease(name, self._settings.instance)
            except CampaignHeld as error:
                self._tell_elsewhere(name, error)
                held.add(name)
        return held

    async def _extend(self, name: CampaignName) -> float:
        now = self._clock.now()
        until = now.utc + timedelta(seconds=self._settings.lease_s)
        await self._store.take_lease(name, self._settings.instance, until, now.utc)
        # The moment before the question: our lease is never longer than the store's.
        return now.mono + self._settings.lease_s
