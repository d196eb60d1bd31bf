"""Millions of cases, past the import: the same tables, everything closed by the same vault, written in
the database's own way for masses (COPY; prepared inserts). Indexes and the triggers of law cards are dropped
before and made again: cards are written with the rest.

Rules: a row is what the import would have written; besides there is a history, so that what is looked up
is found: contacts of the last weeks, holds, lists, addresses, numbers known to be wrong. What is in which
share is in `people.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Table, make_url
from sqlalchemy.schema import CreateIndex

from dialer_engine.compliance.counting import Flag, unit_key
from dialer_engine.store import law_cards, schema_cards
from dialer_engine.store._types import micros
from dialer_engine.store.cases import number_place, personal_place
from dialer_engine.store.law_reading import CaseRow, Read
from dialer_engine.store.schema import campaign_cases, case_numbers, cases, number_days
from dialer_engine.store.schema_books import case_facts, contact_points, holds, number_verdicts
from dialer_engine.store.schema_law import suppressions, unit_events
from dialer_engine.store.vault import Vault
from tools.bench_store import people
from tools.bench_store.people import Invented

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
ZONE = "Asia/Shanghai"
PART = 10_000
_CALL = int(Flag.OUTBOUND | Flag.VOICE)
_WEEKS = timedelta(days=28)

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
Tell = Callable[[int], None]

COLUMNS: dict[Table, tuple[str, ...]] = {
    cases: (
        "id", "reference", "personal", "id_key", "balance", "currency", "days_past_due", "language",
        "priority", "skill", "number_count", "fingerprint",
    ),
    campaign_cases: ("campaign_id", "case_id", "priority", "due_at", "tries", "number_rank", "reason"),
    case_facts: (
        "case_id", "creditor", "product", "debt_type", "jurisdiction", "currency", "principal", "interest",
        "penalty", "fees", "oldest_due", "occupation", "region", "score",
    ),
    unit_events: ("unit_key", "at", "contact", "flags"),
    number_days: ("number_key", "local_day", "attempts"),
    holds: ("case_id", "kind", "since", "by"),
    suppressions: (
        "list", "unit", "unit_key", "shown", "reason", "source", "added_by", "added_at", "version",
    ),
    contact_points: (
        "case_id", "kind", "value", "value_key", "label", "source", "consent", "zone", "rank",
    ),
    number_verdicts: ("case_id", "number_key", "state", "at", "by", "rank", "evidence"),
    case_numbers: (
        "case_id", "rank", "number", "number_key", "label", "zone", "card_of", "person", "card", "called",
    ),
}  # fmt: skip


def due_at(one: Invented) -> datetime | None:
    """None: done. A quarter has been due for up to three days, the rest comes in the next ten."""
    if one.has(people.DONE, 2):
        return None
    seconds = people.mixed(one.chance + 3) % 864_000
    if one.has(people.NOW_DUE, 4):
        return NOW - timedelta(seconds=seconds * 0.3)
    return NOW + timedelta(seconds=86_400 + seconds)


class Maker:
    """Rows of one case after the other. moment: a time as the database wants it."""

    def __init__(
        self,
        vault: Vault,
        campaign: int,
        moment: Callable[[datetime], Any],
        day: Callable[[Any], Any],
    ) -> None:
        self._vault, self._campaign, self._moment, self._day = vault, campaign, moment, day

    def rows(self, first: int, count: int, seed: int) -> Rows:
        """Of `count` cases from `first` on."""
        made: Rows = {table.name: [] for table in COLUMNS}
        for index in range(first, first + count):
            one = people.person(index, seed)
            self._case(made, one)
            self._history(made, one)
        return made

    def _case(self, made: Rows, one: Invented) -> None:
        vault, case_id, amount = self._vault, one.index, one.cents * 100
        made["cases"].append((
            case_id, one.reference, vault.close(personal_place(one.reference), people.personal(one)),
            vault.index("id", f"X{case_id:017d}"), amount, "CNY", one.days_past_due, "", one.priority, "",
            one.numbers, vault.index("case", one.reference),
        ))  # fmt: skip
        for rank in range(one.numbers):
            made["case_numbers"].append(self._number(one, rank))
        due = due_at(one)
        made["campaign_cases"].append((
            self._campaign, case_id, one.priority, None if due is None else self._moment(due),
            int(due is None), 0, "completed" if due is None else "",
        ))  # fmt: skip
        made["case_facts"].append((
            case_id, one.creditor, one.product, "credit_card", "CN", "CNY",
            amount - one.interest * 100, one.interest * 100, 0, 0,
            self._day(one.oldest_due), one.occupation, one.region, one.score,
        ))  # fmt: skip

    def _number(self, one: Invented, rank: int) -> Row:
        """With its law card: of what the tables beside it say."""
        vault, case_id = self._vault, one.index
        number = people.unassigned(case_id, rank)
        key = vault.number(number)
        read, first = Read(), rank == 0
        read.rows[case_id] = CaseRow(
            vault.index("id", f"X{case_id:017d}"), one.creditor, "credit_card", None, "CN", one.oldest_due,
            has_facts=True,
        )  # fmt: skip
        if one.has(people.HELD, 6):
            read.holds[case_id].append(("dispute", None))
        if one.has(people.ADDRESS, 8):
            read.addresses[case_id, None].add(ZONE)
        if first and one.has(people.WRONG, 9):
            read.wrong.add((case_id, key))
        known = read.known(case_id, key)
        return (
            case_id, rank, vault.close(number_place(case_id, rank), number), key, "mobile", ZONE,
            one.numbers, known.person, law_cards.written(one.reference, "", known), one.has(people.CALLED, 5),
        )  # fmt: skip

    def _history(self, made: Rows, one: Invented) -> None:
        now, case_id = self._moment(NOW), one.index
        key = self._vault.number(people.unassigned(case_id, 0))
        if one.has(people.CALLED, 5):
            self._contacts(made, one, key)
        if one.has(people.HELD, 6):
            made["holds"].append((case_id, "dispute", now, "bench"))
        if one.has(people.LISTED, 7):
            unit = f"number:{key}"
            made["suppressions"].append(
                ("do_not_call", "number", unit, "+999", "", "", "bench", now, 0)
            )
        if one.has(people.ADDRESS, 8):
            mark = self._vault.index("address", one.reference)
            value = self._vault.close(
                f"contact_points.value/{case_id}/{mark}", f"{one.index} {one.region} Road"
            )
            made["contact_points"].append(
                (case_id, "address", value, mark, "home", "creditor", "unknown", ZONE, 0)
            )
        if one.has(people.WRONG, 9):
            made["number_verdicts"].append((case_id, key, "wrong", now, "bench", 0, "{}"))

    def _contacts(self, made: Rows, one: Invented, key: str) -> None:
        """Three calls in the last weeks, the last of them this morning for some."""
        who = f"id:{self._vault.index('id', f'X{one.index:017d}')}"
        case = str(one.index)
        units = (
            f"number:{key}", unit_key("person", who), unit_key("person_x_debt", who, case),
            unit_key("person_x_creditor", who, one.creditor),
        )  # fmt: skip
        back = _WEEKS * ((one.chance & 1023) / 1024)
        for call in range(3):
            at = self._moment(NOW - back / (call + 1))
            contact = f"a-bench{one.index}-{call}"
            made["unit_events"].extend((unit, at, contact, _CALL) for unit in units)
        made["number_days"].append((key, (NOW - back / 3).date().isoformat(), 1))


def load(url: str, vault: Vault, campaign: int, indexes: range, seed: int, tell: Tell) -> None:
    """Write the cases of these indexes."""
    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        _into_sqlite(str(target.database), vault, campaign, indexes, seed, tell)
    else:
        _into_postgres(url, vault, campaign, indexes, seed, tell)


def _parts(maker: Maker, indexes: range, seed: int) -> Iterator[Rows]:
    for first in range(indexes.start, indexes.stop, PART):
        yield maker.rows(first, min(PART, indexes.stop - first), seed)


def _indexes(dialect: Any) -> tuple[list[str], list[str]]:
    """(drop, make) for the triggers and for the indexes of these tables that are no keys."""
    found = [index for table in COLUMNS for index in table.indexes]
    drop = [f'DROP INDEX "{one.name}"' for one in found]
    make = [str(CreateIndex(one).compile(dialect=dialect)) for one in found]
    made = [one for one in schema_cards.statements(dialect.name) if "CREATE TRIGGER" in one[:16]]
    return drop + [_dropped(one, dialect.name) for one in made], make + made


def _dropped(trigger: str, dialect: str) -> str:
    name, table = trigger.split()[2], trigger.split(" ON ")[1].split()[0]
    return f"DROP TRIGGER {name}" + (f" ON {table}" if dialect == "postgresql" else "")


# -- SQLite


def _into_sqlite(
    path: str, vault: Vault, campaign: int, indexes: range, seed: int, tell: Tell
) -> None:
    book = sqlite3.connect(path, isolation_level=None)
    drop, make = _indexes(make_url("sqlite://").get_dialect()())
    book.execute("PRAGMA cache_size=-262144")
    _all(book.execute, drop)
    maker = Maker(vault, campaign, micros, lambda day: day.isoformat())
    for number, made in enumerate(_parts(maker, indexes, seed), 1):
        book.execute("BEGIN IMMEDIATE")
        for table, columns in COLUMNS.items():
            marks = ", ".join("?" * len(columns))
            names = ", ".join(f'"{name}"' for name in columns)
            book.executemany(
                f"INSERT INTO {table.name} ({names}) VALUES ({marks})", made[table.name]
            )
        book.execute("COMMIT")
        tell(min(number * PART, len(indexes)))
    _all(book.execute, [*make, "ANALYZE"])
    book.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    book.close()


# -- PostgreSQL


def _into_postgres(
    url: str, vault: Vault, campaign: int, indexes: range, seed: int, tell: Tell
) -> None:
    drop, make = _indexes(make_url(url).get_dialect()())
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    maker = Maker(vault, campaign, lambda at: at, lambda day: day)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        _all(lambda one: connection.execute(one.encode()), drop)
        for number, made in enumerate(_parts(maker, indexes, seed), 1):
            with connection.transaction(), connection.cursor() as cursor:
                for table, columns in COLUMNS.items():
                    _copy(cursor, table, columns, made[table.name])
            tell(min(number * PART, len(indexes)))
        sequence = f"SELECT setval(pg_get_serial_sequence('cases', 'id'), {indexes.stop})"
        _all(
            lambda one: connection.execute(one.encode()),
            [*make, sequence, "VACUUM ANALYZE", "CHECKPOINT"],
        )


def _copy(
    cursor: psycopg.Cursor[Any], table: Table, columns: Sequence[str], rows: list[Row]
) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _all(execute: Callable[[str], Any], statements: Iterable[str]) -> None:
    for one in statements:
        execute(one)
