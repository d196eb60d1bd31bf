"""From a whole file to its facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from dialer_engine.domain.collections import codes as c
from dialer_engine.domain.collections.casefile import (
    CaseFile,
    Judgement,
    Ownership,
    build,
    facts_of,
    summarise,
)
from dialer_engine.domain.collections.contract import Contract, Statement
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.collections.holds import Hold
from dialer_engine.domain.collections.money import Balance
from dialer_engine.domain.collections.party import ContactPoint, Person, dialable
from dialer_engine.domain.collections.payments import Payment
from dialer_engine.domain.collections.product import Creditor, Product
from dialer_engine.domain.collections.promise import PromisePhase, PromiseState
from dialer_engine.domain.collections.timeline import Interaction, in_order
from dialer_engine.domain.units import Money

D = Decimal

ZONE = ZoneInfo("Asia/Shanghai")
# 00:30 on the 11th in Shanghai, still the 10th in UTC.
NOW = datetime(2026, 3, 10, 16, 30, tzinfo=UTC)


def call(hours_ago: float, *, connected: bool = False, conversation: bool = False) -> Interaction:
    at = NOW - timedelta(hours=hours_ago)
    return Interaction(at, c.Channel.CALL, f"a-{hours_ago}", True, connected, conversation)


FILE = CaseFile(
    "C1",
    Creditor("bank", jurisdiction="CN", party_type=c.PartyType.THIRD),
    Product("card", "bank", c.DebtType.CREDIT_CARD),
    Person("n", born_on=date(1990, 3, 11), occupation=c.Occupation.FARMER, region="四川"),
    (
        Contract(
            "K1", "CNY",
            statement=Statement(date(2026, 3, 1), Balance("CNY", D(900), D(60), D(30), D(10)), date(2026, 2, 1)),
        ),
    ),
    payments=(Payment("P1", Money(D(50), "CNY"), date(2026, 3, 5)),),
    ownership=Ownership("t1", "1001", "agency"),
    judgement=Judgement(c.Reason.HARDSHIP, c.Ability.UNABLE, c.Willingness.WILLING, score=0.4),
    holds=(
        Hold(c.HoldKind.DISPUTE, NOW - timedelta(days=9), NOW),
        Hold(c.HoldKind.VULNERABLE, NOW - timedelta(days=9)),
    ),
    promises=(
        PromiseState("1", Money(D(1), "CNY"), date(2026, 3, 13)),
        PromiseState("2", Money(D(1), "CNY"), date(2026, 2, 1), phase=PromisePhase.BROKEN),
    ),
    interactions=(call(1), call(30, connected=True, conversation=True), call(24 * 8)),
    tags=frozenset({"vip"}),
    attributes={"branch": "7"},
)  # fmt: skip


def test_every_fact_of_a_file() -> None:
    assert facts_of(FILE, NOW, ZONE) == CaseFacts(
        dpd=38, stage="M2", product="card", creditor="bank", debt_type="credit_card", party_type="third",
        jurisdiction="CN", currency="CNY", balance=D(950), principal=D(900), interest=D(50),
        penalty=D(0), fees=D(0), reason_overdue="hardship", ability="unable", willingness="willing",
        occupation="farmer", region="四川", age=36, promises_open=1, promises_broken=1,
        promise_due_in_days=2, last_payment_days=6, last_contact_days=2, attempts_7d=2, connected_7d=1,
        holds=frozenset({"vulnerable"}), score=0.4, team="t1", owner="1001", agency="agency",
        tags=frozenset({"vip"}), attributes={"branch": "7"},
    )  # fmt: skip


def test_the_summary_is_enough_for_another_day() -> None:
    summary = summarise(FILE, NOW, ZONE)
    tomorrow = build(summary, date(2026, 3, 12))
    assert (tomorrow.dpd, tomorrow.promise_due_in_days, tomorrow.last_contact_days) == (39, 1, 3)


def test_an_empty_file_has_facts_too() -> None:
    blank = CaseFile("C", Creditor("x"), Product("y"), Person())
    facts = facts_of(blank, NOW, ZONE)
    assert (facts.dpd, facts.stage, facts.age, facts.last_payment_days) == (
        0,
        "settled",
        None,
        None,
    )


def test_one_timeline_counts_a_key_once() -> None:
    found = in_order([call(1), call(5)], [call(1, connected=True)])
    assert [one.connected for one in found] == [False, True]


def test_only_usable_numbers_are_dialled() -> None:
    def number(rank: int, **more: object) -> ContactPoint:
        return ContactPoint(c.PointKind.MOBILE, f"+4477009000{rank:02}", rank=rank, **more)  # type: ignore[arg-type]

    points = [
        number(5),
        number(4),
        number(3, consent=c.Consent.REVOKED),
        number(2, state=c.NumberState.EMPTY),
        number(1, valid_until=date(2026, 3, 1)),
        number(0, owner=0),
        ContactPoint(c.PointKind.EMAIL, "x@example.org"),
    ]
    assert [p.rank for p in dialable(points, date(2026, 3, 1))] == [4, 5]


def test_nothing_personal_is_in_a_repr() -> None:
    assert "1990" not in repr(FILE)
    assert "branch" not in repr(FILE)
    assert "+44" not in repr(ContactPoint(c.PointKind.MOBILE, "+447700900000"))
