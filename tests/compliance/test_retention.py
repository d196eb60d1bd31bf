"""What is old goes, what is held stays, and what was done is on record."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from dialer_engine.app.compliance import load_book
from dialer_engine.compliance.rules import Kind, RetentionSpec, Rule, Source, Status
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.domain.collections.codes import HoldKind
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.reservation import Reservation
from dialer_engine.domain.units import CaseId
from dialer_engine.ports.store import RecordingRow
from dialer_engine.store import SqlStore, compliance, evidence, retention
from tests.store.building import NOW, case, draft, end, fill

SOURCE = Source("test", Status.ENGINEERING)


def keep(id: str, days: int, then: str = "anonymise", enabled: bool = True) -> Rule:
    spec = RetentionSpec(frozenset({"attempts", "contacts"}), days, then)
    return Rule(id, 1, "", Kind.RETENTION, spec, SOURCE, enabled=enabled)


BOOK = RuleBook("test", (keep("short", 30), keep("long", 100), keep("off", 999, enabled=False)))


async def old_attempts(store: SqlStore) -> None:
    await fill(store, [case(1), case(2)])
    drafts = [draft(1, 1), draft(2, 2)]
    await store.begin_attempts(drafts)
    await store.end_attempts(
        [end(one.id, Outcome.COMPLETED, agent="1001", answered=1) for one in drafts], []
    )
    await store.save_recordings([RecordingRow(drafts[0].id, "2026/a.wav", "verified")])


async def rows(store: SqlStore) -> list[tuple[Any, ...]]:
    async def work(connection: Any) -> list[tuple[Any, ...]]:
        query = text("SELECT number_shown, agent_id FROM attempts ORDER BY case_id")
        return [tuple(row) for row in await connection.execute(query)]

    return await store.database.read(work)


async def sweep(store: SqlStore, now: datetime, book: RuleBook = BOOK) -> retention.Report:
    return await store.database.write(retention.sweep, book, now)


def test_the_longest_rule_that_is_on_holds() -> None:
    found = retention.periods(BOOK)
    assert {(one.record, one.days, one.rule) for one in found.values()} == {
        ("attempts", 100, "long"), ("contacts", 100, "long"),
    }  # fmt: skip
    assert retention.periods(load_book(["cn"]))["recordings"].days == 1826
    assert retention.periods(load_book(["uk"])) == {}


async def test_nothing_goes_before_its_time(store: SqlStore) -> None:
    await old_attempts(store)
    report = await sweep(store, NOW + timedelta(days=99))
    assert report.attempts_anonymised == 0
    assert all("*" in shown for shown, _ in await rows(store))


async def test_what_is_old_loses_number_and_agent_and_the_chain_stays_whole(
    store: SqlStore,
) -> None:
    await old_attempts(store)
    report = await sweep(store, NOW + timedelta(days=101))
    assert report.attempts_anonymised == 2
    assert report.recordings == ["2026/a.wav"]
    assert await rows(store) == [("gone", None), ("gone", None)]
    assert (await sweep(store, NOW + timedelta(days=102))).attempts_anonymised == 0
    _, _, faults = await store.database.read(evidence.verify)
    assert faults == []

    async def kinds(connection: Any) -> list[str]:
        return [row[0] for row in await connection.execute(text("SELECT kind FROM evidence"))]

    assert (await store.database.read(kinds)).count("retention") == 1


async def test_where_a_rule_says_delete_the_row_goes(store: SqlStore) -> None:
    await old_attempts(store)
    book = RuleBook("test", (keep("short", 30, "delete"),))
    assert (await sweep(store, NOW + timedelta(days=31), book)).attempts_deleted == 2
    assert await rows(store) == []


async def test_a_legal_hold_keeps_a_case_and_one_without_a_case_keeps_all(store: SqlStore) -> None:
    await old_attempts(store)
    late = NOW + timedelta(days=101)
    await store.database.write(retention.hold, 1, "ann", "court order 7", NOW)
    report = await sweep(store, late)
    assert (report.attempts_anonymised, report.held) == (1, 1)
    assert [shown == "gone" for shown, _ in await rows(store)] == [False, True]
    await store.database.write(retention.hold, None, "ann", "inspection", NOW)
    await store.database.write(retention.end_hold, 1, NOW)
    assert (await sweep(store, late)).attempts_anonymised == 0
    await store.database.write(retention.end_hold, 2, NOW)
    assert (await sweep(store, late)).attempts_anonymised == 1


async def test_a_case_that_is_held_for_a_court_keeps_its_records_and_its_contacts(
    store: SqlStore,
) -> None:
    await old_attempts(store)
    late = NOW + timedelta(days=101)

    async def count(connection: Any) -> None:
        ids = list(await connection.scalars(text("SELECT id FROM attempts ORDER BY case_id")))
        contacts = [(id, Reservation(NOW, 2, (f"person:{id}",))) for id in ids]
        await compliance.record_contacts(connection, contacts)

    await store.database.write(count)
    await store.set_hold(CaseId(1), HoldKind.LEGAL, NOW, by="ann")
    # A vulnerable person's records are no evidence for anybody.
    await store.set_hold(CaseId(2), HoldKind.VULNERABLE, NOW, by="ann")
    report = await sweep(store, late)
    assert (report.attempts_anonymised, report.held, report.contacts_deleted) == (1, 1, 1)
    assert [shown == "gone" for shown, _ in await rows(store)] == [False, True]
    kept = await store.database.read(retention.held_cases, late)
    assert kept == {"everything": False, "cases": 1}
    await store.end_hold(CaseId(1), HoldKind.LEGAL, NOW + timedelta(days=100))
    report = await sweep(store, late)
    assert (report.attempts_anonymised, report.held, report.contacts_deleted) == (1, 0, 1)
