"""Who lifted which rule for whom, for how long: given, listed, taken back.

Rules: what may be lifted is judged by whoever gives it (`compliance.checks.may_lift`); a row stays, and its
end is moved to the moment at which it is taken back; giving and taking back are on the chain of evidence
and in the record of the case, in the same transaction, and raise the version that daemons look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.checks import clock
from dialer_engine.compliance.evidence import Entry
from dialer_engine.compliance.rules import Override
from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.units import CaseId
from dialer_engine.store import evidence, people, suppression
from dialer_engine.store.schema import cases
from dialer_engine.store.schema_law import rule_overrides


@dataclass(frozen=True, slots=True)
class Whom:
    """For whom a rule is lifted: a case, or a number or campaign by the key of its counter. shown: for
    people; a number masked.
    """

    shown: str
    case_id: CaseId | None = None
    unit_key: str | None = None


# Of a row that is of no case. Ids of cases begin at 1.
_NO_CASE = CaseId(0)


async def give(
    connection: AsyncConnection, whom: Whom, one: Override, by: str, now: datetime
) -> int:
    """Lift a rule; the id of the row. by: who typed it; `one.who` answers for it."""
    window = (one.window.start, one.window.end) if one.window is not None else (None, None)
    row = {
        "case_id": whom.case_id or _NO_CASE, "rule": one.rule, "kind": one.kind, "who": one.who, "why": one.why,
        "given_at": now, "until": one.until, "window_start": window[0], "window_end": window[1],
        "unit_key": whom.unit_key, "shown": whom.shown if whom.unit_key else None,
    }  # fmt: skip
    made = await connection.execute(rule_overrides.insert().returning(rule_overrides.c.id), row)
    id = int(made.scalar_one())
    told = {
        "id": id, "rule": one.rule, "kind": one.kind, "who": one.who, "why": one.why,
        "until": one.until.isoformat(), "window": list(window) if one.window else None, "unit": whom.unit_key,
    }  # fmt: skip
    await _on_record(connection, "override", whom.case_id, told, by, now)
    return id


async def revoke(
    connection: AsyncConnection, id: int, who: str, why: str, by: str, now: datetime
) -> None:
    """The rule holds again from now on; NotFound when it does already."""
    c = rule_overrides.c
    ended = update(rule_overrides).where(c.id == id, c.until > now).values(until=now)
    row = (await connection.execute(ended.returning(c.case_id, c.rule))).one_or_none()
    if row is None:
        raise NotFound(f"no override {id} is in force")
    told = {"id": id, "rule": row.rule, "who": who, "why": why}
    case_id = CaseId(row.case_id) if row.case_id else None
    await _on_record(connection, "override_revoked", case_id, told, by, now)


async def _on_record(
    connection: AsyncConnection,
    kind: str,
    case_id: CaseId | None,
    told: Mapping[str, Any],
    by: str,
    now: datetime,
) -> None:
    await suppression.raise_version(connection)
    short = {name: told[name] for name in ("id", "rule")}
    if case_id is not None:
        await people.note(connection, case_id, kind, by, short, now)
    entry = Entry(kind, now, {"v": 1, "by": by, **told}, None, case_id)
    await evidence.append(connection, [entry])


async def listing(
    connection: AsyncConnection, case_id: CaseId | None, ended: bool, limit: int, now: datetime
) -> list[dict[str, Any]]:
    """Newest first. case_id: only this case's. ended: also those that are over."""
    c = rule_overrides.c
    query = (
        select(rule_overrides, cases.c.reference)
        .join_from(rule_overrides, cases, cases.c.id == c.case_id, isouter=True)
        .order_by(c.id.desc())
        .limit(limit)
    )
    if case_id is not None:
        query = query.where(c.case_id == case_id)
    if not ended:
        query = query.where(c.until > now)
    return [_told(row, now) for row in await connection.execute(query)]


def _told(row: Any, now: datetime) -> dict[str, Any]:
    hours = None
    if row.window_start is not None:
        hours = f"{clock(row.window_start)}-{clock(row.window_end)}"
    return {
        "id": row.id, "rule": row.rule, "for": row.shown or f"case:{row.reference or row.case_id}", "kind": row.kind,
        "hours": hours, "who": row.who, "why": row.why, "given_at": row.given_at.isoformat(),
        "until": row.until.isoformat(), "in_force": row.until > now,
    }  # fmt: skip
