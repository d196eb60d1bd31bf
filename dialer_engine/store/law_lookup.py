"""A case by its reference, for the commands about compliance."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.units import E164, CampaignName, CaseId
from dialer_engine.store.cases import number_place
from dialer_engine.store.schema import case_numbers, cases, number_days
from dialer_engine.store.vault import Vault


async def case_id_of(connection: AsyncConnection, reference: str) -> CaseId:
    """The id of a case; NotFound."""
    found = await connection.scalar(select(cases.c.id).where(cases.c.reference == reference))
    if found is None:
        raise NotFound("no case has this reference")
    return CaseId(found)


async def numbers_of(
    connection: AsyncConnection, vault: Vault, reference: str, day_of: Callable[[str | None], str]
) -> list[Candidate]:
    """Every number of a case as if it were its turn, in no campaign; NotFound."""
    case_id = await case_id_of(connection, reference)
    query = (
        select(case_numbers).where(case_numbers.c.case_id == case_id).order_by(case_numbers.c.rank)
    )
    rows = (await connection.execute(query)).all()
    found = []
    for row in rows:
        day = day_of(row.zone)
        count = await connection.scalar(
            select(number_days.c.attempts).where(
                number_days.c.number_key == row.number_key, number_days.c.local_day == day
            )
        )
        number = E164(vault.open(number_place(row.case_id, row.rank), row.number))
        found.append(
            Candidate(
                CampaignName(""),
                case_id,
                reference,
                number,
                row.zone,
                0,
                row.rank,
                len(rows),
                "",
                0,
                int(count or 0),
                day,
            )
        )
    return found
