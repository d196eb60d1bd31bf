"""Penalty interest and fees of cases, charged by the rules of their products (`domain.collections.accrual`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections.accrual import due_charges
from dialer_engine.store.owed import books, refresh
from dialer_engine.store.products import Products
from dialer_engine.store.schema_books import case_events, charges, contracts


async def charge(
    connection: AsyncConnection,
    ids: Sequence[int],
    products: Products,
    day: date,
    now: datetime,
    by: str,
) -> dict[str, int]:
    """What these cases are still to be charged when `day` begins: {cases, charges}."""
    numbers = await _contract_ids(connection, ids)
    rows: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for case_id, book in (await books(connection, ids, products)).items():
        for one in book.contracts:
            paid = [p for p in book.payments if p.contract == one.reference]
            before = book.charges.get(one.reference, ())
            for new in due_charges(one, book.product_of(one), paid, before, day):
                rows.append(
                    {
                        "contract_id": numbers[one.reference], "charged_on": new.on,
                        "component": new.component.value, "amount": new.amount, "code": new.code,
                    }
                )  # fmt: skip
                told = {
                    "contract": one.reference, "code": new.code, "amount": str(new.amount),
                    "on": new.on.isoformat(),
                }  # fmt: skip
                events.append(
                    {"case_id": case_id, "at": now, "kind": "charged", "by": by, "data": told}
                )
    if rows:
        await connection.execute(insert(charges), rows)
        await connection.execute(insert(case_events), events)
        await refresh(connection, sorted({event["case_id"] for event in events}), now, day, by)
    return {"cases": len({event["case_id"] for event in events}), "charges": len(rows)}


async def _contract_ids(connection: AsyncConnection, ids: Sequence[int]) -> dict[str, int]:
    query = select(contracts.c.reference, contracts.c.id).where(contracts.c.case_id.in_(ids))
    return {row.reference: row.id for row in await connection.execute(query)}
