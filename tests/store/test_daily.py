"""The work of a day on both databases: once, by one, and the same when it is done again."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from dialer_engine.domain.collections.allocation import Allocation, Collector
from dialer_engine.domain.collections.charges import FeeRule, FeeTrigger, PenaltyRule
from dialer_engine.domain.collections.contract import Contract, Instalment
from dialer_engine.domain.collections.product import Product
from dialer_engine.domain.collections.promise import PromiseState
from dialer_engine.domain.errors import Conflict
from dialer_engine.domain.units import CaseId, Money
from dialer_engine.ports.daily import Job
from dialer_engine.store import SqlStore
from dialer_engine.store.exchange import ContractRow
from tests.store.building import NOW, case, due, fill

TODAY = NOW.date()
ONE = CaseId(1)


async def work(store: SqlStore, job: Job, day: date, who: str = "a") -> dict[str, int]:
    """A job, wholly; nothing when it is not ours to do."""
    until = NOW + timedelta(minutes=2)
    claim = await store.claim_day(day, job, who, NOW, until)
    if claim.after is None:
        return {}
    while True:
        step = await store.day_step(day, job, who, NOW, until)
        if step.after is None:
            return dict(step.counts)


async def kinds(store: SqlStore) -> list[str]:
    return [event["kind"] for event in (await store.case_file("C1", NOW))["record"]]


async def load(store: SqlStore, product: Product | None = None) -> None:
    """C1 with 1000 in two parts, due 20 days ago and in 10 days."""
    await fill(store, [case(1)])
    if product is not None:
        await store.save_product(product)
    parts = [(-20, 400), (10, 600)]
    plan = tuple(Instalment(TODAY + timedelta(d), Decimal(p)) for d, p in parts)
    contract = Contract(
        "K1", "GBP", "loan", Decimal(1000), opened_on=date(2026, 1, 1), schedule=plan
    )
    assert await store.write_contracts([ContractRow("C1", contract)], NOW) == (1, 0, {})


async def test_a_promise_is_judged_after_its_grace(store: SqlStore) -> None:
    await load(store)
    promise = PromiseState("p1", Money(Decimal(100), "GBP"), TODAY, made_on=TODAY, grace_days=1)
    await store.add_promise(ONE, promise, NOW)
    assert await work(store, Job.PROMISES, TODAY + timedelta(1)) == {}
    assert await work(store, Job.PROMISES, TODAY + timedelta(2)) == {"broken": 1}
    assert await kinds(store) == ["promise", "promise_broken"]
    await store.forget_day(TODAY + timedelta(2))
    assert await work(store, Job.PROMISES, TODAY + timedelta(2)) == {}
    assert (await kinds(store)).count("promise_broken") == 1


async def test_days_stage_and_what_screens_show_move_with_the_day(store: SqlStore) -> None:
    await load(store)
    counts = await work(store, Job.RECOUNT, TODAY)
    assert (counts["cases"], counts["days"], counts["stages"]) == (1, 1, 1)
    later = TODAY + timedelta(11)
    assert (await work(store, Job.RECOUNT, later))["stages"] == 1
    (first, second) = [e["data"] for e in (await store.case_file("C1", NOW))["record"]]
    assert (first["from"], first["to"], first["dpd"]) == ("M0", "M1", 20)
    assert (second["from"], second["to"], second["dpd"]) == ("M1", "M2", 31)
    await store.forget_day(later)
    assert (await work(store, Job.RECOUNT, later))["days"] == 0


async def test_nothing_is_charged_without_rules(store: SqlStore) -> None:
    await load(store)
    assert await work(store, Job.CHARGES, TODAY) == {}
    assert (await store.case_facts([ONE], NOW))[ONE].balance == 1000


async def test_penalty_and_fee_by_the_rules_and_once(store: SqlStore) -> None:
    fee = FeeRule("late", FeeTrigger.OVERDUE, Decimal(15), at_dpd=10)
    rules = Product("loan", penalty=PenaltyRule(Decimal("0.001")), fees=(fee,))
    await load(store, rules)
    assert await work(store, Job.CHARGES, TODAY) == {"cases": 1, "charges": 2}
    one = (await store.case_facts([ONE], NOW))[ONE]
    # 400 overdue from the day after the due date to yesterday: 19 days.
    assert (one.penalty, one.fees) == (Decimal("7.60"), Decimal(15))
    await store.forget_day(TODAY)
    assert await work(store, Job.CHARGES, TODAY) == {"cases": 0, "charges": 0}
    # Two days were missed: they are made up for.
    await work(store, Job.CHARGES, TODAY + timedelta(3))
    one = (await store.case_facts([ONE], NOW + timedelta(3)))[ONE]
    assert (one.penalty, one.fees) == (Decimal("8.80"), Decimal(15))
    assert (await kinds(store)).count("charged") == 3


async def test_an_expired_case_goes_back(store: SqlStore) -> None:
    await load(store)
    given = Allocation("C1", "1001", {}, "best of 1")
    await store.assign([given], {"1001": Collector("1001")}, NOW, recall_on=TODAY + timedelta(2))
    assert await work(store, Job.RECALL, TODAY) == {"expired": 0, "recalled": 0, "kept": 0}
    day = TODAY + timedelta(2)
    assert await work(store, Job.RECALL, day) == {"expired": 1, "recalled": 1, "kept": 0}
    assert await due(store) == []
    assert (await kinds(store))[-1] == "recalled"
    # A recount leaves it where it is.
    assert (await work(store, Job.RECOUNT, day))["cases"] == 0


async def test_two_daemons_do_a_job_once(store: SqlStore, other: SqlStore) -> None:
    await load(store)
    until = NOW + timedelta(minutes=2)
    ours = await store.claim_day(TODAY, Job.RECOUNT, "a", NOW, until)
    theirs = await other.claim_day(TODAY, Job.RECOUNT, "b", NOW, until)
    assert (ours.after, theirs.after, theirs.done) == (0, None, False)
    with pytest.raises(Conflict):
        await other.day_step(TODAY, Job.RECOUNT, "b", NOW, until)
    # The first one is gone: the second takes it over, and the first cannot go on.
    assert (await other.claim_day(TODAY, Job.RECOUNT, "b", until, later(until))).after == 0
    with pytest.raises(Conflict):
        await store.day_step(TODAY, Job.RECOUNT, "a", until, later(until))
    assert (await other.day_step(TODAY, Job.RECOUNT, "b", until, later(until))).after is None
    assert (await store.claim_day(TODAY, Job.RECOUNT, "a", until, later(until))).done


def later(moment: datetime) -> datetime:
    return moment + timedelta(minutes=2)
