"""The bench of the store: what it writes is what the import would have written."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from dialer_engine.app.compliance import load_book
from dialer_engine.domain.units import CampaignName
from dialer_engine.store.import_csv import import_cases
from dialer_engine.store.law import SqlLaw
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.upgrade import upgrade
from tools.bench_store import bulk, loads, people
from tools.bench_store.main import main

COUNT = 2_000


def test_the_same_seed_is_the_same_people() -> None:
    first = [people.cells(people.person(i)) for i in range(1, 200)]
    assert first == [people.cells(people.person(i)) for i in range(1, 200)]
    assert first != [people.cells(people.person(i, seed=2)) for i in range(1, 200)]
    assert len({row[0] for row in first}) == len(first)


def test_shares_are_those_that_were_asked_for() -> None:
    everyone = [people.person(i) for i in range(1, 20_001)]
    due = Counter(bulk.due_at(one) is not None and bulk.due_at(one) <= bulk.NOW for one in everyone)  # type: ignore[operator]
    expected = 20_000 * (1 - people.DONE / 1024) * people.NOW_DUE / 1024
    assert abs(due[True] - expected) < 5 * expected**0.5
    assert {one.priority for one in everyone} == set(range(people.PRIORITIES))


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/dialer.db"
    upgrade(made)
    return made


async def test_bulk_and_import_write_the_same(url: str, tmp_path: Path) -> None:
    """One person by both ways: the same facts and the same screen, but for number and campaign."""
    store = SqlStore(url)
    await store.open()
    try:
        await loads.past_the_door(store, url, range(1, COUNT + 1), people.SEED)
        bulked = [people.person(i).reference for i in range(1, COUNT + 1)]
        before = [await store.case_file(name, bulk.NOW) for name in bulked[:40]]
        path = people.write_file(tmp_path / "again.csv", range(1, 41))
        told = await import_cases(store, path, campaign=None, due_at=bulk.NOW)
        assert (told.new, told.updated, told.rejected) == (0, 40, 0)
        after = [await store.case_file(name, bulk.NOW) for name in bulked[:40]]
    finally:
        await store.close()
    for one, other in zip(before, after, strict=True):
        assert one["case"] == other["case"]
        assert one["facts"] == other["facts"]


async def test_what_is_drawn_can_be_opened_and_judged(url: str) -> None:
    store = SqlStore(url)
    await store.open()
    try:
        await loads.past_the_door(store, url, range(1, COUNT + 1), people.SEED)
        name = CampaignName(loads.FROM_BULK)
        day = bulk.NOW.date().isoformat()
        found = await store.candidates(name, COUNT, bulk.NOW, [], lambda _: day)
        facts = await SqlLaw(store, load_book(("cn",))).facts(found, bulk.NOW)
    finally:
        await store.close()
    people_due = [people.person(one.case_id) for one in found]
    assert all(one.number == people.unassigned(one.case_id, 0) for one in found)
    assert {one.index for one in people_due} == {
        i for i in range(1, COUNT + 1) if (at := bulk.due_at(people.person(i))) and at <= bulk.NOW
    }
    for one in people_due:
        known = facts[one.index]  # type: ignore[index]
        assert ("dispute" in known.flags) == one.has(people.HELD, 6)
        assert ("do_not_call" in known.lists) == one.has(people.LISTED, 7)
        assert ("number_invalid" in known.flags) == one.has(people.WRONG, 9)
        assert bool(known.address_zones) == one.has(people.ADDRESS, 8)
        assert bool(known.history) <= one.has(people.CALLED, 5)
    assert any(known.history for known in facts.values())
    assert bulk.NOW - timedelta(days=3) <= min(bulk.due_at(one) for one in people_due)  # type: ignore[type-var,operator]


def test_the_command_measures_and_leaves_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "store.json"
    words = ["--short", "--cases", "3000", "--sample", "200", "--draws", "2", "--to", str(target)]
    assert main(words) == 0
    found = json.loads(target.read_text())
    assert found["sqlite"]["cases"] == 3_200
    assert found["sqlite"]["file"]["rows"] == 200
    assert found["sqlite"]["draws"]["choosing_ms"]["n"] == 2
    assert found["gate"]["decisions_per_s"] > 0
    shown = capsys.readouterr().out
    assert "p99 < 20" in shown
    assert "20,000" in shown
    # A second run of one part keeps what the others found.
    assert main(["--only", "gate", "--short", "--to", str(target)]) == 0
    assert json.loads(target.read_text())["sqlite"] == found["sqlite"]
