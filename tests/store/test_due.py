"""Pages of open cases and by what they are reached, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from dialer_engine.domain.collections.codes import Consent, PointKind, Role
from dialer_engine.domain.collections.payments import Payment
from dialer_engine.domain.units import Money
from dialer_engine.store import SqlStore, due
from dialer_engine.store.due import Reachable
from dialer_engine.store.exchange import ContactRow
from tests.store.building import CARDS, LOANS, NOW, case, fill

TODAY = NOW.date()


async def pages(store: SqlStore, limit: int = 2) -> list[Reachable]:
    found: list[Reachable] = []
    while True:
        after = found[-1].case_id if found else 0
        rows = await store.database.read(
            due.page, store.ids, store.vault, LOANS, after, limit, TODAY
        )
        if not rows:
            return found
        assert len(rows) <= limit
        found += rows


async def test_every_open_case_of_the_campaign_once(store: SqlStore) -> None:
    owing = [replace(case(index), balance=Money(Decimal(9), "GBP")) for index in range(1, 6)]
    await fill(store, owing)
    await fill(store, [case(6)], campaign=CARDS)
    paid = Payment("P1", Money(Decimal(9), "GBP"), TODAY, "C2")
    await store.book_payments([paid], NOW)
    assert [row.reference for row in await pages(store)] == ["C1", "C3", "C4", "C5"]
    assert [row.name for row in await pages(store)][:1] == ["Debtor 1"]


async def test_contacts_that_may_be_used_and_are_the_debtor_s(store: SqlStore) -> None:
    await fill(store, [case(1)])
    rows = [
        ContactRow("C1", PointKind.EMAIL, "old@example.org", valid_until=TODAY),
        ContactRow("C1", PointKind.EMAIL, "new@example.org", rank=2),
        ContactRow("C1", PointKind.EMAIL, "soon@example.org", valid_from=TODAY + timedelta(1)),
        ContactRow("C1", PointKind.EMAIL, "no@example.org", consent=Consent.REVOKED),
        ContactRow("C1", PointKind.ADDRESS, "1 Elm Row", role=Role.SPOUSE, person="Rowan"),
    ]
    await store.write_contacts(rows, TODAY)
    (one,) = await pages(store)
    assert one.point(PointKind.EMAIL) == "new@example.org"
    assert one.point(PointKind.ADDRESS) == ""


def test_a_text_goes_to_a_mobile_and_to_no_line_at_home() -> None:
    home, other, mobile = ("+1", "home", None), ("+2", "", None), ("+3", "mobile", None)
    assert Reachable(1, "C1", "", "", [home, other, mobile]).mobile() == "+3"
    assert Reachable(1, "C1", "", "", [home, other]).mobile() == "+2"
    assert Reachable(1, "C1", "", "", [home]).mobile() == ""
