"""What the commands `compliance hold …` and `compliance complaint …` do to the store. Rules: as in `law.py`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dialer_engine.app.config import Config
from dialer_engine.app.law import moment
from dialer_engine.app.stored import in_store
from dialer_engine.domain.collections.codes import HoldKind, read_code
from dialer_engine.domain.collections.timeline import ComplaintState
from dialer_engine.domain.errors import BadValue
from dialer_engine.store import hold_book, retention
from dialer_engine.store.law_lookup import case_id_of
from dialer_engine.store.sql import SqlStore

Json = dict[str, Any]
RECORDS = hold_book.RECORDS


def _said(who: str, why: str) -> None:
    if not (who.strip() and why.strip()):
        raise BadValue("a hold needs who is behind it, and why")


def set_hold(
    config: Config, case: str | None, kind: str, *, who: str, why: str, until: str | None
) -> Json:
    """Hold a case: {case, kind, until}. kind: of `HoldKind`, or `records`: nothing of it is deleted, and it
    may be called. case None: the records of everything.
    """
    _said(who, why)
    end = moment(until) if until else None
    if end is not None and end <= datetime.now(UTC):
        raise BadValue("a hold until a time that is over holds nothing")
    if kind == RECORDS and end is not None:
        raise BadValue("a hold of records lasts until it is released")
    if kind != RECORDS and case is None:
        raise BadValue("only records are held for everything; name a case")

    async def work(store: SqlStore) -> Json:
        now = datetime.now(UTC)
        case_id = await store.database.read(case_id_of, case) if case is not None else None
        write = store.database.write
        if kind == RECORDS or case_id is None:
            await write(retention.hold, case_id, who, why, now)
        else:
            await write(
                hold_book.set_hold, store.vault, case_id, read_code(HoldKind, kind), now,
                until=end, who=who, why=why,
            )  # fmt: skip
        return {"case": case, "kind": kind, "until": end.isoformat() if end else None}

    return in_store(config, work)


def release_hold(config: Config, id: str, *, who: str, why: str) -> Json:
    """End a hold by its id."""
    _said(who, why)

    async def work(store: SqlStore) -> Json:
        await store.database.write(hold_book.release, id, who, why, datetime.now(UTC))
        return {"released": id}

    return in_store(config, work)


def list_holds(config: Config, case: str | None, *, ended: bool, limit: int) -> list[Json]:
    """Newest first; ended: also those that are over."""

    async def work(store: SqlStore) -> list[Json]:
        case_id = await store.database.read(case_id_of, case) if case else None
        now = datetime.now(UTC)
        return await store.database.read(hold_book.listing, case_id, ended, limit, now)

    return in_store(config, work)


def open_complaint(config: Config, case: str, about: str, text: str, *, who: str) -> Json:
    """{case, key, hold}: the case is held from now on."""

    async def work(store: SqlStore) -> Json:
        case_id = await store.database.read(case_id_of, case)
        key = await store.database.write(
            hold_book.open_complaint, store.vault, case, case_id, about, text, who, datetime.now(UTC)
        )  # fmt: skip
        return {"case": case, "key": key, "hold": HoldKind.COMPLAINT.value}

    return in_store(config, work)


def close_complaint(config: Config, key: str, state: str, *, who: str, why: str) -> Json:
    """{key, state, hold_ended}: the hold ends with the case's last open complaint."""
    _said(who, why)
    became = read_code(ComplaintState, state)

    async def work(store: SqlStore) -> Json:
        now = datetime.now(UTC)
        last = await store.database.write(hold_book.close_complaint, key, became, who, why, now)
        return {"key": key, "state": became.value, "hold_ended": last}

    return in_store(config, work)


def list_complaints(config: Config, case: str | None, *, closed: bool, limit: int) -> list[Json]:
    """Newest first; closed: also those."""

    async def work(store: SqlStore) -> list[Json]:
        case_id = await store.database.read(case_id_of, case) if case else None
        return await store.database.read(hold_book.complaints_of, case_id, closed, limit)

    return in_store(config, work)
