"""The numbers of a case for people to look at: what is called, what is not and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections import hygiene as hy
from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.domain.units import CaseId
from dialer_engine.store import hygiene
from dialer_engine.store.closed import value_place
from dialer_engine.store.numbers import masked
from dialer_engine.store.schema import campaign_cases, campaigns, cases
from dialer_engine.store.schema_books import contact_points, number_memory, number_verdicts
from dialer_engine.store.vault import Vault

Json = dict[str, Any]
# Signs of the blind index by which a number is named on the command line: as many cases as a person has
# numbers never share them.
ID_SIGNS = 8


async def of_case(
    connection: AsyncConnection, vault: Vault, reference: str, *, reveal: bool = False
) -> list[Json]:
    """{id, number, dialled, rank, label, zone, state, calls, answered, best_workday, best_weekend, why, since,
    by} of each, what is called first. NotFound.
    """
    case_id = await id_of(connection, reference)
    told: list[Json] = [
        {"key": one.key, "number": one.number, "dialled": True, "rank": rank, "label": one.label, "zone": one.zone}
        for rank, one in enumerate((await hygiene.listed(connection, vault, [case_id]))[case_id])
    ]  # fmt: skip
    bad = await _bad(connection, vault, case_id)
    known = await _known(connection, [row["key"] for row in told + bad])
    found = [_told(row, known.get(row["key"])) for row in told + bad]
    return [row if reveal else row | {"number": masked(row["number"])} for row in found]


async def _bad(connection: AsyncConnection, vault: Vault, case_id: int) -> list[Json]:
    v, p = number_verdicts.c, contact_points.c
    query = (
        select(number_verdicts, p.value, p.label, p.zone)
        .join_from(
            number_verdicts,
            contact_points,
            (p.case_id == v.case_id) & (p.value_key == v.number_key),
        )
        .where(v.case_id == case_id)
        .order_by(v.at, v.rank)
    )
    return [
        {
            "key": row.number_key, "number": vault.open(value_place(case_id, row.number_key), row.value),
            "dialled": False, "rank": row.rank, "label": row.label, "zone": row.zone, "state": row.state,
            "why": row.evidence, "since": row.at, "by": row.by,
        }
        for row in await connection.execute(query)
    ]  # fmt: skip


async def _known(connection: AsyncConnection, keys: list[str]) -> dict[str, Any]:
    query = select(number_memory).where(number_memory.c.number_key.in_(keys))
    return {row.number_key: row for row in await connection.execute(query)}


def _told(row: Json, known: Any) -> Json:
    """A verdict wins over what the memory says: it may be about another debtor."""
    state = known.state if known is not None else hy.state_of(hy.NumberMemory(), hygiene.POLICY)
    learned = {
        "id": row["key"][:ID_SIGNS], "state": str(state), "calls": known.attempts if known else 0,
        "answered": known.answered if known else 0, "best_workday": known and known.best_workday,
        "best_weekend": known and known.best_weekend, "why": {}, "since": None, "by": "",
    }  # fmt: skip
    return learned | {name: value for name, value in row.items() if name != "key"}


async def reset(
    connection: AsyncConnection, vault: Vault, reference: str, name: str, by: str, now: datetime
) -> int:
    """Call a number again that was taken off; see `hygiene.reset`. name: its id, or `all`. Returns how many
    cases have one back. NotFound; BadValue: it is not off.
    """
    case_id = await id_of(connection, reference)
    v = number_verdicts.c
    off = await connection.scalars(select(v.number_key).where(v.case_id == case_id))
    wanted = [key for key in off.all() if name == "all" or key[:ID_SIGNS] == name]
    if not wanted:
        raise BadValue("no number of this case that is off its list has this id")
    return sum([await hygiene.reset(connection, vault, case_id, key, by, now) for key in wanted])


async def id_of(connection: AsyncConnection, reference: str) -> int:
    """The case of that reference; NotFound."""
    found = await connection.scalar(select(cases.c.id).where(cases.c.reference == reference))
    if found is None:
        raise NotFound("no case has this reference")
    return int(found)


async def in_campaigns(connection: AsyncConnection, case_id: CaseId) -> list[Json]:
    """{campaign, due_at, tries, reason} of each campaign of the case."""
    c = campaign_cases.c
    query = (
        select(campaigns.c.name.label("campaign"), c.due_at, c.tries, c.reason)
        .join_from(campaign_cases, campaigns, campaigns.c.id == c.campaign_id)
        .where(c.case_id == case_id)
        .order_by(campaigns.c.name)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]
