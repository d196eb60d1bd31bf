"""Cases with contracts, payments, promises, holds and contacts, on both databases."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dialer_engine.domain.collections.allocation import (
    AllocationPolicy,
    Collector,
    Dealt,
    Held,
    RecallPolicy,
    allocate,
    judge_recall,
)
from dialer_engine.domain.collections.codes import DebtType, HoldKind, PartyType
from dialer_engine.domain.collections.payments import Payment
from dialer_engine.domain.collections.product import Creditor, Product
from dialer_engine.domain.collections.promise import PromiseState
from dialer_engine.domain.collections.reconcile import Fault
from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.domain.units import CaseId, Money
from dialer_engine.store import SqlStore, import_cases
from dialer_engine.store.exchange import Kind
from dialer_engine.store.import_rows import RowsSummary, import_rows
from tests.store.building import (
    LOANS,
    day_of_promises,
    draft_for,
    due,
    end,
    fill,
    number,
    write_csv,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
TODAY = NOW.date()
CASES = [
    ["reference", "name", "mobile", "currency", "本金", "利息", "罚息", "费用", "应还日期", "职业", "出生日期",
     "身份证号", "产品", "委托方", "催收员", "评分", "标签"],
    ["C1", "Kit Maple", "+447700900001", "GBP", "900", "60", "30", "10", "2026-11-03", "农民", "1990-11-24",
     "ID-1", "card", "bank", "1001", "0.4", "vip;old"],
    ["C2", "Ash Birch", "+447700900002", "GBP", "100", "", "", "", "2026/12/1", "astronaut", "", "", "", "",
     "", "", ""],
]  # fmt: skip


async def load(store: SqlStore, tmp_path: Path) -> None:
    await fill(store, [])
    file = write_csv(tmp_path / "cases.csv", CASES)
    done = await import_cases(store, file, campaign=LOANS, region="GB", currency="GBP", due_at=NOW)
    assert (done.new, done.rejected) == (2, 0)


async def put(store: SqlStore, kind: Kind, tmp_path: Path, rows: list[list[str]]) -> RowsSummary:
    file = write_csv(tmp_path / f"{kind.value}.csv", rows)
    return await import_rows(store, kind, file, region="GB", currency="GBP", now=lambda: NOW)


def pay(
    reference: str, amount: str, *, contract: str = "C1", on: date = TODAY, reverses: str = ""
) -> Payment:
    return Payment(reference, Money(Decimal(amount), "GBP"), on, contract, reverses)


async def test_a_case_file_becomes_facts(store: SqlStore, tmp_path: Path) -> None:
    await store.save_creditor(Creditor("bank", jurisdiction="GB", party_type=PartyType.THIRD))
    edges = (0, 4, 31, 61, 91, 121, 151, 181)
    await store.save_product(Product("card", "bank", DebtType.CREDIT_CARD, edges=edges))
    await load(store, tmp_path)
    held = await store.case_facts([CaseId(1), CaseId(2), CaseId(99)], NOW)
    one, two = held[CaseId(1)], held[CaseId(2)]
    assert sorted(held) == [1, 2]
    assert (one.dpd, one.stage, one.balance, one.principal, one.fees) == (
        20,
        "M1",
        Decimal(1000),
        Decimal(900),
        Decimal(10),
    )
    assert (one.product, one.creditor, one.debt_type, one.party_type, one.jurisdiction) == (
        "card", "bank", "credit_card", "third", "GB",
    )  # fmt: skip
    assert (one.occupation, one.age, one.owner, one.score) == ("farmer", 35, "1001", 0.4)
    assert one.tags == {"vip", "old"}
    assert one.attributes["产品"] == "card"
    assert "身份证号" not in one.attributes
    assert (two.dpd, two.stage, two.occupation) == (-8, "pre_due", "unknown")
    assert two.attributes == {"职业": "astronaut", "应还日期": "2026/12/1", "本金": "100"}
    tomorrow = await store.case_facts([CaseId(1)], NOW + timedelta(days=1))
    assert (tomorrow[CaseId(1)].dpd, tomorrow[CaseId(1)].age) == (21, 36)


async def test_facts_count_calls_and_holds(store: SqlStore, tmp_path: Path) -> None:
    await load(store, tmp_path)
    drafts = [draft_for(one) for one in await due(store, now=NOW)]
    await store.begin_attempts(drafts)
    await store.end_attempts([end(drafts[0].id, answered=5.0, bridged=6.0)], [])
    await store.set_hold(CaseId(1), HoldKind.DISPUTE, NOW, by="1001", reason="says paid")
    await store.set_hold(CaseId(1), HoldKind.LEGAL, NOW, until=NOW + timedelta(hours=1))
    at = NOW + timedelta(minutes=5)
    one = (await store.case_facts([CaseId(1)], at))[CaseId(1)]
    assert (one.attempts_7d, one.connected_7d, one.last_contact_days) == (1, 1, 0)
    assert one.holds == {"dispute", "legal"}
    assert await store.end_hold(CaseId(1), HoldKind.DISPUTE, at) == 1
    later = NOW + timedelta(hours=2)
    assert (await store.case_facts([CaseId(1)], later))[CaseId(1)].holds == frozenset()
    assert (await store.case_facts([CaseId(1)], NOW + timedelta(days=8)))[
        CaseId(1)
    ].attempts_7d == 0


async def test_a_payment_of_a_simple_case(store: SqlStore, tmp_path: Path) -> None:
    await load(store, tmp_path)
    booked = await store.book_payments([pay("P1", "100")], NOW)
    assert (booked.new, booked.cases, booked.paid, booked.problems) == (1, (1,), (), ())
    one = (await store.case_facts([CaseId(1)], NOW))[CaseId(1)]
    # Fees 10, penalty 30, interest 60.
    assert (one.balance, one.principal) == (Decimal(900), Decimal(900))
    assert (one.last_payment_days, one.dpd) == (0, 20)
    again = await store.book_payments([pay("P1", "100")], NOW)
    assert (again.new, again.repeated, again.cases) == (0, 1, ())
    other = await store.book_payments([pay("P1", "101")], NOW)
    assert other.problems == (("P1", Fault.DUPLICATE, False),)
    undone = await store.book_payments([pay("R1", "100", contract="", reverses="P1")], NOW)
    assert undone.cases == (1,)
    assert (await store.case_facts([CaseId(1)], NOW))[CaseId(1)].balance == 1000


async def test_who_has_paid_is_not_dialled_any_more(store: SqlStore, tmp_path: Path) -> None:
    await load(store, tmp_path)
    (begin,) = await store.case_events_after(None, ["payment"])
    booked = await store.book_payments([pay("P1", "1200")], NOW)
    assert booked.paid == (1,)
    assert booked.problems == (("P1", Fault.OVERPAID, True),) or booked.problems == ()
    assert [found.reference for found in await due(store, now=NOW)] == ["C2"]
    one = (await store.case_facts([CaseId(1)], NOW))[CaseId(1)]
    assert (one.stage, one.balance, one.dpd) == ("settled", Decimal(0), 0)
    told = await store.case_events_after(begin[0], ["payment", "hold"])
    assert [(case, kind) for _, case, kind in told] == [(1, "payment")]


async def test_contracts_by_file_and_payments_by_account(store: SqlStore, tmp_path: Path) -> None:
    await load(store, tmp_path)
    early = await put(
        store, Kind.PAYMENTS, tmp_path,
        [["流水号", "合同号", "金额", "交易日期"], ["P1", "K1", "110", "2026-11-20"], ["P2", "V-77", "5", "20261121"]],
    )  # fmt: skip
    assert (early.new, early.unmatched, early.rejected) == (0, 2, 0)
    schedule = "2026-10-10:100:10; 2026-11-10:100:10"
    header = ["案件编号", "合同号", "借款金额", "年利率", "还款计划", "还款账号"]
    rows = [
        header,
        ["C1", "K1", "200", "18%", schedule, "V-77"],
        ["C9", "K9", "1", "", "", ""],
        ["C1", "K2", "x", "", "", ""],
        ["C1", "K3", "", "", "2026-13-01:5", ""],
    ]
    done = await put(store, Kind.CONTRACTS, tmp_path, rows)
    assert (done.new, done.rejected, done.rows) == (1, 3, 4)
    told = (tmp_path / "contracts.rejects.csv").read_text(encoding="utf-8-sig").splitlines()
    found = [(one["line"], one["column"], one["imported"]) for one in csv.DictReader(told)]
    assert found == [("4", "借款金额", "no"), ("5", "还款计划", "no"), ("3", "", "no")]
    assert "there is no such case" in told[3]
    one = (await store.case_facts([CaseId(1)], NOW))[CaseId(1)]
    # P1 paid the first instalment when its contract came; P2 names an account.
    assert (one.principal, one.interest, one.dpd) == (Decimal(100), Decimal(10), 13)
    again = await put(store, Kind.CONTRACTS, tmp_path, rows[:2])
    assert (again.new, again.changed, again.unchanged) == (0, 0, 1)
    late = await put(
        store, Kind.PAYMENTS, tmp_path,
        [["流水号", "合同号", "金额", "交易日期"], ["P2", "V-77", "5", "20261121"], ["P3", "nobody", "5", "20261121"]],
    )  # fmt: skip
    assert (late.new, late.unmatched) == (1, 1)
    assert (await store.case_facts([CaseId(1)], NOW))[CaseId(1)].interest == 5


async def test_promises_are_kept_broken_and_undone(store: SqlStore, tmp_path: Path) -> None:
    await load(store, tmp_path)
    fifty = Money(Decimal(50), "GBP")
    await store.add_promise(
        CaseId(1), PromiseState("1", fifty, date(2026, 11, 25), TODAY), NOW, by="1001"
    )
    await store.add_promise(
        CaseId(1), PromiseState("2", fifty, date(2026, 11, 30), TODAY, 2), NOW, replaces="1"
    )
    one = (await store.case_facts([CaseId(1)], NOW))[CaseId(1)]
    assert (one.promises_open, one.promises_broken, one.promise_due_in_days) == (1, 0, 7)
    with pytest.raises(NotFound):
        await store.add_promise(CaseId(1), PromiseState("3", fifty, TODAY), NOW, replaces="9")
    kept = NOW + timedelta(days=9)
    await store.book_payments([pay("P1", "50", on=date(2026, 12, 2))], kept)
    assert (await store.case_facts([CaseId(1)], kept))[CaseId(1)].promises_open == 0
    await store.book_payments(
        [pay("R", "50", contract="", on=date(2026, 12, 4), reverses="P1")], kept
    )
    after = NOW + timedelta(days=11)
    assert await day_of_promises(store, after) == {"broken": 1}
    await store.forget_day(after.date())
    assert await day_of_promises(store, after) == {}
    one = (await store.case_facts([CaseId(1)], after))[CaseId(1)]
    assert (one.promises_open, one.promises_broken) == (0, 1)


async def test_contact_updates_change_the_dialling_list(store: SqlStore, tmp_path: Path) -> None:
    await load(store, tmp_path)
    rows = [
        ["case", "kind", "value", "consent", "until", "rank", "role", "person", "refused"],
        ["C1", "mobile", "+447700900011", "", "", "-1", "", "", ""],
        ["C1", "address", "1 Elm Row", "", "", "", "", "", ""],
        ["C1", "mobile", "+447700900012", "", "", "", "spouse", "Rowan Maple", "yes"],
        ["C2", "mobile", "+447700900002", "revoked", "", "", "", "", ""],
        ["C2", "mobile", "not a number", "", "", "", "", "", ""],
    ]
    done = await put(store, Kind.CONTACTS, tmp_path, rows)
    assert (done.changed, done.rejected) == (4, 1)
    (found,) = await due(store, now=NOW)
    # The new one goes first, the spouse's is nobody's to dial, and C2 has none left.
    assert (found.reference, found.number, found.number_count) == ("C1", number(11), 2)
    again = await put(store, Kind.CONTACTS, tmp_path, rows[:-1])
    assert (again.changed, again.unchanged) == (0, 4)
    whole = await store.case_file("C1", NOW)
    assert [(r["role"], r["refused"], r["name"]) for r in whole["related"]] == [
        ("spouse", True, "R**")
    ]


async def test_a_whole_file_masked_and_in_full(store: SqlStore, tmp_path: Path) -> None:
    await load(store, tmp_path)
    drafts = [draft_for(one) for one in await due(store, 1, now=NOW)]
    await store.begin_attempts(drafts)
    await store.set_hold(CaseId(1), HoldKind.VULNERABLE, NOW, reason="is ill")
    await store.book_payments([pay("P1", "10")], NOW)
    masked, full = await store.case_file("C1", NOW), await store.case_file("C1", NOW, reveal=True)
    for plain in ("Kit Maple", "ID-1", "1990-11-24", number(1), "is ill"):
        assert plain not in repr(masked)
        assert plain in repr(full)
    assert masked["timeline"][0]["number"] == "+44********01"
    assert [line["kind"] for line in masked["record"]] == ["hold", "payment"]
    assert masked["payments"][0]["amount"] == 10
    with pytest.raises(NotFound):
        await store.case_file("C7", NOW)


async def test_people_are_found_by_number_and_id(store: SqlStore, tmp_path: Path) -> None:
    await load(store, tmp_path)
    assert await store.find_cases(number=number(2)) == [(2, "C2")]
    assert await store.find_cases(id_number="ID-1") == [(1, "C1")]
    assert await store.find_cases(number=number(2), id_number="ID-1") == [(1, "C1"), (2, "C2")]
    assert await store.find_cases(number=number(9)) == await store.find_cases() == []


async def test_a_number_that_an_import_takes_away_is_still_found(
    store: SqlStore, tmp_path: Path
) -> None:
    await load(store, tmp_path)
    changed = [CASES[0], [*CASES[1][:2], "+447700900003", *CASES[1][3:]]]
    await import_cases(
        store, write_csv(tmp_path / "b.csv", changed), campaign=LOANS, region="GB", currency="GBP"
    )
    assert await store.find_cases(number=number(1)) == [(1, "C1")]
    assert {one.number for one in await due(store, now=NOW)} == {number(2), number(3)}


async def test_a_file_without_what_is_needed(store: SqlStore, tmp_path: Path) -> None:
    with pytest.raises(BadValue, match=r"--map reference=COLUMN.*--map paid_on=COLUMN"):
        await put(store, Kind.PAYMENTS, tmp_path, [["contract", "amount"], ["K1", "5"]])


async def test_who_works_a_case_is_on_record_with_the_reason(
    store: SqlStore, tmp_path: Path
) -> None:
    await load(store, tmp_path)
    kim = Collector("kim", team="early", capacity=1)
    found = allocate([Dealt("C1", dpd=20), Dealt("C2"), Dealt("C9")], [kim], AllocationPolicy())
    assert await store.assign(found, {"kim": kim}, NOW, recall_on=date(2026, 12, 1)) == 1
    one = (await store.case_facts([CaseId(1)], NOW))[CaseId(1)]
    assert (one.owner, one.team) == ("kim", "early")
    held = Held("C1", "kim", TODAY, recall_on=date(2026, 12, 1))
    still = judge_recall(held, RecallPolicy(), TODAY)
    assert await store.recall([still], NOW) == 0
    over = judge_recall(held, RecallPolicy(), date(2026, 12, 1))
    assert await store.recall([over], NOW, by="kate") == 1
    assert (await store.case_facts([CaseId(1)], NOW))[CaseId(1)].owner == ""
    assert [one.reference for one in await due(store, now=NOW)] == ["C2"]
    record = (await store.case_file("C1", NOW))["record"]
    assert [line["kind"] for line in record] == ["allocated", "recalled"]
    assert record[0]["data"]["why"] == "best of 1"
    assert record[1]["data"]["reasons"] == ["expired"]
    nobody = (await store.case_file("C2", NOW))["record"][0]["data"]
    assert (nobody["to"], nobody["why"]) == (None, "nobody: 1 by capacity")


async def test_parts_without_a_balance_have_their_currency(store: SqlStore, tmp_path: Path) -> None:
    await load(store, tmp_path)
    one = (await store.case_facts([CaseId(1)], NOW))[CaseId(1)]
    assert (one.currency, one.principal) == ("GBP", Decimal(900))
