"""Campaigns, and the lease that lets one daemon at a time run one.

Rules: a lease is taken in one statement, so that two daemons cannot both have it; its token only
grows, and `begin_attempts` compares it, so that a daemon that lost its lease without noticing
writes no attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.campaign import Campaign, CampaignState, DialMode, Period
from dialer_engine.domain.errors import CampaignHeld, NotFound
from dialer_engine.domain.units import CampaignName
from dialer_engine.store._sql import upsert
from dialer_engine.store._types import EPOCH
from dialer_engine.store.schema import campaigns, leases

_FIELDS = tuple(field.name for field in fields(Campaign))


class CampaignIds:
    """Numbers of campaigns by name. A campaign keeps its number for ever, so they are remembered."""

    def __init__(self) -> None:
        self._known: dict[CampaignName, int] = {}

    async def of(self, connection: AsyncConnection, name: CampaignName) -> int:
        """The number of a campaign; NotFound."""
        known = self._known
        if name not in known:
            # Of this look: another thread's may be older than the campaign.
            known = await self.all(connection)
        if name not in known:
            raise NotFound(
                f"there is no campaign {name!r}; `dialer-engine campaign list` shows all"
            )
        return known[name]

    async def all(self, connection: AsyncConnection) -> dict[CampaignName, int]:
        """All campaigns, fresh."""
        rows = await connection.execute(select(campaigns.c.name, campaigns.c.id))
        known = {CampaignName(name): number for name, number in rows}
        self._known = known
        return known


async def listing(connection: AsyncConnection) -> list[Campaign]:
    """All campaigns by name."""
    query = select(*(campaigns.c[name] for name in _FIELDS)).order_by(campaigns.c.name)
    return [_campaign(row) for row in (await connection.execute(query)).mappings()]


async def save(connection: AsyncConnection, campaign: Campaign) -> None:
    """Write all settings of a campaign, new or known."""
    values = asdict(campaign)
    statement = upsert(connection, campaigns).values(**values)
    changed = {name: statement.excluded[name] for name in _FIELDS if name != "name"}
    await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changed))


async def set_state(connection: AsyncConnection, name: CampaignName, state: CampaignState) -> None:
    """Change the state only; NotFound."""
    found = await connection.execute(
        update(campaigns).where(campaigns.c.name == name).values(state=state.value)
    )
    if not found.rowcount:
        raise NotFound(f"there is no campaign {name!r}; `dialer-engine campaign list` shows all")


async def take_lease(
    connection: AsyncConnection, campaign_id: int, holder: str, until: datetime, now: datetime
) -> int:
    """Take a free, lapsed or own lease until `until`; returns its token, or raises CampaignHeld."""
    statement = upsert(connection, leases).values(
        campaign_id=campaign_id, holder=holder, token=1, until=until
    )
    mine = leases.c.holder == holder
    taken = statement.on_conflict_do_update(
        index_elements=["campaign_id"],
        set_={
            "holder": holder,
            "until": until,
            "token": case((mine, leases.c.token), else_=leases.c.token + 1),
        },
        where=or_(mine, leases.c.until <= now),
    ).returning(leases.c.token)
    token = (await connection.execute(taken)).scalar_one_or_none()
    if token is None:
        raise CampaignHeld(await _held(connection, campaign_id))
    return int(token)


async def release_lease(connection: AsyncConnection, campaign_id: int, holder: str) -> None:
    """Give the lease up, if it is this holder's; the token stays, so that it only grows."""
    await connection.execute(
        update(leases)
        .where(leases.c.campaign_id == campaign_id, leases.c.holder == holder)
        .values(holder="", until=EPOCH)
    )


async def check_tokens(connection: AsyncConnection, tokens: Mapping[int, int]) -> None:
    """CampaignHeld when one of these leases went to somebody else. The rows stay as they are until
    the transaction ends (PostgreSQL; SQLite has one writer anyway).
    """
    if not tokens:
        return
    query = select(leases.c.campaign_id, leases.c.token).where(leases.c.campaign_id.in_(tokens))
    rows = (await connection.execute(query.with_for_update(read=True))).all()
    for campaign_id, token in rows:
        if tokens[campaign_id] != token:
            raise CampaignHeld(await _held(connection, campaign_id))


async def _held(connection: AsyncConnection, campaign_id: int) -> str:
    query = (
        select(campaigns.c.name, leases.c.holder, leases.c.until)
        .join_from(leases, campaigns, campaigns.c.id == leases.c.campaign_id)
        .where(leases.c.campaign_id == campaign_id)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return "another daemon runs this campaign"
    name, holder, until = row
    return (
        f"{holder or 'another daemon'} runs campaign {name!r}; its lease ends {until.isoformat()}"
    )


def _campaign(row: Any) -> Campaign:
    values = dict(row)
    values["name"] = CampaignName(values["name"])
    values["mode"] = DialMode(values["mode"])
    values["state"] = CampaignState(values["state"])
    values["period"] = Period(values["period"])
    return Campaign(**values)
