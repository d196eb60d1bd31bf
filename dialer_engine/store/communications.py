"""Contacts that others made, or that went another way: messages, letters, visits, an agency's calls.

Rules: known by the reporter and its own reference, and there once; what is there with other values is
refused, never changed; in one transaction it is on the case's timeline, on the account of every unit that
a cap counts (as `law_reading` names them for a call to the same number), and on the chain of evidence. A
contact is a fact: it is counted beyond a cap too, and then no call is within it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.counting import Flag
from dialer_engine.compliance.evidence import Entry
from dialer_engine.domain.collections.codes import Channel
from dialer_engine.domain.reservation import Reservation
from dialer_engine.store import compliance, evidence, law_reading
from dialer_engine.store._sql import among, upsert
from dialer_engine.store.accounts import case_ids
from dialer_engine.store.exchange import Communication
from dialer_engine.store.law_reading import Known
from dialer_engine.store.schema_books import interactions
from dialer_engine.store.suppression import number_unit
from dialer_engine.store.vault import Vault

# What each channel counts as. A portal is what the debtor does alone: it counts as a talk at most.
FLAGS: Final[Mapping[Channel, Flag]] = {
    Channel.CALL: Flag.VOICE, Channel.BOT_CALL: Flag.BOT, Channel.INBOUND_CALL: Flag.VOICE,
    Channel.SMS: Flag.SMS, Channel.EMAIL: Flag.EMAIL, Channel.MESSENGER: Flag.CHAT,
    Channel.LETTER: Flag.LETTER, Channel.VISIT: Flag.VISIT, Channel.PORTAL: Flag.CHAT,
}  # fmt: skip
# Clocks differ; what is later than this has not happened yet.
_AHEAD: Final = timedelta(minutes=10)
_NO_CASE = "there is no such case"
_OTHERWISE = "a contact of this reference is there with other values"
_FUTURE = "its time has not come yet"


def flags_of(row: Communication) -> int:
    """What it counts as."""
    flags = FLAGS[row.channel]
    flags |= Flag.OUTBOUND if row.outbound else Flag(0)
    flags |= Flag.CONNECTED if row.connected or row.conversation else Flag(0)
    flags |= Flag.CONVERSATION if row.conversation else Flag(0)
    return int(flags)


async def report(
    connection: AsyncConnection, vault: Vault, rows: Sequence[Communication], now: datetime
) -> tuple[int, dict[int, str]]:
    """Put contacts on record; returns (how many are new, {place in the batch: why it was not taken})."""
    ids = await case_ids(connection, {row.case for row in rows})
    there = await _there(connection, [row.key for row in rows])
    refused: dict[int, str] = {}
    new: dict[str, Communication] = {}
    for place, row in enumerate(rows):
        known = there.get(row.key)
        if row.case not in ids:
            refused[place] = _NO_CASE
        elif row.at > now + _AHEAD:
            refused[place] = _FUTURE
        elif known is not None:
            if known != _told(row, ids[row.case]):
                refused[place] = _OTHERWISE
        elif row.key in new:
            if new[row.key] != row:
                refused[place] = _OTHERWISE
        else:
            new[row.key] = row
    written = await _write(connection, [(row, ids[row.case]) for row in new.values()])
    taken = [(new[key], ids[new[key].case]) for key in new if key in written]
    await _count(connection, vault, taken, now)
    return len(taken), refused


def _told(row: Communication, case_id: int) -> tuple[Any, ...]:
    """What makes it the same contact."""
    return case_id, row.at, row.channel.value, row.outbound, row.conversation


async def _there(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    c = interactions.c
    query = select(c.key, c.case_id, c.at, c.channel, c.outbound, c.conversation)
    rows = await connection.execute(query.where(among(connection, c.key, set(keys)), c.key != ""))
    return {row.key: tuple(row[1:]) for row in rows}


async def _write(
    connection: AsyncConnection, rows: Sequence[tuple[Communication, int]]
) -> set[str]:
    """On the timeline. Another transaction may have been quicker with the same."""
    values = [
        {
            "case_id": case_id, "at": row.at, "channel": row.channel.value, "key": row.key,
            "outbound": row.outbound, "connected": row.connected or row.conversation,
            "conversation": row.conversation, "result": row.result, "by": row.by or row.reporter,
        }
        for row, case_id in rows
    ]  # fmt: skip
    if not values:
        return set()
    statement = upsert(connection, interactions).on_conflict_do_nothing()
    return set((await connection.scalars(statement.returning(interactions.c.key), values)).all())


async def _count(
    connection: AsyncConnection,
    vault: Vault,
    rows: Sequence[tuple[Communication, int]],
    now: datetime,
) -> None:
    if not rows:
        return
    read = await law_reading.read(connection, sorted({case_id for _, case_id in rows}))
    contacts, entries = [], []
    for row, case_id in rows:
        index = vault.number(row.number) if row.number else ""
        units = _units(read.known(case_id, index), index)
        contacts.append((row.key, Reservation(row.at, flags_of(row), units)))
        content = {
            "v": 1, "reporter": row.reporter, "reference": row.reference, "channel": row.channel.value,
            "at": row.at.isoformat(), "outbound": row.outbound, "connected": row.connected,
            "conversation": row.conversation, "units": list(units), "flags": flags_of(row),
        }  # fmt: skip
        entries.append(Entry("communication", now, content, None, case_id))
    await compliance.record_contacts(connection, contacts)
    await evidence.append(connection, entries)


def _units(known: Known, index: str) -> tuple[str, ...]:
    """As `store.law` names the units of a call to that number."""
    of_number = (number_unit(index),) if index else ()
    units = (*of_number, known.person, known.person_x_debt, known.person_x_creditor)
    return (*units, known.third_party) if known.third_party else units


async def of_case(
    connection: AsyncConnection, case_id: int, since: datetime | None, limit: int
) -> list[dict[str, Any]]:
    """[{at, channel, key, outbound, conversation, by}], newest first."""
    c = interactions.c
    query = select(interactions).where(c.case_id == case_id, c.key != "")
    if since is not None:
        query = query.where(c.at >= since)
    rows = await connection.execute(query.order_by(c.at.desc()).limit(limit))
    return [
        {
            "at": row.at.isoformat(), "channel": row.channel, "key": row.key, "outbound": row.outbound,
            "conversation": row.conversation, "by": row.by,
        }
        for row in rows
    ]  # fmt: skip
