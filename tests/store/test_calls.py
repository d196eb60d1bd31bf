"""Attempts for people to look at: newest first, page by page, numbers masked."""

from __future__ import annotations

import pytest

from dialer_engine.domain.errors import NotFound
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import AttemptId
from dialer_engine.store import SqlStore
from dialer_engine.store.numbers import masked
from tests.store.building import CARDS, LOANS, TODAY, at, case, draft, end, fill, number


@pytest.mark.parametrize(
    ("whole", "shown"),
    [
        ("+447700900123", "+44********23"),
        ("+12025550147", "+1********47"),
        ("+9991234567", "+********67"),
    ],
)
def test_a_mask_keeps_country_and_two_digits(whole: str, shown: str) -> None:
    assert masked(whole) == shown


@pytest.mark.parametrize("campaign", [None, LOANS])
async def test_pages_hold_everything_once(store: SqlStore, campaign: object) -> None:
    await fill(store, [case(index) for index in range(1, 12)])
    drafts = [draft(index, index) for index in range(1, 12)]
    await store.begin_attempts(drafts)
    seen: list[str] = []
    before: AttemptId | None = None
    while page := await store.calls(LOANS if campaign else None, 4, before):
        assert len(page) <= 4
        seen += [row["id"] for row in page]
        before = page[-1]["id"]
    assert seen == [d.id for d in reversed(drafts)]


async def test_another_campaigns_calls_are_left_out(store: SqlStore) -> None:
    await fill(store, [case(1)])
    await fill(store, [case(2)], campaign=CARDS)
    mine, theirs = draft(1, 1), draft(2, 2, campaign=CARDS)
    await store.begin_attempts([mine, theirs])
    assert [row["id"] for row in await store.calls(LOANS, 9, None)] == [mine.id]
    assert [row["campaign"] for row in await store.calls(None, 9, None)] == ["cards", "loans"]


async def test_one_call_with_everything(store: SqlStore) -> None:
    await fill(store, [case(1)])
    mine = draft(1, 1)
    await store.begin_attempts([mine])
    done = end(mine.id, Outcome.COMPLETED, agent="1001", answered=3, bridged=4, ended=44)
    await store.end_attempts([done], [])
    call = await store.call(mine.id)
    assert number(1) not in repr(call)
    assert "Debtor" not in repr(call)
    assert (call["number"], call["reference"], call["campaign"]) == (
        masked(number(1)),
        "C1",
        "loans",
    )
    assert (call["outcome"], call["agent_id"], call["talk_s"]) == ("completed", "1001", 40.0)
    assert (call["answered_at"], call["bridged_at"], call["ended_at"]) == (at(3), at(4), at(44))
    assert call["permit"] == mine.permit
    assert (call["local_day"], call["recovered"]) == (TODAY, False)
    assert (call["recording"], call["dispositions"]) == (None, [])


async def test_an_unknown_call_is_not_found(store: SqlStore) -> None:
    with pytest.raises(NotFound, match="no call"):
        await store.call(AttemptId("a-none"))
