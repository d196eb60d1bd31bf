"""Which cases are due, and in which order."""

from __future__ import annotations

import random

from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.domain.units import AttemptId, CaseId
from dialer_engine.store import SqlStore, draw
from dialer_engine.store import cases as case_rows
from dialer_engine.store.schema import campaign_cases
from tests.store.building import (
    CARDS,
    LOANS,
    NOW,
    TODAY,
    at,
    case,
    day_of,
    draft,
    draft_for,
    due,
    end,
    fill,
    follow,
    number,
)


async def test_the_best_first(store: SqlStore) -> None:
    await fill(store, [case(1), case(2, priority=5)], due_at=at(-10))
    await fill(store, [case(3), case(4, priority=5)], due_at=at(-20))
    await fill(store, [case(5, priority=9)], due_at=at(1))
    await fill(store, [case(6, priority=-1)], due_at=at(-90))
    assert [found.reference for found in await due(store)] == ["C4", "C2", "C3", "C1", "C6"]
    assert [found.reference for found in await due(store, 3)] == ["C4", "C2", "C3"]
    assert [found.priority for found in await due(store)] == [5, 5, 0, 0, -1]


async def test_the_order_is_that_of_a_plain_sort(store: SqlStore) -> None:
    chance = random.Random(7)
    expected = []
    for index in range(1, 61):
        priority, seconds = chance.choice([-3, 0, 0, 1, 40]), chance.randint(-50, 50)
        await fill(store, [case(index, priority=priority)], due_at=at(seconds))
        if seconds <= 0:
            expected.append((-priority, seconds, index))
    found = await due(store)
    assert [f.reference for f in found] == [f"C{index}" for _, _, index in sorted(expected)]


async def test_a_candidate_says_all_that_the_gate_needs(store: SqlStore) -> None:
    await fill(store, [case(1, numbers=3, priority=2, skill="english")])
    (found,) = await due(store)
    assert found.campaign == LOANS
    assert (found.reference, found.number, found.zone) == ("C1", number(10), "Europe/London")
    assert (found.tries, found.number_rank, found.number_count) == (0, 0, 3)
    assert (found.skill, found.priority) == ("english", 2)
    assert (found.attempts_today, found.counted_day) == (0, TODAY)


async def test_the_day_is_that_of_the_numbers_own_zone(store: SqlStore) -> None:
    await fill(store, [case(1)])
    mine = draft(1, 1, day="2026-11-24")
    await store.begin_attempts([mine])
    await store.end_attempts([end(mine.id)], [])
    asked: list[str | None] = []

    def tomorrow(zone: str | None) -> str:
        asked.append(zone)
        return "2026-11-24"

    (ahead,) = await store.candidates(LOANS, 10, NOW, [], tomorrow)
    (today,) = await store.candidates(LOANS, 10, NOW, [], day_of)
    assert asked == ["Europe/London"]
    assert (ahead.attempts_today, ahead.counted_day) == (1, "2026-11-24")
    assert (today.attempts_today, today.counted_day) == (0, TODAY)


async def test_the_number_whose_turn_it_is(store: SqlStore) -> None:
    await fill(store, [case(1, numbers=2)])
    (first,) = await due(store)
    await store.postpone([follow(first.case_id, NOW, tries=1, rank=1)])
    (second,) = await due(store)
    assert (second.number, second.number_rank) == (number(11), 1)


async def test_fewer_numbers_than_the_turn_starts_again(store: SqlStore) -> None:
    await fill(store, [case(1, numbers=3)])
    (first,) = await due(store)
    await store.postpone([follow(first.case_id, NOW, rank=2)])
    await fill(store, [case(1, numbers=2)])
    (found,) = await due(store)
    assert (found.number_rank, found.number_count) == (0, 2)


async def test_open_attempts_of_any_campaign_keep_a_case_out(store: SqlStore) -> None:
    await fill(store, [case(1), case(2)])
    await fill(store, [case(1), case(2)], campaign=CARDS)
    first, second = await due(store)
    await store.begin_attempts([draft_for(first)])
    assert [found.case_id for found in await due(store)] == [second.case_id]
    assert [found.case_id for found in await due(store, campaign=CARDS)] == [second.case_id]


async def test_those_that_are_excluded_do_not_use_up_the_limit(store: SqlStore) -> None:
    await fill(store, [case(index) for index in range(1, 11)])
    everyone = [found.case_id for found in await due(store)]
    found = await store.candidates(LOANS, 3, NOW, everyone[:5], day_of)
    assert [f.case_id for f in found] == everyone[5:8]


async def test_a_case_that_is_done_comes_no_more(store: SqlStore) -> None:
    await fill(store, [case(1)])
    (found,) = await due(store)
    await store.postpone([follow(found.case_id, None)])
    assert await due(store, now=at(10**8)) == []


async def test_backlog_counts_each_case_once(store: SqlStore) -> None:
    await fill(store, [case(index) for index in range(1, 6)])
    await fill(store, [case(index) for index in range(6, 9)], due_at=at(60))
    await fill(store, [case(1)], campaign=CARDS)
    found = await due(store)
    await store.begin_attempts([draft_for(found[0])])
    await store.postpone([follow(found[1].case_id, None)])
    assert await store.backlog(LOANS, NOW) == {"due": 3, "waiting": 3, "done": 1, "in_flight": 1}


async def test_the_screen_shows_the_number_that_is_called(store: SqlStore) -> None:
    await fill(store, [case(1, numbers=2)])
    mine = draft(1, 11)
    await store.begin_attempts([mine])
    screen = (await store.screens({mine.id: CaseId(1)}))[mine.id]
    assert (screen.reference, screen.name, screen.number) == ("C1", "Debtor 1", number(11))
    assert "Debtor" not in repr(screen)


async def test_screens_of_a_whole_tick_come_together(store: SqlStore) -> None:
    """Two attempts of one case (its trunk failed once), one that is not in the book, one whose case is
    not.
    """
    await fill(store, [case(1, numbers=2), case(2)])
    mine = draft(1, 11)
    await store.begin_attempts([mine])
    again, other, lost = AttemptId("a-again"), AttemptId("a-other"), AttemptId("a-lost")
    wanted = {mine.id: CaseId(1), again: CaseId(1), other: CaseId(2), lost: CaseId(999)}
    found = await store.screens(wanted)
    shown = {key: (one.attempt, one.reference, one.number) for key, one in found.items()}
    assert shown == {
        mine.id: (mine.id, "C1", number(11)),
        again: (again, "C1", ""),
        other: (other, "C2", ""),
    }
    assert await store.screens({}) == {}


async def test_many_screens_come_as_well(store: SqlStore) -> None:
    """More than a database takes as parameters of one statement."""
    await fill(store, [case(1)])
    wanted = {AttemptId(f"a-{i}"): CaseId(i) for i in range(70_000)}
    assert list(await store.screens(wanted)) == ["a-1"]


# -- plans: no scan, no sort -----------------------------------------------------------------------


async def _plan(connection: AsyncConnection, statement: object) -> str:
    compiled = statement.compile(  # type: ignore[attr-defined]
        dialect=connection.dialect, compile_kwargs={"literal_binds": True}
    )
    lite = connection.dialect.name == "sqlite"
    words = "EXPLAIN QUERY PLAN " if lite else "EXPLAIN "
    sql = str(compiled).replace("most_that_are_wanted", "10").replace(":", r"\:")
    rows = await connection.execute(text(words + sql))
    return "\n".join(str(row[-1]) for row in rows)


async def _counts_plan(connection: AsyncConnection) -> str:
    return await _plan(connection, case_rows.counts_of(connection, [number(1)], TODAY))


async def test_sqlite_finds_due_cases_by_the_index(sqlite_url: str) -> None:
    store = SqlStore(sqlite_url)
    await store.open()
    await fill(store, [case(index) for index in range(1, 50)])
    given = {"campaign": 1, "priority": 0, "now": NOW, "excluded": "[7]"}
    plans = [
        await store.database.read(_plan, make.params(**given))
        for make in (draw.best("sqlite"), draw.at_priority("sqlite"))
    ]
    counts = await store.database.read(_counts_plan)
    await store.close()
    for due_plan in plans:
        assert "INDEX ix_campaign_cases_due (campaign_id=? AND priority=? AND due_at<?)" in due_plan
        assert "INDEX uq_attempts_open_case (case_id=?)" in due_plan
        assert "SCAN cc" not in due_plan
        assert "SCAN next_cc" not in due_plan
        assert "SEARCH case_numbers USING PRIMARY KEY (case_id=?)" in due_plan
        assert due_plan.count("INDEX uq_suppressions_holding (unit_key=?)") >= 3
    # Sorted are the few that are wanted, and of the best priority the priorities that there are.
    assert [due_plan.count("TEMP B-TREE") for due_plan in plans] == [2, 1]
    assert "TEMP B-TREE" not in plans[1].split("SEARCH case_numbers")[0]
    assert "SEARCH number_days USING PRIMARY KEY (number_key=? AND local_day=?)" in counts


async def test_the_memberships_of_a_case_are_looked_up(sqlite_url: str) -> None:
    """A payment sets a case aside in every campaign; it reads no row of another case."""
    store = SqlStore(sqlite_url)
    await store.open()
    await fill(store, [case(index) for index in range(1, 50)])
    members = update(campaign_cases).where(case_rows.members([1, 2])).values(reason="paid")
    plan = await store.database.read(_plan, members)
    await store.close()
    assert "SEARCH campaign_cases USING PRIMARY KEY (campaign_id=? AND case_id=?)" in plan
    assert "SCAN campaign_cases" not in plan
