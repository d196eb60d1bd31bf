"""What became of attempts, counted on both databases."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from dialer_engine.domain.outcome import Outcome
from dialer_engine.store import SqlStore
from dialer_engine.store.observed import observed
from tests.store.building import NOW, case, day_of_promises, draft, end, fill

KOLKATA = ZoneInfo("Asia/Kolkata")


async def test_attempts_by_hour_and_what_came_of_them(store: SqlStore) -> None:
    await fill(store, [case(index) for index in range(1, 6)])
    drafts = [draft(index, index) for index in range(1, 6)]
    assert await store.begin_attempts(drafts) == {}
    ends = [
        end(drafts[0].id, Outcome.COMPLETED, agent="1", answered=5, bridged=6, ended=36),
        end(drafts[1].id, Outcome.MACHINE, answered=7),
        end(drafts[2].id, Outcome.NO_ANSWER),
        end(drafts[3].id, Outcome.CONGESTION),
    ]
    await store.end_attempts(ends, [])
    await store.take_promise(
        reference="C1", attempt="", amount=Decimal(5), currency="GBP",
        due_on=(NOW + timedelta(days=3)).date(), by="1", now=NOW,
    )  # fmt: skip
    await day_of_promises(store, NOW + timedelta(days=9))
    day = timedelta(days=1)
    seen = await store.database.read(observed, NOW - day, NOW + day, KOLKATA)
    # 10:00 in UTC is 15:30 there; the line's own failure and the open one say nothing of people.
    assert {hour: of for hour, of in enumerate(seen.hours) if of[0]} == {15: (3, 2)}
    assert seen.outcomes == {Outcome.COMPLETED: 1, Outcome.MACHINE: 1, Outcome.NO_ANSWER: 1}
    assert (seen.talk_s, seen.rung, seen.ring_s) == (30.0, 2, 12.0)
    assert (seen.promises, seen.promise_days, seen.over, seen.kept) == (1, 3, 1, 0)
    later = await store.database.read(observed, NOW + day, NOW + 2 * day, KOLKATA)
    assert later.attempts == 0


async def test_nothing_was_seen(store: SqlStore) -> None:
    seen = await store.database.read(observed, NOW, NOW + timedelta(days=1), KOLKATA)
    assert (seen.attempts, seen.promises, seen.rung) == (0, 0, 0)
