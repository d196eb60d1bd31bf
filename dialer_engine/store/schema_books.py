"""The tables of collections: contracts, payments, promises, people, and what became of them.

Rules: as in `schema.py`; nothing here is read while a campaign dials, save `case_facts`, one row a
case, which holds what strategies ask for, so that no list has to be folded for each case; what is
personal is closed (`LargeBinary`) and found by its blind index (`…_key`); history is added to and
ended, never deleted, but by retention. Columns that mostly say nothing are NULL: a byte each.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from dialer_engine.store._types import Amount, Key, UtcTime
from dialer_engine.store.schema import Serial, metadata

# Keys that close personal fields, themselves closed by the master key (see vault.py).
data_keys = Table(
    "data_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("purpose", String, nullable=False),
    Column("master_id", String, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("made_at", UtcTime, nullable=False),
)

# How far `keys rotate` has come with a table.
key_progress = Table(
    "key_progress",
    metadata,
    Column("table_name", String, primary_key=True),
    Column("key_id", Integer, nullable=False),
    Column("after", String, nullable=False),
    Column("done", Boolean, nullable=False),
)

creditors = Table(
    "creditors",
    metadata,
    Column("code", String, primary_key=True),
    Column("name", Text, nullable=False),
    Column("jurisdiction", String, nullable=False),
    Column("party_type", String, nullable=False),
)

# settings: the rules of domain.collections.product.Product as JSON; see store/products.py.
products = Table(
    "products",
    metadata,
    Column("creditor", String, primary_key=True),
    Column("code", String, primary_key=True),
    Column("debt_type", String, nullable=False),
    Column("settings", JSON, nullable=False),
)

# What `CaseFacts` is built from; the dates let it be built for any day. oldest_due NULL: nothing is
# owed, or nobody knows. contact_on: the last conversation.
case_facts = Table(
    "case_facts",
    metadata,
    Column("case_id", BigInteger, primary_key=True, autoincrement=False),
    Column("state", String),
    Column("creditor", String),
    Column("product", String),
    Column("debt_type", String),
    Column("party_type", String),
    Column("jurisdiction", String),
    Column("currency", String),
    Column("principal", Amount),
    Column("interest", Amount),
    Column("penalty", Amount),
    Column("fees", Amount),
    Column("oldest_due", Date),
    Column("reason_overdue", String),
    Column("ability", String),
    Column("willingness", String),
    Column("behaviour", String),
    Column("occupation", String),
    Column("region", String),
    Column("income_band", String),
    Column("score", Float),
    Column("team", String),
    Column("owner", String),
    Column("agency", String),
    Column("held_since", Date),
    Column("recall_on", Date),
    Column("promises_open", SmallInteger),
    Column("promises_broken", SmallInteger),
    Column("next_promise", Date),
    Column("payment_on", Date),
    Column("contact_on", Date),
    Column("tags", JSON(none_as_null=True)),
    sqlite_with_rowid=False,
)
_is_owned = case_facts.c.owner.is_not(None)
Index("ix_case_facts_owner", case_facts.c.owner, sqlite_where=_is_owned, postgresql_where=_is_owned)
_is_recalled = case_facts.c.recall_on.is_not(None)
Index(
    "ix_case_facts_recall_on",
    case_facts.c.recall_on,
    sqlite_where=_is_recalled,
    postgresql_where=_is_recalled,
)

# as_of … : the creditor's own statement of the balance. schedule: [[due, principal, interest], …].
contracts = Table(
    "contracts",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", BigInteger, nullable=False, index=True),
    Column("reference", String, nullable=False, unique=True),
    Column("product", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("term_months", SmallInteger),
    Column("annual_rate", String),
    Column("opened_on", Date),
    Column("schedule", JSON, nullable=False),
    Column("as_of", Date),
    Column("principal", Amount),
    Column("interest", Amount),
    Column("penalty", Amount),
    Column("fees", Amount),
    Column("oldest_due", Date),
    Column("fingerprint", String, nullable=False),
)

# Account numbers and the like by which payers name a contract.
contract_aliases = Table(
    "contract_aliases",
    metadata,
    Column("alias_key", String, primary_key=True),
    Column("contract_id", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# contract_id NULL: not matched, fault says why. reverses: reference of the payment this undoes.
payments = Table(
    "payments",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("reference", String, nullable=False, unique=True),
    Column("case_id", BigInteger, index=True),
    Column("contract_id", BigInteger),
    Column("stated_contract", String, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("currency", String, nullable=False),
    Column("paid_on", Date, nullable=False),
    Column("booked_at", UtcTime, nullable=False),
    Column("reverses", String, nullable=False),
    Column("matched_by", String, nullable=False),
    Column("fault", String),
    Column("memo", LargeBinary),
)
_is_faulty = payments.c.fault.is_not(None)
Index("ix_payments_fault", payments.c.fault, sqlite_where=_is_faulty, postgresql_where=_is_faulty)

charges = Table(
    "charges",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("contract_id", BigInteger, nullable=False, index=True),
    Column("charged_on", Date, nullable=False),
    Column("component", String, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("code", String, nullable=False),
)

promises = Table(
    "promises",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", BigInteger, nullable=False),
    Column("key", String, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("currency", String, nullable=False),
    Column("made_on", Date, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("grace_days", SmallInteger, nullable=False),
    Column("tolerance", Amount, nullable=False),
    Column("paid", Amount, nullable=False),
    Column("phase", String, nullable=False),
    Column("successor", String, nullable=False),
    Column("by", String, nullable=False),
    Column("attempt_id", String),
    UniqueConstraint("case_id", "key"),
)
_is_pending = promises.c.phase == "pending"
Index(
    "ix_promises_due_on", promises.c.due_on, sqlite_where=_is_pending, postgresql_where=_is_pending
)

# until NULL: until somebody ends it.
holds = Table(
    "holds",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", BigInteger, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime),
    Column("by", String, nullable=False),
    Column("reason", LargeBinary),
)

# personal: name, id_number, born_on, closed.
related_parties = Table(
    "related_parties",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", BigInteger, nullable=False),
    Column("key", String, nullable=False),
    Column("role", String, nullable=False),
    Column("refused", Boolean, nullable=False),
    Column("personal", LargeBinary),
    UniqueConstraint("case_id", "key"),
)

# Everything a person is reached by, with its history; what is dialled is in case_numbers. party_id
# NULL: the debtor's own.
contact_points = Table(
    "contact_points",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", BigInteger, nullable=False),
    Column("party_id", BigInteger),
    Column("kind", String, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("value_key", Key, nullable=False, index=True),
    Column("label", String, nullable=False),
    Column("source", String, nullable=False),
    Column("consent", String, nullable=False),
    Column("valid_from", Date),
    Column("valid_until", Date),
    Column("zone", String),
    Column("rank", SmallInteger, nullable=False),
    UniqueConstraint("case_id", "value_key"),
)

complaints = Table(
    "complaints",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", BigInteger, nullable=False),
    Column("key", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("about", String, nullable=False),
    Column("state", String, nullable=False),
    Column("closed_at", UtcTime),
    Column("text", LargeBinary),
    UniqueConstraint("case_id", "key"),
)

# Every channel but our own calls, which are in `attempts`. key: the reporter and its own reference, once;
# empty for notes.
interactions = Table(
    "interactions",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("channel", String, nullable=False),
    Column("key", String, nullable=False),
    Column("outbound", Boolean, nullable=False),
    Column("connected", Boolean, nullable=False),
    Column("conversation", Boolean, nullable=False),
    Column("right_party", Boolean),
    Column("result", String, nullable=False),
    Column("by", String, nullable=False),
    Column("text", LargeBinary),
)
Index("ix_interactions_case_at", interactions.c.case_id, interactions.c.at)
_is_reported = text("\"key\" != ''")
Index(
    "uq_interactions_key",
    interactions.c.key,
    unique=True,
    sqlite_where=_is_reported,
    postgresql_where=_is_reported,
)

# Decisions about a case, for the record: allocated, recalled, held, reduced, offered, paid …
case_events = Table(
    "case_events",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", BigInteger, nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("by", String, nullable=False),
    Column("data", JSON, nullable=False),
)

# What outcomes taught about a number, whatever case it is of. tried, taken: cells of
# domain.collections.hygiene, run together. best_…: the local hour at which a person is likeliest to answer,
# NULL while nobody has.
number_memory = Table(
    "number_memory",
    metadata,
    Column("number_key", Key, primary_key=True),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("streak", SmallInteger, nullable=False),
    Column("last", String),
    Column("wrong", Boolean, nullable=False),
    Column("tried", JSON, nullable=False),
    Column("taken", JSON, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("best_workday", SmallInteger),
    Column("best_weekend", SmallInteger),
    sqlite_with_rowid=False,
)

# Numbers that a case is not called on any more, and why; they are not in case_numbers. state: empty,
# out_of_service, wrong. evidence: counts only.
number_verdicts = Table(
    "number_verdicts",
    metadata,
    Column("case_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number_key", Key, primary_key=True),
    Column("state", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("by", String, nullable=False),
    Column("attempt_id", String),
    Column("rank", SmallInteger, nullable=False),
    Column("evidence", JSON, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_number_verdicts_number_key", number_verdicts.c.number_key)

# The work of a day: who does it until when, how far it has come, and what it did. done_at NULL: not done.
daily_runs = Table(
    "daily_runs",
    metadata,
    Column("day", Date, primary_key=True),
    Column("job", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("after", BigInteger, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("begun_at", UtcTime, nullable=False),
    Column("done_at", UtcTime),
    sqlite_with_rowid=False,
)
