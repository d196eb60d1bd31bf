"""Tables of strategies at work. Nothing in them names a person.

Rules: an attempt that was planned by a strategy with segments has one row in `attempt_plans`, written in
its transaction; one of a plain retry table has none.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Integer, String, Table

from dialer_engine.store._types import UtcTime
from dialer_engine.store.schema import metadata

# version: the first half of the SHA-256 of the strategy's file. step: empty when an agent named the case
# and no step asked for a call. arms: experiment to arm.
attempt_plans = Table(
    "attempt_plans",
    metadata,
    Column("attempt_id", String, primary_key=True),
    Column("strategy", String, nullable=False),
    Column("version", String, nullable=False),
    Column("segment", String, nullable=False),
    Column("step", String, nullable=False),
    Column("arms", JSON, nullable=False),
    sqlite_with_rowid=False,
)

# How often a case that was due was not dialled, by the hour in which it was said and who said it: a rule
# (its id), the strategy (`strategy_…`), or the store. A case with two reasons counts once for each.
denial_counts = Table(
    "denial_counts",
    metadata,
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("hour_at", UtcTime, primary_key=True),
    Column("code", String, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
