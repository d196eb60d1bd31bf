"""Compliance: counted contacts, suppression lists, overrides, holds, evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer_engine.store._types import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_GENESIS = "0" * 64


def upgrade() -> None:
    """Everything is new; the chain of evidence begins."""
    _counted()
    _lists()
    _lifted()
    _evidence()


def _counted() -> None:
    op.create_table(
        "unit_events",
        sa.Column("unit_key", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("flags", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("unit_key", "at", "contact", name="pk_unit_events"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_unit_events_contact", "unit_events", ["contact"])
    versions = op.create_table(
        "law_versions",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_law_versions"),
    )
    op.bulk_insert(versions, [{"name": "suppressions", "version": 0}])


def _lists() -> None:
    op.create_table(
        "suppressions",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("list", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("unit_key", sa.String(), nullable=False),
        sa.Column("shown", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.Column("until", UtcTime()),
        sa.Column("removed_by", sa.String()),
        sa.Column("removed_at", UtcTime()),
        sa.Column("removed_why", sa.Text()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_suppressions"),
    )
    op.create_index("ix_suppressions_version", "suppressions", ["version"])
    holds = sa.text("removed_at IS NULL")
    op.create_index(
        "uq_suppressions_holding",
        "suppressions",
        ["unit_key", "list"],
        unique=True,
        sqlite_where=holds,
        postgresql_where=holds,
    )


def _lifted() -> None:
    op.create_table(
        "rule_overrides",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("given_at", UtcTime(), nullable=False),
        sa.Column("until", UtcTime(), nullable=False),
        sa.Column("window_start", sa.Integer()),
        sa.Column("window_end", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_rule_overrides"),
    )
    op.create_index("ix_rule_overrides_case_id", "rule_overrides", ["case_id"])
    op.create_table(
        "legal_holds",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_id", sa.BigInteger()),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("until", UtcTime()),
        sa.PrimaryKeyConstraint("id", name="pk_legal_holds"),
    )
    op.create_index("ix_legal_holds_case_id", "legal_holds", ["case_id"])


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("attempt_id", sa.String()),
        sa.Column("case_id", sa.BigInteger()),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("prev", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_evidence"),
    )
    op.create_index("ix_evidence_case_id", "evidence", ["case_id", "seq"])
    op.create_index("ix_evidence_attempt_id", "evidence", ["attempt_id"])
    heads = op.create_table(
        "evidence_heads",
        sa.Column("chain", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_evidence_heads"),
    )
    op.bulk_insert(heads, [{"chain": "main", "seq": 0, "hash": _GENESIS}])
