"""Strategies: what an attempt was planned by, and how often who said no."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer_engine.store._types import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Both tables are new; attempts of before were planned by a retry table only."""
    op.create_table(
        "attempt_plans",
        sa.Column("attempt_id", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("segment", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("arms", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_attempt_plans"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "denial_counts",
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour_at", UtcTime(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "hour_at", "code", name="pk_denial_counts"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Forget by which plan attempts were made."""
    op.drop_table("denial_counts")
    op.drop_table("attempt_plans")
