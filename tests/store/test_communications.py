"""Contacts of other channels: counted into every cap that counts them, on record, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dialer_engine.app.compliance import load_book
from dialer_engine.compliance.gate import Denial, Gate, RuleSet
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.domain.attempt import AttemptDraft, Candidate
from dialer_engine.domain.collections.codes import Channel, PointKind, Role
from dialer_engine.domain.units import CampaignName, CaseId
from dialer_engine.store import SqlStore, communications, compliance, evidence, retention
from dialer_engine.store.exchange import Communication, ContactRow, Kind
from dialer_engine.store.import_rows import RowsSummary, import_rows
from dialer_engine.store.law import SqlLaw
from tests.compliance.facts import EVERY_PROMISE
from tests.compliance.test_retention import keep
from tests.store.building import NOW, case, draft, fill, number

# Two communications by any channel in seven days, by the law of Massachusetts.
BOOK = load_book(["us"])
TWO_IN_SEVEN = RuleBook("ma", tuple(r for r in BOOK.rules if r.id == "us_ma_two_in_seven"))


def sent(reference: str, days: float, channel: Channel = Channel.SMS) -> Communication:
    at = NOW - timedelta(days=days)
    return Communication("agency", reference, "C1", channel, at, number(1))


async def report(store: SqlStore, *rows: Communication) -> tuple[int, dict[int, str]]:
    return await store.database.write(communications.report, store.vault, list(rows), NOW)


async def decide(store: SqlStore) -> tuple[object, AttemptDraft]:
    """What the gate says of a call now, and the attempt that a stale daemon would commit."""
    law = SqlLaw(store, TWO_IN_SEVEN)
    one = Candidate(
        CampaignName("loans"), CaseId(1), "C1", number(1), "Europe/London", 0, 0, 1, "", 0, 0, "2026-11-23"
    )  # fmt: skip
    facts = (await law.facts([one], NOW))[CaseId(1)]
    facts = replace(facts, disclosures=EVERY_PROMISE)
    gate = Gate(RuleSet(daily_cap=9), TWO_IN_SEVEN)
    blind = gate.decide(replace(facts, history={}), NOW)
    made = replace(draft(1, 1), reservation=blind.reservation)  # type: ignore[union-attr]
    return gate.decide(facts, NOW), made


async def test_messages_letters_and_visits_count_into_a_cap_of_any_channel(store: SqlStore) -> None:
    await fill(store, [case(1)])
    assert not isinstance((await decide(store))[0], Denial)
    assert await report(store, sent("1", 1), sent("2", 2, Channel.LETTER)) == (2, {})
    decision, made = await decide(store)
    assert isinstance(decision, Denial)
    assert decision.codes == ("us_ma_two_in_seven",)
    # A daemon that has not heard of them is refused by the transaction.
    assert await store.begin_attempts([made]) == {made.id: "us_ma_two_in_seven"}


@pytest.mark.parametrize(
    "other",
    [
        {"at": NOW - timedelta(days=8)},
        {"channel": Channel.INBOUND_CALL, "outbound": False},
        {"case": "C2", "number": number(2)},
    ],
)
async def test_what_is_old_or_inbound_or_of_somebody_else_does_not_count(
    store: SqlStore, other: dict[str, object]
) -> None:
    await fill(store, [case(1), case(2)])
    rows = (sent("1", 1), replace(sent("2", 1), **other))  # type: ignore[arg-type]
    assert (await report(store, *rows))[0] == 2
    assert not isinstance((await decide(store))[0], Denial)


async def test_the_same_report_counts_once_and_another_word_is_refused(store: SqlStore) -> None:
    await fill(store, [case(1)])
    one = sent("1", 1)
    assert await report(store, one, one) == (1, {})
    assert await report(store, one) == (0, {})
    assert (await store.database.read(compliance.sizes))["contacts"] == 4
    new, refused = await report(
        store,
        replace(one, channel=Channel.LETTER),
        replace(one, reference="2", case="C9"),
        replace(one, reference="3", at=NOW + timedelta(hours=1)),
        replace(one, reference="4"),
        replace(one, reference="4", conversation=True),
    )
    assert new == 1
    assert {place: why.split()[0] for place, why in refused.items()} == {
        0: "a", 1: "there", 2: "its", 4: "a",
    }  # fmt: skip
    links = await store.database.read(evidence.of_case, 1)
    assert [link.kind for link in links] == ["communication"] * 2
    assert str(number(1)) not in links[0].record


async def test_a_letter_to_a_guarantors_number_is_counted_for_the_guarantor(
    store: SqlStore,
) -> None:
    await fill(store, [case(1)])
    friend = ContactRow(
        "C1", value=number(7), kind=PointKind.MOBILE, role=Role.OTHER, person="A Friend"
    )
    assert (await store.write_contacts([friend], NOW.date()))[0] == 1
    await report(store, replace(sent("1", 1), number=number(7)))
    # The debtor's own count has none of it.
    assert (await report(store, sent("2", 1)))[0] == 1
    assert not isinstance((await decide(store))[0], Denial)
    units = await store.database.read(compliance.sizes)
    # The friend has a counter more: that of a third party.
    assert units["contacts"] == 5 + 4


async def test_a_file_of_contacts_is_imported_and_bad_rows_say_why(
    store: SqlStore, tmp_path: Path
) -> None:
    await fill(store, [case(1)])
    file = tmp_path / "sent.csv"
    file.write_text(
        "流水号,案件号,渠道,时间,号码,通话\n"
        f"1,C1,短信,2026-11-22T09:00+08:00,{number(1)},\n"
        "2,C1,外访,2026-11-21T09:00+08:00,,是\n"
        "3,C1,sms,2026-11-21 09:00,,\n"
        "4,C7,sms,2026-11-21T09:00+08:00,,\n"
        "5,C1,备注,2026-11-21T09:00+08:00,,\n",
        encoding="utf-8",
    )

    async def take() -> RowsSummary:
        return await import_rows(
            store, Kind.COMMUNICATIONS, file, region="GB", now=lambda: NOW, reporter="agency"
        )

    first = await take()
    assert (first.new, first.rejected) == (2, 3)
    assert first.rejects is not None
    reasons = first.rejects.read_text(encoding="utf-8")
    for words in ("with its zone", "no such case", "a note is no contact"):
        assert words in reasons
    again = await take()
    assert (again.new, again.unchanged) == (0, 2)
    told = await store.database.read(communications.of_case, 1, None, 9)
    assert [(one["channel"], one["conversation"]) for one in told] == [
        ("sms", False), ("visit", True),
    ]  # fmt: skip


async def test_retention_takes_old_contacts_but_not_those_of_a_held_case(store: SqlStore) -> None:
    await fill(store, [case(1), case(2)])
    await report(store, sent("1", 1), replace(sent("2", 1), case="C2", number=number(2)))
    await store.database.write(retention.hold, 1, "ann", "court order 7", NOW)
    book = RuleBook("test", (keep("short", 30),))
    late = NOW + timedelta(days=40)
    assert (await store.database.write(retention.sweep, book, late)).contacts_deleted == 4
