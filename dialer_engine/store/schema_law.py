"""The tables of compliance: who was contacted, who must not be, who lifted what, and the evidence.

Rules: as in `schema.py`; what is counted is one narrow row for each unit and contact, found by unit and
time and by nothing else; nothing here holds a number or a name: units are blind indexes and ids.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from dialer_engine.store._types import Key, UtcTime
from dialer_engine.store.schema import Serial, metadata

# One contact on the account of one unit. flags: compliance.counting.Flag. contact: the attempt's id, or
# that of a message or letter.
unit_events = Table(
    "unit_events",
    metadata,
    Column("unit_key", Key, primary_key=True),
    Column("at", UtcTime, primary_key=True),
    Column("contact", Key, primary_key=True),
    Column("flags", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_unit_events_contact", unit_events.c.contact)

# Numbers that only grow, each raised in the transaction of the change that it counts, so that who has
# seen n has seen everything up to n. name: suppressions.
law_versions = Table(
    "law_versions",
    metadata,
    Column("name", String, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

# unit: number | case. version: of `law_versions` when the row was made or ended. until: NULL for good.
suppressions = Table(
    "suppressions",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("list", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("unit_key", Key, nullable=False),
    Column("shown", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("added_by", String, nullable=False),
    Column("added_at", UtcTime, nullable=False),
    Column("until", UtcTime),
    Column("removed_by", String),
    Column("removed_at", UtcTime),
    Column("removed_why", Text),
    Column("version", BigInteger, nullable=False, index=True),
)
_holds = suppressions.c.removed_at.is_(None)
Index(
    "uq_suppressions_holding",
    suppressions.c.unit_key,
    suppressions.c.list,
    unique=True,
    sqlite_where=_holds,
    postgresql_where=_holds,
)

# Somebody lifted a rule. window: seconds from midnight, NULL where the rule does not hold at all. unit_key,
# shown: the counter of the number or campaign that it was lifted for, and its name; then case_id is 0.
rule_overrides = Table(
    "rule_overrides",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", BigInteger, nullable=False, index=True),
    Column("rule", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("who", String, nullable=False),
    Column("why", Text, nullable=False),
    Column("given_at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("window_start", Integer),
    Column("window_end", Integer),
    Column("unit_key", Key),
    Column("shown", String),
)
_is_wide = rule_overrides.c.unit_key.is_not(None)
Index(
    "ix_rule_overrides_unit_key",
    rule_overrides.c.unit_key,
    sqlite_where=_is_wide,
    postgresql_where=_is_wide,
)

# What may not be deleted, whatever its age. case_id NULL: everything.
legal_holds = Table(
    "legal_holds",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", BigInteger, index=True),
    Column("why", Text, nullable=False),
    Column("who", String, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime),
)

# The chain. record: canonical JSON; hash: SHA-256 of seq, prev and record.
evidence = Table(
    "evidence",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("attempt_id", String),
    Column("case_id", BigInteger),
    Column("record", Text, nullable=False),
    Column("prev", String, nullable=False),
    Column("hash", String, nullable=False),
)
Index("ix_evidence_case_id", evidence.c.case_id, evidence.c.seq)
Index("ix_evidence_attempt_id", evidence.c.attempt_id)

evidence_heads = Table(
    "evidence_heads",
    metadata,
    Column("chain", String, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String, nullable=False),
)

__all__ = [
    "evidence", "evidence_heads", "law_versions", "legal_holds", "rule_overrides", "suppressions",
    "unit_events",
]  # fmt: skip
