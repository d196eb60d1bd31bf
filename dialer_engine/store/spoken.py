"""What agents say of a talk, where it concerns the number.

Rules: `wrong_person` takes the number off the lists of this debtor's cases, and a case whose campaign was
done with it because of this very talk is due again at once, when it has another number; another word of the
same talk afterwards takes that back, because the newest counts; word and outcome may come in either order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.collections.codes import NumberState
from dialer_engine.domain.outcome import Outcome
from dialer_engine.ports.store import DispositionRow
from dialer_engine.store import hygiene
from dialer_engine.store.hygiene import WRONG_NUMBER, Finding
from dialer_engine.store.schema import attempts, campaign_cases, case_numbers
from dialer_engine.store.schema_books import number_verdicts
from dialer_engine.store.vault import Vault

# Codes of `agents.dispositions` by which an agent says that the debtor is not to be reached here.
WRONG_CODES = frozenset({"wrong_person", "wrong_number"})


async def heed(connection: AsyncConnection, vault: Vault, row: DispositionRow) -> None:
    """What a disposition says of the number that was called."""
    a = attempts.c
    query = select(a.id, a.case_id, a.campaign_id, a.number_key, a.outcome)
    call = (await connection.execute(query.where(a.id == row.attempt))).one_or_none()
    if call is None:
        return
    if row.code in WRONG_CODES:
        await _mark(connection, vault, call, row)
        if call.outcome is not None:
            await _another(connection, call.campaign_id, call.case_id, row.at)
        return
    v = number_verdicts.c
    mine = v.case_id == call.case_id, v.number_key == call.number_key, v.attempt_id == call.id
    if await connection.scalar(select(v.case_id).where(*mine)) is not None:
        await hygiene.reset(connection, vault, call.case_id, call.number_key, row.agent, row.at)
        await _done_after_all(connection, call.campaign_id, call.case_id)


async def _mark(connection: AsyncConnection, vault: Vault, call: Any, row: DispositionRow) -> None:
    ids = await hygiene.same_debtor(connection, call.case_id)
    finding = Finding(NumberState.WRONG, {"said": row.code}, row.agent, row.attempt)
    await hygiene.retire(connection, vault, ids, call.number_key, finding, row.at)


async def ended(connection: AsyncConnection, calls: Sequence[Any], now: datetime) -> None:
    """Talks (campaign_id, case_id, number_key, id) whose outcome was just written: of some the agent may
    have said before that it was the wrong person.
    """
    v = number_verdicts.c
    for call in calls:
        mine = v.case_id == call.case_id, v.number_key == call.number_key, v.attempt_id == call.id
        if await connection.scalar(select(v.case_id).where(*mine)) is not None:
            await _another(connection, call.campaign_id, call.case_id, now)


async def _another(
    connection: AsyncConnection, campaign_id: int, case_id: int, now: datetime
) -> None:
    """Each time costs the case a number, so that this ends."""
    c = campaign_cases.c
    has_number = exists().where(case_numbers.c.case_id == case_id)
    mine = and_(
        c.campaign_id == campaign_id, c.case_id == case_id, c.due_at.is_(None),
        c.reason == Outcome.COMPLETED.value,
    )  # fmt: skip
    again = update(campaign_cases).values(due_at=now, reason=WRONG_NUMBER)
    await connection.execute(again.where(mine, has_number))
    none_left = update(campaign_cases).values(reason=hygiene.NO_NUMBER)
    await connection.execute(none_left.where(mine))


async def _done_after_all(connection: AsyncConnection, campaign_id: int, case_id: int) -> None:
    """The talk was with the debtor: what the strategy said of it holds again."""
    c = campaign_cases.c
    mine = (
        c.campaign_id == campaign_id, c.case_id == case_id, c.due_at.is_not(None),
        c.reason.in_((WRONG_NUMBER, "")),
    )  # fmt: skip
    done = update(campaign_cases).values(due_at=None, reason=Outcome.COMPLETED.value)
    await connection.execute(done.where(*mine))
