"""Attempts and cases out of the store, as CSV or JSON lines.

Rules: numbers are masked and names and attributes left out unless `reveal` says otherwise; rows are
read in short pages, so that an export of any size neither holds memory nor a transaction; the file
gets its name when it is complete, and only its owner can read it.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import CampaignName
from dialer_engine.store._sql import chunks
from dialer_engine.store.campaigns import CampaignIds
from dialer_engine.store.cases import number_place, personal_place
from dialer_engine.store.closed import value_place
from dialer_engine.store.numbers import masked
from dialer_engine.store.schema import (
    attempts,
    campaign_cases,
    campaigns,
    case_numbers,
    cases,
    dispositions,
    recordings,
)
from dialer_engine.store.schema_books import contact_points
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.vault import Vault

Row = dict[str, Any]

_PAGE = 1000
_ATTEMPT_COLUMNS = (
    "id", "campaign", "reference", "number", "node", "trunk", "try_no", "planned_at", "originated_at",
    "ringing_at", "answered_at", "bridged_at", "ended_at", "outcome", "detail", "cause", "sip", "agent",
    "verdict", "answer_to_bridge_s", "waited_s", "talk_s", "recovered", "recording", "disposition",
)  # fmt: skip
_CASE_COLUMNS = (
    "reference", "numbers", "balance", "currency", "days_past_due", "language", "priority", "skill",
)  # fmt: skip
_MEMBER_COLUMNS = ("tries", "due_at", "reason")
_REVEALED_COLUMNS = ("name", "attributes")
# A spreadsheet takes text that begins so for a formula (OWASP, CSV injection).
_FORMULA = re.compile(r"[=@\t\r]|[+\-](?![0-9.*;+]*\Z)")


class Form(StrEnum):
    """csv: UTF-8 with its mark, for spreadsheets. jsonl: one JSON object a line."""

    CSV = "csv"
    JSONL = "jsonl"


async def export_attempts(
    store: SqlStore,
    path: Path,
    *,
    campaign: CampaignName | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    form: Form = Form.CSV,
    reveal: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Attempts planned in [since, until), oldest first; returns how many. on_progress(rows so far).
    NotFound for the campaign; BadValue when the file cannot be written.
    """
    query = _attempts_query(since, until)

    async def pages() -> AsyncIterator[list[Row]]:
        last = ""
        while rows := await store.database.read(_attempt_page, store.ids, query, campaign, last):
            last = rows[-1].id
            full = await store.database.read(_numbers_of, store.vault, rows) if reveal else {}
            yield [_attempt(row, full) for row in rows]

    return await write_rows(path, form, _ATTEMPT_COLUMNS, pages(), on_progress)


async def export_cases(
    store: SqlStore,
    path: Path,
    *,
    campaign: CampaignName | None = None,
    form: Form = Form.CSV,
    reveal: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Cases, of one campaign or all; returns how many. What `reveal` writes can be imported
    again.
    """
    columns: tuple[str, ...] = _CASE_COLUMNS
    if campaign is not None:
        columns += _MEMBER_COLUMNS
    if reveal:
        columns += _REVEALED_COLUMNS

    async def pages() -> AsyncIterator[list[Row]]:
        last = 0
        while True:
            rows, numbers = await store.database.read(
                _case_page, store.ids, store.vault, campaign, last
            )
            if not rows:
                return
            last = rows[-1].id
            yield [_case(row, numbers[row.id], columns, reveal, store.vault) for row in rows]

    return await write_rows(path, form, columns, pages(), on_progress)


# -- reading


def _attempts_query(since: datetime | None, until: datetime | None) -> Select[Any]:
    # The newest disposition of an attempt counts.
    said = (
        select(dispositions.c.code)
        .where(dispositions.c.attempt_id == attempts.c.id)
        .order_by(dispositions.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(
            attempts,
            attempts.c.agent_id.label("agent"),
            campaigns.c.name.label("campaign"),
            cases.c.reference,
            recordings.c.status.label("recording"),
            said.label("disposition"),
        )
        .join_from(attempts, campaigns, campaigns.c.id == attempts.c.campaign_id)
        .join(cases, cases.c.id == attempts.c.case_id, isouter=True)
        .join(recordings, recordings.c.attempt_id == attempts.c.id, isouter=True)
    )
    if since is not None:
        query = query.where(attempts.c.planned_at >= since)
    return query if until is None else query.where(attempts.c.planned_at < until)


async def _attempt_page(
    connection: AsyncConnection,
    ids: CampaignIds,
    query: Select[Any],
    campaign: CampaignName | None,
    last: str,
) -> Sequence[Any]:
    if campaign is not None:
        query = query.where(attempts.c.campaign_id == await ids.of(connection, campaign))
    page = query.where(attempts.c.id > last).order_by(attempts.c.id).limit(_PAGE)
    return (await connection.execute(page)).all()


async def _case_page(
    connection: AsyncConnection,
    ids: CampaignIds,
    vault: Vault,
    campaign: CampaignName | None,
    last: int,
) -> tuple[Sequence[Any], dict[int, list[str]]]:
    query = select(cases).where(cases.c.id > last).order_by(cases.c.id).limit(_PAGE)
    if campaign is not None:
        member = campaign_cases.c
        query = (
            query.add_columns(*(member[name] for name in _MEMBER_COLUMNS))
            .join_from(cases, campaign_cases, member.case_id == cases.c.id)
            .where(member.campaign_id == await ids.of(connection, campaign))
        )
    rows = (await connection.execute(query)).all()
    numbers: dict[int, list[str]] = {row.id: [] for row in rows}
    if rows:
        theirs = case_numbers.c.case_id.between(rows[0].id, rows[-1].id)
        wanted = select(case_numbers.c.case_id, case_numbers.c.rank, case_numbers.c.number)
        for case_id, rank, number in await connection.execute(
            wanted.where(theirs).order_by(case_numbers.c.case_id, case_numbers.c.rank)
        ):
            numbers.get(case_id, []).append(vault.open(number_place(case_id, rank), number))
    return rows, numbers


async def _numbers_of(
    connection: AsyncConnection, vault: Vault, rows: Sequence[Any]
) -> dict[tuple[int, str], str]:
    """The numbers called, by case and key: as the case has them now, or had them once."""
    ids = sorted({row.case_id for row in rows})
    found: dict[tuple[int, str], str] = {}
    for part in chunks(ids):
        past = select(contact_points).where(contact_points.c.case_id.in_(part))
        for row in await connection.execute(past):
            place = value_place(row.case_id, row.value_key)
            found[row.case_id, row.value_key] = vault.open(place, row.value)
        now = select(case_numbers).where(case_numbers.c.case_id.in_(part))
        for row in await connection.execute(now):
            place = number_place(row.case_id, row.rank)
            found[row.case_id, row.number_key] = vault.open(place, row.number)
    return found


def _attempt(row: Any, full: Mapping[tuple[int, str], str]) -> Row:
    number = full.get((row.case_id, row.number_key), row.number_shown)
    return {name: number if name == "number" else getattr(row, name) for name in _ATTEMPT_COLUMNS}


def _case(
    row: Any, numbers: Sequence[str], columns: Sequence[str], reveal: bool, vault: Vault
) -> Row:
    shown = numbers if reveal else [masked(number) for number in numbers]
    held = vault.open_map(personal_place(row.reference), row.personal) if reveal else {}
    apart = {
        "numbers": list(shown),
        "name": held.get("name", ""),
        "attributes": held.get("attributes", {}),
    }
    return {name: apart[name] if name in apart else getattr(row, name) for name in columns}


# -- writing


async def write_rows(
    path: Path,
    form: Form,
    columns: Sequence[str],
    pages: AsyncIterator[list[Row]],
    on_progress: Callable[[int], None] | None,
) -> int:
    """The pages as a file that gets its name when it is complete; returns how many rows. BadValue."""
    part = path.with_name(f"{path.name}.part")
    count = 0
    try:
        with _create(part, form) as target:
            write = _csv_writer(target, columns) if form is Form.CSV else _jsonl_writer(target)
            async for page in pages:
                write(page)
                count += len(page)
                if on_progress is not None:
                    on_progress(count)
        part.replace(path)
    except OSError as error:
        raise BadValue(f"{path}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return count


def write_json(path: Path, file: Row) -> int:
    """One case's whole file, readable by its owner alone; returns 1. BadValue."""
    try:
        with _create(path, Form.JSONL) as target:
            json.dump(file, target, ensure_ascii=False, indent=2, default=_plain)
            target.write("\n")
    except OSError as error:
        raise BadValue(f"{path}: {error.strerror}") from None
    return 1


def _create(path: Path, form: Form) -> IO[str]:
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(number, 0o600)
    encoding = "utf-8-sig" if form is Form.CSV else "utf-8"
    return os.fdopen(number, "w", encoding=encoding, newline="")


def _csv_writer(target: IO[str], columns: Sequence[str]) -> Callable[[list[Row]], None]:
    writer = csv.writer(target)
    writer.writerow(columns)

    def write(page: list[Row]) -> None:
        writer.writerows([_cell(row[name]) for name in columns] for row in page)

    return write


def _jsonl_writer(target: IO[str]) -> Callable[[list[Row]], None]:
    def write(page: list[Row]) -> None:
        target.writelines(
            json.dumps(row, ensure_ascii=False, default=_plain) + "\n" for row in page
        )

    return write


def _plain(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ";".join(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = _plain(value) if isinstance(value, (datetime, Decimal)) else str(value)
    return f"'{text}" if _FORMULA.match(text) else text
