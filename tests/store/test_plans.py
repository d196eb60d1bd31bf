"""What attempts were planned by, who was not dialled and why, promises, experiments: as rows and as figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from dialer_engine.domain.attempt import AttemptDraft, CaseNext, Plan
from dialer_engine.domain.collections.contract import Contract
from dialer_engine.domain.collections.product import Product
from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CaseId, Money
from dialer_engine.store import SqlStore
from dialer_engine.store.exchange import ContractRow
from dialer_engine.store.schema_plans import attempt_plans
from tests.store.building import LOANS, NOW, at, case, day_of_promises, draft, end, fill

DUE = date(2026, 12, 1)


def planned(index: int, segment: str = "usual", arm: str = "a") -> AttemptDraft:
    plan = Plan("early", "v1", segment, "remind", "early", 1, at(900), {"e-1": arm})
    return replace(draft(index, index), plan=plan)


async def talk(store: SqlStore, *drafts: AttemptDraft) -> None:
    """Begun, answered, and over."""
    assert await store.begin_attempts(drafts) == {}
    ends = [
        end(d.id, Outcome.COMPLETED, agent="1001", answered=5, bridged=6, ended=30) for d in drafts
    ]
    await store.end_attempts(ends, [])


async def promise(store: SqlStore, reference: str = "C1", amount: str = "50", **more: str) -> str:
    told = await store.take_promise(
        reference=reference, attempt=more.get("attempt", ""), amount=Decimal(amount) if amount else None,
        currency=more.get("currency", "GBP"), due_on=DUE, by="1001", now=NOW,
    )  # fmt: skip
    return str(told["key"])


async def test_the_plan_is_written_with_the_attempt_and_reported(store: SqlStore) -> None:
    await fill(store, [case(index) for index in (1, 2, 3)])
    await talk(store, planned(1), planned(2))
    await store.begin_attempts([planned(3, "unwilling")])
    await promise(store)
    report = await store.report(LOANS, None, None)
    assert report.segments == [
        {"strategy": "early", "segment": "usual", "attempts": 2, "answered": 2, "connected": 2,
         "promises": 1},
        {"strategy": "early", "segment": "unwilling", "attempts": 1, "answered": 0, "connected": 0,
         "promises": 0},
    ]  # fmt: skip


async def test_a_refused_attempt_leaves_no_plan(store: SqlStore) -> None:
    await fill(store, [case(1)])
    first, second = planned(1), planned(1)
    assert second.id in await store.begin_attempts([first, second])
    count = select(func.count()).select_from(attempt_plans)

    async def rows(connection: object) -> int:
        return int(await connection.scalar(count))  # type: ignore[attr-defined]

    assert await store.database.read(rows) == 1


async def test_a_retry_table_leaves_no_plan(store: SqlStore) -> None:
    await fill(store, [case(1)])
    await store.begin_attempts([draft(1, 1)])
    assert (await store.report(LOANS, None, None)).segments == []


async def test_denials_are_counted_by_reason_and_hour(store: SqlStore) -> None:
    await fill(store, [case(index) for index in (1, 2)])
    later = at(86_400)

    def no(index: int, *codes: str, after: float = 0) -> CaseNext:
        return CaseNext(LOANS, CaseId(index), later, codes[0], 0, 0, codes, at(after))

    await store.postpone([no(1, "strategy_hours"), no(2, "cn_suppressed", "cn_holds")])
    await store.postpone([no(1, "strategy_hours", after=7200)])
    await store.postpone([CaseNext(LOANS, CaseId(1), later, "skipped", 0)])
    report = await store.report(LOANS, None, None)
    assert report.denials == [
        {"reason": "strategy_hours", "source": "strategy", "count": 2},
        {"reason": "cn_holds", "source": "law", "count": 1},
        {"reason": "cn_suppressed", "source": "law", "count": 1},
    ]
    early = await store.report(LOANS, None, at(3600))
    assert early.denials[0]["count"] == 1


async def test_standings_know_facts_and_calls(store: SqlStore) -> None:
    await fill(store, [case(1), case(2)])
    talked, lost = planned(1), planned(2)
    await talk(store, talked)
    await store.begin_attempts([lost])
    await store.end_attempts([end(lost.id, Outcome.CONGESTION)], [])
    found = await store.standings([CaseId(1), CaseId(2), CaseId(99)], at(60))
    assert set(found) == {1, 2}
    assert found[CaseId(1)].calls == (talked.planned_at,)
    assert found[CaseId(2)].calls == (), "the line lost it before it reached anybody"
    assert found[CaseId(1)].facts.attempts_7d == 1
    assert (await store.standings([CaseId(1)], NOW + timedelta(days=9)))[CaseId(1)].calls == ()


async def test_a_promise_belongs_to_the_talk_of_its_case(store: SqlStore) -> None:
    await fill(store, [case(1), case(2)])
    await talk(store, planned(1))
    await promise(store)
    await promise(store, "C2")
    loans, everything = await store.report(LOANS, None, None), await store.report(None, None, None)
    assert (loans.promises["made"], everything.promises["made"]) == (1, 2)
    assert everything.promises["amount"] == {"GBP": "100.00"}
    assert (loans.promises["open"], loans.promises["kept"], loans.promises["broken"]) == (1, 0, 0)


async def test_a_broken_promise_is_reported(store: SqlStore) -> None:
    await fill(store, [case(1)])
    await promise(store)
    await day_of_promises(store, NOW + timedelta(days=20))
    told = (await store.report(None, None, None)).promises
    assert (told["made"], told["open"], told["broken"]) == (1, 0, 1)


async def test_a_promise_may_be_as_late_as_the_products_allow(store: SqlStore) -> None:
    await fill(store, [case(1), case(2)])
    for code, days in (("loan", 2), ("card", 4)):
        await store.save_product(Product(code, promise_grace_days=days))
    loans = [ContractRow("C1", Contract(f"K-{code}", "GBP", code)) for code in ("loan", "card")]
    await store.write_contracts(loans, NOW)
    await promise(store)
    await promise(store, "C2")
    late = datetime.combine(DUE, time(9), UTC) + timedelta(days=4)
    assert await day_of_promises(store, late) == {"broken": 1}, "that of C2, which has no product"
    (kept,) = (await store.case_file("C1", late))["promises"]
    assert (kept["phase"], kept["grace_days"]) == ("pending", 4)
    assert await day_of_promises(store, late + timedelta(days=1)) == {"broken": 1}


async def test_all_that_is_owed(store: SqlStore) -> None:
    await fill(store, [replace(case(1), balance=Money(Decimal("12.50"), "GBP"))])
    attempt = planned(1)
    await store.begin_attempts([attempt])
    await promise(store, "", "", attempt=attempt.id, currency="")
    told = (await store.report(LOANS, None, None)).promises
    assert told["amount"] == {"GBP": "12.50"}


async def test_promises_that_cannot_be(store: SqlStore) -> None:
    await fill(store, [case(1)])
    with pytest.raises(NotFound):
        await promise(store, "C9")
    with pytest.raises(NotFound):
        await promise(store, "", attempt="a-nothing")
    with pytest.raises(BadValue):
        await promise(store, "C1", "")
    with pytest.raises(BadValue):
        await store.take_promise(
            reference="C1", attempt="", amount=Decimal(1), currency="GBP",
            due_on=NOW.date() - timedelta(days=1), by="", now=NOW,
        )  # fmt: skip


async def test_arms_are_counted_by_case(store: SqlStore) -> None:
    await fill(store, [case(index) for index in (1, 2, 3)])
    await talk(store, planned(1, arm="a"), planned(2, arm="b"))
    await talk(store, planned(1, arm="a"))
    unanswered = planned(3, arm="b")
    await store.begin_attempts([unanswered])
    await promise(store)
    await promise(store)
    assert await store.tallies(LOANS, "e-1", "connected") == {"a": (1, 1), "b": (2, 1)}
    assert await store.tallies(LOANS, "e-1", "promise") == {"a": (1, 1), "b": (2, 0)}
    assert await store.tallies(LOANS, "e-1", "kept") == {"a": (1, 0), "b": (2, 0)}
    assert await store.tallies(LOANS, "e-2", "promise") == {}
