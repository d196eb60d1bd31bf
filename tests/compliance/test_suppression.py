"""Lists of those who are not called, in the database and by file."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.domain.units import AttemptId, CaseId
from dialer_engine.ports.law import Flying
from dialer_engine.store import SqlStore, suppression
from dialer_engine.store.law import SqlLaw
from dialer_engine.store.suppression import Suppression, case_unit, number_unit
from tests.compliance.test_caps_hold import BOOK
from tests.store.building import case, due, fill, number

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def entry(store: SqlStore, index: int, name: str = "do_not_call", **more: object) -> Suppression:
    key = number_unit(store.vault.number(number(index)))
    return Suppression(name, "number", key, "+44********01", **more)  # type: ignore[arg-type]


async def add(store: SqlStore, *entries: Suppression) -> int:
    return await store.database.write(suppression.add, list(entries), "ann", NOW)


async def listed(store: SqlStore, index: int, now: datetime = NOW) -> tuple[str, ...]:
    flying = [Flying(AttemptId("a"), CaseId(index), number(index))]
    found = await SqlLaw(store, BOOK).suppressed(flying, now)
    return found.get(AttemptId("a"), ())


async def test_another_daemon_sees_it_at_once_and_the_version_grows(
    store: SqlStore, other: SqlStore
) -> None:
    before = await SqlLaw(other, BOOK).version()
    assert await add(store, entry(store, 1), entry(store, 2, "lawyer")) == 2
    assert await SqlLaw(other, BOOK).version() == before + 1
    assert await listed(other, 1) == ("do_not_call",)
    assert await listed(other, 2) == ("lawyer",)
    assert await listed(other, 3) == ()


async def test_the_same_entry_twice_is_one_and_two_lists_are_two(store: SqlStore) -> None:
    assert await add(store, entry(store, 1), entry(store, 1)) == 1
    assert await add(store, entry(store, 1)) == 0
    assert await add(store, entry(store, 1, "deceased")) == 1
    assert await listed(store, 1) == ("deceased", "do_not_call")


async def test_a_case_is_on_a_list_with_all_of_its_numbers(store: SqlStore) -> None:
    await add(store, Suppression("lawyer", "case", case_unit(7), "C7"))
    flying = [Flying(AttemptId("a"), CaseId(7)), Flying(AttemptId("b"), CaseId(8), number(1))]
    assert await SqlLaw(store, BOOK).suppressed(flying, NOW) == {AttemptId("a"): ("lawyer",)}


async def test_an_entry_ends_by_its_date_or_by_removal_and_stays_on_record(store: SqlStore) -> None:
    await add(store, entry(store, 1, until=NOW + timedelta(days=1)), entry(store, 2))
    assert await listed(store, 1, NOW + timedelta(days=2)) == ()
    [row] = await store.database.read(suppression.listing, None, 10, NOW + timedelta(days=2))
    await store.database.write(suppression.remove, row["id"], "bob", "asked for calls again", NOW)
    assert await listed(store, 2) == ()
    with pytest.raises(NotFound):
        await store.database.write(suppression.remove, row["id"], "bob", "again", NOW)
    assert await add(store, entry(store, 2)) == 1


async def test_a_list_needs_a_name(store: SqlStore) -> None:
    with pytest.raises(BadValue):
        await add(store, entry(store, 1, ""))


async def test_versions_have_no_gap_through_which_a_change_is_missed(
    store: SqlStore, other: SqlStore
) -> None:
    """Who has seen version n has seen every entry up to n."""
    work = [add((store, other)[index % 2], entry(store, index)) for index in range(20)]
    await asyncio.gather(*work)
    assert await SqlLaw(store, BOOK).version() == 20


async def test_facts_of_a_candidate_have_its_lists_history_and_keys(store: SqlStore) -> None:
    await fill(store, [case(1), case(2)])
    candidates = await due(store)
    await add(store, Suppression("revoked", "case", case_unit(candidates[0].case_id), "C1"))
    found = await SqlLaw(store, RuleBook("x", BOOK.rules)).facts(candidates, NOW)
    first, second = (found[one.case_id] for one in candidates)
    assert (first.lists, second.lists) == (("revoked",), ())
    assert first.subject.role == "debtor"
    assert first.subject.jurisdictions is None
    assert {"number", "person", "person_x_debt", "person_x_creditor"} <= set(first.keys)
    assert first.keys["person"] != second.keys["person"]
    assert not any(candidates[0].number in key for key in first.keys.values())
    assert first.versions == {"suppressions": "1"}
