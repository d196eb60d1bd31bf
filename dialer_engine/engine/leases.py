"""A campaign is dialled by one daemon at a time: the lease in the store, taken, extended and given
back.
"""

from __future__ import annotations

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

    async def take(self, campaign: Campaign) -> None:
        """Take the campaign and run it; CampaignHeld when another daemon has it."""
        until = await self._extend(campaign.name)
        self._dialling.run(campaign, until)

    async def renew(self) -> None:
        """Extend all. One that another daemon took meanwhile is dropped at once; while the store
        fails they run out.
        """
        for name in list(self._dialling.running):
            try:
                until = await self._extend(name)
            except CampaignHeld as error:
                log.error("another daemon has taken the campaign", campaign=name, error=str(error))
                self._dialling.halt(name)
                continue
            if name in self._dialling.running:
                self._dialling.running[name].lease_until = until

    async def release(self, name: CampaignName) -> None:
        """Give it back."""
        self._dialling.halt(name)
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
        for campaign in await self._store.campaigns():
            self._dialling.campaigns[campaign.name] = campaign
            if campaign.state is CampaignState.STOPPED or campaign.name in self._dialling.running:
                continue
            try:
                await self.take(campaign)
            except CampaignHeld as error:
                log.warning(
                    "a started campaign belongs to another daemon",
                    campaign=campaign.name,
                    error=str(error),
                )

    async def _extend(self, name: CampaignName) -> float:
        now = self._clock.now()
        until = now.utc + timedelta(seconds=self._settings.lease_s)
        await self._store.take_lease(name, self._settings.instance, until, now.utc)
        # The moment before the question: our lease is never longer than the store's.
        return now.mono + self._settings.lease_s
