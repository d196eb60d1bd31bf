"""What the draw brings along is what the tables say: the plain reading is the reference."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.facts import to_plain
from dialer_engine.compliance.rules import (
    CountSpec,
    Event,
    Hours,
    Kind,
    Override,
    Rule,
    Source,
    Span,
    Status,
    Unit,
)
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.case import Case, Number
from dialer_engine.domain.collections.codes import (
    Consent,
    DebtType,
    HoldKind,
    PartyType,
    PointKind,
    Reason,
    Role,
)
from dialer_engine.domain.collections.particulars import Particulars
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.reservation import Reservation
from dialer_engine.domain.units import AgentId, CaseId, TrunkName
from dialer_engine.engine.counsel import line_key
from dialer_engine.ports.store import DispositionRow
from dialer_engine.store import SqlStore, compliance, law_cards, schema_cards, suppression
from dialer_engine.store.exchange import ContactRow
from dialer_engine.store.law import SqlLaw
from dialer_engine.store.law_cards import Drawn
from dialer_engine.store.law_reading import Known
from dialer_engine.store.suppression import Suppression, case_unit, number_unit
from tests.compliance.test_caps_hold import BOOK
from tests.store.building import LOANS, NOW, at, day_of, draft_for, due, end, fill, number

CASES = 12
# Six people for twelve cases, and numbers that several of them share.
NUMBERS = 20


async def plain(store: SqlStore, found: list[Candidate], now: datetime, book: RuleBook) -> Any:
    """As if nothing had been brought along."""
    return await SqlLaw(store, book).facts([replace(one, known=None) for one in found], now)


async def carded(store: SqlStore) -> int:
    query = text("SELECT count(*) FROM case_numbers WHERE card_of IS NOT NULL")
    return int(await store.database.read(_scalar, query))


async def _scalar(connection: AsyncConnection, /, statement: Any, **given: Any) -> Any:
    return (await connection.execute(statement, given)).scalar()


async def _do(connection: AsyncConnection, /, statement: str, **given: Any) -> None:
    await connection.execute(text(statement), given)


async def agree(store: SqlStore, now: datetime) -> list[Candidate]:
    """What is drawn is what the tables say, with cards and without."""
    found = await store.candidates(LOANS, 100, now, [], day_of)
    law = SqlLaw(store, BOOK)
    quick = await law.facts(found, now)
    assert list(quick) == [one.case_id for one in found]
    slow = await plain(store, found, now, BOOK)
    for case_id, facts in quick.items():
        assert to_plain(facts) == to_plain(slow[case_id])
    assert quick == slow
    for one in found:
        assert one == await store.candidate(LOANS, one.reference, day_of)
    return found


def made(chance: random.Random, index: int) -> Case:
    numbers = chance.sample(range(1, NUMBERS), chance.choice([1, 1, 2, 3]))
    return Case(
        f"C{index}",
        f"Debtor {index}",
        tuple(Number(number(n), "mobile", "Europe/London", rank) for rank, n in enumerate(numbers)),
        days_past_due=chance.randint(-3, 90),
        skill=chance.choice(["", "english"]),
        id_number=chance.choice(["", f"ID{index // 2}"]),
        particulars=Particulars(
            creditor=chance.choice(["", "Bank A", "B\tank\n“B”"]),
            debt_type=chance.choice([None, DebtType.CREDIT_CARD]),
            party_type=chance.choice([None, PartyType.THIRD]),
            jurisdiction=chance.choice(["", "CN", "US-MA"]),
            oldest_due=chance.choice([None, date(2026, 9, 1)]),
            reason=chance.choice([None, Reason.UNREACHABLE]),
            tags=frozenset(chance.sample(["vip", "bereavement"], chance.randint(0, 2))),
        ),
    )


class World:
    """One store to which everything that changes facts happens, in any order."""

    def __init__(self, store: SqlStore, seed: int) -> None:
        self.store, self.chance, self.now = store, random.Random(seed), NOW
        self.found: list[Candidate] = []
        self.lists = 0

    def case_id(self) -> CaseId:
        return CaseId(self.chance.randint(1, CASES))

    async def imported(self) -> None:
        some = self.chance.sample(range(CASES), 3)
        await fill(self.store, [made(self.chance, i) for i in some])

    async def contact(self) -> None:
        chance = self.chance
        kind = chance.choice([PointKind.MOBILE, PointKind.ADDRESS])
        value = number(chance.randint(1, NUMBERS)) if kind is PointKind.MOBILE else "1 High Street"
        row = ContactRow(
            f"C{chance.randrange(CASES)}", kind, value, consent=chance.choice(list(Consent)),
            zone=chance.choice([None, "Europe/London", "Asia/Shanghai"]), rank=chance.randint(0, 3),
            role=chance.choice([Role.DEBTOR, Role.DEBTOR, Role.GUARANTOR, Role.SPOUSE]),
            person="Somebody", refused=chance.random() < 0.2,
        )  # fmt: skip
        await self.store.write_contacts([row], self.now.date())

    async def somebody_elses(self) -> None:
        """A number on the list that is a third party's: files cannot do it, but tables can say it."""
        given = {"i": self.case_id()}
        await self.store.database.write(
            _do,
            "UPDATE contact_points SET party_id = (SELECT min(id) FROM related_parties"
            " WHERE case_id = :i) WHERE case_id = :i",
            **given,
        )

    async def hold(self) -> None:
        until = self.chance.choice([None, self.now + timedelta(minutes=20)])
        kind = self.chance.choice([HoldKind.DISPUTE, HoldKind.LAWYER])
        await self.store.set_hold(self.case_id(), kind, self.now, until=until)

    async def unheld(self) -> None:
        await self.store.end_hold(self.case_id(), HoldKind.DISPUTE, self.now)

    async def lifted(self) -> None:
        until = self.now + timedelta(minutes=self.chance.choice([5, 60]))
        hours = self.chance.choice([None, Hours(3600, 7200)])
        one = Override("talks", "consent", "ann", "it's “agreed”", until, hours)
        await self.store.database.write(compliance.give_override, self.case_id(), one, self.now)

    async def listed(self) -> None:
        key = number_unit(self.store.vault.number(number(self.chance.randint(1, NUMBERS))))
        until = self.chance.choice([None, self.now + timedelta(minutes=5)])
        entry = self.chance.choice(
            [
                Suppression("do_not_call", "number", key, "+44", until=until),
                Suppression("lawyer", "case", case_unit(self.case_id()), "C"),
            ]
        )
        await self.store.database.write(suppression.add, [entry], "ann", self.now)

    async def called(self) -> None:
        free = [one for one in self.found if self.chance.random() < 0.4]
        facts = await SqlLaw(self.store, BOOK).facts(free, self.now)
        drafts = []
        for one in free:
            units = tuple(k for u, k in facts[one.case_id].keys.items() if u != "campaign")
            taken = Reservation(self.now, 1 | 2 | 1 << 10, units)
            drafts.append(replace(draft_for(one, cap=100), reservation=taken, planned_at=self.now))
        refused = await self.store.begin_attempts(drafts)
        await agree(self.store, self.now)
        gone = [draft for draft in drafts if draft.id not in refused]
        outcome = self.chance.choice([Outcome.NO_ANSWER, Outcome.COMPLETED, Outcome.INVALID_NUMBER])
        await self.store.end_attempts([end(draft.id, outcome) for draft in gone], [])
        for draft in gone:
            if self.chance.random() < 0.3:
                await self.store.disposition(
                    DispositionRow(draft.id, AgentId("1001"), "wrong_person", self.now, "cli")
                )

    async def told_wrong(self) -> None:
        """Found out for a case whose list still has the number."""
        await self.store.database.write(_wrong, self.case_id(), self.now)

    async def moved(self) -> None:
        self.now += timedelta(minutes=self.chance.choice([1, 15, 600]))

    async def without(self) -> None:
        """As after the upgrade to cards."""
        clear = "UPDATE case_numbers SET card_of = NULL, person = NULL, card = NULL, called = NULL"
        await self.store.database.write(
            _do, f"{clear} WHERE case_id % 3 = :i", i=self.chance.randrange(3)
        )


async def _wrong(connection: AsyncConnection, /, i: int, now: datetime) -> None:
    query = "SELECT number_key FROM case_numbers WHERE case_id = :i ORDER BY rank LIMIT 1"
    key = await _scalar(connection, text(query), i=i)
    when = now if connection.dialect.name != "sqlite" else int(now.timestamp() * 1e6)
    await _do(
        connection,
        "INSERT INTO number_verdicts (case_id, number_key, state, at, by, rank, evidence)"
        " VALUES (:i, :key, 'wrong', :now, '', 0, '{}') ON CONFLICT DO NOTHING",
        i=i, key=key or "none", now=when,
    )  # fmt: skip


HAPPENINGS: list[Callable[[World], Awaitable[None]]] = [
    World.imported, World.contact, World.contact, World.somebody_elses, World.hold, World.unheld,
    World.lifted, World.listed, World.called, World.called, World.told_wrong, World.moved, World.without,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_the_draw_says_what_the_tables_say(
    store: SqlStore, seed: int
) -> None:
    world = World(store, seed)
    await fill(store, [made(world.chance, i) for i in range(CASES)])
    for _ in range(25):
        happening = world.chance.choice(HAPPENINGS)
        await happening(world)
        world.found = await agree(store, world.now)
    assert await carded(store) > 0


async def test_an_import_leaves_cards_and_a_draw_makes_those_that_are_missing(
    store: SqlStore,
) -> None:
    await fill(store, [made(random.Random(1), i) for i in range(CASES)])
    every = await store.database.read(_scalar, text("SELECT count(*) FROM case_numbers"))
    assert await carded(store) == every
    await store.set_hold(CaseId(1), HoldKind.DISPUTE, NOW)
    left = await carded(store)
    assert left < every
    found = await due(store)
    assert [one.case_id for one in found if one.known.card is None] == [1]  # type: ignore[attr-defined]
    await SqlLaw(store, BOOK).facts(found, NOW)
    assert await carded(store) == every
    again = await due(store)
    assert all(isinstance(one.known, Drawn) and one.known.card is not None for one in again)
    facts = await SqlLaw(store, BOOK).facts(again, NOW)
    assert "dispute" in facts[CaseId(1)].flags


async def test_of_a_case_that_was_never_called_no_counter_is_asked(store: SqlStore) -> None:
    """Called is: the case, whoever has its number, and every case of its person."""
    numbers = {1: 1, 2: 1, 3: 2, 4: 3}
    ids = {1: "A", 2: "B", 3: "A", 4: "C"}
    await fill(store, [
        Case(f"C{i}", "", (Number(number(n), "mobile", None, 0),), id_number=ids[i])
        for i, n in numbers.items()
    ])  # fmt: skip
    first = await due(store)
    assert not any(one.known.called for one in first)  # type: ignore[attr-defined]
    mine = draft_for(first[0])
    await store.begin_attempts([mine])
    await store.end_attempts([end(mine.id)], [])
    await fill(store, [Case("C5", "", (Number(number(1), "mobile", None, 0),))])
    called = {one.reference: one.known.called for one in await due(store)}  # type: ignore[attr-defined]
    assert called == {"C1": True, "C2": True, "C3": True, "C4": False, "C5": True}


async def test_contacts_of_other_channels_are_asked_for_too(store: SqlStore) -> None:
    """By the timeline the case and its person, by its counter everybody with the number."""
    await fill(store, [
        Case(f"C{i}", "", (Number(number(n), "mobile", None, 0),), id_number=who)
        for i, (n, who) in enumerate([(1, "A"), (2, "A"), (3, "B"), (4, "C")], 1)
    ])  # fmt: skip
    when = int(NOW.timestamp() * 1e6) if store.database.is_sqlite else NOW
    columns = "case_id, at, channel, key, outbound, connected, conversation, result, by"
    timeline = f"INSERT INTO interactions ({columns}) VALUES (1, :at, 'sms', 'x', TRUE, FALSE, FALSE, '', '')"
    await store.database.write(_do, timeline, at=when)
    taken = Reservation(NOW, 2 | 1 << 13, (number_unit(store.vault.number(number(3))),))
    await store.database.write(compliance.record_contacts, [("r:x", taken)])
    called = {one.reference: one.known.called for one in await due(store)}  # type: ignore[attr-defined]
    assert called == {"C1": True, "C2": True, "C3": True, "C4": False}


async def test_a_trunk_s_counter_is_read_as_far_back_as_a_rule_looks(store: SqlStore) -> None:
    hourly = CountSpec(Unit.TRUNK, Event.ATTEMPT, Span.ROLLING_S, 2, 3600)
    source = Source("test", Status.ENGINEERING)
    book = RuleBook("test", (Rule("line_hourly", 1, "", Kind.CAP, hourly, source),))
    key, other, flags = line_key(TrunkName("a")), line_key(TrunkName("b")), 2 | 1 << 10
    for days, unit in ((5, key), (0, key), (0, other)):
        taken = Reservation(NOW - timedelta(days=days, minutes=1), flags, (unit,))
        await store.database.write(compliance.record_contacts, [(f"r:{days}{unit}", taken)])
    found = await SqlLaw(store, book).counted([key], NOW)
    assert found == {key: ((NOW - timedelta(minutes=1), flags),)}


async def test_a_list_that_changes_after_the_draw_is_read_again(store: SqlStore) -> None:
    await fill(store, [Case("C1", "", (Number(number(1), "mobile", None, 0),))])
    found = await due(store)
    entry = Suppression("lawyer", "number", number_unit(store.vault.number(number(1))), "+44")
    await store.database.write(suppression.add, [entry], "ann", NOW)
    facts = await SqlLaw(store, BOOK).facts(found, NOW)
    assert facts[CaseId(1)].lists == ("lawyer",)


async def test_a_wrong_number_of_another_debtor_is_not_wrong_for_this_one(store: SqlStore) -> None:
    """`number_verdicts` are by case: the next person of a number is not the last one's fault."""
    await fill(store, [Case(f"C{i}", "", (Number(number(1), "mobile", None, 0),)) for i in (1, 2)])
    await store.database.write(_wrong, CaseId(1), NOW)
    found = await due(store)
    for facts in (
        await SqlLaw(store, BOOK).facts(found, NOW),
        await plain(store, found, NOW, BOOK),
    ):
        assert "number_invalid" in facts[CaseId(1)].flags
        assert "number_invalid" not in facts[CaseId(2)].flags


# -- nothing that changes a source leaves a card standing ------------------------------------------

_ROWS = {
    "contact_points": "INSERT INTO contact_points (case_id, kind, value, value_key, label, source, consent, rank)"
    " VALUES (:i, 'address', :blob, 'k', '', '', '', 0)",
    "related_parties": "INSERT INTO related_parties (case_id, key, role, refused) VALUES (:i, 'k', 'spouse', FALSE)",
    "holds": "INSERT INTO holds (case_id, kind, since, by) VALUES (:i, 'dispute', :now, '')",
    "number_verdicts": "INSERT INTO number_verdicts (case_id, number_key, state, at, by, rank, evidence)"
    " VALUES (:i, 'k', 'wrong', :now, '', 0, '{}')",
    "rule_overrides": "INSERT INTO rule_overrides (case_id, rule, kind, who, why, given_at, until)"
    " VALUES (:i, 'r', 'k', '', '', :now, :now)",
}  # fmt: skip
_NEW: dict[str, str] = {
    "number_count": "number_count + 1", "oldest_due": "'2020-02-02'", "tags": "'[\"new\"]'", "party_id": "7",
    "refused": "NOT refused", "until": ":later", "window_start": "1", "window_end": "2", "rank": "rank + 9",
}  # fmt: skip


@pytest.mark.parametrize("source", schema_cards.SOURCES, ids=lambda one: one.table)
async def test_whoever_changes_a_source_takes_the_card(
    store: SqlStore, source: schema_cards.Source
) -> None:
    lite = store.database.is_sqlite
    moments = {
        name: int(when.timestamp() * 1e6) if lite else when
        for name, when in (("now", NOW), ("later", at(5)))
    }
    await fill(store, [Case("C1", "", (Number(number(1), "mobile", None, 0),))])

    async def changed(statement: str) -> int:
        known = {"i": 1, "blob": b"", **moments}
        given = {name: value for name, value in known.items() if f":{name}" in statement}
        await store.database.write(_do, statement, **given)
        count = await carded(store)
        # The number of the case stays 1 for the next round.
        await store.database.write(_do, "UPDATE cases SET number_count = 1")
        await store.database.write(_do, "UPDATE case_numbers SET rank = 0, case_id = 1")
        await store.database.write(law_cards.build, [1])
        return count

    if source.table in _ROWS:
        taken = await changed(_ROWS[source.table])
        assert taken == (0 if "INSERT" in source.events else 1)
    where = f"WHERE {source.case_id} = :i"
    for column in source.columns:
        if column in ("case_id", "id"):
            continue
        value = _NEW.get(column, "'new'")
        assert await changed(f"UPDATE {source.table} SET {column} = {value} {where}") == 0, column
    if source.columns != ("case_id",):
        same = source.columns[-1]
        assert await changed(f"UPDATE {source.table} SET {same} = {same} {where}") == 1
    if "DELETE" in source.events:
        assert await changed(f"DELETE FROM {source.table} {where}") == 0


def test_every_table_that_is_read_plainly_is_a_source() -> None:
    """Who adds a table to the plain reading adds a trigger."""
    from dialer_engine.store import law_reading

    tables = {
        getattr(law_reading, name).name
        for name in dir(law_reading)
        if hasattr(getattr(law_reading, name), "primary_key")
        and hasattr(getattr(law_reading, name), "name")
    }
    assert tables <= {one.table for one in schema_cards.SOURCES}
    assert len(tables) >= 6


async def _build(connection: AsyncConnection) -> None:
    await law_cards.build(connection, [1, 2, 3])


async def _hold(connection: AsyncConnection) -> None:
    columns = "case_id, kind, since, by"
    await _do(connection, f"INSERT INTO holds ({columns}) VALUES (2, 'dispute', now(), '')")


@pytest.mark.postgres
@pytest.mark.parametrize("builder_first", [True, False])
async def test_who_makes_a_card_and_who_changes_a_source_do_not_miss_each_other(
    postgres_url: str, builder_first: bool
) -> None:
    """A hold that is being set while a card is made takes it, whoever is first."""
    store, other = SqlStore(postgres_url), SqlStore(postgres_url)
    await store.open()
    await other.open()
    try:
        await fill(
            store, [Case(f"C{i}", "", (Number(number(i), "mobile", None, 0),)) for i in range(1, 4)]
        )
        await store.database.write(_do, "UPDATE case_numbers SET card_of = NULL, card = NULL")
        begun, go = asyncio.Event(), asyncio.Event()

        async def held_up(work: Callable[[AsyncConnection], Awaitable[Any]]) -> None:
            async def slowly(connection: AsyncConnection) -> None:
                await work(connection)
                begun.set()
                await go.wait()

            await store.database.write(slowly)

        async def meanwhile(work: Callable[[AsyncConnection], Awaitable[Any]]) -> None:
            await begun.wait()
            await other.database.write(work)

        async def soon() -> None:
            await begun.wait()
            await asyncio.sleep(0.2)
            go.set()

        one, two = (_build, _hold) if builder_first else (_hold, _build)
        await asyncio.gather(held_up(one), meanwhile(two), soon())
        found = await due(store)
        quick = await SqlLaw(store, BOOK).facts(found, NOW)
        assert quick == await plain(store, found, NOW, BOOK)
        assert "dispute" in quick[CaseId(2)].flags
    finally:
        await store.close()
        await other.close()


# -- the text of a card ----------------------------------------------------------------------------

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_TIMES = st.datetimes(timezones=st.just(UTC))
_HEX = st.text("0123456789abcdef", min_size=30, max_size=30)
_OVERRIDES = st.builds(
    Override, _TEXTS, _TEXTS, _TEXTS, _TEXTS, _TIMES,
    st.none() | st.builds(Hours, st.integers(0, 86_400), st.integers(0, 86_400)),
)  # fmt: skip
_KNOWN = st.builds(
    Known,
    _HEX.map("person:".__add__), _HEX.map("person_x_debt:".__add__),
    _HEX.map("person_x_creditor:".__add__), st.just("") | _HEX.map("third_party:".__add__),
    _TEXTS, _TEXTS, _TEXTS, _TEXTS, _TEXTS, st.none() | st.dates(), _TEXTS,
    st.lists(_TEXTS).map(tuple), st.lists(_TEXTS).map(tuple),
    st.lists(st.tuples(_TEXTS, st.none() | _TIMES)).map(tuple), st.lists(_OVERRIDES).map(tuple),
)  # fmt: skip


@given(st.lists(st.tuples(_TEXTS, _TEXTS, _KNOWN), max_size=4))
def test_what_is_written_on_a_card_is_read_from_it(given: list[tuple[str, str, Known]]) -> None:
    cards = law_cards.opened([law_cards.written(*one) for one in given])
    read = [
        (card[law_cards.REFERENCE], card[law_cards.SKILL], law_cards.known_of(one[2].person, card))
        for card, one in zip(cards, given, strict=True)
    ]
    assert read == given
