"""Attempts: committed once, refused by the database itself, ended once."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dialer_engine.domain.attempt import AttemptDraft
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import AttemptId
from dialer_engine.store import SqlStore
from dialer_engine.store.schema import attempts, number_days
from tests.store.building import (
    CARDS,
    LOANS,
    NOW,
    at,
    case,
    draft,
    draft_for,
    due,
    end,
    fill,
    follow,
    number,
)


async def test_what_is_begun_is_open(store: SqlStore) -> None:
    await fill(store, [case(1, numbers=2, skill="english")])
    (found,) = await due(store)
    mine = draft_for(found)
    assert await store.begin_attempts([mine]) == {}
    (opened,) = await store.open_attempts()
    assert (opened.id, opened.campaign, opened.case_id) == (mine.id, LOANS, found.case_id)
    assert (opened.node, opened.trunk, opened.planned_at) == ("pbx1", "carrier", NOW)
    assert (opened.tries, opened.number_rank, opened.number_count) == (1, 0, 2)
    assert (opened.reference, opened.skill) == ("C1", "english")


async def test_nothing_to_begin_is_no_transaction(store: SqlStore) -> None:
    assert await store.begin_attempts([]) == {}


async def test_a_number_is_called_once_at_a_time_whatever_the_campaign(
    store: SqlStore, other: SqlStore
) -> None:
    await fill(store, [case(1), case(2)])
    await fill(store, [case(1), case(2)], campaign=CARDS)
    first = draft(1, 5)
    assert await store.begin_attempts([first]) == {}
    again = draft(2, 5, campaign=CARDS)
    assert await other.begin_attempts([again]) == {again.id: "in_flight"}
    await store.end_attempts([end(first.id)], [])
    assert await other.begin_attempts([again]) == {}


async def test_a_case_is_called_once_at_a_time_whatever_the_number(store: SqlStore) -> None:
    await fill(store, [case(1)])
    first, second = draft(1, 5), draft(1, 6)
    assert await store.begin_attempts([first]) == {}
    assert await store.begin_attempts([second]) == {second.id: "in_flight"}


async def test_one_number_twice_in_a_batch_goes_once(store: SqlStore) -> None:
    await fill(store, [case(1), case(2)])
    first, second = draft(1, 5), draft(2, 5)
    refused = await store.begin_attempts([first, second])
    assert len(refused) == 1
    assert set(refused.values()) == {"in_flight"}


async def test_the_same_attempt_twice_is_refused(store: SqlStore) -> None:
    await fill(store, [case(1)])
    mine = draft(1, 5)
    assert await store.begin_attempts([mine]) == {}
    assert await store.begin_attempts([mine]) == {mine.id: "in_flight"}
    assert len(await store.open_attempts()) == 1


async def test_the_daily_cap_holds_and_a_new_day_begins_at_nothing(store: SqlStore) -> None:
    await fill(store, [case(1)])
    answers = []
    for _ in range(3):
        mine = draft(1, 5, cap=2)
        answers.append(list((await store.begin_attempts([mine])).values()))
        await store.end_attempts([end(mine.id)], [])
    assert answers == [[], [], ["daily_cap"]]
    tomorrow = draft(1, 5, cap=2, day="2026-11-24")
    assert await store.begin_attempts([tomorrow]) == {}


async def test_what_is_refused_leaves_no_trace(store: SqlStore) -> None:
    await fill(store, [case(1), case(2)])
    none_allowed, other_one = draft(1, 5, cap=0), draft(2, 6, cap=1)
    assert await store.begin_attempts([none_allowed, other_one]) == {none_allowed.id: "daily_cap"}
    await store.end_attempts([end(other_one.id)], [])
    over = draft(2, 6, cap=1)
    assert await store.begin_attempts([over]) == {over.id: "daily_cap"}
    assert [row["id"] for row in await store.calls(None, 10, None)] == [other_one.id]
    assert await _counts(store) == {number(6): 1}


async def test_batches_with_different_caps_are_counted_each_by_its_own(store: SqlStore) -> None:
    await fill(store, [case(1), case(2)])
    strict, generous = draft(1, 5, cap=1), draft(2, 6, cap=5)
    assert await store.begin_attempts([strict, generous]) == {}
    await store.end_attempts([end(strict.id), end(generous.id)], [])
    strict, generous = draft(1, 5, cap=1), draft(2, 6, cap=5)
    assert await store.begin_attempts([strict, generous]) == {strict.id: "daily_cap"}


async def test_an_outcome_is_written_once(store: SqlStore, other: SqlStore) -> None:
    await fill(store, [case(1)])
    mine = draft(1, 5)
    await store.begin_attempts([mine])
    await store.end_attempts([end(mine.id, Outcome.BUSY, ended=3)], [])
    await other.end_attempts([end(mine.id, Outcome.LOST, ended=99)], [])
    call = await store.call(mine.id)
    assert (call["outcome"], call["ended_at"]) == ("busy", at(3))
    assert await store.open_attempts() == []


async def test_a_late_repetition_does_not_turn_the_case_back(store: SqlStore) -> None:
    await fill(store, [case(1)])
    (found,) = await due(store)
    await store.end_attempts([], [follow(found.case_id, at(60), tries=2)])
    await store.end_attempts([], [follow(found.case_id, NOW, tries=1)])
    assert await due(store, now=at(59)) == []
    (again,) = await due(store, now=at(60))
    assert again.tries == 2


async def test_ends_and_what_follows_are_one_transaction(store: SqlStore) -> None:
    """The campaign of the second half does not exist: the first half is not written either."""
    await fill(store, [case(1)])
    mine = draft(1, 5)
    await store.begin_attempts([mine])
    with pytest.raises(Exception, match="there is no campaign"):
        await store.end_attempts([end(mine.id)], [follow(1, None, campaign=CARDS)])
    assert len(await store.open_attempts()) == 1


# -- two daemons in one store, in any order --------------------------------------------------------

_CAP = 2
_NUMBERS = 4
_Step = tuple[int, Sequence[int], bool]
_steps = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.lists(st.integers(0, _NUMBERS - 1), min_size=1, max_size=4),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(waves=st.lists(_steps, min_size=1, max_size=3))
def test_no_interleaving_of_two_stores_exceeds_the_cap(
    sqlite_template: Path, waves: list[list[_Step]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dialer.db"
        path.write_bytes(sqlite_template.read_bytes())
        asyncio.run(_walk(f"sqlite:///{path}", waves))


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(3))
async def test_no_interleaving_on_postgres_exceeds_the_cap(postgres_url: str, seed: int) -> None:
    """As above, on connections that really run at the same time, in opposite orders."""
    waves = [
        [
            (index % 2, ([0, 1, 2, 3], [3, 2, 1, 0])[(index + seed) % 2], False)
            for index in range(16)
        ]
        for _ in range(4)
    ]
    await _walk(postgres_url, waves)


async def _walk(url: str, waves: Sequence[Sequence[_Step]]) -> None:
    stores = [SqlStore(url, synchronous="OFF") for _ in range(2)]
    for store in stores:
        await store.open()
    try:
        await fill(stores[0], [case(index) for index in range(1, 200)])
        begun: list[AttemptDraft] = []
        for wave in waves:
            begun += await _together(stores, wave)
            await _check(stores[0], begun)
            await stores[1].end_attempts([end(AttemptId(d.id)) for d in begun], [])
    finally:
        for store in stores:
            await store.close()


async def _together(stores: Sequence[SqlStore], wave: Sequence[_Step]) -> list[AttemptDraft]:
    """All batches of a wave at once; returns what was let through."""
    batches = [
        [draft(100 + n if same_case else 10 * step + n + 1, n, cap=_CAP) for n in to]
        for step, (_, to, same_case) in enumerate(wave)
    ]
    asked = [stores[who].begin_attempts(b) for (who, _, _), b in zip(wave, batches, strict=True)]
    answers = await asyncio.gather(*asked)
    return [
        d for b, refused in zip(batches, answers, strict=True) for d in b if d.id not in refused
    ]


async def _check(store: SqlStore, begun: Sequence[AttemptDraft]) -> None:
    written = Counter(draft.number for draft in begun)
    assert all(count <= _CAP for count in written.values())
    assert await _counts(store) == written
    opened = await store.open_attempts()
    assert len({o.case_id for o in opened}) == len(opened)
    numbers = {draft.id: draft.number for draft in begun}
    assert len({numbers[o.id] for o in opened}) == len(opened)
    rows = await store.database.read(_ids)
    assert rows == set(numbers)


async def _ids(connection: object) -> set[str]:
    found = await connection.scalars(select(attempts.c.id))  # type: ignore[attr-defined]
    return set(found.all())


async def _counts(store: SqlStore) -> dict[str, int]:
    async def look(connection: object) -> dict[str, int]:
        rows = await connection.execute(select(number_days))  # type: ignore[attr-defined]
        return {row.number_key: row.attempts for row in rows}

    found = await store.database.read(look)
    keys = {store.vault.number(number(index)): number(index) for index in range(1000)}
    return {keys[key]: count for key, count in found.items()}
